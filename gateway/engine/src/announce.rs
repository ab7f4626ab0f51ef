//! Happenings, told to whoever listens. Room for those that a listener has not seen yet is made for the first one.

use crate::Happening;
use crate::machine::Note;
use crate::time::Time;
use std::sync::{Arc, OnceLock};
use tokio::sync::broadcast;

/// Happenings kept for a slow listener.
const KEPT: usize = 4096;

#[derive(Debug, Clone)]
pub(crate) struct Announcer {
    sender: Arc<OnceLock<broadcast::Sender<Happening>>>,
    time: Time,
}

impl Announcer {
    pub(crate) fn new(time: Time) -> Self {
        Self {
            sender: Arc::default(),
            time,
        }
    }
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Happening> {
        let sender = self.sender.get_or_init(|| broadcast::Sender::new(KEPT));
        sender.subscribe()
    }
    pub(crate) fn listened(&self) -> bool {
        let sender = self.sender.get();
        sender.is_some_and(|sender| sender.receiver_count() > 0)
    }
    pub(crate) fn tell(&self, happening: Happening) {
        if let Some(sender) = self.sender.get() {
            // Nobody listening is no error.
            sender.send(happening).ok();
        }
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
