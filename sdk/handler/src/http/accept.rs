//! Events that a request holds by its own headers.

use super::service::Refusal;
use super::{Options, signature};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use tradewind_event::Limits;
use tradewind_event::http::{Message, Options as Decoding, decode};

/// Reads the events of a request; the signature comes first, where one is asked for.
pub(crate) fn accept(
    headers: &HeaderMap,
    body: Bytes,
    options: &Options,
) -> Result<Message, Refusal> {
    verify(headers, &body, options)?;
    let coding = headers.get(CONTENT_ENCODING);
    if coding.is_some_and(|coding| coding != "identity") {
        let why = "compressed bodies are not taken";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let limits = Limits {
        event_bytes: options.body_max,
        batch_bytes: options.body_max,
        ..Limits::default()
    };
    let decoding = Decoding {
        limits,
        ..Decoding::default()
    };
    decode(headers, body, &decoding).map_err(|e| Refusal::new(e.status(), e.to_string()))
}

/// Refuses a request that nobody signed, where a secret is configured.
pub(crate) fn verify(headers: &HeaderMap, body: &Bytes, options: &Options) -> Result<(), Refusal> {
    let Options { secrets, clock, .. } = options;
    if secrets.is_empty() {
        return Ok(());
    }
    signature::verify(secrets, headers, body, clock()).map_err(|because| Refusal {
        status: StatusCode::UNAUTHORIZED,
        why: "a valid signature is required".into(),
        because,
    })
}

/// Whether a request says of itself that it holds CloudEvents.
pub(crate) fn is_cloud_event(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let prefix = "application/cloudevents";
    headers.contains_key("ce-specversion")
        || content_type
            .and_then(|text| text.get(..prefix.len()))
            .is_some_and(|text| text.eq_ignore_ascii_case(prefix))
}
