//! Messages as events.

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use tradewind::event::broker::{self, Binding, Error, Received};
use tradewind::event::{Event, Limits, json};

/// Type of the events that plain messages become.
const PLAIN: &str = "io.nats.Message";
const CONTENT_TYPE: &str = "content-type";

/// Where a message stands in its stream, which names it whenever it comes again.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    pub(crate) stream: &'a str,
    pub(crate) sequence: u64,
    /// RFC 3339.
    pub(crate) time: Option<String>,
}

/// The event that a message is, or that it becomes; or why what says that it is one is none.
pub(crate) fn event(message: &Message, place: Place<'_>) -> Result<Event, String> {
    let all = headers(message);
    let received = Received {
        headers: all.iter().map(|(name, value)| (*name, Some(*value))),
        content_type: content_type(message),
        body: body(message),
    };
    match broker::decode(&Binding::NATS, received, &Limits::default()) {
        Err(Error::NotCloudEvent { .. }) => bare(message).map_or_else(|| plain(message, place), Ok),
        decoded => decoded.map_err(|error| error.to_string()),
    }
}

/// In structured mode a message may come without a content type.
fn bare(message: &Message) -> Option<Event> {
    let whole = content_type(message).is_none() && message.payload.starts_with(b"{");
    whole
        .then(|| json::decode(message.payload.clone()).ok())
        .flatten()
}

fn plain(message: &Message, place: Place<'_>) -> Result<Event, String> {
    let id = place.sequence.to_string();
    let mut event = Event::builder(id, format!("/nats/{}", place.stream), PLAIN)
        .subject(message.subject.as_str());
    if let Some(time) = place.time {
        event = event.time(time);
    }
    if let Some(body) = body(message) {
        let guessed = match json::is_tree(&body) {
            true => "application/json",
            false => "application/octet-stream",
        };
        event = event.data(content_type(message).unwrap_or(guessed), body);
    }
    event.build().map_err(|error| error.to_string())
}

/// NATS has no message without a body; an empty one is none, as in HTTP.
fn body(message: &Message) -> Option<Bytes> {
    (!message.payload.is_empty()).then(|| message.payload.clone())
}

fn headers(message: &Message) -> Vec<(&str, &[u8])> {
    let all = message.headers.iter().flat_map(HeaderMap::iter);
    all.flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values
            .iter()
            .map(move |value| (name, value.as_str().as_bytes()))
    })
    .collect()
}

fn content_type(message: &Message) -> Option<&str> {
    let mut all = message.headers.iter().flat_map(HeaderMap::iter);
    let (_, values) = all.find(|(name, _)| {
        let name: &str = name.as_ref();
        name.eq_ignore_ascii_case(CONTENT_TYPE)
    })?;
    values.first().map(|value| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_lies_in_a_stream_is_an_event_or_says_why_not() {
        let event = r#"{"specversion":"1.0","id":"e","source":"/s","type":"t","data":1}"#;
        let binary = [
            ("ce-specversion", "1.0"),
            ("ce-id", "b"),
            ("ce-source", "/s"),
            ("ce-type", "t"),
        ];
        let structured = [("Content-Type", "application/cloudevents+json")];
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, Result<&'a str, &'a str>);
        let cases: [Case<'_>; 7] = [
            (&binary, "x", Ok("b")),
            (&structured, event, Ok("e")),
            (&[], event, Ok("e")),
            (&[], "{\"order\":1}", Ok("17")),
            (&[("Content-Type", "application/json")], event, Ok("17")),
            (&structured, "{", Err("JSON")),
            (&binary[..2], "x", Err("ce-source")),
        ];
        for (headers, body, expected) in cases {
            let mut all = HeaderMap::new();
            for (name, value) in headers {
                all.insert(*name, *value);
            }
            let message = Message {
                subject: "orders.new".into(),
                reply: None,
                payload: Bytes::copy_from_slice(body.as_bytes()),
                headers: (!headers.is_empty()).then_some(all),
                status: None,
                description: None,
                length: body.len(),
            };
            let place = Place {
                stream: "ORDERS",
                sequence: 17,
                time: Some("2023-11-14T22:13:20.123Z".into()),
            };
            match (super::event(&message, place), expected) {
                (Ok(event), Ok(id)) => {
                    assert_eq!(event.id(), id);
                    if id == "17" {
                        assert_eq!((event.ty(), event.source()), (PLAIN, "/nats/ORDERS"));
                        assert_eq!(event.subject(), Some("orders.new"));
                        assert_eq!(event.time_text(), Some("2023-11-14T22:13:20.123Z"));
                    }
                }
                (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
                (found, _) => panic!("{headers:?}: {found:?}"),
            }
        }
    }
}
