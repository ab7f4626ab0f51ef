//! Standard input.

use super::{post, text};
use crate::testing::Told;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use serde_json::Value;
use std::time::Duration;
use tradewind_event::{Event, json as event_json};

pub(super) fn line(event: &Event) -> Request<Bytes> {
    post("/", HeaderMap::new(), format!("{}\n", text(event)))
}

pub(super) fn told(answer: &Response<Bytes>) -> Told {
    let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let reason = document["reason"].as_str().unwrap_or_default().to_owned();
    match document["outcome"].as_str().unwrap_or_default() {
        "ack" | "response" => Told::Taken,
        "reply" => match event_json::decode(document["reply"].to_string().into()) {
            Ok(reply) => Told::Replied(Box::new(reply)),
            Err(_) => Told::Taken,
        },
        "reject" | "unreadable" => Told::Never { reason },
        _ => Told::Again {
            after: document["after_seconds"]
                .as_f64()
                .map(Duration::from_secs_f64),
            reason,
        },
    }
}
