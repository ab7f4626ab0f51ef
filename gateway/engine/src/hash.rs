//! Keyed hashes: identity, content, ordering key. Senders cannot aim for collisions.

use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as SipHasher128};
use smallvec::SmallVec;
use std::hash::Hasher;
use tradewind_adapter::{TRACEPARENT, TRACESTATE};
use tradewind_event::Event;

/// The extension that carries the hop count; the gateway's own, so no part of the content.
pub const HOPS: &str = "tradewindhops";
/// The extension that says what of its schema an event breaks; the gateway's own, too.
pub const VIOLATION: &str = "tradewindviolation";
/// Attributes that are no part of what the sender says.
const NO_CONTENT: [&str; 4] = [HOPS, VIOLATION, TRACEPARENT, TRACESTATE];

/// Most bytes that are put together before they are hashed.
const TOGETHER: usize = 128;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Hashes([u8; 16]);

impl Hashes {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self(key)
    }

    fn wide(&self, parts: &[&[u8]]) -> u128 {
        let mut h = SipHasher128::new_with_key(&self.0);
        // Short parts are hashed together: a write costs more than the bytes of most of them.
        let mut together = SmallVec::<[u8; TOGETHER]>::new();
        for part in parts {
            together.extend_from_slice(&(part.len() as u64).to_le_bytes());
            if together.len() + part.len() <= TOGETHER - size_of::<u64>() {
                together.extend_from_slice(part);
                continue;
            }
            h.write(&together);
            together.clear();
            h.write(part);
        }
        h.write(&together);
        h.finish128().as_u128()
    }

    /// Identity of an event: its `source` and `id`.
    pub(crate) fn identity(&self, source: &str, id: &str) -> u128 {
        self.wide(&[source.as_bytes(), id.as_bytes()])
    }

    /// Digest of everything else that the sender decides, whatever the order of attributes. The trace
    /// in which it is sent is none of it: a repetition has another one.
    pub(crate) fn content(&self, event: &Event) -> u128 {
        let mut sum = match event.data() {
            Some(data) => self.wide(&[b"data", &data.bytes]),
            None => 0,
        };
        for (name, value) in event.attributes() {
            if !NO_CONTENT.contains(&name) {
                let value = value.to_canonical();
                sum =
                    sum.wrapping_add(self.wide(&[b"attribute", name.as_bytes(), value.as_bytes()]));
            }
        }
        sum
    }

    /// Digest of what counts of a reply.
    pub(crate) fn reply(&self, counts: &[u8]) -> u128 {
        self.wide(&[b"reply", counts])
    }

    /// Ordering key of an event, hashed; `None` where it has none.
    pub(crate) fn ordering(&self, event: &Event, order_by: Option<&str>) -> Option<u64> {
        let value = event.attribute(order_by?)?;
        let mut h = SipHasher24::new_with_key(&self.0);
        h.write(value.to_canonical().as_bytes());
        Some(h.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_event::Attribute;

    /// What is stored was hashed with one write for each length and part.
    #[test]
    fn how_parts_are_put_together_does_not_show() {
        let hashes = Hashes::new([7; 16]);
        for lengths in [
            &[0, 0, 0][..],
            &[9, 7, 111],
            &[9, 95, 1],
            &[9, 96, 1],
            &[4, 1024],
            &[200, 3, 200, 3],
        ] {
            let parts: Vec<Vec<u8>> = lengths
                .iter()
                .map(|n| (0..*n).map(|b| b as u8).collect())
                .collect();
            let mut h = SipHasher128::new_with_key(&[7; 16]);
            for part in &parts {
                h.write(&(part.len() as u64).to_le_bytes());
                h.write(part);
            }
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            assert_eq!(hashes.wide(&parts), h.finish128().as_u128(), "{lengths:?}");
        }
    }

    #[test]
    fn what_the_gateway_adds_and_traces_are_no_content() {
        let hashes = Hashes::new([7; 16]);
        let event = Event::builder("1", "/s", "t").build().unwrap();
        let with = |name, value| {
            event
                .with_attribute(name, Attribute::String(value))
                .unwrap()
        };
        let content = hashes.content(&event);
        for name in NO_CONTENT {
            assert_eq!(hashes.content(&with(name, "1")), content, "{name}");
        }
        assert_ne!(hashes.content(&with("other", "1")), content);
    }
}
