//! The one that writes a shard.

use crate::backup::ShardCut;
use crate::shard::{Call, Done, Outcome, Shard};
use crate::{Clock, Error, Item, Recovered, Stats};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
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

/// A write, how many bytes of the queue it takes, and where its outcome goes.
pub(super) type Write = (Call, usize, oneshot::Sender<Outcome>);

/// What a worker is asked.
pub(super) enum Message {
    Write(Write),
    Writes(Vec<Write>),
    Own(Reply<Recovered>),
    Adopt(Vec<Item>, Reply<Vec<u64>>),
    Expired(Reply<u64>),
    Trim(u64, Reply<()>),
    Cut(Reply<ShardCut>),
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

    /// It takes no writes any more: its writer is gone.
    pub(super) fn broke(&self) {
        self.failed.get_or_init(|| "the writer panicked".into());
    }

    fn lock(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one commit takes.
#[derive(Default)]
struct Group {
    writes: Vec<Write>,
    size: usize,
}

/// Carries a message to a worker from a thread that writes a checkpoint.
pub(super) type Back = Box<dyn FnOnce(Message) + Send>;

/// A shard's writer. With a way back to itself it has checkpoints written by another thread.
pub(super) struct Worker {
    shard: Shard,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    back: Option<Box<dyn Fn() -> Option<Back> + Send>>,
    /// Wait for the checkpoint that is being written.
    begun: Vec<Reply<()>>,
    /// Wait for the one after it.
    trims: Vec<(u64, Reply<()>)>,
    closing: Option<Reply<()>>,
    stopping: bool,
}

impl Worker {
    pub(super) fn new(shard: Shard, clock: Arc<dyn Clock>) -> Self {
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
            back: None,
            begun: Vec::new(),
            trims: Vec::new(),
            closing: None,
            stopping: false,
        };
        worker.show();
        worker
    }

    /// Lets another thread write checkpoints; `back` is asked for a way each time, and none means
    /// that nobody else is left.
    pub(super) fn with_back(mut self, back: impl Fn() -> Option<Back> + Send + 'static) -> Self {
        self.back = Some(Box::new(back));
        self
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Works until closed or left.
    pub(super) fn run(&mut self, receive: &Receiver<Message>) {
        while let Some(first) = self.next(receive) {
            // Everything that waits goes into one commit; nothing is waited for.
            if !self.work(std::iter::once(first).chain(receive.try_iter())) {
                return;
            }
        }
    }

    /// Does what messages ask, calls that follow each other in one commit; false when there is
    /// nothing more to do.
    pub(super) fn work(&mut self, messages: impl Iterator<Item = Message>) -> bool {
        let mut group = Group::default();
        for message in messages {
            match message {
                Message::Write(write) => self.add(&mut group, write),
                Message::Writes(writes) => {
                    for write in writes {
                        self.add(&mut group, write);
                    }
                }
                other => {
                    self.commit(std::mem::take(&mut group.writes));
                    group.size = 0;
                    if !self.take(other) {
                        return false;
                    }
                }
            }
        }
        self.commit(group.writes);
        true
    }

    /// Adds a write to what one commit takes, which is done when it is full.
    fn add(&mut self, group: &mut Group, write: Write) {
        group.size += write.0.bytes();
        group.writes.push(write);
        if group.writes.len() >= GROUP_CALLS || group.size >= GROUP_BYTES {
            self.commit(std::mem::take(group).writes);
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
            Message::Write(write) => self.commit(vec![write]),
            Message::Writes(writes) => self.commit(writes),
            Message::Own(reply) => answer(reply, self.shard.own(now_ms)),
            Message::Adopt(items, reply) => {
                answer(reply, self.shard.adopt(items, now_ms));
                self.checkpoint();
            }
            Message::Expired(reply) => answer(reply, Ok(self.shard.expired(now_ms))),
            Message::Cut(reply) => answer(reply, self.shard.cut()),
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

    fn commit(&mut self, group: Vec<Write>) {
        if group.is_empty() {
            return;
        }
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
            Err(error) => {
                self.show();
                return self.reply(Err(error));
            }
        };
        let Some(back) = self.back.as_ref().and_then(|back| back()) else {
            return self.finish(job.run(), now_ms);
        };
        let write = move || {
            // The table may panic on damage that was not there when it was opened. Unanswered, the shard would wait for
            // ever.
            let done = catch_unwind(AssertUnwindSafe(|| job.run()))
                .unwrap_or_else(|_| Err(Error::Failed("a checkpoint panicked".into())));
            back(Message::Written(Box::new(done)));
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

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("shard", &self.shard)
            .finish_non_exhaustive()
    }
}

fn answer<T>(reply: Reply<T>, answer: Result<T, Error>) {
    // Whoever asked may be gone.
    reply.send(answer).ok();
}
