//! Writing messages.

use super::percent;
use crate::model::{Core, DataKind};
use crate::{Event, json, protobuf};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, InvalidHeaderName};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Formats of structured and batched mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// JSON, which every receiver of structured mode reads.
    #[default]
    Json,
    /// Protobuf, which keeps the types of all attributes.
    Protobuf,
}

/// Headers and body in binary mode: `data` is the body, as it is.
///
/// Data that was JSON in a JSON envelope without `datacontenttype` goes out as `application/json`
/// (JSON format §3.1.2); otherwise no content type is invented.
pub fn encode_binary(event: &Event) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::with_capacity(16);
    let body = encode_binary_into(event, &mut headers);
    (headers, body)
}

/// The same beside headers that are there already; those of the event replace theirs.
pub fn encode_binary_into(event: &Event, headers: &mut HeaderMap) -> Bytes {
    for (name, value) in event.attributes() {
        if name == Core::DataContentType.name() {
            continue;
        }
        let text = value.to_canonical();
        // Both always succeed: names are checked, and the escaped value is printable ASCII.
        if let (Ok(name), Ok(value)) = (
            header_name(name),
            HeaderValue::from_bytes(&percent::encode(&text)),
        ) {
            headers.insert(name, value);
        }
    }
    let json = event.data().is_some_and(|data| data.kind == DataKind::Json);
    let implied = json.then_some("application/json");
    let content_type = event.data_content_type().or(implied);
    if let Some(Ok(value)) = content_type.map(HeaderValue::from_str) {
        headers.insert(CONTENT_TYPE, value);
    }
    let body = event.data().map(|data| data.bytes.clone());
    body.unwrap_or_default()
}

/// `ce-` and the name of an attribute; common ones are ready-made.
fn header_name(attribute: &str) -> Result<HeaderName, InvalidHeaderName> {
    Ok(HeaderName::from_static(match attribute {
        "id" => "ce-id",
        "source" => "ce-source",
        "specversion" => "ce-specversion",
        "type" => "ce-type",
        "subject" => "ce-subject",
        "time" => "ce-time",
        "dataschema" => "ce-dataschema",
        "partitionkey" => "ce-partitionkey",
        "traceparent" => "ce-traceparent",
        other => return HeaderName::try_from(format!("ce-{other}")),
    }))
}

/// Headers and body in structured mode.
pub fn encode_structured(event: &Event, format: Format) -> (HeaderMap, Bytes) {
    match format {
        Format::Json => typed(json::MEDIA_TYPE, json::encode(event)),
        Format::Protobuf => typed(protobuf::MEDIA_TYPE, protobuf::encode(event)),
    }
}

/// Headers and body in batched mode, which must not be sent unasked.
pub fn encode_batch(events: &[Event], format: Format) -> (HeaderMap, Bytes) {
    match format {
        Format::Json => typed(json::BATCH_MEDIA_TYPE, json::encode_batch(events)),
        Format::Protobuf => typed(protobuf::BATCH_MEDIA_TYPE, protobuf::encode_batch(events)),
    }
}

fn typed(media_type: &'static str, body: Bytes) -> (HeaderMap, Bytes) {
    let value = HeaderValue::from_static(media_type);
    (HeaderMap::from_iter([(CONTENT_TYPE, value)]), body)
}
