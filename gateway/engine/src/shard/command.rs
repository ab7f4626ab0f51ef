//! What the engine asks of a shard.

use super::{Shard, Subscriptions};
use crate::record::keys::{self, LaneId};
use crate::record::{Job, LaneRecord};
use crate::{Account, DeadLetter, Error, Journey, Start};
use tokio::sync::oneshot;
use tradewind_event::Event;
use tradewind_store::{Op, Sync};

pub(crate) type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// A command with the place for its answer.
#[derive(Debug)]
pub(crate) enum Command {
    Apply(Subscriptions, Answer<()>),
    Lanes(Answer<Vec<LaneView>>),
    /// Pauses (true) or resumes (false).
    Pause(String, bool, Answer<()>),
    Discard(String, Answer<u64>),
    Letters(Page, Answer<(Vec<DeadLetter>, Option<String>)>),
    Redrive(String, Option<u64>, Answer<u64>),
    Purge(String, Option<u64>, Answer<u64>),
    Replay(String, Start, Job, Answer<()>),
    CancelReplay(String, Answer<bool>),
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
            Command::Discard(name, answer) => {
                let result = self.discard(&name).await;
                reply(answer, result)
            }
            Command::Letters(page, answer) => {
                let result = self.letters(&page).await;
                reply(answer, result)
            }
            Command::Redrive(name, offset, answer) => {
                let result = self.redrive(&name, offset).await;
                reply(answer, result)
            }
            Command::Purge(name, offset, answer) => {
                let result = self.purge(&name, offset).await;
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
                circuit: lane.gate.circuit(),
                sink: lane
                    .plan
                    .as_ref()
                    .map(|plan| plan.sink.describe())
                    .unwrap_or_default(),
                account: lane.account,
                cursor: format!("{shard}/{}", lane.cursor()),
                in_flight: lane.flying.len() as u64,
                behind: end.saturating_sub(lane.read),
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
                finished: true,
            }))
            .collect()
    }

    async fn pause(&mut self, name: &str, pause: bool) -> Result<(), tradewind_store::Error> {
        for id in self.lanes_of(name) {
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.gate.set_paused(pause);
                lane.paused = pause;
                if !pause {
                    lane.gate.set_disabled(false);
                    lane.disabled = false;
                }
                lane.dirty = true;
            }
        }
        self.flush(Sync::Durable).await
    }

    /// Removes a suspended subscription with all that it has. Returns what it had left to do.
    async fn discard(&mut self, name: &str) -> Result<u64, tradewind_store::Error> {
        let mut cancelled = 0;
        self.flush(Sync::Lazy).await?;
        for id in self.lanes_of(name) {
            let unread = self.unread(id).await?;
            if let Some(mut lane) = self.lanes.remove(&id) {
                cancelled += unread + lane.cancel(&mut self.turn);
                if lane.job.is_none() {
                    self.close(id, name, lane.account, unread);
                }
                self.turn.ops.push(Op::Delete(keys::lane(id)));
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

    /// Events that a lane would have been given and has not read.
    async fn unread(&mut self, id: LaneId) -> Result<u64, tradewind_store::Error> {
        let mut n = 0;
        let Some(mut at) = self.lanes.get(&id).map(|lane| lane.read) else {
            return Ok(0);
        };
        loop {
            let page = self.load_page(at).await?;
            if page.next == at {
                return Ok(n);
            }
            let lane = &self.lanes[&id];
            for line in page.lines_from(at) {
                let offset = line.stored.offset;
                let beyond = lane.job.as_ref().is_some_and(|job| offset >= job.until);
                let matches = lane
                    .definition(offset)
                    .is_some_and(|d| d.filter.matches(&line.stored.event));
                n += u64::from(matches && !beyond && !lane.done_before.contains(&offset));
            }
            at = page.next;
        }
    }
}

/// Answers, and passes on what stops the shard.
fn reply<T>(
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
