//! Writing records.

use super::decode::{CONTENT_TYPE, PREFIX};
use crate::model::{Core, DataKind};
use crate::{Event, json};
use bytes::Bytes;

/// Headers and value of a record. The key is the sender's to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Names and values, UTF-8.
    pub headers: Vec<(String, String)>,
    /// `None` for an event without data in binary mode.
    pub value: Option<Bytes>,
}

/// A record in binary mode: `data` is the value, as it is.
///
/// Data that was JSON in a JSON envelope without `datacontenttype` goes out as `application/json` (JSON format §3.1.2);
/// otherwise no content type is invented.
pub fn encode_binary(event: &Event) -> Record {
    let mut headers = Vec::with_capacity(12);
    for (name, value) in event.attributes() {
        if name != Core::DataContentType.name() {
            headers.push((format!("{PREFIX}{name}"), value.to_canonical().into_owned()));
        }
    }
    let json = event.data().is_some_and(|data| data.kind == DataKind::Json);
    let implied = json.then_some("application/json");
    if let Some(content_type) = event.data_content_type().or(implied) {
        headers.push((CONTENT_TYPE.into(), content_type.into()));
    }
    Record {
        headers,
        value: event.data().map(|data| data.bytes.clone()),
    }
}

/// A record in structured mode, as JSON.
pub fn encode_structured(event: &Event) -> Record {
    Record {
        headers: vec![(CONTENT_TYPE.into(), json::MEDIA_TYPE.into())],
        value: Some(json::encode(event)),
    }
}
