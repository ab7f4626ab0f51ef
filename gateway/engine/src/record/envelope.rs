//! A stored event: who brought it, and the event itself.

use super::wire::{Corrupt, Reader, Writer};
use crate::Origin;
use crate::hash::HOPS;
use bytes::Bytes;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use tradewind_event::{Attribute, Event, Timestamp, packed};
use tradewind_store::{Item, Position};

const VERSION: u8 = 1;

/// Bytes that a number takes, about.
const LEAD: usize = 4;

/// What the gateway adds to an event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Envelope {
    payload: Bytes,
    /// Where its texts lie: looked at by people only.
    texts: [Range<usize>; 3],
    /// How many times it went through a gateway before.
    pub(crate) hops: u32,
}

impl PartialEq for Envelope {
    fn eq(&self, other: &Self) -> bool {
        let whole = |envelope: &Self| {
            let Self { texts, hops, .. } = envelope;
            (texts.clone().map(|at| envelope.payload.slice(at)), *hops)
        };
        whole(self) == whole(other)
    }
}

impl Eq for Envelope {}

impl Envelope {
    #[cfg(feature = "testkit")]
    pub(crate) fn space(&self) -> &str {
        self.text(0)
    }

    pub(crate) fn source(&self) -> &str {
        self.text(1)
    }

    pub(crate) fn principal(&self) -> &str {
        self.text(2)
    }

    fn text(&self, which: usize) -> &str {
        let bytes = self.payload.get(self.texts[which].clone());
        // Text that was written, or was looked at when it was read.
        bytes.map_or("", |bytes| std::str::from_utf8(bytes).unwrap_or_default())
    }

    /// Payload of an event from `origin` in a stream of `space`, let in by a policy where there are any; also what it
    /// will be read as.
    pub(crate) fn pack(
        space: &str,
        origin: &Origin,
        by: Option<&str>,
        hops: u32,
        event: &Event,
    ) -> (Bytes, Unpacked) {
        let principal = match by {
            Some(policy) => Cow::from([&origin.principal, ", by policy ", policy].concat()),
            None => Cow::from(&*origin.principal),
        };
        let texts = [space, &origin.source, &principal];
        let lead: usize = texts.iter().map(|text| LEAD + text.len()).sum();
        let mut w = Writer::with_room(VERSION, LEAD + lead + packed::room(event));
        let texts = texts.map(|text| {
            let end = w.text(text).tail().len();
            end - text.len()..end
        });
        let lead = std::mem::take(w.int(hops.into()).tail());
        let (payload, event) = packed::pack_again(event, lead);
        let envelope = Self {
            payload: payload.clone(),
            texts,
            hops,
        };
        (payload, (envelope, event))
    }

    pub(crate) fn decode(payload: &Bytes) -> Result<Unpacked, Corrupt> {
        let mut r = Reader::new("stored event", payload, VERSION)?;
        // Parts of the payload, not copies of them.
        let mut text = || {
            let len = r.text()?.len();
            let end = payload.len() - r.left();
            Ok::<_, Corrupt>(end - len..end)
        };
        let texts = [text()?, text()?, text()?];
        let envelope = Self {
            payload: payload.clone(),
            texts,
            hops: r.int()? as u32,
        };
        let event =
            packed::unpack(payload.slice(payload.len() - r.left()..)).map_err(|_| Corrupt {
                what: "stored event",
                why: "its packed form is invalid",
            })?;
        Ok((envelope, event))
    }
}

/// A stored event and who brought it, as the log has them.
pub(crate) type Unpacked = (Envelope, Event);

/// An event of the log, unpacked once for every lane that reads it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) offset: u64,
    pub(crate) appended_ms: u64,
    pub(crate) envelope: Envelope,
    pub(crate) event: Event,
    /// Bytes of its payload in the log.
    pub(crate) bytes: usize,
    /// Its `expirytime`, in milliseconds since the Unix epoch.
    pub(crate) expires_ms: Option<u64>,
    at: Position,
    outgoing: OnceLock<(Event, Arc<str>)>,
}

impl Stored {
    pub(crate) fn new(
        position: Position,
        appended_ms: u64,
        (envelope, event): Unpacked,
        bytes: usize,
    ) -> Self {
        Self {
            offset: position.offset,
            at: position,
            appended_ms,
            outgoing: OnceLock::new(),
            expires_ms: expiry(&event),
            envelope,
            event,
            bytes,
        }
    }

    /// The event as sinks get it, with one more hop, and its position as text. Made for the first that wants it: most
    /// events that pass no filter need neither.
    pub(crate) fn outgoing(&self) -> &(Event, Arc<str>) {
        self.outgoing.get_or_init(|| {
            let hops = i32::try_from(self.envelope.hops.saturating_add(1)).unwrap_or(i32::MAX);
            let event = self.event.with_attribute(HOPS, Attribute::Integer(hops));
            let event = event.unwrap_or_else(|_| self.event.clone());
            (event, self.at.to_string().into())
        })
    }

    pub(crate) fn read(item: &Item) -> Result<Arc<Self>, Corrupt> {
        let known = item.decoded.as_deref();
        let decoded = match known.and_then(|known| known.downcast_ref::<Unpacked>()) {
            Some(decoded) => decoded.clone(),
            None => Envelope::decode(&item.payload)?,
        };
        let (at, bytes) = (item.position, item.payload.len());
        Ok(Arc::new(Self::new(at, item.appended_ms, decoded, bytes)))
    }

    /// As written beside the log when its segment goes: the time, then the payload as it was.
    pub(crate) fn keep(item: &Item) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.int(item.appended_ms);
        w.tail().extend_from_slice(&item.payload);
        w.finish()
    }

    pub(crate) fn kept(position: Position, bytes: &Bytes) -> Result<Arc<Self>, Corrupt> {
        let mut r = Reader::new("kept event", bytes, VERSION)?;
        let appended_ms = r.int()?;
        let payload = bytes.slice(bytes.len() - r.left()..);
        let decoded = Envelope::decode(&payload)?;
        Ok(Arc::new(Self::new(
            position,
            appended_ms,
            decoded,
            payload.len(),
        )))
    }
}

fn expiry(event: &Event) -> Option<u64> {
    let value = event.attribute("expirytime")?;
    let at = Timestamp::parse(&value.to_canonical()).ok()?;
    let ms = i128::from(at.seconds) * 1000 + i128::from(at.nanos) / 1_000_000;
    u64::try_from(ms).ok().or(Some(0))
}
