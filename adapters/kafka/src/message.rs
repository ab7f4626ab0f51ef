//! Records to events.

use bytes::Bytes;
use rdkafka::Timestamp;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use tradewind_adapter::{Error, Plain, Unframed, event_or_plain};
use tradewind_event::{Event, Limits, kafka};

/// Type of the events that plain records become.
pub(crate) const PLAIN: &str = "org.apache.kafka.Record";

const CONTENT_TYPE: &str = "content-type";
const SPECVERSION: &str = "ce_specversion";
const DATASCHEMA: &str = "ce_dataschema";
/// What content types of structured events begin with.
const STRUCTURED: &str = "application/cloudevents";

/// A record, on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    key: Option<Bytes>,
    value: Option<Bytes>,
    headers: Vec<(String, Option<Bytes>)>,
    time_ms: Option<i64>,
    /// A URI of the schema of its value, where that was framed.
    schema: Option<String>,
}

impl Taken {
    pub(crate) fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(|headers| {
            headers.iter().map(|header| {
                (
                    header.key.to_owned(),
                    header.value.map(Bytes::copy_from_slice),
                )
            })
        });
        Self {
            topic: message.topic().into(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers: headers.collect(),
            time_ms: match message.timestamp() {
                Timestamp::NotAvailable => None,
                Timestamp::CreateTime(ms) | Timestamp::LogAppendTime(ms) => Some(ms),
            },
            schema: None,
        }
    }

    /// Its value, where that is in a frame if the topic's values are: a record without a value has none, and a
    /// structured event is what it is.
    pub(crate) fn framed(&self) -> Option<&Bytes> {
        let structured = |ty: &str| {
            let head = ty.get(..STRUCTURED.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(STRUCTURED))
        };
        let bare = !self.content_type().is_some_and(structured);
        self.value.as_ref().filter(|_| bare)
    }

    /// The same record with what stood in the frame. What the producer says of the schema in a CloudEvent stands.
    pub(crate) fn opened(&self, unframed: Unframed) -> Self {
        let mut opened = Self {
            value: Some(unframed.data),
            ..self.clone()
        };
        let headers = &mut opened.headers;
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case(CONTENT_TYPE));
        let ty = Bytes::from_static(unframed.content_type.as_bytes());
        headers.push((CONTENT_TYPE.into(), Some(ty)));
        // Names of attributes are read as they are written.
        let says = |wanted: &str| headers.iter().any(|(name, _)| name == wanted);
        if says(SPECVERSION) && !says(DATASCHEMA) {
            let schema = Bytes::from(unframed.schema.clone());
            headers.push((DATASCHEMA.into(), Some(schema)));
        }
        opened.schema = Some(unframed.schema);
        opened
    }

    /// Bytes that it holds.
    pub(crate) fn size(&self) -> usize {
        self.value.as_ref().map_or(0, Bytes::len)
    }

    /// The event that it is, or that it becomes.
    pub(crate) fn event(&self, source: &str, limits: &Limits) -> Result<Event, Error> {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_deref()));
        let decoded = kafka::decode(headers, self.value.clone(), limits);
        event_or_plain(decoded, || self.plain(source), limits)
    }

    fn content_type(&self) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE));
        std::str::from_utf8(found?.1.as_ref()?).ok()
    }

    /// Named by its place, so that a repetition is the same event; the source tells clusters apart.
    pub(crate) fn plain(&self, source: &str) -> Plain<'_> {
        let key = self.key.as_ref();
        Plain {
            id: format!("{}/{}", self.partition, self.offset),
            source: format!("/kafka/{source}/{}", self.topic),
            ty: PLAIN,
            key: key.and_then(|key| std::str::from_utf8(key).ok()),
            time: self.time_ms.and_then(rfc3339),
            content_type: self.content_type(),
            schema: self.schema.as_deref(),
            body: self.value.clone(),
            ..Plain::default()
        }
    }
}

fn rfc3339(ms: i64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(ms).ok()?;
    Some(format!("{time:.3}"))
}

#[cfg(test)]
impl Taken {
    /// A record of which only the place counts.
    pub(crate) fn at(topic: &str, partition: i32, offset: i64) -> Self {
        Self {
            topic: topic.into(),
            partition,
            offset,
            key: None,
            value: None,
            headers: Vec::new(),
            time_ms: None,
            schema: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(headers: &[(&str, Option<&str>)], value: Option<&[u8]>) -> Taken {
        let own = |value: &str| Bytes::copy_from_slice(value.as_bytes());
        Taken {
            topic: "orders".into(),
            partition: 3,
            offset: 17,
            key: Some(Bytes::from_static(b"k-1")),
            value: value.map(Bytes::copy_from_slice),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).into(), value.map(own)))
                .collect(),
            time_ms: Some(1_700_000_000_123),
            schema: None,
        }
    }

    #[test]
    fn whatever_lies_in_a_topic_is_an_event_or_says_why_not() {
        type Case<'a> = (
            &'a [(&'a str, Option<&'a str>)],
            Option<&'a [u8]>,
            Result<(&'a str, &'a str), &'a str>,
        );
        let event = br#"{"specversion":"1.0","id":"e","source":"/s","type":"t","data":1}"#;
        let binary = [
            ("ce_specversion", Some("1.0")),
            ("ce_id", Some("b")),
            ("ce_source", Some("/s")),
            ("ce_type", Some("t")),
        ];
        let structured = ("content-type", Some("application/cloudevents+json"));
        let cases: [Case<'_>; 11] = [
            (&binary, Some(b"x"), Ok(("t", "b"))),
            (&binary, None, Ok(("t", "b"))),
            (&[structured], Some(event), Ok(("t", "e"))),
            (&[], Some(event), Ok(("t", "e"))),
            (
                &[("content-type", Some("application/json"))],
                Some(event),
                Ok((PLAIN, "3/17")),
            ),
            (&[], Some(b"{\"order\":1}"), Ok((PLAIN, "3/17"))),
            (&[("x", None)], Some(b"\xff\x00"), Ok((PLAIN, "3/17"))),
            (&[], None, Ok((PLAIN, "3/17"))),
            (&[structured], Some(b"{"), Err("JSON")),
            (&[structured], None, Err("no value")),
            (&binary[..2], Some(b"x"), Err("ce_source")),
        ];
        for (headers, value, expected) in cases {
            let found = taken(headers, value).event("queue", &Limits::default());
            match (found, expected) {
                (Ok(event), Ok((ty, id))) => {
                    assert_eq!((event.ty(), event.id()), (ty, id), "{headers:?}");
                    if ty == PLAIN {
                        assert_eq!(event.source(), "/kafka/queue/orders");
                        assert_eq!(event.time_text(), Some("2023-11-14T22:13:20.123Z"));
                        assert_eq!(event.data().map(|data| &data.bytes[..]), value);
                    }
                }
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{headers:?}: {found:?}"),
            }
        }
        let large = vec![b'x'; 2 << 20];
        let error = taken(&[], Some(&large))
            .event("queue", &Limits::default())
            .unwrap_err();
        assert!(error.to_string().contains("at most"), "{error}");
    }

    #[test]
    fn what_stood_in_a_frame_takes_its_place() {
        let binary = [
            ("ce_specversion", Some("1.0")),
            ("ce_id", Some("b")),
            ("ce_source", Some("/s")),
            ("ce_type", Some("t")),
            ("Content-Type", Some("application/avro")),
        ];
        let said = [&binary[..], &[("ce_dataschema", Some("urn:mine"))]].concat();
        let other = [&binary[..], &[("CE_dataschema", Some("urn:mine"))]].concat();
        let schema = "https://registry.example.com/schemas/ids/7";
        for (headers, ty, expected) in [
            (&[][..], PLAIN, schema),
            (&[("content-type", Some("text/plain"))], PLAIN, schema),
            (&binary, "t", schema),
            (&said, "t", "urn:mine"),
            (&other, "t", schema),
        ] {
            let taken = taken(headers, Some(b"\0\0\0\0\x07x"));
            assert_eq!(taken.framed(), taken.value.as_ref());
            let opened = taken.opened(Unframed {
                data: Bytes::from_static(b" {}"),
                content_type: "application/json",
                schema: schema.into(),
            });
            let event = opened.event("queue", &Limits::default()).unwrap();
            assert_eq!((event.ty(), event.data_schema()), (ty, Some(expected)));
            assert_eq!(event.data_content_type(), Some("application/json"));
            assert_eq!(&*event.data().unwrap().bytes, b" {}");
        }
        assert_eq!(taken(&[], None).framed(), None, "a deletion");
        for structured in [
            "application/cloudevents+json",
            "Application/CloudEvents+json; charset=utf-8",
        ] {
            let taken = taken(&[("content-type", Some(structured))], Some(b"{}"));
            assert_eq!(taken.framed(), None, "{structured}");
        }
    }
}
