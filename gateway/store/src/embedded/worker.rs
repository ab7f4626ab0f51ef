//! The one that writes a shard.

use crate::shard::{Call, Done, Outcome, Shard};
use crate::{Clock, Error, Recovered, Stats};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Most that one group commit takes.
const GROUP_CALLS: usize = 4096;
const GROUP_BYTES: usize = 4 << 20;

/// After this time without a write, lazy records are synced.
const IDLE: Duration = Duration::from_secs(1);

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What a worker is asked.
pub(super) enum Message {
    /// A write, and how many bytes of the queue it takes.
    Call(Call, usize, oneshot::Sender<Outcome>),
    Own(Reply<Recovered>),
    Expired(Reply<u64>),
    Trim(u64, Reply<()>),
    /// A checkpoint is on disk, or failed.
    Written(Box<Result<Done, Error>>),
    Close(Reply<()>),
    /// Nobody is left to ask.
    Stop,
}

/// What a worker shows to everybody.
#[derive(Debug)]
pub(super) struct Shared {
    /// The end that readers may see.
    pub(super) end: watch::Sender<u64>,
    /// Appends that wait, and their bytes.
    pub(super) calls: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    /// Why it takes no writes any more.
    failed: OnceLock<String>,
    stats: Mutex<Stats>,
}

impl Shared {
    pub(super) fn stats(&self) -> Stats {
        *self.lock()
    }

    pub(super) fn failed(&self) -> Option<&String> {
        self.failed.get()
    }

    fn lock(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A shard's writer. With a way back to itself it has checkpoints written by another thread.
#[derive(Debug)]
pub(super) struct Worker {
    shard: Shard,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    back: Option<Sender<Message>>,
    /// Wait for the checkpoint that is being written.
    begun: Vec<Reply<()>>,
    /// Wait for the one after it.
    trims: Vec<(u64, Reply<()>)>,
    closing: Option<Reply<()>>,
    stopping: bool,
}

impl Worker {
    pub(super) fn new(shard: Shard, clock: Arc<dyn Clock>, back: Option<Sender<Message>>) -> Self {
        let shared = Arc::new(Shared {
            end: watch::Sender::new(0),
            calls: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            failed: OnceLock::new(),
            stats: Mutex::default(),
        });
        let worker = Self {
            shard,
            clock,
            shared,
            back,
            begun: Vec::new(),
            trims: Vec::new(),
            closing: None,
            stopping: false,
        };
        worker.show();
        worker
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Works until closed or left.
    pub(super) fn run(&mut self, receive: &Receiver<Message>) {
        let mut held = None;
        while let Some(message) = held.take().or_else(|| self.next(receive)) {
            let Message::Call(call, bytes, reply) = message else {
                if !self.take(message) {
                    return;
                }
                continue;
            };
            // Everything that waits goes into one commit; nothing is waited for.
            let mut size = call.bytes();
            let mut group = vec![(call, bytes, reply)];
            while group.len() < GROUP_CALLS && size < GROUP_BYTES {
                match receive.try_recv() {
                    Ok(Message::Call(call, bytes, reply)) => {
                        size += call.bytes();
                        group.push((call, bytes, reply));
                    }
                    other => {
                        held = other.ok();
                        break;
                    }
                }
            }
            self.commit(group);
        }
    }

    /// Waits for a message; meanwhile, what was recorded lazily becomes durable.
    fn next(&mut self, receive: &Receiver<Message>) -> Option<Message> {
        if self.shard.is_synced() {
            return receive.recv().ok();
        }
        receive
            .recv_timeout(IDLE)
            .or_else(|_| {
                self.shard.flush();
                self.show();
                receive.recv()
            })
            .ok()
    }

    /// Does what a message asks; false when there is nothing more to do.
    pub(super) fn take(&mut self, message: Message) -> bool {
        let now_ms = self.clock.unix_ms();
        match message {
            Message::Call(call, bytes, reply) => self.commit(vec![(call, bytes, reply)]),
            Message::Own(reply) => answer(reply, self.shard.own(now_ms)),
            Message::Expired(reply) => answer(reply, Ok(self.shard.expired(now_ms))),
            Message::Trim(before, reply) => {
                self.trims.push((before, reply));
                self.checkpoint();
            }
            Message::Written(done) => {
                self.finish(*done, now_ms);
                self.checkpoint();
            }
            Message::Close(reply) => self.closing = Some(reply),
            Message::Stop => self.stopping = true,
        }
        if self.closing.is_some() && !self.shard.is_writing() {
            let closed = self
                .shard
                .trim(0, now_ms)
                .and_then(|()| self.shard.close(now_ms));
            if let Some(reply) = self.closing.take() {
                answer(reply, closed);
            }
            return false;
        }
        self.show();
        // A checkpoint under way is waited for: nobody else may have the files before it ends.
        !self.stopping || self.shard.is_writing()
    }

    fn commit(&mut self, group: Vec<(Call, usize, oneshot::Sender<Outcome>)>) {
        let mut calls = Vec::with_capacity(group.len());
        let mut replies = Vec::with_capacity(group.len());
        for (call, bytes, reply) in group {
            if call.is_append() {
                self.shared.calls.fetch_sub(1, Ordering::Relaxed);
                self.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
            calls.push(call);
            replies.push(reply);
        }
        let outcomes = self.shard.commit(calls, self.clock.unix_ms());
        self.show();
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            // Whoever asked may be gone; what was written stays written.
            reply.send(outcome).ok();
        }
        self.checkpoint();
    }

    /// Starts a checkpoint if one is due or a trim waits for it, and none is being written.
    fn checkpoint(&mut self) {
        if self.shard.is_writing() || self.trims.is_empty() && !self.shard.is_due() {
            return;
        }
        let trims = std::mem::take(&mut self.trims);
        let before = trims.iter().map(|(before, _)| *before).max().unwrap_or(0);
        self.begun = trims.into_iter().map(|(_, reply)| reply).collect();
        let now_ms = self.clock.unix_ms();
        let job = match self.shard.begin(before, now_ms) {
            Ok(Some(job)) => job,
            Ok(None) => return,
            Err(error) => return self.reply(Err(error)),
        };
        let Some(back) = self.back.clone() else {
            return self.finish(job.run(), now_ms);
        };
        let write = move || {
            // The worker is gone only if nobody needs the checkpoint.
            back.send(Message::Written(Box::new(job.run()))).ok();
        };
        let spawned = std::thread::Builder::new()
            .name("tradewind-checkpoint".into())
            .spawn(write);
        if let Err(error) = spawned {
            self.finish(
                Err(crate::log::failed("start a checkpoint", &error)),
                now_ms,
            );
        }
    }

    fn finish(&mut self, done: Result<Done, Error>, now_ms: u64) {
        let finished = self.shard.finish(done, now_ms);
        self.show();
        self.reply(finished);
    }

    /// Answers those whose checkpoint has ended.
    fn reply(&mut self, finished: Result<(), Error>) {
        for reply in std::mem::take(&mut self.begun) {
            answer(reply, finished.as_ref().copied().map_err(Error::again));
        }
    }

    fn show(&self) {
        *self.shared.lock() = self.shard.stats();
        if let Some(reason) = self.shard.failed() {
            self.shared.failed.get_or_init(|| reason.clone());
        }
        let end = self.shard.end();
        self.shared
            .end
            .send_if_modified(|seen| std::mem::replace(seen, end) != end);
    }
}

fn answer<T>(reply: Reply<T>, answer: Result<T, Error>) {
    // Whoever asked may be gone.
    reply.send(answer).ok();
}
