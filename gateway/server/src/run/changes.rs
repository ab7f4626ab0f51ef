//! What is changed at run time and holds until it is changed again: weights of groups, pauses of subscriptions that
//! several nodes serve, registered schemas. It lies in a table of this node, or in one that all nodes of a configuration
//! follow, where they share a stream.

use super::gateway::Gateway;
use super::groups::Groups;
use super::notes::Notes;
use super::schemas;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tradewind_store::{Error, Op, SharedTable};

/// How often a change is tried where others are quicker.
pub(super) const TRIES: usize = 10;
/// Pause before what others have changed is read again after a failure.
const AGAIN: Duration = Duration::from_secs(1);
/// The revision of a table that nobody has.
const NOTHING: u64 = u64::MAX;
/// Rows that are taken over at once.
const PAGE: usize = 64;
/// Versions of a schema, at most.
const BODIES_MAX: usize = 1000;
/// Decisions by subscription, which are one row each.
pub(super) const DECISIONS: (&[u8], &[u8]) = (b"w/", b"w0");

/// Where it lies, and how much of it is in force here.
#[derive(Debug)]
pub(crate) struct Changes {
    table: Arc<dyn SharedTable>,
    shared: bool,
    /// The revision that is in force here.
    seen: AtomicU64,
}

impl Changes {
    /// In the notes of this node, unless nodes share a table. What was changed here before they did goes there.
    pub(super) async fn open(
        notes: &Notes,
        shared: Option<Arc<dyn SharedTable>>,
    ) -> Result<Self, Error> {
        let changes = Self {
            shared: shared.is_some(),
            table: shared.unwrap_or_else(|| notes.table()),
            seen: AtomicU64::new(0),
        };
        if changes.shared {
            changes.take_over(notes).await?;
        }
        Ok(changes)
    }

    /// Whether other nodes follow it.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether what others change is heard of.
    pub(super) fn health(&self) -> Result<(), Error> {
        self.table.health()
    }

    pub(super) async fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        self.table.scan(from, to, limit).await
    }

    /// Whether what was read since this revision was known is all of it, and not some of one revision and some of another.
    /// Then that is to be put in force.
    pub(super) fn has_read(&self, revision: u64) -> bool {
        let whole = self.revision() == revision;
        if whole {
            self.seen.store(revision, Ordering::Release);
        }
        whole
    }

    /// Changes what is in force here, and nothing else. Durable when it returns.
    ///
    /// # Errors
    /// `Outdated` where somebody has changed something that is not in force here yet.
    pub(super) async fn write(&self, ops: Vec<Op>) -> Result<(), Error> {
        let seen = self.seen.load(Ordering::Acquire);
        let revision = self.table.change(seen, ops).await?;
        self.seen.store(revision, Ordering::Release);
        Ok(())
    }

    /// What is known is not in force here after all.
    pub(super) fn outdate(&self) {
        self.seen.store(NOTHING, Ordering::Release);
    }

    /// The newest that is known here.
    pub(super) fn revision(&self) -> u64 {
        *self.table.revision().borrow()
    }

    fn is_in_force(&self) -> bool {
        self.revision() == self.seen.load(Ordering::Acquire)
    }

    /// What was changed on this node before it shared anything holds for all, unless they have changed the same.
    async fn take_over(&self, notes: &Notes) -> Result<(), Error> {
        let mut units = Vec::new();
        for (from, to) in [DECISIONS, schemas::HEADS] {
            let mut from = from.to_vec();
            loop {
                let page = notes.scan(&from, to, PAGE).await?;
                let Some((last, _)) = page.last() else { break };
                from = after(last);
                units.extend(page);
            }
        }
        for (key, value) in units {
            let bodies = schemas::bodies_of(&key);
            let mut rows = vec![Op::Put(key.clone(), value)];
            let mut gone = vec![Op::Delete(key.clone())];
            if let Some((from, to)) = bodies {
                let all = notes.scan(&from, &to, BODIES_MAX).await?;
                rows.extend(all.into_iter().map(|(key, value)| Op::Put(key, value)));
                gone.push(Op::DeleteRange(from, to));
            }
            let name = String::from_utf8_lossy(&key).into_owned();
            let mut tries = TRIES;
            loop {
                let seen = self.revision();
                if !self.scan(&key, &after(&key), 1).await?.is_empty() {
                    tracing::warn!(
                        row = name,
                        "what was changed on this node before is given up: all nodes have it otherwise"
                    );
                    break;
                }
                match self.table.change(seen, rows.clone()).await {
                    Err(Error::Outdated) if tries > 0 => tries -= 1,
                    Err(error) => return Err(error),
                    Ok(_) => {
                        tracing::info!(
                            row = name,
                            "what was changed on this node before holds for all nodes now"
                        );
                        break;
                    }
                }
            }
            notes.write(gone).await?;
        }
        Ok(())
    }
}

/// The first key after this one.
fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

impl Gateway {
    /// Puts in force what other nodes have changed. Never returns.
    pub(super) async fn follow_changes(&self) {
        let mut revision = self.changes.table.revision();
        // What is in force from the start on was read piece by piece.
        self.changes.outdate();
        loop {
            revision.borrow_and_update();
            while let Err(error) = self.catch_up().await {
                tracing::warn!(%error, "what was changed at run time is not in force here yet");
                tokio::time::sleep(AGAIN).await;
            }
            if revision.changed().await.is_err() {
                return;
            }
        }
    }

    /// Puts in force what is known and is not in force yet.
    pub(crate) async fn catch_up(&self) -> Result<(), tradewind_engine::Error> {
        let _alone = self.reloading.lock().await;
        if self.changes.is_in_force() {
            return Ok(());
        }
        let (registered, decisions) = loop {
            let revision = self.changes.revision();
            let registered = self.schemas.read().await?;
            let decisions = Groups::read(&self.changes).await?;
            if self.changes.has_read(revision) {
                break (registered, decisions);
            }
        };
        if self.schemas.take(registered) {
            self.schemas.put_in_force(self);
        }
        let config = self.config.load_full();
        let followed = self.follow_decisions(decisions, &config.checked).await;
        if followed.is_err() {
            // It is tried again.
            self.changes.outdate();
        }
        followed
    }
}
