//! What arrived.

use bytes::Bytes;
use http::{HeaderMap, HeaderName};

/// One body, and the headers that it came with (none where it came from a queue or a function's
/// input).
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// As received.
    pub headers: &'a HeaderMap,
    /// As received.
    pub body: &'a Bytes,
}

impl<'a> Message<'a> {
    /// The one value of a header that an attribute can hold.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&'a str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        (values.next().is_none() && !value.is_empty()).then_some(value)
    }
}
