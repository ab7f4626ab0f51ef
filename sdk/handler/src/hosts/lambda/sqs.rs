//! Messages of a queue: a handler gets what it gets from the gateway's source of the same queue.

use crate::Event;
use bytes::Bytes;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use tradewind_formats::{Carried, sqs};

const FORMAT: &str = "aws-sqs";

/// What a record says of its message.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    body: Cow<'a, str>,
    #[serde(borrow, default, rename = "messageAttributes")]
    attributes: BTreeMap<Cow<'a, str>, Attribute<'a>>,
}

#[derive(Deserialize)]
struct Attribute<'a> {
    #[serde(borrow, default, rename = "stringValue")]
    text: Option<Cow<'a, str>>,
}

/// A message that holds no events that can be read is the event of its body, without the record around it. A record
/// that does not look as it should stays as it came.
pub(crate) fn message(format: &str, mut one: Carried) -> Carried {
    if format == FORMAT
        && let Some(events) = held(&one)
    {
        one.events = Ok(events);
    }
    one
}

fn held(Carried { carrier, events }: &Carried) -> Option<Vec<Event>> {
    let record: Record<'_> = serde_json::from_slice(&carrier.data()?.bytes).ok()?;
    let mut attributes = record.attributes.iter();
    let says = attributes.find(|(name, _)| name.eq_ignore_ascii_case(sqs::CONTENT_TYPE));
    let says = says.and_then(|(_, attribute)| attribute.text.as_deref());
    let body = Bytes::copy_from_slice(record.body.as_bytes());
    // What was read is what it holds, unless it says otherwise: no second look is needed.
    let is_read =
        matches!(events, Ok(events) if !events.is_empty() && events[..] != [carrier.clone()]);
    if is_read && !sqs::denies(says) {
        return None;
    }
    let plain = || sqs::with_body(carrier, says, body.clone()).map(|event| vec![event]);
    sqs::events(says, &body, true).or_else(|| plain().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use serde_json::{Value, json};
    use tradewind_formats::{Message, decode_each};

    const STRUCTURED: &str = "application/cloudevents+json";

    fn read(body: &str, says: Option<&str>) -> Event {
        let attributes = match says {
            Some(says) => {
                json!({ "Content-Type": { "stringValue": says, "dataType": "String", "stringListValues": [] } })
            }
            None => json!({ "other": { "binaryValue": "AA==", "dataType": "Binary" } }),
        };
        let payload = json!({ "Records": [{
            "messageId": "m-1", "receiptHandle": "r", "body": body, "attributes": { "SentTimestamp": "1700000000123" },
            "messageAttributes": attributes, "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:orders", "awsRegion": "eu-west-1",
        }] });
        let (headers, body) = (HeaderMap::new(), Bytes::from(payload.to_string()));
        let message = Message {
            headers: &headers,
            body: &body,
        };
        let (format, mut carried) = decode_each(&message).unwrap();
        let one = message_of(format.spec.name, carried.remove(0));
        one.events.unwrap().remove(0)
    }

    fn message_of(format: &str, one: Carried) -> Carried {
        let carrier = one.carrier.clone();
        let one = message(format, one);
        assert_eq!(one.carrier, carrier, "what settles the message stays");
        one
    }

    /// The rows of the gateway's source, in adapters/aws/sqs.
    #[test]
    fn whatever_lies_in_a_queue_is_the_event_that_the_gateway_makes_of_it() {
        let event = r#"{"specversion":"1.0","id":"e","source":"/s","type":"t","data":{"a":1}}"#;
        let bridge = r#"{"version":"0","id":"b-1","detail-type":"Order Placed","source":"shop","time":"2026-01-01T00:00:00Z","detail":{}}"#;
        let nameless = event.replace("\"e\"", "\"\"");
        let json = "application/json";
        let text = "text/plain; charset=utf-8";
        for (body, says, id, data_type) in [
            (event, None, "e", json),
            (event, Some(STRUCTURED), "e", json),
            (event, Some(json), "m-1", json),
            (
                r#"{"specversion":"1.0"}"#,
                Some(STRUCTURED),
                "m-1",
                STRUCTURED,
            ),
            (r#"{"specversion":"1.0"}"#, None, "m-1", json),
            // All that an event has, and yet none: a message as any other.
            (&nameless, None, "m-1", json),
            (&nameless, Some(STRUCTURED), "m-1", STRUCTURED),
            (r#"{"order":1}"#, None, "m-1", json),
            (r#"{"order":"#, None, "m-1", text),
            ("hello", None, "m-1", text),
            ("", None, "m-1", text),
            ("hello", Some("no media type"), "m-1", text),
            ("<a/>", Some("application/xml"), "m-1", "application/xml"),
            (bridge, None, "b-1", json),
            (bridge, Some(json), "b-1", json),
        ] {
            let found = read(body, says);
            assert_eq!(found.id(), id, "{body}");
            assert_eq!(
                found.data_content_type().unwrap_or(json),
                data_type,
                "{body}"
            );
            if id == "m-1" {
                assert_eq!(found.ty(), "com.amazonaws.sqs.Message");
                assert_eq!(found.source(), "arn:aws:sqs:eu-west-1:123456789012:orders");
                assert_eq!(found.time_text(), Some("2023-11-14T22:13:20.123Z"));
                assert_eq!(found.data().unwrap().bytes, body.as_bytes());
            }
        }
    }

    #[test]
    fn records_of_others_stay_as_they_came() {
        let data = json!({ "eventSource": "aws:kinesis", "kinesis": { "data": "aGk=" } });
        let carrier = Event::builder("1", "/s", "t").data("application/json", data.to_string());
        let carrier = carrier.build().unwrap();
        let one = Carried {
            events: Ok(vec![carrier.clone()]),
            carrier,
        };
        let same = message("aws-kinesis", one);
        let found: Value = same.events.unwrap()[0].data_json().unwrap();
        assert_eq!(found, data);
    }
}
