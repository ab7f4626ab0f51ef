//! Attempts: one task per call of a sink, which always ends.

use super::Shard;
use crate::engine::Inner;
use crate::hash::HOPS;
use crate::machine::{Gate, Lane, Verdict};
use crate::record::keys::LaneId;
use crate::time::Time;
use crate::{Origin, Policy, PublishError};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, Outcome, Reason, Report, Sink};
use tradewind_event::{Attribute, Event};

/// After its time a driver is cancelled, and has this long to report.
const LAST_WORDS_MS: u64 = 500;

/// What comes home from an attempt.
#[derive(Debug)]
pub(super) enum Homing {
    Outcome {
        lane: LaneId,
        offset: u64,
        outcome: Outcome,
        note: Option<String>,
    },
    /// The call is over.
    Ended {
        lane: LaneId,
        gate: Arc<Gate>,
        policy: Arc<Policy>,
        verdict: Verdict,
    },
}

/// One call of a sink.
struct Call {
    lane: LaneId,
    sink: Arc<dyn Sink>,
    gate: Arc<Gate>,
    policy: Arc<Policy>,
    batch: Vec<Delivery>,
    offsets: Vec<u64>,
    replies: Option<Replies>,
    time: Time,
    home: mpsc::UnboundedSender<Homing>,
}

/// Where the replies of a subscription go.
struct Replies {
    engine: Weak<Inner>,
    stream: String,
    hops: Vec<u32>,
}

impl Shard {
    /// Starts every attempt that may start.
    pub(super) fn launch(&mut self) {
        for lane in self.lanes.values_mut() {
            for offsets in lane.launch(&mut self.turn) {
                let Some(plan) = &lane.plan else { continue };
                let batch = offsets
                    .iter()
                    .filter_map(|offset| delivery(&self.around, lane, *offset))
                    .collect();
                let hops = offsets
                    .iter()
                    .filter_map(|offset| lane.flying.get(offset))
                    .map(|task| task.stored.envelope.hops);
                let call = Call {
                    lane: lane.id,
                    sink: Arc::clone(&plan.sink),
                    gate: Arc::clone(&lane.gate),
                    policy: Arc::clone(&lane.policy),
                    batch,
                    replies: lane.policy.reply_to.as_ref().map(|stream| Replies {
                        engine: self.around.engine.clone(),
                        stream: stream.clone(),
                        hops: hops.collect(),
                    }),
                    offsets,
                    time: self.around.time.clone(),
                    home: self.homes.0.clone(),
                };
                self.attempts.spawn(call.run());
            }
        }
        if std::mem::take(&mut self.turn.gave_back) {
            self.around.gates.wake_others(self.around.shard);
        }
    }

    pub(super) fn home(&mut self, home: Homing) {
        match home {
            Homing::Outcome {
                lane,
                offset,
                outcome,
                note,
            } => {
                if let Some(lane) = self.lanes.get_mut(&lane) {
                    lane.settle(
                        offset,
                        outcome,
                        note.as_deref(),
                        &mut self.turn,
                        &mut self.rng,
                    );
                }
            }
            Homing::Ended {
                lane,
                gate,
                policy,
                verdict,
            } => {
                let changed = gate.finished(verdict, &policy, self.turn.now);
                if let Some(lane) = self.lanes.get_mut(&lane) {
                    if verdict == Verdict::Gone {
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
    }
}

fn delivery(around: &super::Surroundings, lane: &Lane, offset: u64) -> Option<Delivery> {
    let task = lane.flying.get(&offset)?;
    let event = &task.stored.event;
    let hops = i32::try_from(task.stored.envelope.hops.saturating_add(1)).unwrap_or(i32::MAX);
    let (stream, shard, name) = (&around.stream, around.shard, &lane.name);
    let replay = lane.job.as_ref().map(|job| Arc::from(job.id.as_str()));
    Some(Delivery {
        id: match &replay {
            Some(id) => format!("{stream}-{shard}-{offset}-{name}-r{id}").into(),
            None => format!("{stream}-{shard}-{offset}-{name}").into(),
        },
        event: event
            .with_attribute(HOPS, Attribute::Integer(hops))
            .unwrap_or_else(|_| event.clone()),
        subscription: Arc::clone(name),
        stream: Arc::clone(stream),
        position: format!("{shard}/{offset}").into(),
        attempt: task.ticket.trail.made() + 1,
        timeout: lane.policy.timeout,
        replay,
    })
}

impl Call {
    async fn run(self) {
        let n = self.batch.len();
        let mut open = vec![true; n];
        let mut verdict: Option<Verdict> = None;
        let (report, mut outcomes) = Report::channel();
        let cancel = CancellationToken::new();
        let deadline = self
            .time
            .now()
            .saturating_add(u64::try_from(self.policy.timeout.as_millis()).unwrap_or(u64::MAX));
        let ids: Vec<Arc<str>> = self.batch.iter().map(|d| Arc::clone(&d.id)).collect();
        let batch = self.batch.clone();
        let call =
            AssertUnwindSafe(self.sink.deliver(batch, report, cancel.clone())).catch_unwind();
        let mut call = std::pin::pin!(call);
        let mut timeout = std::pin::pin!(self.time.sleep_until(deadline));
        let mut returned = false;
        let mut lapse = Lapse::Silent;
        while open.contains(&true) {
            tokio::select! {
                biased;
                outcome = outcomes.recv() => match outcome {
                    Some((index, outcome)) => {
                        if open.get(index).copied().unwrap_or(false) {
                            open[index] = false;
                            self.settle(index, outcome, &ids, &mut verdict).await;
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
        for index in (0..n).filter(|index| open[*index]) {
            self.settle(
                index,
                lapse.outcome(self.policy.timeout),
                &ids,
                &mut verdict,
            )
            .await;
        }
        self.tell(Homing::Ended {
            lane: self.lane,
            gate: Arc::clone(&self.gate),
            policy: Arc::clone(&self.policy),
            verdict: verdict.unwrap_or(Verdict::Alive),
        });
    }

    async fn settle(
        &self,
        index: usize,
        outcome: Outcome,
        ids: &[Arc<str>],
        verdict: &mut Option<Verdict>,
    ) {
        // That a reply cannot be appended is not the sink's fault.
        let this = Verdict::of(&outcome, &self.policy, self.time.now());
        *verdict = Some(verdict.map_or(this, |v| v.and(this)));
        let (outcome, note) = self.append_reply(index, outcome, &ids[index]).await;
        self.tell(Homing::Outcome {
            lane: self.lane,
            offset: self.offsets[index],
            outcome,
            note,
        });
    }

    /// A reply is appended before its delivery settles; where that fails, the delivery is repeated
    /// and the reply, under the same id, meets itself.
    async fn append_reply(
        &self,
        index: usize,
        outcome: Outcome,
        id: &Arc<str>,
    ) -> (Outcome, Option<String>) {
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
        let Some(replies) = &self.replies else {
            return (
                accepted,
                Some("its reply was dropped: no `reply-to`".into()),
            );
        };
        let Some(engine) = replies.engine.upgrade() else {
            return (lost_reply("the gateway is stopping".into()), None);
        };
        let subscription = &self.batch[index].subscription;
        let hops = replies
            .hops
            .get(index)
            .copied()
            .unwrap_or(0)
            .saturating_add(1);
        let reply = match stamp(&reply, id, hops) {
            Ok(reply) => reply,
            Err(error) => return (accepted, Some(format!("its reply was dropped: {error}"))),
        };
        let origin = Origin {
            space: crate::engine::SPACE.into(),
            source: format!("reply:{subscription}").into(),
            principal: format!("subscription:{subscription}").into(),
            dedupe_window: None,
        };
        match engine.publish(&replies.stream, &origin, vec![reply]).await {
            Ok(receipts) => {
                let position = receipts.first().map(|r| r.position.clone());
                let note = format!(
                    "replied into {} at {}",
                    replies.stream,
                    position.unwrap_or_default()
                );
                (accepted, Some(note))
            }
            Err(error @ (PublishError::Later { .. } | PublishError::Unavailable(_))) => {
                (lost_reply(error.to_string()), None)
            }
            // It was appended before, by an attempt whose outcome was lost.
            Err(PublishError::Conflict(_)) => {
                (accepted, Some("an earlier attempt's reply was kept".into()))
            }
            Err(error) => (accepted, Some(format!("its reply was dropped: {error}"))),
        }
    }

    fn tell(&self, home: Homing) {
        // The shard has stopped: the attempt is repeated after the restart.
        self.home.send(home).ok();
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
