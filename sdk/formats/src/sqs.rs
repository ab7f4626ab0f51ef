//! What the body of a message of Amazon SQS is, whoever reads the queue: one rule for the gateway, the Lambda function
//! and the worker.
//!
//! SQS has no binding of CloudEvents, so nothing obliges a sender to anything. A body that can be read as events is
//! those; every other one is data, kept byte by byte: what no attempt will make readable is for whoever gets it to
//! judge, and no reason for a queue to bring it again.

use crate::nest::{AWS, EVENTS, opened};
use bytes::Bytes;
use tradewind_event::{Event, InvalidEvent, json};

/// Message attribute that says what the body is.
pub const CONTENT_TYPE: &str = "content-type";
/// What it says of an event.
const STRUCTURED: &str = "application/cloudevents+json";

/// Whether a message says of its body that it is something else than an event.
pub fn denies(says: Option<&str>) -> bool {
    says.is_some_and(|says| !says.starts_with(STRUCTURED))
}

/// The events that a body holds: CloudEvents, unless the message `says` that it is something else, and where `unwrap`
/// says so, what AWS puts into queues itself (notifications of SNS and S3, events of EventBridge). `None` where there are
/// none that can be read.
pub fn events(says: Option<&str>, body: &Bytes, unwrap: bool) -> Option<Vec<Event>> {
    let own = || opened(&EVENTS, body);
    let wrapped = || opened(&AWS, body);
    let found = match (denies(says), unwrap) {
        (false, true) => own().or_else(wrapped),
        (false, false) => own(),
        (true, true) => wrapped(),
        (true, false) => None,
    };
    found.filter(|events| !events.is_empty())
}

/// The event with the body of its message as data. Its media type is what the message `says`, where that is
/// one; else JSON where it is that, else text.
///
/// # Errors
/// Where the event is none.
pub fn with_body(event: &Event, says: Option<&str>, body: Bytes) -> Result<Event, InvalidEvent> {
    if let Some(says) = says
        && let Ok(event) = event.with_data(says, body.clone())
    {
        return Ok(event);
    }
    let looks = match json::is_tree(&body) {
        true => "application/json",
        false => "text/plain; charset=utf-8",
    };
    event.with_data(looks, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    const EVENT: &str = r#"{"specversion":"1.0","id":"e","source":"/s","type":"t","data":{"a":1}}"#;
    const BRIDGE: &str = r#"{"version":"0","id":"b-1","detail-type":"Order Placed","source":"shop","account":"123456789012","time":"2026-01-01T00:00:00Z","region":"eu-west-1","resources":[],"detail":{}}"#;

    fn ids(says: Option<&str>, body: &str, unwrap: bool) -> Vec<String> {
        let found = events(says, &Bytes::copy_from_slice(body.as_bytes()), unwrap);
        let ids = found.into_iter().flatten();
        ids.map(|event| event.id().to_owned()).collect()
    }

    #[test]
    fn a_body_is_the_events_that_can_be_read_of_it_or_nothing() {
        let json = Some("application/json");
        let batch = format!("[{EVENT},{}]", EVENT.replace("\"e\"", "\"f\""));
        let capitals = EVENT.replace("specversion", "specVersion");
        let base64 = STANDARD.encode(EVENT);
        let nameless = EVENT.replace("\"e\"", "\"\"");
        let half = &EVENT[..EVENT.len() - 1];
        let sns = serde_json::json!({
            "Type": "Notification", "MessageId": "n-1", "Message": BRIDGE, "SignatureVersion": "1",
            "TopicArn": "arn:aws:sns:eu-west-1:123456789012:orders", "Timestamp": "2026-01-01T00:00:00.000Z",
        })
        .to_string();
        for (says, body, expected) in [
            (None, EVENT, &["e"][..]),
            (Some(STRUCTURED), EVENT, &["e"]),
            (
                Some("application/cloudevents+json; charset=utf-8"),
                EVENT,
                &["e"],
            ),
            (None, &batch, &["e", "f"]),
            (None, &capitals, &["e"]),
            (None, &base64, &["e"]),
            (None, BRIDGE, &["b-1"]),
            (json, BRIDGE, &["b-1"]),
            (None, &sns, &["b-1"]),
            // Who says that it is something else is believed.
            (json, EVENT, &[]),
            (json, &batch, &[]),
            // No event, whatever it says.
            (None, &nameless, &[]),
            (Some(STRUCTURED), &nameless, &[]),
            (Some(STRUCTURED), half, &[]),
            (None, r#"{"specversion":"1.0"}"#, &[]),
            (None, "[]", &[]),
            (None, "", &[]),
        ] {
            assert_eq!(ids(says, body, true), expected, "{says:?} {body}");
        }
        assert!(ids(None, BRIDGE, false).is_empty());
        assert_eq!(ids(None, EVENT, false), ["e"]);
    }
}
