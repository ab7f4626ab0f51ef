//! A stored event: who brought it, and the event itself.

use super::wire::{Corrupt, Reader, Writer};

use bytes::Bytes;
use std::sync::Arc;
use tradewind_event::{Event, packed};
use tradewind_store::Item;

const VERSION: u8 = 1;

/// What the gateway adds to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) space: String,
    pub(crate) source: String,
    pub(crate) principal: String,
    /// How many times it went through a gateway before.
    pub(crate) hops: u32,
}

impl Envelope {
    pub(crate) fn encode(&self, event: &Event) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.text(&self.space)
            .text(&self.source)
            .text(&self.principal)
            .int(self.hops.into());
        packed::pack(event, w.tail());
        w.finish()
    }

    pub(crate) fn decode(payload: &Bytes) -> Result<(Self, Event), Corrupt> {
        let mut r = Reader::new("stored event", payload, VERSION)?;
        let envelope = Self {
            space: r.text()?.to_owned(),
            source: r.text()?.to_owned(),
            principal: r.text()?.to_owned(),
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

/// An event of the log, unpacked once for every lane that reads it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) offset: u64,
    pub(crate) appended_ms: u64,
    pub(crate) envelope: Envelope,
    pub(crate) event: Event,
    /// Bytes of its payload in the log.
    pub(crate) bytes: usize,
}

impl Stored {
    pub(crate) fn read(item: &Item) -> Result<Arc<Self>, Corrupt> {
        let (envelope, event) = Envelope::decode(&item.payload)?;
        Ok(Arc::new(Self {
            offset: item.position.offset,
            appended_ms: item.appended_ms,
            envelope,
            event,
            bytes: item.payload.len(),
        }))
    }

    /// As written beside the log when its segment goes: the time, then the payload as it was.
    pub(crate) fn keep(item: &Item) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.int(item.appended_ms);
        w.tail().extend_from_slice(&item.payload);
        w.finish()
    }

    pub(crate) fn kept(offset: u64, bytes: &Bytes) -> Result<Arc<Self>, Corrupt> {
        let mut r = Reader::new("kept event", bytes, VERSION)?;
        let appended_ms = r.int()?;
        let payload = bytes.slice(bytes.len() - r.left()..);
        let (envelope, event) = Envelope::decode(&payload)?;
        Ok(Arc::new(Self {
            offset,
            appended_ms,
            envelope,
            event,
            bytes: payload.len(),
        }))
    }
}
