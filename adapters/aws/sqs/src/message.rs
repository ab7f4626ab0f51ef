//! Messages of SQS to and from events.
//!
//! An event is a message whose body is its JSON format, with the message attribute `content-type`.
//! Whatever else lies in a queue is still an event: of the envelope that it came in, or of type
//! `com.amazonaws.sqs.Message` with the body as data.

use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use bytes::Bytes;
use tradewind_adapter::Payload;
use tradewind_aws::{CONTENT_TYPE, STRUCTURED};
use tradewind_event::{Attribute, Event, InvalidEvent};
use tradewind_formats::sqs;

/// The events of a message. `unwrap` says whether envelopes are opened.
///
/// # Errors
/// Where SQS left out what every message has.
pub(crate) fn decode(
    message: &Message,
    arn: &str,
    unwrap: bool,
) -> Result<Vec<Event>, InvalidEvent> {
    let body = Bytes::copy_from_slice(message.body().unwrap_or_default().as_bytes());
    let content_type = content_type(message);
    match sqs::events(content_type, &body, unwrap) {
        Some(events) => Ok(events),
        None => plain(message, arn, content_type, body).map(|event| vec![event]),
    }
}

fn content_type(message: &Message) -> Option<&str> {
    let attributes = message.message_attributes()?;
    let found = attributes
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE));
    found?.1.string_value()
}

/// Its time is when it was sent, so that a repetition is the same event.
fn plain(
    message: &Message,
    arn: &str,
    content_type: Option<&str>,
    body: Bytes,
) -> Result<Event, InvalidEvent> {
    let system = |name: MessageSystemAttributeName| message.attributes()?.get(&name);
    let mut event = Event::builder(
        message.message_id().unwrap_or_default(),
        arn,
        "com.amazonaws.sqs.Message",
    );
    if let Some(group) = system(MessageSystemAttributeName::MessageGroupId) {
        event = event
            .subject(group.as_str())
            .extension("partitionkey", Attribute::String(group));
    }
    if let Some(number) = system(MessageSystemAttributeName::SequenceNumber) {
        event = event.extension("sequence", Attribute::String(number));
    }
    let sent = system(MessageSystemAttributeName::SentTimestamp);
    if let Some(time) = sent.and_then(|ms| rfc3339(ms.parse().ok()?)) {
        event = event.time(time);
    }
    sqs::with_body(&event.build()?, content_type, body)
}

fn rfc3339(unix_ms: i64) -> Option<String> {
    let time = aws_sdk_sqs::primitives::DateTime::from_millis(unix_ms);
    time.fmt(aws_sdk_sqs::primitives::DateTimeFormat::DateTime)
        .ok()
}

/// The body of a message, and the attribute that says that it is an event; data alone has none, as messages of
/// EventBridge.
pub(crate) fn encode(
    event: &Event,
    payload: Payload,
) -> Option<(String, Option<MessageAttributeValue>)> {
    let body = tradewind_aws::text(event, payload)?;
    if payload == Payload::Data {
        return Some((body, None));
    }
    let attribute = MessageAttributeValue::builder()
        .data_type("String")
        .string_value(STRUCTURED)
        .build()
        .ok()?;
    Some((body, Some(attribute)))
}

/// What SQS counts of it: body, and attribute with its name and type.
pub(crate) fn size(body: &str) -> usize {
    body.len() + CONTENT_TYPE.len() + "String".len() + STRUCTURED.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sqs:eu-west-1:123456789012:orders";

    fn message(body: &str, content_type: Option<&str>) -> Message {
        let mut message = Message::builder()
            .message_id("m-1")
            .body(body)
            .attributes(MessageSystemAttributeName::SentTimestamp, "1700000000123");
        if let Some(content_type) = content_type {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(content_type)
                .build()
                .unwrap();
            message = message.message_attributes("Content-Type", value);
        }
        message.build()
    }

    #[test]
    fn data_alone_is_sent_as_it_is() {
        let event = |ty: &str, data: &'static [u8]| {
            let event = Event::builder("1", "/s", "t").data(ty, data);
            event.build().unwrap()
        };
        for (ty, data, body) in [
            ("application/json", &b"{\"a\": 1}"[..], Some("{\"a\": 1}")),
            ("text/plain", b"hello", Some("hello")),
            ("text/plain", b"", None),
            ("application/octet-stream", b"\xff", None),
        ] {
            let sent = encode(&event(ty, data), Payload::Data);
            assert_eq!(sent, body.map(|body| (body.to_owned(), None)), "{ty}");
        }
        let (_, attribute) = encode(&event("text/plain", b"hello"), Payload::Event).unwrap();
        assert_eq!(attribute.unwrap().string_value(), Some(STRUCTURED));
    }

    #[test]
    fn whatever_lies_in_a_queue_is_an_event() {
        let event = r#"{"specversion":"1.0","id":"e","source":"/s","type":"t","data":{"a":1}}"#;
        let nameless = event.replace("\"e\"", "\"\"");
        let bridge = r#"{"version":"0","id":"b-1","detail-type":"Order Placed","source":"shop","account":"123456789012","time":"2026-01-01T00:00:00Z","region":"eu-west-1","resources":[],"detail":{}}"#;
        let json = "application/json";
        let text = "text/plain; charset=utf-8";
        let plain = "com.amazonaws.sqs.Message";
        for (body, content_type, unwrap, ty, id, data_type) in [
            (event, None, true, "t", "e", json),
            (event, Some(STRUCTURED), false, "t", "e", json),
            // Who says that it is something else is believed.
            (event, Some(json), true, plain, "m-1", json),
            // No event, whatever it says: kept as what it is.
            (
                r#"{"specversion":"1.0"}"#,
                Some(STRUCTURED),
                true,
                plain,
                "m-1",
                STRUCTURED,
            ),
            (r#"{"specversion":"1.0"}"#, None, true, plain, "m-1", json),
            // All that an event has, and yet none: a message as any other.
            (&nameless, None, true, plain, "m-1", json),
            (&nameless, Some(STRUCTURED), true, plain, "m-1", STRUCTURED),
            (r#"{"order":1}"#, None, true, plain, "m-1", json),
            (r#"{"order":"#, None, true, plain, "m-1", text),
            ("hello", None, true, plain, "m-1", text),
            ("hello", Some("no media type"), true, plain, "m-1", text),
            (
                "<a/>",
                Some("application/xml"),
                true,
                plain,
                "m-1",
                "application/xml",
            ),
            (bridge, None, false, plain, "m-1", json),
        ] {
            let mut events = decode(&message(body, content_type), ARN, unwrap).unwrap();
            let event = events.remove(0);
            assert_eq!((event.ty(), event.id()), (ty, id), "{body}");
            assert_eq!(
                event.data_content_type().unwrap_or(json),
                data_type,
                "{body}"
            );
            if ty == plain {
                assert_eq!(event.source(), ARN);
                assert_eq!(event.time_text(), Some("2023-11-14T22:13:20.123Z"));
                assert_eq!(event.data().unwrap().bytes, body.as_bytes());
            }
        }
        let topic = "arn:aws:sns:eu-west-1:123456789012:orders";
        let sns = serde_json::json!({
            "Type": "Notification", "MessageId": "n-1", "TopicArn": topic, "Message": bridge,
            "Timestamp": "2026-01-01T00:00:00.000Z", "SignatureVersion": "1",
        })
        .to_string();
        for body in [bridge, &sns] {
            let unwrapped = decode(&message(body, None), ARN, true).unwrap();
            assert_eq!(unwrapped[0].id(), "b-1", "{body}");
        }
    }
}
