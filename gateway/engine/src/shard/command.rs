//! What the engine asks of a shard.

use super::discard::Discard;
use super::work::Work;
use super::{Compared, Shard, Subscriptions};
use crate::record::Job;
use crate::record::keys::LaneId;
use crate::{Account, DeadLetter, Error, Journey, MemberView, Start};
use tokio::sync::oneshot;
use tradewind_event::Event;
use tradewind_store::Sync;

pub(crate) type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// A command with the place for its answer.
#[derive(Debug)]
pub(crate) enum Command {
    Apply(Subscriptions, Answer<()>),
    Lanes(Answer<Vec<LaneView>>),
    /// Pauses (true) or resumes (false).
    Pause(String, bool, Answer<()>),
    /// The members of its group may be tried, whatever came of earlier attempts.
    TryAgain(String, Answer<()>),
    Discard(String, Answer<u64>),
    Letters(Page, Answer<(Vec<DeadLetter>, Option<String>)>),
    Redrive(Chunk, Answer<Moved>),
    Purge(Chunk, Answer<Moved>),
    Replay(String, Start, Job, Answer<()>),
    CancelReplay(String, Answer<bool>),
    /// The comparison of a shadow, with so many examples.
    Compared(String, usize, Answer<Compared>),
    CompareAnew(String, Answer<()>),
    Explain(u64, Answer<Option<Journey>>),
    Event(u64, Answer<Option<Event>>),
    Quiet(oneshot::Sender<()>),
    /// Stops starting attempts; ends when none is under way or the time has come.
    Drain(u64, oneshot::Sender<()>),
}

/// A page of dead letters that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) subscription: String,
    pub(crate) after: Option<(LaneId, u64)>,
    pub(crate) limit: usize,
}

/// Dead letters to be moved: one, or the next few of all. A shard takes few at a time, because its
/// other subscriptions wait meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    pub(crate) subscription: String,
    /// The one.
    pub(crate) offset: Option<u64>,
    /// Where the chunk before ended.
    pub(crate) after: Option<Progress>,
}

/// How far the dead letters of a shard have been gone through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) lane: LaneId,
    pub(crate) offset: u64,
    /// End of the log when it began: what dies later is not taken.
    pub(crate) until: u64,
}

/// How many dead letters a chunk had, and where the next begins.
pub(crate) type Moved = (u64, Option<Progress>);

/// A lane, seen from outside.
#[derive(Debug, Clone)]
pub(crate) struct LaneView {
    pub(crate) name: String,
    pub(crate) job: Option<Job>,
    pub(crate) state: &'static str,
    pub(crate) circuit: &'static str,
    pub(crate) sink: String,
    pub(crate) account: Account,
    pub(crate) cursor: String,
    pub(crate) in_flight: u64,
    pub(crate) behind: u64,
    pub(crate) busy_keys: u64,
    pub(crate) filter_errors: u64,
    pub(crate) held_up: Option<String>,
    pub(crate) space: Option<String>,
    pub(crate) shadow: Option<String>,
    pub(crate) members: Vec<MemberView>,
    pub(crate) finished: bool,
}

impl Shard {
    pub(super) async fn command(&mut self, command: Command) -> Result<(), tradewind_store::Error> {
        self.refresh();
        match command {
            Command::Apply(subscriptions, answer) => {
                let result = self.apply(subscriptions).await;
                reply(answer, result)
            }
            Command::Lanes(answer) => {
                answer.send(Ok(self.views())).ok();
                Ok(())
            }
            Command::Pause(name, pause, answer) => {
                let result = self.pause(&name, pause).await;
                reply(answer, result)
            }
            Command::TryAgain(name, answer) => {
                let lanes = self.lanes.values().filter(|lane| *lane.name == *name);
                let ways = lanes.filter_map(|lane| lane.ways.as_ref());
                for way in ways.flat_map(|ways| &ways.members) {
                    way.gate.try_again(self.turn.now);
                }
                reply(answer, Ok(()))
            }
            Command::Discard(name, answer) => {
                let discard = Discard::new(self, name);
                self.work.push_back(Work::Discard(discard, answer));
                Ok(())
            }
            Command::Letters(page, answer) => {
                let result = self.letters(&page).await;
                reply(answer, result)
            }
            Command::Redrive(chunk, answer) => {
                let result = self.redrive(&chunk).await;
                reply(answer, result)
            }
            Command::Purge(chunk, answer) => {
                let result = self.purge(&chunk).await;
                reply(answer, result)
            }
            Command::Replay(name, from, job, answer) => {
                let result = self.replay(&name, from, job).await;
                reply(answer, result)
            }
            Command::CancelReplay(id, answer) => {
                let result = self.cancel_replay(&id).await;
                reply(answer, result)
            }
            Command::Compared(name, most, answer) => {
                let result = self.compared(&name, most).await;
                reply(answer, result)
            }
            Command::CompareAnew(name, answer) => {
                let result = self.compare_anew(&name).await;
                reply(answer, result)
            }
            Command::Explain(offset, answer) => {
                let result = self.explain(offset).await;
                reply(answer, result)
            }
            Command::Event(offset, answer) => {
                let result = self.find(offset).await;
                reply(answer, result.map(|s| s.map(|s| s.event.clone())))
            }
            Command::Quiet(waiter) => {
                self.waiting_for_quiet.push(waiter);
                Ok(())
            }
            Command::Drain(deadline, waiter) => {
                self.draining = Some(deadline);
                self.note_time();
                // Whoever asked for it is told that the gateway stops.
                self.work.clear();
                for lane in self.lanes.values_mut() {
                    lane.dirty = true;
                }
                self.drained.push(waiter);
                Ok(())
            }
        }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn lanes_of(&self, subscription: &str) -> Vec<LaneId> {
        self.lanes
            .values()
            .filter(|lane| &*lane.name == subscription)
            .map(|lane| lane.id)
            .collect()
    }

    fn views(&self) -> Vec<LaneView> {
        let shard = self.around.shard;
        let end = self.around.log.bounds(shard).end;
        self.lanes
            .values()
            .map(|lane| LaneView {
                name: lane.name.to_string(),
                job: lane.job.clone(),
                state: lane.state(),
                circuit: lane.circuit(),
                sink: lane
                    .plan
                    .as_ref()
                    .map(|plan| plan.sink.describe())
                    .unwrap_or_default(),
                account: lane.account,
                cursor: format!("{shard}/{}", lane.cursor()),
                in_flight: lane.flying.len() as u64,
                behind: end.saturating_sub(lane.read),
                busy_keys: lane.keys.len() as u64,
                filter_errors: lane.filter_errors,
                held_up: lane.held_up(),
                space: lane.plan.as_ref().map(|plan| plan.space.to_string()),
                members: lane.member_views(self.turn.now),
                shadow: lane
                    .plan
                    .as_ref()
                    .and_then(|plan| Some(plan.shadow.as_ref()?.of.clone())),
                finished: lane.has_read_all() && lane.account.pending == 0,
            })
            .chain(self.closed.iter().map(|(name, account)| LaneView {
                // No name that could be configured, so that a successor keeps its own account.
                name: format!("{name} (discarded)"),
                job: None,
                state: "discarded",
                circuit: "closed",
                sink: String::new(),
                account: *account,
                cursor: String::new(),
                in_flight: 0,
                behind: 0,
                busy_keys: 0,
                filter_errors: 0,
                held_up: None,
                space: None,
                shadow: None,
                members: Vec::new(),
                finished: true,
            }))
            .collect()
    }

    async fn pause(&mut self, name: &str, pause: bool) -> Result<(), tradewind_store::Error> {
        for id in self.lanes_of(name) {
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.set_paused(pause);
            }
        }
        self.flush(Sync::Durable).await
    }
}

/// Answers, and passes on what stops the shard.
pub(super) fn reply<T>(
    answer: Answer<T>,
    result: Result<T, tradewind_store::Error>,
) -> Result<(), tradewind_store::Error> {
    use tradewind_store::Error as E;
    let fatal = match &result {
        Err(E::Failed(why)) => Some(E::Failed(why.clone())),
        Err(E::Fenced) => Some(E::Fenced),
        Err(E::Closed) => Some(E::Closed),
        _ => None,
    };
    // Whoever asked may have gone.
    answer.send(result.map_err(Error::Store)).ok();
    fatal.map_or(Ok(()), Err)
}
