//! Keyed hashes: identity, content, ordering key. Senders cannot aim for collisions.

use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher13, SipHasher24 as SipHasher128};
use smallvec::SmallVec;
use std::hash::Hasher;
use tradewind_adapter::{TRACEPARENT, TRACESTATE};
use tradewind_event::{Attribute, Event};

/// The extension that carries the hop count; the gateway's own, so no part of the content.
pub const HOPS: &str = "tradewindhops";
/// The extension that says what of its schema an event breaks; the gateway's own, too.
pub const VIOLATION: &str = "tradewindviolation";
/// Attributes that are no part of what the sender says.
const NO_CONTENT: [&str; 4] = [HOPS, VIOLATION, TRACEPARENT, TRACESTATE];

/// Core attributes that an event may lack.
const OPTIONAL: [&str; 4] = ["subject", "time", "datacontenttype", "dataschema"];
/// Extensions that most events have at most, and bytes of all attributes.
const USUAL: usize = 4;
const TEXTS: usize = 512;
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
        let (mut together, mut len) = ([0; TOGETHER], 0);
        let mut put = |h: &mut SipHasher128, bytes: &[u8]| {
            if let Some(room) = together.get_mut(len..len + bytes.len()) {
                room.copy_from_slice(bytes);
                len += bytes.len();
                return;
            }
            h.write(&together[..len]);
            len = 0;
            h.write(bytes);
        };
        for part in parts {
            put(&mut h, &(part.len() as u64).to_le_bytes());
            put(&mut h, part);
        }
        h.write(&together[..len]);
        h.finish128().as_u128()
    }

    /// Identity of an event: its `source` and `id`.
    pub(crate) fn identity(&self, source: &str, id: &str) -> u128 {
        self.wide(&[source.as_bytes(), id.as_bytes()])
    }

    /// Digest of everything else that the sender decides, whatever the order of attributes. The trace
    /// in which it is sent is none of it: a repetition has another one.
    ///
    /// One pass, with fewer rounds than identities have: whoever could make two contents with one digest would have the
    /// second of his own two events taken for the first.
    pub(crate) fn content(&self, event: &Event) -> u128 {
        let mut texts = Vec::with_capacity(TEXTS);
        let mut put = |text: &str| {
            // Attributes end at 2 GiB.
            texts.extend_from_slice(&(text.len() as u32).to_le_bytes());
            texts.extend_from_slice(text.as_bytes());
        };
        // `id` and `source` are the identity.
        put(event.ty());
        let core = [
            event.subject(),
            event.time_text(),
            event.data_content_type(),
            event.data_schema(),
        ];
        for (text, name) in core.into_iter().zip(OPTIONAL) {
            if let Some(text) = text {
                put(name);
                put(text);
            }
        }
        let own = event.extensions();
        let mut own: SmallVec<[(&str, Attribute<'_>); USUAL]> =
            own.filter(|(name, _)| !NO_CONTENT.contains(name)).collect();
        own.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in &own {
            put(name);
            put(&value.to_canonical());
        }
        // No name is empty.
        texts.extend_from_slice(&0u32.to_le_bytes());
        let mut h = SipHasher13::new_with_key(&self.0);
        h.write(&texts);
        if let Some(data) = event.data() {
            h.write(b"data");
            h.write(&data.bytes);
        }
        h.finish128().as_u128()
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
    fn content_is_all_that_is_said_in_any_order() {
        let hashes = Hashes::new([7; 16]);
        let event = |attributes: &[(&str, &str)], data: Option<&'static str>| {
            let mut builder = Event::builder("1", "/s", "t");
            for (name, value) in attributes {
                builder = builder.extension(name, Attribute::String(value));
            }
            if let Some(data) = data {
                builder = builder.data("text/plain", data);
            }
            builder.build().unwrap()
        };
        let same = hashes.content(&event(&[("a", "1"), ("b", "2")], Some("x")));
        assert_eq!(
            hashes.content(&event(&[("b", "2"), ("a", "1")], Some("x"))),
            same
        );
        let mut all = vec![same];
        for (attributes, data) in [
            (&[("a", "2"), ("b", "1")][..], Some("x")),
            (&[("a", "1"), ("b", "2")], Some("y")),
            (&[("a", "1"), ("b", "2")], Some("")),
            (&[("a", "1"), ("b", "2")], None),
            (&[("a", "1b2")], Some("x")),
            (&[("a1", "b"), ("b", "2")], Some("x")),
            (&[("a", "1"), ("b", "2"), ("c", "x")], None),
            (&[], Some("x")),
        ] {
            all.push(hashes.content(&event(attributes, data)));
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
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
