//! Replays: lanes of their own over a bounded stretch.

use super::Shard;
use super::generation::{seat, ways};
use crate::Start;
use crate::machine::Version;
use crate::record::keys;
use crate::record::{Job, LaneRecord};
use std::sync::Arc;
use tradewind_store::{Error, Op, Sync};

/// Finished replays that are remembered per shard.
const REMEMBERED: usize = 64;

impl Shard {
    /// Starts a replay, from `from` to the present end.
    pub(super) async fn replay(
        &mut self,
        name: &str,
        from: Start,
        mut job: Job,
    ) -> Result<(), Error> {
        let Some(plan) = self.subscriptions.get(name).cloned() else {
            return Err(Error::Invalid(format!("no subscription `{name}`")));
        };
        let (shard, log) = (self.around.shard, &self.around.log);
        let bounds = log.bounds(shard);
        let low = match from {
            Start::Tip => bounds.end,
            Start::Oldest => bounds.start,
            Start::Time(ms) => log.seek(shard, ms).await?,
        };
        job.until = bounds.end;
        job.definition = plan.definition.to_string();
        job.split = plan.group.as_ref().map(|group| group.split.text());
        let split = plan
            .group
            .as_ref()
            .map(|group| Arc::new(group.split.clone()));
        let definition = self.definition(&job.definition);
        let id = self.add_lane(LaneRecord {
            name: name.to_owned(),
            space: plan.space.to_string(),
            begins: low,
            low,
            job: Some(job),
            ..LaneRecord::default()
        });
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.versions = vec![Version {
                from: 0,
                definition: Some(definition),
                split,
                moves: false,
            }];
            lane.policy = plan.policy.clone().into();
            lane.plan = Some(plan);
            seat(&self.around, lane);
            ways(&self.around, lane, self.turn.now);
        }
        self.forget_finished();
        self.flush(Sync::Durable).await
    }

    /// The oldest finished replays without dead letters go.
    fn forget_finished(&mut self) {
        let finished: Vec<_> = self
            .lanes
            .values()
            .filter(|l| {
                (l.has_read_all() || l.is_cancelled())
                    && l.account.pending == 0
                    && l.account.dead_lettered == 0
                    && l.flying.is_empty()
                    && l.lingering.is_empty()
            })
            .map(|l| l.id)
            .collect();
        for id in finished.iter().rev().skip(REMEMBERED) {
            self.lanes.remove(id);
            self.turn.ops.push(Op::Delete(keys::lane(*id)));
        }
    }

    /// Whether there was such a replay here.
    pub(super) async fn cancel_replay(&mut self, id: &str) -> Result<bool, Error> {
        let mut found = Vec::new();
        for lane in self.lanes.values_mut() {
            if let Some(job) = lane.job.as_mut().filter(|job| job.id == id) {
                found.push(lane.id);
                if lane.read < job.until || lane.account.pending > 0 {
                    job.cancelled = true;
                    job.until = lane.read;
                    lane.cancel(&mut self.turn);
                }
            }
        }
        for id in &found {
            self.keep_letters_only(*id).await?;
        }
        self.flush(Sync::Durable).await?;
        Ok(!found.is_empty())
    }
}
