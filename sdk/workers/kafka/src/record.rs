//! Records as events.

use bytes::Bytes;
use rdkafka::Timestamp;
use rdkafka::message::{BorrowedMessage, Headers, Message, OwnedHeaders};
use tradewind::event::{Attribute, Event, Limits, json, kafka};

/// Type of the events that plain records become.
const PLAIN: &str = "org.apache.kafka.Record";

/// A partition of a topic.
pub(crate) type Place = (String, i32);

/// A record, on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) place: Place,
    pub(crate) offset: i64,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
    headers: Vec<(String, Option<Bytes>)>,
    time_ms: Option<i64>,
}

impl Record {
    pub(crate) fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(|headers| {
            let own = |header: rdkafka::message::Header<'_, &[u8]>| {
                let value = header.value.map(Bytes::copy_from_slice);
                (header.key.to_owned(), value)
            };
            headers.iter().map(own)
        });
        Self {
            place: (message.topic().into(), message.partition()),
            offset: message.offset(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers: headers.collect(),
            time_ms: match message.timestamp() {
                Timestamp::NotAvailable => None,
                Timestamp::CreateTime(ms) | Timestamp::LogAppendTime(ms) => Some(ms),
            },
        }
    }

    /// Bytes of it.
    pub(crate) fn size(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers = self.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.len() + length(value))
            .sum();
        headers + length(&self.key) + length(&self.value)
    }

    /// What it had, for where it goes instead.
    pub(crate) fn headers(&self) -> OwnedHeaders {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &self.headers {
            headers = headers.insert(rdkafka::message::Header {
                key,
                value: value.as_deref(),
            });
        }
        headers
    }

    /// The event that it is, or that it becomes; or why what says that it is one is none.
    pub(crate) fn event(&self) -> Result<Event, String> {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_deref()));
        match kafka::decode(headers, self.value.clone(), &Limits::default()) {
            Err(kafka::Error::NotCloudEvent { .. }) => self.bare().map_or_else(|| self.plain(), Ok),
            decoded => decoded.map_err(|e| e.to_string()),
        }
    }

    /// In structured mode a record may come without `content-type`.
    fn bare(&self) -> Option<Event> {
        let value = self.value.as_ref()?;
        let told = self.content_type().is_some();
        let whole = !told && value.starts_with(b"{");
        whole.then(|| json::decode(value.clone()).ok()).flatten()
    }

    fn content_type(&self) -> Option<&str> {
        let named = |(name, _): &&(String, _)| name.eq_ignore_ascii_case("content-type");
        let (_, value) = self.headers.iter().find(named)?;
        std::str::from_utf8(value.as_ref()?).ok()
    }

    /// Named by its place, so that a repetition is the same event.
    fn plain(&self) -> Result<Event, String> {
        let (topic, partition) = &self.place;
        let id = format!("{partition}/{}", self.offset);
        let mut event = Event::builder(id, format!("/kafka/{topic}"), PLAIN);
        let key = self
            .key
            .as_ref()
            .and_then(|key| std::str::from_utf8(key).ok());
        let fits = |key: &&str| !key.is_empty() && !key.chars().any(char::is_control);
        if let Some(key) = key.filter(fits) {
            event = event.extension("partitionkey", Attribute::String(key));
        }
        let time = self
            .time_ms
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        if let Some(time) = time {
            event = event.time(format!("{time:.3}"));
        }
        if let Some(value) = &self.value {
            let content_type = self.content_type().unwrap_or_else(|| guess(value));
            event = event.data(content_type, value.clone());
        }
        event.build().map_err(|e| e.to_string())
    }
}

fn guess(value: &[u8]) -> &'static str {
    match serde_json::from_slice::<serde::de::IgnoredAny>(value).is_ok() {
        true => "application/json",
        false => "application/octet-stream",
    }
}

#[cfg(test)]
impl Record {
    pub(crate) fn at(topic: &str, partition: i32, offset: i64) -> Self {
        Self {
            place: (topic.into(), partition),
            offset,
            key: None,
            value: None,
            headers: Vec::new(),
            time_ms: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_lies_in_a_topic_is_an_event_or_says_why_not() {
        let event = r#"{"specversion":"1.0","id":"e","source":"/s","type":"t","data":1}"#;
        let binary = [
            ("ce_specversion", "1.0"),
            ("ce_id", "b"),
            ("ce_source", "/s"),
            ("ce_type", "t"),
        ];
        let structured = [("content-type", "application/cloudevents+json")];
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, Result<&'a str, &'a str>);
        let cases: [Case<'_>; 7] = [
            (&binary, "x", Ok("b")),
            (&structured, event, Ok("e")),
            (&[], event, Ok("e")),
            (&[], "{\"order\":1}", Ok("3/17")),
            (&[("content-type", "application/json")], event, Ok("3/17")),
            (&structured, "{", Err("JSON")),
            (&binary[..2], "x", Err("ce_source")),
        ];
        for (headers, value, expected) in cases {
            let own = |text: &str| Bytes::copy_from_slice(text.as_bytes());
            let record = Record {
                key: Some(own("k")),
                value: Some(own(value)),
                headers: headers
                    .iter()
                    .map(|(name, value)| ((*name).into(), Some(own(value))))
                    .collect(),
                time_ms: Some(1_700_000_000_123),
                ..Record::at("orders", 3, 17)
            };
            match (record.event(), expected) {
                (Ok(event), Ok(id)) => {
                    assert_eq!(event.id(), id);
                    if id == "3/17" {
                        assert_eq!((event.ty(), event.source()), (PLAIN, "/kafka/orders"));
                        assert_eq!(event.time_text(), Some("2023-11-14T22:13:20.123Z"));
                    }
                }
                (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
                (found, _) => panic!("{headers:?}: {found:?}"),
            }
        }
    }
}
