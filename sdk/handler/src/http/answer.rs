//! Outcomes as answers.

use super::stream::Streamed;
use crate::crew::End;
use crate::response::Body;
use crate::{Event, Outcome, Response as Responded};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use std::time::Duration;
use tradewind_event::http::{Format, encode_batch, encode_binary};

pub(crate) type Answer = Response<Bytes>;

/// The answer to a request that held one event, as it stands in the table of the crate's front page.
pub(crate) fn end(end: End) -> Answer {
    match end {
        End::Done(outcome) => self::outcome(outcome),
        End::Panicked => problem(StatusCode::INTERNAL_SERVER_ERROR, end.reason()),
        End::Late => problem(
            StatusCode::GATEWAY_TIMEOUT,
            "the handler was not done in time; see TRADEWIND_TIMEOUT",
        ),
        End::Skipped => problem(StatusCode::SERVICE_UNAVAILABLE, end.reason()),
    }
}

fn outcome(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Ack => status(StatusCode::NO_CONTENT),
        Outcome::Reply(event) => events(encode_binary(&event)),
        Outcome::Respond(response) => respond(response),
        Outcome::Each(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "several outcomes"),
        Outcome::Retry { after, reason, .. } => {
            let mut answer = problem(StatusCode::SERVICE_UNAVAILABLE, &reason);
            if let Some(after) = after {
                retry_after(&mut answer, after);
            }
            answer
        }
        Outcome::Reject { reason, .. } => problem(StatusCode::UNPROCESSABLE_ENTITY, &reason),
    }
}

/// A stream goes beside the answer until the host takes it.
fn respond(response: Responded) -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    match response.body {
        Body::Whole(body) => *answer.body_mut() = body,
        body => {
            answer.extensions_mut().insert(Streamed::new(body));
        }
    }
    answer
}

/// The answer to a batch of which nothing failed.
pub(crate) fn replies(replies: &[Event]) -> Answer {
    if replies.is_empty() {
        return status(StatusCode::NO_CONTENT);
    }
    events(encode_batch(replies, Format::Json))
}

/// The handler takes no more just now.
pub(crate) fn busy(code: StatusCode, reason: &str) -> Answer {
    let mut answer = problem(code, reason);
    retry_after(&mut answer, Duration::from_secs(1));
    answer
}

/// Only events are taken.
pub(crate) fn method_not_allowed() -> Answer {
    let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, "events are sent with POST");
    answer
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("POST"));
    answer
}

/// An answer with a reason (RFC 9457).
pub(crate) fn problem(code: StatusCode, detail: &str) -> Answer {
    let body = serde_json::json!({
        "title": code.canonical_reason().unwrap_or_default(),
        "status": code.as_u16(),
        "detail": detail,
    });
    let mut answer = Response::new(body.to_string().into());
    *answer.status_mut() = code;
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    answer
}

pub(crate) fn status(code: StatusCode) -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = code;
    answer
}

fn events((headers, body): (HeaderMap, Bytes)) -> Answer {
    let mut answer = Response::new(body);
    *answer.headers_mut() = headers;
    answer
}

/// Whole seconds, rounded up: never sooner than asked for.
fn retry_after(answer: &mut Answer, pause: Duration) {
    let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
    answer.headers_mut().insert(RETRY_AFTER, seconds.into());
}
