//! What Lambda is told.

use crate::crew::{End, Ends, worst};
use crate::hosts::proxy::{self, Shape};
use crate::http::answer::Answer;
use crate::http::stream::Streamed;
use crate::response::Body;
use crate::{Context, Event, Outcome};
use bytes::Bytes;
use http::header::SET_COOKIE;
use serde_json::{Value, json};
use tokio::time::Instant;
use tradewind_event::{DataKind, json as event_json};

/// Largest answer that Lambda takes: 6 MiB and a little, which is left out here.
const ANSWER_MAX: usize = 6 << 20;

/// What is sent on piece by piece.
pub(crate) struct Streaming {
    pub(crate) first: Bytes,
    pub(crate) body: Body,
    /// When it must be done.
    pub(crate) deadline: Instant,
}

impl std::fmt::Debug for Streaming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streaming").finish_non_exhaustive()
    }
}

/// The end of an invocation.
#[derive(Debug)]
pub(crate) enum Told {
    /// It succeeded, with this document.
    Answer(Bytes),
    /// It succeeded, and this is sent on piece by piece.
    Stream(Streaming),
    /// It failed: what waits is told so, what does not is tried again by Lambda.
    Failed { kind: &'static str, message: String },
}

impl Told {
    pub(crate) fn failed(kind: &'static str, message: impl Into<String>) -> Self {
        Told::Failed {
            kind,
            message: message.into(),
        }
    }

    /// A payload that is none.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::failed("Function.MalformedPayload", message)
    }

    /// An answer over HTTP, as a function URL passes it on: status and headers as a document, a mark, and the body.
    pub(crate) fn streamed(mut answer: Answer) -> Self {
        let streamed: Option<Streamed> = answer.extensions_mut().remove();
        let (head, body) = answer.into_parts();
        let mut headers = serde_json::Map::new();
        let mut cookies = Vec::new();
        for name in head.headers.keys() {
            let values = head.headers.get_all(name).iter();
            let values: Vec<_> = values
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect();
            match *name == SET_COOKIE {
                true => cookies = values,
                false => {
                    headers.insert(name.to_string(), values.join(", ").into());
                }
            }
        }
        let prelude =
            json!({ "statusCode": head.status.as_u16(), "headers": headers, "cookies": cookies });
        let mut first = prelude.to_string().into_bytes();
        first.extend_from_slice(&[0; 8]);
        Told::Stream(Streaming {
            first: first.into(),
            body: streamed.map_or(Body::Whole(body), |streamed| streamed.body),
            deadline: Instant::now() + Context::DEFAULT_TIMEOUT,
        })
    }

    pub(crate) fn value(value: &Value) -> Self {
        Told::Answer(value.to_string().into())
    }

    /// An answer that Lambda would refuse is a failure that says so.
    pub(crate) fn checked(self) -> Self {
        match self {
            Told::Answer(body) if body.len() > ANSWER_MAX => Self::failed(
                "Function.ResponseSizeTooLarge",
                format!(
                    "the answer has {} bytes, at most {ANSWER_MAX} are taken",
                    body.len()
                ),
            ),
            told => told,
        }
    }
}

/// Nobody waits: done, or tried again as a whole.
pub(crate) fn one_way(ends: Ends) -> Told {
    let of = ends.iter().flatten().count();
    let reasons: Vec<_> = ends
        .iter()
        .flatten()
        .map(|end| (!end.is_taken()).then(|| end.reason().to_owned()))
        .collect();
    match failure(worst(ends)) {
        None => Told::value(&Value::Null),
        Some((kind, reason)) if of > 1 => {
            let place = reasons.iter().position(|one| one.as_ref() == Some(&reason));
            let place = place.unwrap_or_default();
            Told::failed(kind, format!("event {place} of {of}: {reason}"))
        }
        Some((kind, reason)) => Told::failed(kind, reason),
    }
}

/// Somebody waits: for the data of the reply, or for the whole event where it was called with one.
/// `silent` is the answer where the handler says nothing.
pub(crate) fn call(ends: Ends, events: bool, silent: &Bytes) -> Told {
    match worst(ends) {
        End::Done(Outcome::Ack) => Told::Answer(silent.clone()),
        End::Done(Outcome::Reply(event)) if events => Told::Answer(event_json::encode(&event)),
        End::Done(Outcome::Reply(event)) => Told::Answer(data(&event)),
        end @ End::Done(Outcome::Respond(_)) => {
            let answer = crate::http::answer::end(end);
            Told::value(&proxy::document(answer, Shape::Two, false))
        }
        end => failed(end),
    }
}

/// What a batch of events replied, as a batch.
pub(crate) fn batch(ends: Ends) -> Told {
    let failed = ends.iter().flatten().any(|end| !end.is_taken());
    if failed {
        return one_way(ends);
    }
    let reply = |end: End| match end {
        End::Done(Outcome::Reply(event)) => Some(event),
        _ => None,
    };
    let replies: Vec<Event> = ends.into_iter().flatten().filter_map(reply).collect();
    Told::Answer(event_json::encode_batch(&replies))
}

/// The messages that are to come again. `None` for one whose identifier is not known.
pub(crate) fn report(ends: Ends, ids: Vec<Option<String>>, reports: bool) -> Told {
    let open = |ends: &Vec<End>| ends.iter().any(|end| !end.is_taken());
    let failed: Vec<_> = ends
        .iter()
        .zip(ids)
        .filter(|(ends, _)| open(ends))
        .collect();
    let count = failed.len();
    let ids: Option<Vec<_>> = failed.into_iter().map(|(_, id)| id).collect();
    match ids {
        // With one message there is nothing to be gained by a report.
        Some(ids) if reports || ids.is_empty() => {
            let item = |id: String| json!({ "itemIdentifier": id });
            let failures: Vec<Value> = ids.into_iter().map(item).collect();
            Told::value(&json!({ "batchItemFailures": failures }))
        }
        _ => {
            let of = ends.len();
            let hint = match of {
                1 => "",
                _ => {
                    "; all come again: switch ReportBatchItemFailures on at the event source mapping and set \
                     TRADEWIND_BATCH_FAILURES=report to have only those again that failed"
                }
            };
            let (kind, reason) = failure(worst(ends)).unwrap_or_default();
            Told::failed(
                kind,
                format!("{count} of {of} messages failed: {reason}{hint}"),
            )
        }
    }
}

fn failed(end: End) -> Told {
    let (kind, reason) = failure(end).unwrap_or_default();
    Told::failed(kind, reason)
}

fn failure(end: End) -> Option<(&'static str, String)> {
    let kind = match &end {
        End::Done(Outcome::Ack | Outcome::Reply(_) | Outcome::Respond(_)) => return None,
        End::Done(Outcome::Retry { .. } | Outcome::Each(_)) | End::Skipped => "Function.Retry",
        End::Done(Outcome::Reject { .. }) => "Function.Rejected",
        End::Panicked => "Function.Panicked",
        End::Late => "Function.TimedOut",
    };
    Some((kind, end.reason().to_owned()))
}

/// JSON as it is; what is none, as the event that it is the data of.
fn data(event: &Event) -> Bytes {
    match event.data() {
        None => Bytes::from_static(b"null"),
        Some(data) if data.kind == DataKind::Json => data.bytes.clone(),
        Some(_) => event_json::encode(event),
    }
}
