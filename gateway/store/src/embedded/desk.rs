//! A writer without a thread: whoever brings a message writes for all who wait; appends are left for a
//! promise, which a task of its own keeps.
//!
//! Where a commit does not wait for a disk, handing it to a thread and back costs more than the
//! commit. Those who come while somebody writes leave their messages and go; the group that forms
//! meanwhile is written by the one who is there.

use super::Lock;
use super::promise::{Keep, Promise, Promised};
use super::worker::{Back, Message, Worker, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// A worker, and what waits for it.
pub(super) struct Desk {
    waiting: Mutex<Vec<Message>>,
    /// `None` once closed.
    worker: Mutex<Option<Worker>>,
    /// Somebody will write what waits.
    promised: Promised,
    _lock: Lock,
}

impl Desk {
    pub(super) fn new(worker: Worker, lock: Lock) -> Arc<Self> {
        Arc::new_cyclic(|desk| {
            let desk = desk.clone();
            let worker = worker.with_back(move || {
                let desk: Arc<Self> = desk.upgrade()?;
                Some(Box::new(move |message| desk.send(message)) as Back)
            });
            Self {
                waiting: Mutex::default(),
                worker: Mutex::new(Some(worker)),
                promised: Promised::default(),
                _lock: lock,
            }
        })
    }

    /// Has a message done, by the caller or by whoever is writing. After the end it is dropped, and
    /// with it the way of its answer.
    pub(super) fn send(&self, message: Message) {
        self.waiting().push(message);
        self.work();
    }

    /// Leaves a write, which is done once the promise is kept that the caller gets, or somebody has.
    pub(super) fn leave(self: &Arc<Self>, write: Write) -> Option<Promise> {
        self.waiting().push(Message::Write(write));
        Promise::to(self)
    }

    fn work(&self) {
        loop {
            let mut worker = match self.worker.try_lock() {
                Ok(worker) => worker,
                Err(TryLockError::Poisoned(poisoned)) => {
                    let mut worker = poisoned.into_inner();
                    // What it was about to write nobody knows.
                    if let Some(worker) = worker.take() {
                        worker.shared().broke();
                    }
                    worker
                }
                // The one who writes looks again after its last commit.
                Err(TryLockError::WouldBlock) => return,
            };
            let messages = std::mem::take(&mut *self.waiting());
            if let Some(writer) = worker.as_mut()
                && !writer.work(messages.into_iter())
            {
                *worker = None;
            }
            drop(worker);
            if self.waiting().is_empty() {
                return;
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Message>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keep for Desk {
    fn promised(&self) -> &Promised {
        &self.promised
    }

    fn keep(&self) {
        self.work();
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}
