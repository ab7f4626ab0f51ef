//! Attempts: one task per call of a sink, which always ends.

use super::compare::{Replied, Said};
use super::transform::{Split, Transforming};
use super::{Shard, Watch};
use crate::engine::Inner;
use crate::hash::{HOPS, Hashes};
use crate::machine::{Lane, Passed, Start, TakenPlace, Verdict};
use crate::record::keys::LaneId;
use crate::spaces::Charging;
use crate::time::Time;
use crate::{Origin, Policy, PublishError};
use futures_util::FutureExt;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, Outcome, Reason, Report, Sink};
use tradewind_event::{Attribute, Event};
use tradewind_policy::{Kind, Principal};
use tradewind_store::{Error, Sync};

/// After its time a driver is cancelled, and has this long to report.
const LAST_WORDS_MS: u64 = 500;

/// What comes home from an attempt.
#[derive(Debug)]
pub(super) struct Homing {
    lane: LaneId,
    offset: u64,
    outcome: Outcome,
    note: Option<String>,
    /// What it answered, where that is compared.
    replied: Option<Box<Replied>>,
    /// It is this event's own, whatever else was in the batch.
    own: bool,
    /// With the last outcome of a call: the call is over.
    ended: Option<Ended>,
}

#[derive(Debug)]
struct Ended {
    passed: Passed,
    /// It is that of a member: the others go on, whatever becomes of it.
    grouped: bool,
    policy: Arc<Policy>,
    /// `None` where the sink was not called.
    verdict: Option<Verdict>,
}

/// One call of a sink.
struct Call {
    lane: LaneId,
    sink: Arc<dyn Sink>,
    policy: Arc<Policy>,
    /// What its last outcome takes home.
    ended: Option<Ended>,
    /// Of its space; free again when the call is over.
    _place: Option<TakenPlace>,
    offsets: Vec<u64>,
    transforming: Option<Transforming>,
    replies: Option<Replies>,
    watch: Option<Arc<Watch>>,
    /// Its replies are looked at, and not published.
    shadow: bool,
    hashes: Hashes,
    time: Time,
    home: mpsc::UnboundedSender<Homing>,
}

/// Where the replies of a subscription go.
struct Replies {
    engine: Weak<Inner>,
    stream: String,
    subscription: Arc<str>,
    /// Whom policies take them from.
    who: Principal,
    /// Delivery id and hop count of each delivery.
    to: Vec<(Arc<str>, u32)>,
}

impl Shard {
    /// Starts every attempt that may start.
    pub(super) async fn launch(&mut self) -> Result<(), Error> {
        let contested = self.contested();
        let nothing = BTreeSet::new();
        let mut begun = Vec::new();
        for (id, lane) in &mut self.lanes {
            let held = contested.get(id).unwrap_or(&nothing);
            let starts = lane.launch(held, &mut self.turn);
            begun.extend(starts.into_iter().map(|start| (*id, start)));
        }
        if std::mem::take(&mut self.turn.sync_first) {
            // A power loss must not bring back what one member had, once another has begun on its key. There may be
            // nothing else to record.
            self.note_time();
            self.flush(Sync::Durable).await?;
        }
        for (id, start) in begun {
            let Start {
                offsets,
                passed,
                place,
                member,
            } = start;
            if let Some(lane) = self.lanes.get(&id) {
                let Some(plan) = &lane.plan else { continue };
                let way = member.and_then(|n| lane.ways.as_ref()?.members.get(n));
                let batch: Vec<Delivery> = offsets
                    .iter()
                    .filter_map(|offset| delivery(&self.around, lane, *offset))
                    .collect();
                let reply_to = lane.policy.reply_to.as_ref().filter(|_| !lane.is_shadow());
                let replies = reply_to.map(|stream| Replies {
                    engine: self.around.engine.clone(),
                    stream: stream.clone(),
                    subscription: Arc::clone(&lane.name),
                    who: match &plan.sight {
                        Some(sight) => sight.who.clone(),
                        None => Principal::new(Kind::Subscription, Arc::clone(&lane.name)),
                    },
                    to: batch
                        .iter()
                        .zip(&offsets)
                        .filter_map(|(delivery, offset)| {
                            let task = lane.flying.get(offset)?;
                            Some((Arc::clone(&delivery.id), task.stored.envelope.hops))
                        })
                        .collect(),
                });
                let call = Call {
                    transforming: Transforming::of(lane, &offsets),
                    lane: lane.id,
                    sink: Arc::clone(way.map_or(&plan.sink, |way| &way.sink)),
                    policy: Arc::clone(&lane.policy),
                    ended: Some(Ended {
                        passed,
                        grouped: way.is_some(),
                        policy: Arc::clone(&lane.policy),
                        verdict: None,
                    }),
                    _place: place,
                    watch: lane.watch.clone(),
                    shadow: lane.is_shadow(),
                    hashes: self.around.hashes,
                    replies,
                    offsets,
                    time: self.around.time.clone(),
                    home: self.homes.0.clone(),
                };
                // Apart: the runtime moves a task about several times while it starts and ends.
                self.attempts.spawn(Box::pin(call.run(batch)));
            }
        }
        if std::mem::take(&mut self.turn.gave_back) {
            self.around.gates.wake_others(self.around.shard);
        }
        Ok(())
    }

    pub(super) fn home(&mut self, home: Homing) {
        if let Some(lane) = self.lanes.get_mut(&home.lane) {
            let said = Said::of(lane, home.offset, &home.outcome);
            let (outcome, note) = (home.outcome, home.note.as_deref());
            if let Some(task) = lane.flying.get_mut(&home.offset) {
                task.together &= !home.own;
            }
            let over = lane.settle(home.offset, outcome, note, &mut self.turn, &mut self.rng);
            if let Some(said) = said.filter(|_| over) {
                self.answered(home.lane, home.offset, said, home.replied);
            }
        }
        if let Some(ended) = home.ended {
            self.ended(home.lane, ended);
        }
    }

    fn ended(&mut self, lane: LaneId, ended: Ended) {
        let Ended {
            mut passed,
            grouped,
            policy,
            verdict,
        } = ended;
        let Some(verdict) = verdict else { return };
        let changed = passed.finished(verdict, &policy, self.turn.now);
        let gate = passed.gate();
        if let Some(lane) = self.lanes.get_mut(&lane) {
            if verdict == Verdict::Gone && !grouped {
                lane.disabled = true;
                lane.dirty = true;
            }
            if changed {
                self.around.announcer.plain(
                    "circuit",
                    &self.around.stream,
                    Some(&lane.name),
                    gate.circuit().to_owned(),
                );
            }
        }
        if gate.take_starved() {
            self.around.gates.wake_others(self.around.shard);
        }
    }
}

fn delivery(around: &super::Surroundings, lane: &Lane, offset: u64) -> Option<Delivery> {
    let task = lane.flying.get(&offset)?;
    let (stream, name) = (&around.stream, &lane.name);
    let (event, position) = task.stored.outgoing();
    let replay: Option<Arc<str>> = lane.job.as_ref().map(|job| job.id.as_str().into());
    let (shard, at) = position.split_once('/').unwrap_or_default();
    let (r, job) = replay.as_ref().map_or(("", ""), |id| ("-r", id));
    Some(Delivery {
        id: [stream, "-", shard, "-", at, "-", name, r, job]
            .concat()
            .into(),
        event: event.clone(),
        subscription: Arc::clone(name),
        stream: Arc::clone(stream),
        position: Arc::clone(position),
        attempt: task.ticket.trail.made() + 1,
        timeout: lane.policy.timeout,
        replay,
        trace: None,
    })
}

impl Call {
    async fn run(mut self, batch: Vec<Delivery>) {
        let batch = match self.transforming.take() {
            Some(transforming) => self.transformed(&transforming, batch),
            None => batch,
        };
        if batch.is_empty() {
            return;
        }
        let mut open: Vec<usize> = (0..batch.len()).collect();
        let mut ended = self.ended.take();
        let (report, mut outcomes) = Report::channel();
        let cancel = CancellationToken::new();
        let deadline = self
            .time
            .now()
            .saturating_add(u64::try_from(self.policy.timeout.as_millis()).unwrap_or(u64::MAX));
        let call =
            AssertUnwindSafe(self.sink.deliver(batch, report, cancel.clone())).catch_unwind();
        let mut call = std::pin::pin!(call);
        let mut timeout = std::pin::pin!(self.time.sleep_until(deadline));
        let mut returned = false;
        let mut lapse = Lapse::Silent;
        while !open.is_empty() {
            tokio::select! {
                biased;
                outcome = outcomes.recv() => match outcome {
                    Some((index, outcome)) => {
                        if let Some(at) = open.iter().position(|i| *i == index) {
                            open.swap_remove(at);
                            self.settle(index, outcome, &mut ended, open.is_empty()).await;
                        }
                    }
                    // The sink gave up its report.
                    None => break,
                },
                result = &mut call, if !returned => {
                    returned = true;
                    if result.is_err() {
                        lapse = Lapse::Panicked;
                    }
                    outcomes.close();
                }
                () = &mut timeout => {
                    if cancel.is_cancelled() {
                        break;
                    }
                    // The driver knows best what had happened by then: it may say so, soon.
                    lapse = Lapse::Late;
                    cancel.cancel();
                    timeout.set(self.time.sleep_until(deadline.saturating_add(LAST_WORDS_MS)));
                }
            }
        }
        while let Some(index) = open.pop() {
            let outcome = lapse.outcome(self.policy.timeout);
            self.settle(index, outcome, &mut ended, open.is_empty())
                .await;
        }
    }

    /// The deliveries that the sink gets. Those that could not be transformed go home at once, and
    /// alone: the others of the batch are none the worse.
    fn transformed(&mut self, transforming: &Transforming, batch: Vec<Delivery>) -> Vec<Delivery> {
        let Split { kept, failed } = transforming.split(batch);
        let mut left = failed.len();
        for (index, outcome) in failed {
            left -= 1;
            let home = Homing {
                lane: self.lane,
                offset: self.offsets[index],
                outcome,
                note: None,
                replied: None,
                own: true,
                ended: self.ended.take_if(|_| left == 0 && kept.is_empty()),
            };
            self.home.send(home).ok();
        }
        self.offsets = kept.iter().map(|(index, _)| self.offsets[*index]).collect();
        if let Some(replies) = &mut self.replies {
            let to = kept.iter().filter_map(|(index, _)| replies.to.get(*index));
            replies.to = to.cloned().collect();
        }
        kept.into_iter().map(|(_, delivery)| delivery).collect()
    }

    /// Brings an outcome home; with the `last`, the call is over.
    async fn settle(&self, index: usize, outcome: Outcome, ended: &mut Option<Ended>, last: bool) {
        // That a reply cannot be appended is not the sink's fault.
        let this = Verdict::of(&outcome, &self.policy, self.time.now());
        if let Some(ended) = ended.as_mut() {
            ended.verdict = Some(ended.verdict.map_or(this, |so_far| so_far.and(this)));
        }
        let replied = self.replied(&outcome).map(Box::new);
        let (outcome, note) = self.append_reply(index, outcome).await;
        let home = Homing {
            lane: self.lane,
            offset: self.offsets[index],
            outcome,
            note,
            replied,
            own: false,
            ended: ended.take_if(|_| last),
        };
        // The shard has stopped: the attempt is repeated after the restart.
        self.home.send(home).ok();
    }

    /// What counts of a reply, where it is compared with another.
    fn replied(&self, outcome: &Outcome) -> Option<Replied> {
        let Outcome::Accepted {
            reply: Some(reply), ..
        } = outcome
        else {
            return None;
        };
        let watch = self.watch.as_ref()?;
        // Whatever a reply does to the comparison, its delivery is accepted.
        std::panic::catch_unwind(AssertUnwindSafe(|| watch.replied(reply, &self.hashes))).ok()
    }

    /// A reply is appended before its delivery settles; where that fails, the delivery is repeated
    /// and the reply, under the same id, meets itself.
    async fn append_reply(&self, index: usize, outcome: Outcome) -> (Outcome, Option<String>) {
        let Outcome::Accepted {
            receipt,
            reply: Some(reply),
        } = outcome
        else {
            return (outcome, None);
        };
        let accepted = Outcome::Accepted {
            receipt,
            reply: None,
        };
        if self.shadow {
            return (accepted, Some("its reply was only compared".into()));
        }
        let Some(replies) = &self.replies else {
            return (
                accepted,
                Some("its reply was dropped: no `reply-to`".into()),
            );
        };
        let Some(engine) = replies.engine.upgrade() else {
            return (lost_reply("the gateway is stopping".into()), None);
        };
        let Some((id, hops)) = replies.to.get(index) else {
            return (accepted, None);
        };
        let subscription = &replies.subscription;
        let reply = match stamp(&reply, id, hops.saturating_add(1)) {
            Ok(reply) => reply,
            Err(error) => return (accepted, Some(format!("its reply was dropped: {error}"))),
        };
        let origin = Origin {
            source: format!("reply:{subscription}").into(),
            principal: format!("subscription:{subscription}").into(),
            who: replies.who.clone(),
            dedupe_window: None,
        };
        // Were it refused at a quota, its delivery would never settle, and what is queued never shrink.
        let published = engine.publish(&replies.stream, &origin, vec![reply], Charging::Owed);
        let Ok(published) = AssertUnwindSafe(published).catch_unwind().await else {
            return (lost_reply("appending it panicked".into()), None);
        };
        match published {
            Ok(receipts) => {
                let position = receipts.first().map(|r| r.position.clone());
                let note = format!(
                    "replied into {} at {}",
                    replies.stream,
                    position.unwrap_or_default()
                );
                (accepted, Some(note))
            }
            Err(error) if error.is_temporary() => (lost_reply(error.to_string()), None),
            // It was appended before, by an attempt whose outcome was lost.
            Err(PublishError::Conflict(_)) => {
                (accepted, Some("an earlier attempt's reply was kept".into()))
            }
            Err(error) => (accepted, Some(format!("its reply was dropped: {error}"))),
        }
    }
}

fn lost_reply(detail: String) -> Outcome {
    Outcome::Retry {
        after: None,
        patience: None,
        throttled: false,
        reason: Reason::new("reply-append", detail),
    }
}

/// The reply with an id that follows from the delivery, and the hop count carried on.
fn stamp(reply: &Event, id: &str, hops: u32) -> Result<Event, tradewind_event::InvalidEvent> {
    let hops = i32::try_from(hops).unwrap_or(i32::MAX);
    reply
        .with_attribute("id", Attribute::String(&format!("reply-{id}")))?
        .with_attribute(HOPS, Attribute::Integer(hops))
}

/// Why a delivery was never reported.
enum Lapse {
    Silent,
    Panicked,
    Late,
}

impl Lapse {
    fn outcome(&self, timeout: Duration) -> Outcome {
        let reason = match self {
            Lapse::Silent => Reason::new("sink-silent", "the sink reported no outcome"),
            Lapse::Panicked => Reason::new("sink-silent", "the sink panicked"),
            Lapse::Late => Reason::new(
                "timeout",
                format!("no outcome within {:.1} s", timeout.as_secs_f64()),
            ),
        };
        Outcome::Retry {
            after: None,
            patience: None,
            throttled: false,
            reason,
        }
    }
}
