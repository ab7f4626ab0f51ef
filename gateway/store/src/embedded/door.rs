//! The way to a shard: messages to a thread that writes, to whoever writes just now, or to a worker
//! in the caller's thread.

use super::Lock;
use super::desk::Desk;
use super::gather::Gather;
use super::promise::Promise;
use super::worker::{Message, Reply, Shared, Worker};
use crate::shard::{Call, Outcome, Shard, View};
use crate::{Clock, Error, Params, Stats};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};

/// The way to a shard.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) view: View,
    shared: Arc<Shared>,
    params: Params,
    way: Way,
}

/// Where the outcome of a write comes.
pub(super) type Waiting = oneshot::Receiver<Outcome>;

#[derive(Debug)]
enum Way {
    Thread {
        send: Sender<Message>,
        gather: Arc<Gather>,
        thread: Option<JoinHandle<()>>,
    },
    Desk(Arc<Desk>),
    /// `None` once closed.
    Inline(Box<Mutex<Option<Worker>>>),
}

impl Door {
    /// A shard that is written by a thread of its own, which holds `lock` as long as it runs.
    pub(super) fn thread(
        shard: Shard,
        clock: Arc<dyn Clock>,
        params: Params,
        lock: Lock,
    ) -> Result<Self, Error> {
        let (send, receive) = channel();
        let view = shard.view();
        let back = send.clone();
        let mut worker = Worker::new(shard, clock).with_back(move || {
            let back = back.clone();
            // The worker is gone only if nobody needs the checkpoint.
            Some(Box::new(move |message| drop(back.send(message))))
        });
        let shared = worker.shared();
        let thread = std::thread::Builder::new()
            .name("tradewind-store".into())
            .spawn(move || {
                if catch_unwind(AssertUnwindSafe(|| worker.run(&receive))).is_err() {
                    worker.shared().broke();
                }
                drop(worker);
                drop(lock);
            })
            .map_err(|e| crate::log::failed("start a writer", &e))?;
        Ok(Self {
            view,
            shared,
            params,
            way: Way::Thread {
                gather: Gather::new(send.clone()),
                send,
                thread: Some(thread),
            },
        })
    }

    /// A shard that is written by whoever brings something, for streams that wait for no disk.
    pub(super) fn desk(shard: Shard, clock: Arc<dyn Clock>, params: Params, lock: Lock) -> Self {
        let view = shard.view();
        let worker = Worker::new(shard, clock);
        let shared = worker.shared();
        Self {
            view,
            shared,
            params,
            way: Way::Desk(Desk::new(worker, lock)),
        }
    }

    /// A shard that the caller writes.
    pub(super) fn inline(shard: Shard, clock: Arc<dyn Clock>, params: Params) -> Self {
        let view = shard.view();
        let worker = Worker::new(shard, clock);
        let shared = worker.shared();
        Self {
            view,
            shared,
            params,
            way: Way::Inline(Box::new(Mutex::new(Some(worker)))),
        }
    }

    /// Whether calls are done in the caller's thread.
    pub(super) fn is_inline(&self) -> bool {
        matches!(self.way, Way::Inline(_))
    }

    fn send(&self, message: Message) -> Result<(), Error> {
        match &self.way {
            Way::Thread { send, .. } => send.send(message).map_err(|_| self.gone()),
            Way::Desk(desk) => {
                desk.send(message);
                Ok(())
            }
            Way::Inline(worker) => {
                let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
                let ended = !worker.as_mut().ok_or(Error::Closed)?.take(message);
                if ended {
                    *worker = None;
                }
                Ok(())
            }
        }
    }

    /// Hands a write over; the outcome comes with the group commit that takes it. A promise is to be kept, soon.
    pub(super) fn call(&self, call: Call) -> Result<(Waiting, Option<Promise>), Error> {
        // Else what was left when it ended would count as waiting, and be called busy.
        if let Some(why) = self.failed() {
            return Err(Error::Failed(why.clone()));
        }
        let append = call.is_append();
        let bytes = if append { call.bytes() } else { 0 };
        if append {
            let waiting = self.shared.calls.load(Ordering::Relaxed);
            let waiting_bytes = self.shared.bytes.load(Ordering::Relaxed);
            if waiting >= self.params.queue
                || waiting > 0 && waiting_bytes + bytes > self.params.queue_bytes
            {
                return Err(Error::Busy);
            }
            self.shared.calls.fetch_add(1, Ordering::Relaxed);
            self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        let (reply, outcome) = oneshot::channel();
        let write = (call, bytes, reply);
        let promise = match &self.way {
            // What the engine records is small, and it has waited for others already.
            Way::Desk(desk) if append => desk.leave(write),
            Way::Thread { gather, .. } if append => gather.leave(write),
            _ => {
                self.send(Message::Write(write))?;
                None
            }
        };
        Ok((outcome, promise))
    }

    /// Asks something of the writer.
    pub(super) async fn ask<T>(&self, ask: impl FnOnce(Reply<T>) -> Message) -> Result<T, Error> {
        self.begin(ask)?.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// The same, without waiting for the answer.
    pub(super) fn begin<T>(
        &self,
        ask: impl FnOnce(Reply<T>) -> Message,
    ) -> Result<oneshot::Receiver<Result<T, Error>>, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(ask(reply))?;
        Ok(answer)
    }

    pub(super) fn end(&self) -> watch::Receiver<u64> {
        self.shared.end.subscribe()
    }

    pub(super) fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Why nobody answers.
    pub(super) fn gone(&self) -> Error {
        self.failed()
            .map_or(Error::Closed, |why| Error::Failed(why.clone()))
    }

    /// Why it takes no writes any more.
    pub(super) fn failed(&self) -> Option<&String> {
        self.shared.failed()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Way::Thread { send, thread, .. } = &mut self.way {
            // Fails only when the writer has ended already.
            send.send(Message::Stop).ok();
            if let Some(thread) = thread.take() {
                thread.join().ok();
            }
        }
    }
}
