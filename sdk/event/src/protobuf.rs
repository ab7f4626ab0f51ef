//! The Protobuf format (`application/cloudevents+protobuf`) and its batch form.
//!
//! The one format that carries the types of all attributes. Follows `cloudevents.proto` of
//! CloudEvents 1.0; the messages are written out by hand, so no compiler for it is needed.

mod message;
mod parts;

use crate::model::{Attribute, Core, Data, DataKind, Draft, Event, Timestamp, is_json};
use crate::{BatchFailure, DecodeError, InvalidEvent, Limits};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use message::{Any, Attr, Batch, Instant, Message, Payload, Value};
use parts::Parts;
use prost::Message as _;

/// Media type of a single event.
pub const MEDIA_TYPE: &str = "application/cloudevents+protobuf";
/// Media type of a batch.
pub const BATCH_MEDIA_TYPE: &str = "application/cloudevents-batch+protobuf";

/// Reads one event. Binary data stays where it lies in `message`.
///
/// Data in the form of `Any` becomes its bytes, with `application/protobuf` and the type's URL as
/// `datacontenttype` and `dataschema` where the event does not say otherwise.
pub fn decode(message: Bytes) -> Result<Event, DecodeError> {
    let message = Message::decode(message).map_err(|e| DecodeError::Protobuf {
        reason: e.to_string(),
    })?;
    Ok(event(message)?)
}

/// Reads a batch. All or nothing: where events are at fault, the error names each of them. Every
/// event gets a copy of its own part, so none keeps the batch in memory.
pub fn decode_batch(message: Bytes, limits: &Limits) -> Result<Vec<Event>, DecodeError> {
    limits.batch(message.len())?;
    let mut events = Vec::new();
    let mut failures = Vec::new();
    // Taken apart one by one: a list of all parts first would be many times the size of the message.
    for (index, part) in Parts(message).enumerate() {
        let part = part?;
        limits.events(index + 1)?;
        let read = limits
            .event(part.len())
            .and_then(|()| decode(Bytes::copy_from_slice(&part)));
        match read {
            Ok(event) => events.push(event),
            Err(error) => failures.push(BatchFailure { index, error }),
        }
    }
    if failures.is_empty() {
        Ok(events)
    } else {
        Err(DecodeError::Batch(failures))
    }
}

/// The event as a message. Text and JSON travel as `text_data`, anything else as `binary_data`;
/// JSON without `datacontenttype` is given `application/json`, which it implied.
pub fn encode(event: &Event) -> Bytes {
    message(event).encode_to_vec().into()
}

/// The events as a batch message.
pub fn encode_batch(events: &[Event]) -> Bytes {
    let events = events.iter().map(encode).collect();
    Batch { events }.encode_to_vec().into()
}

fn event(message: Message) -> Result<Event, InvalidEvent> {
    let mut draft = Draft::with_capacity(256);
    // In proto3 an empty string is an absent one.
    for (name, value) in [
        ("specversion", &message.spec_version),
        ("id", &message.id),
        ("source", &message.source),
        ("type", &message.ty),
    ] {
        if value.is_empty() {
            return Err(InvalidEvent::missing(name));
        }
        draft.set(name, Attribute::String(value))?;
    }
    for Attr { name, value } in &message.attributes {
        let value = value.as_ref().and_then(|value| value.attr.as_ref());
        let value = value.ok_or_else(|| InvalidEvent::new(name, "has no value"))?;
        set(&mut draft, name, value)?;
    }
    let data = match message.data {
        None => None,
        Some(Payload::Binary(bytes)) => Some(Data::of(draft.get(Core::DataContentType), bytes)),
        Some(Payload::Text(text)) => {
            let json = draft.get(Core::DataContentType).is_some_and(is_json);
            let kind = if json { DataKind::Json } else { DataKind::Text };
            Some(Data {
                bytes: text.into(),
                kind,
            })
        }
        Some(Payload::Proto(any)) => Some(unwrap(&mut draft, any)?),
    };
    draft.finish(data)
}

fn set(draft: &mut Draft, name: &str, value: &message::AttrValue) -> Result<(), InvalidEvent> {
    use message::AttrValue as V;
    match value {
        V::Boolean(b) => draft.add(name, Attribute::Boolean(*b)),
        V::Integer(n) => draft.add(name, Attribute::Integer(*n)),
        V::String(s) => draft.add(name, Attribute::String(s)),
        V::Bytes(b) => draft.add(name, Attribute::Binary(&STANDARD.encode(b))),
        V::Uri(s) => draft.add(name, Attribute::Uri(s)),
        V::UriRef(s) => draft.add(name, Attribute::UriReference(s)),
        V::Timestamp(Instant { seconds, nanos }) => {
            let nanos = u32::try_from(*nanos).ok().filter(|n| *n < 1_000_000_000);
            let instant = nanos.map(|nanos| Timestamp {
                seconds: *seconds,
                nanos,
            });
            let instant = instant
                .filter(|instant| INSTANTS.contains(&instant.seconds))
                .ok_or_else(|| InvalidEvent::new(name, "is outside of the years 1 to 9999"))?;
            draft.add(name, Attribute::Timestamp(&instant.to_string()))
        }
    }
}

/// What `google.protobuf.Timestamp` allows: 0001-01-01 to 9999-12-31.
const INSTANTS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

fn unwrap(draft: &mut Draft, any: Any) -> Result<Data, InvalidEvent> {
    if draft.get(Core::DataContentType).is_none() {
        let content_type = Attribute::String("application/protobuf");
        draft.set(Core::DataContentType.name(), content_type)?;
    }
    if draft.get(Core::DataSchema).is_none() && !any.type_url.is_empty() {
        // A type URL without a scheme means https (google.protobuf.Any).
        let url = if any.type_url.contains("://") {
            any.type_url
        } else {
            format!("https://{}", any.type_url)
        };
        draft.set(Core::DataSchema.name(), Attribute::Uri(&url))?;
    }
    Ok(Data {
        bytes: any.value,
        kind: DataKind::Binary,
    })
}

fn message(event: &Event) -> Message {
    let mut attributes = Vec::new();
    for (name, value) in event.attributes() {
        if !matches!(name, "specversion" | "id" | "source" | "type") {
            attributes.push(attr(name, value));
        }
    }
    let json = |data: &Data| data.kind == DataKind::Json;
    if event.data().is_some_and(json) && event.data_content_type().is_none() {
        let implied = Attribute::String("application/json");
        attributes.push(attr(Core::DataContentType.name(), implied));
    }
    let data = event.data().map(|data| {
        let text = match data.kind {
            DataKind::Binary => None,
            DataKind::Json | DataKind::Text => std::str::from_utf8(&data.bytes).ok(),
        };
        match text {
            Some(text) => Payload::Text(text.to_owned()),
            None => Payload::Binary(data.bytes.clone()),
        }
    });
    Message {
        id: event.id().to_owned(),
        source: event.source().to_owned(),
        spec_version: "1.0".to_owned(),
        ty: event.ty().to_owned(),
        attributes,
        data,
    }
}

fn attr(name: &str, value: Attribute<'_>) -> Attr {
    use message::AttrValue as V;
    let value = match value {
        Attribute::Boolean(b) => V::Boolean(b),
        Attribute::Integer(n) => V::Integer(n),
        Attribute::String(s) => V::String(s.to_owned()),
        Attribute::Binary(s) => match STANDARD.decode(s) {
            Ok(bytes) => V::Bytes(bytes.into()),
            Err(_) => V::String(s.to_owned()),
        },
        Attribute::Uri(s) => V::Uri(s.to_owned()),
        Attribute::UriReference(s) => V::UriRef(s.to_owned()),
        // What a protobuf timestamp cannot hold stays text.
        Attribute::Timestamp(s) => match Timestamp::parse(s) {
            Ok(Timestamp { seconds, nanos }) if INSTANTS.contains(&seconds) => {
                V::Timestamp(Instant {
                    seconds,
                    nanos: nanos as i32,
                })
            }
            _ => V::String(s.to_owned()),
        },
    };
    Attr {
        name: name.to_owned(),
        value: Some(Value { attr: Some(value) }),
    }
}
