//! One open stream: its log, its shards, its counters.

use crate::hash::Hashes;
use crate::routes::Routes;
use crate::shard::{Backlog, Command};
use crate::{Error, StreamAccount, StreamPlan};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot, watch};
use tradewind_store::Stream;

#[derive(Debug)]
pub(crate) struct StreamHandle {
    pub(crate) name: Arc<str>,
    pub(crate) log: Arc<dyn Stream>,
    pub(crate) hashes: Hashes,
    pub(crate) order_by: Option<Arc<str>>,
    pub(crate) plan: Arc<ArcSwap<StreamPlan>>,
    /// The filters of the subscriptions that are configured now.
    pub(crate) routes: ArcSwap<Routes>,
    pub(crate) shards: Vec<ShardHandle>,
    pub(crate) counters: Counters,
}

#[derive(Debug)]
pub(crate) struct ShardHandle {
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) health: watch::Receiver<Result<(), String>>,
    pub(crate) backlog: Arc<Backlog>,
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
    /// Sends a command and waits for its answer.
    pub(crate) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Command,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl StreamHandle {
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
