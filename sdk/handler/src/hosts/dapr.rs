//! Dapr, as the application beside a sidecar: subscriptions are told, events come by POST, one or several at a time.

mod bulk;

use super::foreign::{self, Held};
use crate::crew::{End, Ends, Work, worst};
use crate::describe::{Description, Kind, Takes};
use crate::http::answer::{self, Answer};
use crate::http::{Dialect, Refusal, plain_request, posts_only, unsigned, work};
use crate::{InvalidOptions, Options};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};
use tradewind_event::http::Message;

const SUBSCRIPTIONS: &str = "TRADEWIND_DAPR_SUBSCRIPTIONS";
/// Where subscriptions made here are delivered; those of others may have any path.
const ROUTE: &str = "/events";

/// The sidecar's application.
pub(crate) struct Dapr {
    subscriptions: Value,
    /// What the sidecar shows, where it has something to show.
    token: Option<String>,
}

impl Dapr {
    /// Subscriptions are those that are configured, else the topics that the handlers declare.
    pub(crate) fn new(
        get: impl Fn(&str) -> Option<String>,
        declared: &[Description],
    ) -> Result<Self, InvalidOptions> {
        let set = |name: &str| get(name).filter(|text| !text.is_empty());
        let invalid = |reason: String| InvalidOptions {
            variable: SUBSCRIPTIONS,
            reason,
        };
        let batch = declared.iter().find(|one| one.takes == Takes::Batch);
        let batch = batch.map(|one| one.batch_max);
        let subscriptions: Vec<Value> = match set(SUBSCRIPTIONS) {
            Some(text) => text
                .split_ascii_whitespace()
                .map(|one| subscription(one, batch).ok_or_else(|| invalid(not_one(one))))
                .collect::<Result<_, _>>()?,
            None => {
                let triggers = declared.iter().flat_map(|one| &one.triggers);
                let topics = triggers.filter(|trigger| trigger.kind == Kind::Topic);
                // A topic without a component is somebody else's.
                topics
                    .filter_map(|topic| subscription(topic.name.as_deref()?, batch))
                    .collect()
            }
        };
        Ok(Self {
            subscriptions: subscriptions.into(),
            token: set("APP_API_TOKEN"),
        })
    }

    /// What the sidecar shows a token for is not asked for a signature, too.
    fn known(&self, head: &Parts) -> Result<bool, Refusal> {
        let Some(token) = &self.token else {
            return Ok(false);
        };
        let shown = head
            .headers
            .get("dapr-api-token")
            .map(HeaderValue::as_bytes);
        match shown.is_some_and(|shown| same(shown, token.as_bytes())) {
            true => Ok(true),
            false => Err(Refusal {
                status: StatusCode::UNAUTHORIZED,
                why: "the token of the sidecar is required".into(),
                because: "dapr-api-token is missing, or is not APP_API_TOKEN",
            }),
        }
    }
}

fn not_one(text: &str) -> String {
    format!("`{text}` is no subscription such as pubsub/orders or pubsub/orders>orders-dead")
}

/// `component/topic`, and the topic of its dead letters.
fn subscription(text: &str, batch: Option<usize>) -> Option<Value> {
    let (what, dead) = match text.split_once('>') {
        Some((what, dead)) => (what, Some(dead)),
        None => (text, None),
    };
    let (component, topic) = what.split_once('/')?;
    let mut subscription = json!({ "pubsubname": component, "topic": topic, "route": ROUTE });
    if let Some(dead) = dead {
        subscription["deadLetterTopic"] = dead.into();
    }
    if let Some(max) = batch {
        subscription["bulkSubscribe"] = json!({ "enabled": true, "maxMessagesCount": max });
    }
    let named = |text: &str| !text.is_empty();
    (named(component) && named(topic) && dead.is_none_or(named)).then_some(subscription)
}

/// Takes as long wherever they differ.
fn same(shown: &[u8], token: &[u8]) -> bool {
    let differing = shown.iter().zip(token).fold(0, |sum, (a, b)| sum | (a ^ b));
    shown.len() == token.len() && differing == 0
}

impl Dialect for Dapr {
    fn at_once(&self, head: &Parts, requests: bool) -> Option<Answer> {
        match (&head.method, head.uri.path()) {
            (&Method::GET, "/dapr/subscribe") => Some(document(&self.subscriptions)),
            (&Method::GET, "/healthz") => Some(Response::new(Bytes::new())),
            // Nothing is configured by the application: actors and such.
            (&Method::GET, "/dapr/config") => Some(document(&json!({}))),
            // Whether an input binding is wanted.
            (&Method::OPTIONS, _) => Some(Response::new(Bytes::new())),
            _ => posts_only(head, requests),
        }
    }

    fn read(&self, head: &Parts, body: Bytes, options: &Options) -> Result<Work<Answer>, Refusal> {
        let unasked;
        let options = match self.known(head)? && !options.secrets.is_empty() {
            true => {
                unasked = unsigned(options);
                &unasked
            }
            false => options,
        };
        if let Some(bulk) = bulk::Bulk::of(&body) {
            crate::http::verify(&head.headers, &body, options)?;
            return Ok(bulk.work());
        }
        match foreign::held(&head.headers, body, options)? {
            Held::Events(message) if is_published(&message) => {
                let mut work = work(&head.headers, message);
                work.one_way = true;
                work.tell = Box::new(|ends: Ends| told(&worst(ends)));
                Ok(work)
            }
            Held::Events(message) => Ok(work(&head.headers, message)),
            Held::Payload(format, carried) => Ok(foreign::payload(format, carried)),
            // An input binding, or an invocation.
            Held::Unknown(body) => plain_request(head, &body),
        }
    }
}

/// The sidecar says in the event where it comes from; who invokes the application does not.
fn is_published(message: &Message) -> bool {
    match message {
        Message::Binary(event) | Message::Structured(event) => {
            event.attribute("pubsubname").is_some()
        }
        Message::Batch(_) => false,
    }
}

/// What the sidecar is to do with an event.
fn status(end: &End) -> &'static str {
    match end {
        end if end.is_taken() => "SUCCESS",
        end if end.is_rejected() => "DROP",
        _ => "RETRY",
    }
}

fn told(end: &End) -> Answer {
    match end.reason() {
        "" => document(&json!({ "status": status(end) })),
        reason => document(&json!({ "status": status(end), "reason": reason })),
    }
}

fn document(document: &Value) -> Answer {
    let mut answer = answer::status(StatusCode::OK);
    *answer.body_mut() = document.to_string().into();
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}
