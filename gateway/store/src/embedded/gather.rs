//! What publishers leave for a writer with a thread of its own.

use super::promise::{Keep, Promise, Promised};
use super::worker::{Message, Write};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Writes that the writer has not been told of.
#[derive(Debug)]
pub(super) struct Gather {
    waiting: Mutex<Vec<Write>>,
    promised: Promised,
    send: Sender<Message>,
}

impl Gather {
    pub(super) fn new(send: Sender<Message>) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::default(),
            promised: Promised::default(),
            send,
        })
    }

    /// Leaves a write, which is handed over once the promise is kept that the caller gets, or somebody
    /// has.
    pub(super) fn leave(self: &Arc<Self>, write: Write) -> Option<Promise> {
        self.waiting().push(write);
        Promise::to(self)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Write>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keep for Gather {
    fn promised(&self) -> &Promised {
        &self.promised
    }

    fn keep(&self) {
        let mut waiting = self.waiting();
        let writes = std::mem::take(&mut *waiting);
        // Before the next one may take what comes: appends keep the order in which they were left. It fails only when
        // the writer has ended: with what was to be written go the ways of its outcomes.
        if !writes.is_empty() {
            self.send.send(Message::Writes(writes)).ok();
        }
    }
}
