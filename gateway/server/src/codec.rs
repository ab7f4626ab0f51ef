//! Events as the admin API and the command line write and read them: CloudEvents JSON.

use crate::ingress::Problem;
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use tradewind_event::{DecodeError, Event, Limits, json};

/// The event in structured form.
pub(crate) fn to_json(event: &Event) -> Result<Value, Problem> {
    json::value(&json::encode(event)).map_err(|error| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "not-json",
            "the event cannot be shown as JSON",
        )
        .detail(error.to_string())
    })
}

/// One event, or a batch in `[...]`.
pub(crate) fn from_json(document: Bytes) -> Result<Vec<Event>, DecodeError> {
    let batch = document.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'[');
    if batch {
        json::decode_batch(document, &Limits::default())
    } else {
        json::decode(document).map(|event| vec![event])
    }
}
