//! Happenings, told to whoever listens.

use crate::Happening;
use crate::machine::Note;
use crate::time::Time;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Happenings kept for a slow listener.
const KEPT: usize = 4096;

#[derive(Debug, Clone)]
pub(crate) struct Announcer {
    sender: broadcast::Sender<Happening>,
    time: Time,
}

impl Announcer {
    pub(crate) fn new(time: Time) -> Self {
        Self {
            sender: broadcast::Sender::new(KEPT),
            time,
        }
    }
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Happening> {
        self.sender.subscribe()
    }
    pub(crate) fn listened(&self) -> bool {
        self.sender.receiver_count() > 0
    }
    pub(crate) fn tell(&self, happening: Happening) {
        // Nobody listening is no error.
        self.sender.send(happening).ok();
    }
    /// A happening that concerns no event.
    pub(crate) fn plain(&self, what: &str, stream: &str, name: Option<&str>, detail: String) {
        if self.listened() {
            self.tell(Happening {
                at_ms: self.time.now(),
                what: what.to_owned(),
                stream: Some(stream.to_owned()),
                position: None,
                id: None,
                ty: None,
                name: name.map(str::to_owned),
                detail,
                event: None,
            });
        }
    }
    pub(crate) fn note(&self, at_ms: u64, stream: &Arc<str>, shard: u16, note: Note) {
        self.tell(Happening {
            at_ms,
            what: note.what.to_owned(),
            stream: Some(stream.to_string()),
            position: note.offset.map(|offset| format!("{shard}/{offset}")),
            id: note.stored.as_ref().map(|s| s.event.id().to_owned()),
            ty: note.stored.as_ref().map(|s| s.event.ty().to_owned()),
            name: Some(note.name.to_string()),
            detail: note.detail,
            event: note.stored.as_ref().map(|s| s.event.clone()),
        });
    }
}
