//! Writing messages.

use super::percent;
use crate::model::validate::SPEC_VERSION;
use crate::model::{Core, DataKind};
use crate::{Event, json, protobuf};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, InvalidHeaderName};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Attributes that most events have at most, and bytes of their values.
const USUAL: usize = 16;
const TEXTS: usize = 512;

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
    // The values share one buffer.
    let (mut texts, mut ends) = (Vec::with_capacity(TEXTS), Vec::with_capacity(USUAL));
    let mut put = |name: HeaderName, value: &str| {
        percent::encode_onto(value, &mut texts);
        ends.push((name, texts.len()));
    };
    put(
        const { HeaderName::from_static("ce-specversion") },
        SPEC_VERSION,
    );
    for core in Core::ALL {
        if let Some((name, text)) = core_name(core).zip(event.core(core)) {
            put(name, text);
        }
    }
    for (name, value) in event.extensions() {
        // Always succeeds: names are checked.
        if let Ok(name) = extension_name(name) {
            put(name, &value.to_canonical());
        }
    }
    let (texts, mut start) = (Bytes::from(texts), 0);
    for (name, end) in ends {
        // So does this: what is escaped is printable ASCII.
        if let Ok(value) = HeaderValue::from_maybe_shared(texts.slice(start..end)) {
            headers.insert(name, value);
        }
        start = end;
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

/// The header of a core attribute; `None` for the one that is HTTP's own.
fn core_name(core: Core) -> Option<HeaderName> {
    Some(match core {
        Core::Id => const { HeaderName::from_static("ce-id") },
        Core::Source => const { HeaderName::from_static("ce-source") },
        Core::Type => const { HeaderName::from_static("ce-type") },
        Core::Subject => const { HeaderName::from_static("ce-subject") },
        Core::Time => const { HeaderName::from_static("ce-time") },
        Core::DataSchema => const { HeaderName::from_static("ce-dataschema") },
        Core::DataContentType => return None,
    })
}

/// The header of an extension; common ones are ready-made.
fn extension_name(attribute: &str) -> Result<HeaderName, InvalidHeaderName> {
    Ok(match attribute {
        "partitionkey" => const { HeaderName::from_static("ce-partitionkey") },
        "traceparent" => const { HeaderName::from_static("ce-traceparent") },
        "tradewindhops" => const { HeaderName::from_static("ce-tradewindhops") },
        other => return HeaderName::try_from(format!("ce-{other}")),
    })
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
