//! What a decoder takes at most.

/// Most extension attributes of an event that is read or built.
///
/// CloudEvents names no limit. Each is a header in binary mode, of which common HTTP servers take a
/// hundred, and every filter looks among them by name.
pub const EXTENSIONS_MAX: usize = 256;

/// Whether an event that has `found` extension attributes may have another one.
pub(crate) fn another(found: usize, name: &str) -> Result<(), crate::InvalidEvent> {
    if found < EXTENSIONS_MAX {
        return Ok(());
    }
    let reason = format!("is one too many; an event has at most {EXTENSIONS_MAX} extensions");
    Err(crate::InvalidEvent::new(name, reason))
}

/// Upper bounds for decoders of untrusted input.
///
/// CloudEvents asks an intermediary to forward events of up to 64 KiB, so no limit on a single event
/// should be below that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest single event in bytes, envelope and data together. Default 1 MiB.
    pub event_bytes: usize,
    /// Largest batch in bytes. Default 8 MiB.
    pub batch_bytes: usize,
    /// Most events in a batch. Default 1,000.
    pub batch_events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            event_bytes: 1 << 20,
            batch_bytes: 8 << 20,
            batch_events: 1_000,
        }
    }
}

impl Limits {
    pub(crate) fn event(&self, found: usize) -> Result<(), crate::DecodeError> {
        check("event size in bytes", found, self.event_bytes)
    }
    pub(crate) fn batch(&self, found: usize) -> Result<(), crate::DecodeError> {
        check("batch size in bytes", found, self.batch_bytes)
    }
    pub(crate) fn events(&self, found: usize) -> Result<(), crate::DecodeError> {
        check("number of events in the batch", found, self.batch_events)
    }
}

fn check(what: &'static str, found: usize, limit: usize) -> Result<(), crate::DecodeError> {
    if found > limit {
        return Err(crate::DecodeError::TooLarge { what, limit });
    }
    Ok(())
}
