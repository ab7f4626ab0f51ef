//! Keys that two lanes of a group would take to two members: a replay's and the subscription's own, or those of two
//! replays.

use super::Shard;
use crate::machine::{Head, Lane, millis};
use crate::record::keys::LaneId;
use std::collections::{BTreeMap, BTreeSet};

impl Shard {
    /// By lane, keys that it must not begin on now. A replay waits while its subscription has something pending of
    /// the key, and a subscription while a replay has begun on it; of two replays, the later one is to the earlier one as
    /// to the subscription. Where both would go to the same member, neither waits.
    pub(super) fn contested(&self) -> BTreeMap<LaneId, BTreeSet<u64>> {
        let mut contested: BTreeMap<LaneId, BTreeSet<u64>> = BTreeMap::new();
        if self.around.order_by.is_none() {
            return contested;
        }
        let grouped = |lane: &&Lane| lane.ways.is_some();
        let replays = self.lanes.values().filter(grouped).filter(|lane| {
            let pending = lane.account.pending > 0 || !lane.has_read_all();
            // Of one that was cancelled, what it had under way.
            let over = self.turn.began.saturating_add(millis(lane.policy.timeout));
            let may = !lane.lingering.is_empty() || lane.is_cancelled() && self.turn.now < over;
            lane.job.is_some() && (pending || may)
        });
        for replay in replays {
            let others = self.lanes.values().filter(grouped);
            for own in
                others.filter(|l| l.name == replay.name && (l.job.is_none() || l.id < replay.id))
            {
                // What was under way when the process ended may still be.
                let over = self.turn.began.saturating_add(millis(own.policy.timeout));
                let settling = self.turn.now < over;
                for key in ready_keys(replay) {
                    let head = own.keys.head(key);
                    let busy = head.is_some_and(|head| head != Head::Parked) && !begun(replay, key);
                    if (busy || settling) && differs(own, replay, key) {
                        contested.entry(replay.id).or_default().insert(key);
                    }
                }
                for key in ready_keys(own) {
                    if (settling || begun(replay, key)) && differs(own, replay, key) {
                        contested.entry(own.id).or_default().insert(key);
                    }
                }
            }
        }
        contested
    }
}

fn ready_keys(lane: &Lane) -> impl Iterator<Item = u64> {
    lane.ready.iter().filter_map(|task| task.ticket.key)
}

/// Whether the lanes may have the key at different members.
fn differs(own: &Lane, replay: &Lane, key: u64) -> bool {
    let (mut all, others) = (own.had(key), replay.had(key));
    all.extend(others);
    all.len() > 1
}

/// Whether an attempt at something of the key has been made that is not settled.
fn begun(lane: &Lane, key: u64) -> bool {
    if lane.lingering.values().any(|lingers| *lingers == Some(key)) {
        return true;
    }
    match lane.keys.head(key) {
        None | Some(Head::Parked | Head::Shelved) => false,
        Some(Head::Scheduled) => true,
        Some(Head::Active) => {
            let flying = lane
                .flying
                .values()
                .any(|task| task.ticket.key == Some(key));
            let mut ready = lane
                .ready
                .iter()
                .filter(|task| task.ticket.key == Some(key));
            flying || ready.any(|task| task.ticket.trail.made() > 0)
        }
    }
}
