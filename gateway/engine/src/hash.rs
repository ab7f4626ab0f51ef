//! Keyed hashes: identity, content, ordering key. Senders cannot aim for collisions.

use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as SipHasher128};
use std::hash::Hasher;
use tradewind_event::Event;

/// The extension that carries the hop count; the gateway's own, so no part of the content.
pub const HOPS: &str = "tradewindhops";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Hashes([u8; 16]);

impl Hashes {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self(key)
    }

    fn wide(&self, parts: &[&[u8]]) -> u128 {
        let mut h = SipHasher128::new_with_key(&self.0);
        for part in parts {
            h.write(&(part.len() as u64).to_le_bytes());
            h.write(part);
        }
        h.finish128().as_u128()
    }

    /// Identity of an event: its `source` and `id`.
    pub(crate) fn identity(&self, source: &str, id: &str) -> u128 {
        self.wide(&[source.as_bytes(), id.as_bytes()])
    }

    /// Digest of everything else that the sender decides, whatever the order of attributes.
    pub(crate) fn content(&self, event: &Event) -> u128 {
        let mut sum = match event.data() {
            Some(data) => self.wide(&[b"data", &data.bytes]),
            None => 0,
        };
        for (name, value) in event.attributes() {
            if name != HOPS {
                let value = value.to_canonical();
                sum =
                    sum.wrapping_add(self.wide(&[b"attribute", name.as_bytes(), value.as_bytes()]));
            }
        }
        sum
    }

    /// Ordering key of an event, hashed; `None` where it has none.
    pub(crate) fn ordering(&self, event: &Event, order_by: Option<&str>) -> Option<u64> {
        let value = event.attribute(order_by?)?;
        let mut h = SipHasher24::new_with_key(&self.0);
        h.write(value.to_canonical().as_bytes());
        Some(h.finish())
    }
}
