//! Entries to events and back.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tradewind_adapter::{Error, Plain, event_or_plain};
use tradewind_event::broker::{self, Binding, Message, Received};
use tradewind_event::{Event, Limits};

/// Type of the events that other entries become.
pub(crate) const PLAIN: &str = "io.redis.Entry";
const CONTENT_TYPE: &str = "content-type";
const DATA: &str = "data";

/// An entry of a stream: its id, which is never used again, and its fields in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) fields: Vec<(Bytes, Bytes)>,
}

impl Entry {
    /// The event that it is, or that it becomes.
    pub(crate) fn event(&self, source: &str, limits: &Limits) -> Result<Event, Error> {
        let names = self.fields.iter();
        let named =
            names.filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value)));
        let received = Received {
            headers: named
                .filter(|(name, _)| *name != DATA && *name != CONTENT_TYPE)
                .map(|(name, value)| (name, Some(&**value))),
            content_type: self
                .field(CONTENT_TYPE)
                .and_then(|value| std::str::from_utf8(value).ok()),
            body: self.field(DATA).cloned(),
        };
        let decoded = broker::decode(&Binding::KAFKA, received, limits);
        event_or_plain(decoded, || self.plain(source), limits)
    }

    pub(crate) fn size(&self) -> usize {
        let fields = self.fields.iter();
        fields.map(|(name, value)| name.len() + value.len()).sum()
    }

    fn field(&self, wanted: &str) -> Option<&Bytes> {
        let found = self.fields.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value)
    }

    /// All fields as JSON.
    pub(crate) fn plain(&self, source: &str) -> Plain<'static> {
        let ms = self.id.split('-').next().and_then(|ms| ms.parse().ok());
        let time = ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        Plain {
            id: self.id.clone(),
            source: source.to_owned(),
            ty: PLAIN,
            time: time.map(|time| format!("{time:.3}")),
            content_type: Some("application/json"),
            body: Some(self.fields_as_json().to_string().into()),
            ..Plain::default()
        }
    }

    /// An object; where names repeat or something is no text, a list of pairs, the latter in Base64.
    fn fields_as_json(&self) -> Value {
        let text = |bytes: &Bytes| std::str::from_utf8(bytes).map(str::to_owned);
        let mut object = Map::new();
        for (name, value) in &self.fields {
            let (Ok(name), Ok(value)) = (text(name), text(value)) else {
                break;
            };
            object.insert(name, value.into());
        }
        if object.len() == self.fields.len() {
            return object.into();
        }
        let any = |bytes: &Bytes| match text(bytes) {
            Ok(text) => Value::from(text),
            Err(_) => json!({"base64": BASE64_STANDARD.encode(bytes)}),
        };
        let pairs = self.fields.iter();
        pairs
            .map(|(name, value)| json!([any(name), any(value)]))
            .collect()
    }
}

/// Fields of an entry to add.
pub(crate) fn fields(message: Message) -> Vec<(String, Bytes)> {
    let headers = message.headers.into_iter();
    let mut fields: Vec<_> = headers.map(|(name, value)| (name, value.into())).collect();
    if let Some(content_type) = message.content_type {
        fields.push((CONTENT_TYPE.to_owned(), content_type.into()));
    }
    if let Some(body) = message.body {
        fields.push((DATA.to_owned(), body));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(fields: &[(&'static [u8], &'static [u8])]) -> Entry {
        let own = |(name, value): &(&'static [u8], &'static [u8])| {
            (Bytes::from_static(name), Bytes::from_static(value))
        };
        Entry {
            id: "1700000000123-7".into(),
            fields: fields.iter().map(own).collect(),
        }
    }

    #[test]
    fn whatever_lies_in_a_stream_is_an_event_or_says_why_not() {
        let event = br#"{"specversion":"1.0","id":"e","source":"/s","type":"t"}"#;
        let binary: [(&[u8], &[u8]); 4] = [
            (b"ce_specversion", b"1.0"),
            (b"ce_id", b"b"),
            (b"ce_source", b"/s"),
            (b"ce_type", b"t"),
        ];
        let structured: (&[u8], &[u8]) = (b"content-type", b"application/cloudevents+json");
        type Case<'a> = (
            &'a [(&'static [u8], &'static [u8])],
            Result<(&'a str, &'a str), &'a str>,
        );
        let cases: [Case<'_>; 7] = [
            (&binary, Ok(("b", ""))),
            (&[structured, (b"data", event)], Ok(("e", ""))),
            (&[structured, (b"data", b"{")], Err("JSON")),
            (&[structured], Err("no value")),
            (&binary[..3], Err("ce_type")),
            (
                &[(b"a", b"1"), (b"b", b"x")],
                Ok(("1700000000123-7", r#"{"a":"1","b":"x"}"#)),
            ),
            (
                &[(b"a", b"1"), (b"a", b"\xff")],
                Ok(("1700000000123-7", r#"[["a","1"],["a",{"base64":"/w=="}]]"#)),
            ),
        ];
        for (fields, expected) in cases {
            let found = entry(fields).event("/redis/s/x", &Limits::default());
            match (found, expected) {
                (Ok(event), Ok((id, data))) => {
                    assert_eq!(event.id(), id);
                    let found = event
                        .data()
                        .map(|data| data.bytes.clone())
                        .unwrap_or_default();
                    assert_eq!(found, data);
                    if event.ty() == PLAIN {
                        assert_eq!(event.time_text(), Some("2023-11-14T22:13:20.123Z"));
                    }
                }
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{fields:?}: {found:?}"),
            }
        }
    }
}
