//! Events made of bodies that are none.

use super::config::Raw;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use sha2::{Digest, Sha256};
use tradewind_event::{Event, InvalidEvent};

impl Raw {
    /// The event of a request.
    ///
    /// Its id is the `Idempotency-Key` header where the sender gives one. Otherwise it is derived
    /// from content type and body, so that a repetition is recognised; two messages that happen to
    /// be alike within the deduplication window then count as one, which only a key can prevent.
    pub(crate) fn event(&self, headers: &HeaderMap, body: Bytes) -> Result<Event, InvalidEvent> {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let content_type = text(CONTENT_TYPE.as_str()).unwrap_or("application/octet-stream");
        let id = match text("idempotency-key").map(str::trim) {
            Some(key) if !key.is_empty() => key.to_owned(),
            _ => digest(content_type, &body),
        };
        Event::builder(id, &self.source, &self.ty)
            .data(content_type, body)
            .build()
    }
}

fn digest(content_type: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(content_type);
    hash.update([0]);
    hash.update(body);
    format!("sha256-{}", crate::api_key::hex(&hash.finalize()))
}
