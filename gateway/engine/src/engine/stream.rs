//! One open stream: its log, its shards, its counters.

use crate::hash::Hashes;
use crate::routes::Routes;
use crate::shard::{Backlog, Command, Gates, Subscriptions};
use crate::{Error, StreamAccount, StreamPlan};
use arc_swap::{ArcSwap, ArcSwapOption};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tradewind_store::Stream;

#[derive(Debug)]
pub(crate) struct StreamHandle {
    pub(crate) name: Arc<str>,
    pub(crate) log: Arc<dyn Stream>,
    pub(crate) hashes: Hashes,
    pub(crate) order_by: Option<Arc<str>>,
    pub(crate) plan: Arc<ArcSwap<StreamPlan>>,
    /// The subscriptions that are configured now.
    pub(crate) subscriptions: ArcSwap<Subscriptions>,
    /// Their filters.
    pub(crate) routes: ArcSwap<Routes>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) shards: Vec<ShardHandle>,
    pub(crate) counters: Counters,
}

/// One shard of a stream, whoever owns it.
#[derive(Debug)]
pub(crate) struct ShardHandle {
    shard: u16,
    /// Who serves it, where it is owned here.
    actor: ArcSwapOption<Actor>,
    pub(crate) backlog: Arc<Backlog>,
    /// Held while it is taken over, and while it is told of other subscriptions.
    pub(crate) moving: Mutex<()>,
}

/// How much of a stream that several nodes share an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// All of it, or none.
    #[default]
    Whole,
    /// What this node serves of it.
    Here,
}

/// How to talk to the actor of a shard.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) health: watch::Receiver<Result<(), String>>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) admitted: AtomicU64,
    pub(crate) appended: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) unmatched: AtomicU64,
}

pub(crate) fn stopped() -> Error {
    Error::Store(tradewind_store::Error::Closed)
}

impl ShardHandle {
    pub(crate) fn new(shard: u16) -> Self {
        Self {
            shard,
            actor: ArcSwapOption::empty(),
            backlog: Arc::default(),
            moving: Mutex::new(()),
        }
    }

    /// Which it is.
    pub(crate) fn number(&self) -> usize {
        usize::from(self.shard)
    }

    /// Who serves it; `None` where it is not owned here.
    pub(crate) fn actor(&self) -> Option<Arc<Actor>> {
        self.actor.load_full()
    }

    pub(crate) fn serve(&self, actor: Option<Actor>) {
        if actor.is_none() {
            // It counts where the shard is served next.
            self.backlog.clear();
        }
        self.actor.store(actor.map(Arc::new));
    }

    /// Sends a command that brings its own answer. False where nobody takes it.
    pub(crate) fn tell(&self, command: Command) -> bool {
        let actor = self.actor();
        actor.is_some_and(|actor| actor.commands.send(command).is_ok())
    }

    /// Sends a command and waits for its answer.
    pub(crate) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Command,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let actor = self.actor();
        let actor = actor.ok_or(Error::Store(tradewind_store::Error::Elsewhere(self.shard)))?;
        let sent = actor.commands.send(command(answer));
        sent.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl StreamHandle {
    /// Whether other nodes serve some of it, or may.
    pub(crate) fn is_shared(&self) -> bool {
        self.log.assigned().is_some()
    }

    /// The shards that something is done to.
    ///
    /// # Errors
    /// Other nodes serve some of them, or all.
    pub(crate) async fn reached(&self, reach: Reach) -> Result<Vec<&ShardHandle>, Error> {
        let (here, elsewhere): (Vec<_>, Vec<_>) = self
            .shards
            .iter()
            .partition(|shard| shard.actor().is_some());
        match reach {
            Reach::Here if !here.is_empty() => Ok(here),
            Reach::Whole if elsewhere.is_empty() => Ok(here),
            _ => Err(self.elsewhere(elsewhere).await),
        }
    }

    /// One shard, which something is done to.
    ///
    /// # Errors
    /// There is none, or another node serves it.
    pub(crate) async fn shard(&self, shard: u16) -> Result<Option<&ShardHandle>, Error> {
        match self.shards.get(usize::from(shard)) {
            Some(there) if there.actor().is_none() => Err(self.elsewhere(vec![there]).await),
            there => Ok(there),
        }
    }

    /// Who serves shards that are not served here, for people.
    async fn elsewhere(&self, shards: Vec<&ShardHandle>) -> Error {
        // What nobody knows is left out.
        let owners = self.log.owners().await.unwrap_or_default();
        let named = shards.iter().map(|shard| match owners.get(&shard.shard) {
            Some(node) => format!("shard {} by {node}", shard.shard),
            None => format!("shard {} by another node", shard.shard),
        });
        let named: Vec<String> = named.collect();
        Error::Elsewhere(format!(
            "this node does not serve all of stream `{}` that is asked for: {}",
            self.name,
            named.join(", ")
        ))
    }

    /// The shards that are served elsewhere, for people; `None` where there are none.
    pub(crate) async fn not_here(&self) -> Option<Error> {
        let elsewhere = self.shards.iter().filter(|shard| shard.actor().is_none());
        let elsewhere: Vec<&ShardHandle> = elsewhere.collect();
        match elsewhere.is_empty() {
            true => None,
            false => Some(self.elsewhere(elsewhere).await),
        }
    }

    pub(crate) fn account(&self) -> StreamAccount {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        StreamAccount {
            admitted: get(&self.counters.admitted),
            appended: get(&self.counters.appended),
            duplicates: get(&self.counters.duplicates),
            unmatched: get(&self.counters.unmatched),
        }
    }
}
