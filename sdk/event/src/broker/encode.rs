//! Writing messages.

use super::Binding;
use crate::http::percent;
use crate::model::{Core, DataKind};
use crate::{Event, json};
use bytes::Bytes;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Names and values, UTF-8.
    pub headers: Vec<(String, String)>,
    /// What the body is.
    pub content_type: Option<String>,
    /// `None` for an event without data in binary mode.
    pub body: Option<Bytes>,
}

/// A message in binary mode: `data` is the body, as it is.
///
/// Data that was JSON in a JSON envelope without `datacontenttype` goes out as `application/json` (JSON format §3.1.2);
/// otherwise no content type is invented.
pub fn encode_binary(binding: &Binding, event: &Event) -> Message {
    let value = |text: &str| match binding.percent {
        true => {
            let mut out = Vec::with_capacity(text.len());
            percent::encode_onto(text, &mut out);
            // Printable ASCII, once it is encoded.
            String::from_utf8_lossy(&out).into_owned()
        }
        false => text.to_owned(),
    };
    let mut headers = Vec::with_capacity(12);
    for (name, attribute) in event.attributes() {
        if name != Core::DataContentType.name() {
            headers.push((binding.name(name), value(&attribute.to_canonical())));
        }
    }
    let json = event.data().is_some_and(|data| data.kind == DataKind::Json);
    let implied = json.then_some("application/json");
    let mut content_type = event.data_content_type().or(implied).map(str::to_owned);
    if binding.data_content_type
        && let Some(content_type) = content_type.take()
    {
        let name = binding.name(Core::DataContentType.name());
        headers.push((name, value(&content_type)));
    }
    Message {
        headers,
        content_type,
        body: event.data().map(|data| data.bytes.clone()),
    }
}

/// A message in structured mode, as JSON.
pub fn encode_structured(event: &Event) -> Message {
    Message {
        headers: Vec::new(),
        content_type: Some(json::MEDIA_TYPE.into()),
        body: Some(json::encode(event)),
    }
}
