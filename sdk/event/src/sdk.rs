//! Conversions from and to the event of the official SDK, for those who migrate.
//!
//! What that model cannot hold is lost on the way out: the offset of `time`, the types of extensions
//! other than boolean and integer, and the spelling of JSON data (order of members, large numbers).

use crate::model::{Attribute, Core, Data, DataKind, Draft, Event, Timestamp, is_json};
use crate::{InvalidEvent, model::validate::SPEC_VERSION};
use cloudevents::event::{ExtensionValue, TryIntoTime, TryIntoUrl};
use cloudevents::{AttributesReader, AttributesWriter};

/// Data that claims to be JSON and is not becomes binary data; a `dataschema` that the SDK's URL
/// type does not take is left out.
impl From<&Event> for cloudevents::Event {
    fn from(event: &Event) -> Self {
        let mut out = cloudevents::Event::default();
        out.set_id(event.id());
        out.set_source(event.source());
        out.set_type(event.ty());
        out.set_subject(event.subject());
        out.set_time(event.time_text().and_then(|time| time.into_time().ok()));
        out.set_dataschema(event.data_schema().and_then(|uri| uri.into_url().ok()));
        out.set_datacontenttype(event.data_content_type());
        for (name, value) in event.extensions() {
            let value = match value {
                Attribute::Boolean(b) => ExtensionValue::Boolean(b),
                Attribute::Integer(n) => ExtensionValue::Integer(n.into()),
                text => ExtensionValue::String(text.to_canonical().into_owned()),
            };
            out.set_extension(name, value);
        }
        if let Some(data) = event.data() {
            out.set_data_unchecked(payload(data));
        }
        out
    }
}

fn payload(data: &Data) -> cloudevents::Data {
    let converted = match data.kind {
        DataKind::Json => crate::json::value(&data.bytes)
            .ok()
            .map(cloudevents::Data::Json),
        DataKind::Text => String::from_utf8(data.bytes.to_vec())
            .ok()
            .map(cloudevents::Data::String),
        DataKind::Binary => None,
    };
    converted.unwrap_or_else(|| cloudevents::Data::Binary(data.bytes.to_vec()))
}

/// Refuses what is not valid; the SDK itself checks little. An event of version 0.3 becomes one of
/// 1.0.
impl TryFrom<cloudevents::Event> for Event {
    type Error = InvalidEvent;

    fn try_from(mut event: cloudevents::Event) -> Result<Self, InvalidEvent> {
        let mut draft = Draft::with_capacity(256);
        let time = event.time().map(|time| {
            let instant = Timestamp {
                seconds: time.timestamp(),
                // The SDK's clock type counts a leap second as a second of two thousand millis.
                nanos: time.timestamp_subsec_nanos().min(999_999_999),
            };
            instant.to_string()
        });
        let attributes = [
            ("specversion", Some(SPEC_VERSION)),
            ("id", Some(event.id())),
            ("source", Some(event.source())),
            ("type", Some(event.ty())),
            ("subject", event.subject()),
            ("time", time.as_deref()),
            ("datacontenttype", event.datacontenttype()),
            ("dataschema", event.dataschema().map(|url| url.as_str())),
        ];
        for (name, value) in attributes {
            if let Some(value) = value {
                draft.set(name, Attribute::String(value))?;
            }
        }
        for (name, value) in event.iter_extensions() {
            match value {
                ExtensionValue::String(text) => draft.set(name, Attribute::String(text))?,
                ExtensionValue::Boolean(b) => draft.set(name, Attribute::Boolean(*b))?,
                ExtensionValue::Integer(n) => {
                    let number = i32::try_from(*n).map_err(|_| {
                        let reason = format!("is {n}; integers have 32 bits");
                        InvalidEvent::new(name, reason)
                    })?;
                    draft.set(name, Attribute::Integer(number))?;
                }
            }
        }
        let json = draft.get(Core::DataContentType).is_some_and(is_json);
        let (_, _, data) = event.take_data();
        let data = data.map(|data| match data {
            cloudevents::Data::Binary(bytes) => {
                Data::of(draft.get(Core::DataContentType), bytes.into())
            }
            cloudevents::Data::String(text) => Data {
                bytes: text.into(),
                kind: if json { DataKind::Json } else { DataKind::Text },
            },
            cloudevents::Data::Json(value) => Data {
                bytes: value.to_string().into(),
                kind: DataKind::Json,
            },
        });
        draft.finish(data)
    }
}
