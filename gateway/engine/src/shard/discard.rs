//! The end of a suspended subscription: what it had left to do is counted, then all of it goes.

use super::Shard;
use crate::Account;
use crate::machine::forget;
use crate::record::LaneRecord;
use crate::record::keys::{self, LaneId};
use std::collections::BTreeMap;
use tradewind_store::{Error, Op, Sync};

/// Pages of log looked through in one turn.
const PAGES: usize = 2;

/// A discard under way.
#[derive(Debug)]
pub(super) struct Discard {
    name: String,
    /// What lies above came after the operator asked, when the subscription was suspended already.
    end: u64,
    unread: BTreeMap<LaneId, Unread>,
}

/// Events that a lane would have been given and has not read.
#[derive(Debug, Clone, Copy, Default)]
struct Unread {
    /// Where the lane stands: retention may make it read on.
    read: u64,
    /// Counted below this.
    at: u64,
    count: u64,
}

impl Discard {
    pub(super) fn new(shard: &Shard, name: String) -> Self {
        Self {
            name,
            end: shard.around.log.bounds(shard.around.shard).end,
            unread: BTreeMap::new(),
        }
    }

    /// Counts on, or, when all is counted, removes the subscription; then what it had left to do.
    pub(super) async fn slice(&mut self, shard: &mut Shard) -> Result<Option<u64>, Error> {
        shard.flush(Sync::Lazy).await?;
        for id in shard.lanes_of(&self.name) {
            let lane = &shard.lanes[&id];
            let until = lane
                .job
                .as_ref()
                .map_or(self.end, |job| job.until.min(self.end));
            let unread = self.unread.entry(id).or_default();
            if unread.read != lane.read {
                *unread = Unread {
                    read: lane.read,
                    at: lane.read,
                    count: 0,
                };
            }
            if unread.at < until {
                return shard.count_unread(id, unread).await.map(|()| None);
            }
        }
        shard.remove(&self.name, &self.unread).await.map(Some)
    }
}

impl Shard {
    async fn count_unread(&mut self, id: LaneId, unread: &mut Unread) -> Result<(), Error> {
        for _ in 0..PAGES {
            let page = self.load_page(unread.at).await?;
            let lane = &self.lanes[&id];
            for line in page.lines_from(unread.at) {
                let offset = line.stored.offset;
                let beyond = lane.job.as_ref().is_some_and(|job| offset >= job.until);
                let matches = lane
                    .definition(offset)
                    .is_some_and(|d| d.said(&line.routed, &line.stored.event).passes);
                let counts = matches && !beyond && !lane.done_before.contains(&offset);
                unread.count += u64::from(counts);
            }
            if page.next == unread.at {
                // Nothing more to read, whatever was expected.
                unread.at = u64::MAX;
                break;
            }
            unread.at = page.next;
        }
        Ok(())
    }

    async fn remove(
        &mut self,
        name: &str,
        unread: &BTreeMap<LaneId, Unread>,
    ) -> Result<u64, Error> {
        let mut cancelled = 0;
        for id in self.lanes_of(name) {
            let unread = unread.get(&id).map_or(0, |unread| unread.count);
            if let Some(mut lane) = self.lanes.remove(&id) {
                cancelled += unread + lane.cancel(&mut self.turn);
                if lane.job.is_none() {
                    self.close(id, name, lane.account, unread);
                }
                self.turn.ops.push(Op::Delete(keys::lane(id)));
                self.comparisons.remove(&id);
                forget(id, &mut self.turn);
                for tag in [b'x', b'p'] {
                    let (from, to) = keys::under(&keys::of_lane(tag, id));
                    self.turn.ops.push(Op::DeleteRange(from, to));
                }
            }
        }
        self.around.gates.forget(name);
        self.flush(Sync::Durable).await?;
        let around = &self.around;
        tracing::warn!(stream = %around.stream, shard = around.shard, subscription = name, cancelled,
            "subscription discarded with its backlog and dead letters");
        let detail = format!("{cancelled} deliveries, and its dead letters");
        around
            .announcer
            .plain("cancelled", &around.stream, Some(name), detail);
        Ok(cancelled)
    }

    /// Keeps the account of a lane that is gone: what it had left to do was cancelled, its dead
    /// letters were purged.
    fn close(&mut self, id: LaneId, name: &str, mut account: Account, unread: u64) {
        account.matched += unread;
        account.cancelled += unread;
        account.purged += std::mem::take(&mut account.dead_lettered);
        let record = LaneRecord {
            name: name.to_owned(),
            account,
            at_ms: self.turn.now,
            ..LaneRecord::default()
        };
        let key = keys::closed(id);
        self.turn.ops.push(Op::Put(key, record.encode()));
        self.closed
            .entry(name.to_owned())
            .or_default()
            .add(&account);
    }
}
