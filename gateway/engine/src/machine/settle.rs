//! From an outcome to the records that settle, schedule or bury a delivery.

use super::Rng;
use super::gate::Pass;
use super::lane::Lane;
use super::order::Head;
use super::passed::Passed;
use super::places::Seat;
use super::retry::{self, Asked, Next, millis};
use super::task::{Place, Task, Ticket, Turn};
use super::ways::Start;
use crate::record::{Accepted, Buried, Cause, Final, Stored, cause_name, keys};
use crate::{Attempt, OnExhaustion};
use bytes::Bytes;
use std::sync::Arc;
use tradewind_adapter::{Outcome, Reason};
use tradewind_store::Op;

/// What happens to the ordering key of a delivery that is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    Gone,
    Parked,
}

impl Lane {
    /// Takes out what must not be attempted any more. What has not arrived yet never was the head of
    /// its key, so the key does not move.
    pub(crate) fn sieve(&mut self, task: Task, arrived: bool, turn: &mut Turn) -> Option<Task> {
        let ticket = &task.ticket;
        if task.stored.expires_ms.is_some_and(|at| at <= turn.now) {
            self.account.expired += 1;
            let key = self.finish(task.ticket, Some(&task.stored), "expired", None, turn);
            self.pass_on(key.filter(|_| arrived), turn);
        } else if self.plan.is_none() {
            // A suspended lane keeps what waits: a start knows nothing of the policy it had.
            return Some(task);
        } else if turn.stops.age(ticket.trail.born_ms, turn.now) > millis(self.policy.max_age)
            && self.job.is_none()
        {
            self.sift(task, arrived, Cause::TooOld, turn);
        } else if task.stored.envelope.hops > self.policy.hops_max {
            self.sift(task, arrived, Cause::Hops, turn);
        } else {
            return Some(task);
        }
        None
    }

    fn sift(&mut self, task: Task, arrived: bool, cause: Cause, turn: &mut Turn) {
        if arrived {
            self.bury(task.ticket, Some(&task.stored), cause, turn);
        } else {
            self.entomb(&task.ticket, Some(&task.stored), cause, turn);
        }
    }

    /// Removes the record of a pending delivery.
    pub(crate) fn unrecord(&mut self, ticket: &Ticket, turn: &mut Turn) {
        self.dirty = true;
        match ticket.place {
            Place::Window => self.window.finish(ticket.offset),
            Place::Scheduled { due } => {
                self.loaded.remove(&ticket.offset);
                self.scheduled_bytes = self.scheduled_bytes.saturating_sub(ticket.bytes);
                let key = keys::scheduled(self.id, due, ticket.offset);
                turn.ops.push(Op::Delete(key));
            }
            Place::Waiting { sequence } => {
                self.loaded.remove(&ticket.offset);
                self.waiting_bytes = self.waiting_bytes.saturating_sub(ticket.bytes);
                let key = keys::waiting(self.id, ticket.key.unwrap_or_default(), sequence);
                turn.ops.push(Op::Delete(key));
            }
        }
    }

    /// Puts a delivery into `q/`.
    pub(crate) fn schedule(&mut self, ticket: Ticket, due: u64, state: &str, turn: &mut Turn) {
        let stored = turn.stops.stored(due).min(keys::SHELF - 1);
        let told = Final::encode(state, Some(due), None, &ticket.trail);
        self.put_off(ticket, stored, told, Head::Scheduled, turn);
    }

    /// The same, with the due time as it is stored, what `explain` tells, and how its key stands then.
    pub(super) fn put_off(
        &mut self,
        mut ticket: Ticket,
        stored: u64,
        told: Bytes,
        head: Head,
        turn: &mut Turn,
    ) {
        self.unrecord(&ticket, turn);
        ticket.place = Place::Scheduled { due: stored };
        self.scheduled_bytes += ticket.bytes;
        turn.ops.push(Op::Put(
            keys::scheduled(self.id, stored, ticket.offset),
            ticket.pendant().encode(),
        ));
        turn.ops
            .push(Op::Put(keys::history(ticket.offset, self.id), told));
        self.due_at(stored, ticket.offset, turn);
        if let Some(key) = ticket.key {
            self.block(key, head, turn);
        }
    }

    /// A delivery in `q/`, under a due time as it is stored, is not in memory.
    pub(crate) fn due_at(&mut self, stored: u64, offset: u64, turn: &Turn) {
        if stored >= keys::SHELF {
            return self.on_shelf(stored, offset);
        }
        let due = turn.stops.due(stored);
        self.next_due = Some(self.next_due.map_or(due, |d| d.min(due)));
        self.due_from = self.due_from.min((stored, offset));
    }

    /// Ends a delivery; the caller has counted it. Returns its key, which is free to go on.
    fn finish(
        &mut self,
        mut ticket: Ticket,
        stored: Option<&Arc<Stored>>,
        state: &'static str,
        note: Option<&str>,
        turn: &mut Turn,
    ) -> Option<u64> {
        self.unrecord(&ticket, turn);
        self.account.pending -= 1;
        turn.note(state, &self.name, ticket.offset, stored, || {
            note.map(str::to_owned)
                .unwrap_or_else(|| last_words(&ticket.trail.attempts))
        });
        // It has no history that this would have to replace.
        let at_once = state == "accepted"
            && ticket.place == Place::Window
            && ticket.trail.attempts.len() == 1;
        let only = at_once.then(|| ticket.trail.attempts.pop()).flatten();
        match only {
            Some(only) => turn.accepted.push(Accepted {
                offset: ticket.offset,
                lane: self.id,
                began_ms: only.at_ms,
                took_ms: only.took_ms,
                reason: only.reason,
                member: only.member,
                note: note.map(str::to_owned),
            }),
            None => turn.ops.push(Op::Put(
                keys::history(ticket.offset, self.id),
                Final::encode(state, None, note, &ticket.trail),
            )),
        }
        if ticket.offset < turn.kept {
            turn.ops
                .push(Op::Delete(keys::kept(self.id, ticket.offset)));
        }
        ticket.key
    }

    fn pass_on(&mut self, key: Option<u64>, turn: &Turn) {
        if let Some(key) = key {
            self.advance(key, turn.now);
        }
    }

    /// Makes a delivery a dead letter, in the turn that removes it from what is pending.
    pub(crate) fn bury(
        &mut self,
        ticket: Ticket,
        stored: Option<&Arc<Stored>>,
        cause: Cause,
        turn: &mut Turn,
    ) {
        // What overflows a parked key, or is shed from behind one, never was its head.
        let behind = cause == Cause::ParkedOverflow
            || matches!(ticket.place, Place::Waiting { .. })
                && !self.loaded.contains(&ticket.offset);
        self.entomb(&ticket, stored, cause, turn);
        if behind {
            return;
        }
        let parks = self.policy.on_exhaustion == OnExhaustion::Park
            && !self.settles_as_shadow()
            && matches!(cause, Cause::Exhausted | Cause::Rejected);
        let settled = if parks {
            Settled::Parked
        } else {
            Settled::Gone
        };
        self.key_settled(&ticket, settled, turn);
    }

    /// The same without a word on its key.
    fn entomb(
        &mut self,
        ticket: &Ticket,
        stored: Option<&Arc<Stored>>,
        cause: Cause,
        turn: &mut Turn,
    ) {
        self.unrecord(ticket, turn);
        self.account.pending -= 1;
        if self.settles_as_shadow() {
            return self.give_up(ticket, stored, cause, turn);
        }
        self.account.dead_lettered += 1;
        self.dead_bytes += ticket.bytes;
        self.letters_from = self.letters_from.min(ticket.offset);
        let buried = Buried {
            at_ms: turn.now,
            cause,
            key: ticket.key,
            bytes: ticket.bytes,
            trail: ticket.trail.clone(),
        };
        turn.ops
            .push(Op::Put(keys::dead(self.id, ticket.offset), buried.encode()));
        turn.ops.push(Op::Put(
            keys::history(ticket.offset, self.id),
            Final::encode(
                "dead-lettered",
                None,
                Some(cause_name(cause)),
                &ticket.trail,
            ),
        ));
        turn.note("dead-lettered", &self.name, ticket.offset, stored, || {
            format!(
                "{} after {} attempt(s)",
                cause_name(cause),
                ticket.trail.made()
            )
        });
    }

    /// What a shadow could not deliver is counted and told by `explain`; nobody has to look after it.
    fn give_up(
        &mut self,
        ticket: &Ticket,
        stored: Option<&Arc<Stored>>,
        cause: Cause,
        turn: &mut Turn,
    ) {
        self.account.purged += 1;
        let name = cause_name(cause);
        turn.ops.push(Op::Put(
            keys::history(ticket.offset, self.id),
            Final::encode("given-up", None, Some(name), &ticket.trail),
        ));
        if ticket.offset < turn.kept {
            turn.ops
                .push(Op::Delete(keys::kept(self.id, ticket.offset)));
        }
        turn.note("given-up", &self.name, ticket.offset, stored, || {
            format!("{name} after {} attempt(s)", ticket.trail.made())
        });
    }

    /// An attempt came home. True where the delivery is over with it.
    pub(crate) fn settle(
        &mut self,
        offset: u64,
        outcome: Outcome,
        note: Option<&str>,
        turn: &mut Turn,
        rng: &mut Rng,
    ) -> bool {
        let Some(mut task) = self.flying.remove(&offset) else {
            self.lingering.remove(&offset);
            return false;
        };
        self.account.attempts += 1;
        self.dirty = true;
        let began = task.since;
        let number = task.ticket.trail.made() + 1;
        let (name, reason) = match &outcome {
            Outcome::Accepted { receipt, .. } => (
                "accepted",
                receipt.as_ref().map(|r| Reason::new("receipt", r.as_str())),
            ),
            Outcome::Retry { reason, .. } => ("retry", Some(reason.clone())),
            Outcome::Reject { reason, .. } => ("reject", Some(reason.clone())),
            _ => ("retry", None),
        };
        task.ticket.trail.push(Attempt {
            number,
            at_ms: began,
            took_ms: turn.now.saturating_sub(began),
            outcome: name.to_owned(),
            reason,
            member: task.member.as_deref().map(str::to_owned),
        });
        if let (Some(ways), Some(member)) = (&mut self.ways, &task.member) {
            ways.count(member, &outcome);
        }
        let others = self.ways.as_ref().is_some_and(|w| w.members.len() > 1);
        match outcome {
            Outcome::Accepted { .. } => {
                self.account.accepted += 1;
                let key = self.finish(task.ticket, Some(&task.stored), "accepted", note, turn);
                self.pass_on(key, turn);
                true
            }
            // It may be another of them that the sink cannot take.
            Outcome::Reject { disable: false, .. }
                if task.together
                    && task.ticket.trail.counted() < self.policy.retry.max_attempts =>
            {
                task.together = false;
                task.alone = true;
                self.ready.push_front(task);
                false
            }
            // Its member is gone, and not the group: another may take what was under way there.
            Outcome::Reject { disable: true, .. } if others => {
                self.again(task, Asked::default(), turn, rng)
            }
            Outcome::Reject { .. } => {
                self.bury(task.ticket, Some(&task.stored), Cause::Rejected, turn);
                true
            }
            Outcome::Retry {
                after, patience, ..
            } => self.again(task, Asked { after, patience }, turn, rng),
            _ => self.again(task, Asked::default(), turn, rng),
        }
    }

    fn again(&mut self, task: Task, asked: Asked, turn: &mut Turn, rng: &mut Rng) -> bool {
        let trail = &task.ticket.trail;
        let age = turn.stops.age(trail.first_ms.unwrap_or(turn.now), turn.now);
        let first = turn.now.saturating_sub(age);
        match retry::next(
            &self.policy.retry,
            trail.counted(),
            first,
            turn.now,
            asked,
            rng,
        ) {
            Next::Exhausted => {
                self.bury(task.ticket, Some(&task.stored), Cause::Exhausted, turn);
                true
            }
            Next::At(due) => {
                let wait = due.saturating_sub(turn.now) as f64 / 1000.0;
                turn.note(
                    "retry",
                    &self.name,
                    task.ticket.offset,
                    Some(&task.stored),
                    || format!("{}; again in {wait:.1} s", last_words(&trail.attempts)),
                );
                self.schedule(task.ticket, due, "scheduled", turn);
                false
            }
        }
    }

    /// Starts what may start: batches of tasks, now under way, and the places that each takes.
    pub(super) fn launch_here(&mut self, turn: &mut Turn) -> Vec<Start> {
        let want = self.wanted(turn.now);
        let seat = self.seat.take();
        let limited = seat.as_ref().filter(|seat| seat.is_limited());
        let places = self.enter(limited, want, turn.now);
        let batches = self.assemble(places, turn);
        let unused = places - batches.len();
        if let Some(seat) = limited {
            seat.give_back(unused);
        }
        let start = |offsets| Start {
            offsets,
            passed: Passed::new(&self.gate, turn.now),
            place: limited.map(Seat::place),
            member: None,
        };
        let starts: Vec<Start> = batches.into_iter().map(start).collect();
        self.seat = seat;
        if places == 0 {
            return starts;
        }
        turn.gave_back |= self.gate.abandoned(unused, turn.now);
        if let Some(bucket) = &mut self.bucket {
            bucket.take(starts.len());
        }
        if places < want {
            // Ask at once: the gate says when, or that an attempt must end first.
            if let Pass::At(at) = self.gate.when(turn.now) {
                self.wake_at(at);
            }
        }
        starts
    }

    /// How many attempts there are to start.
    fn wanted(&mut self, now: u64) -> usize {
        if self.ready.is_empty() || !self.is_active() {
            return 0;
        }
        let batch_max = self.batch_max();
        let full = self.ready.len() / batch_max;
        let mut want = self.ready.len().div_ceil(batch_max);
        if want > full {
            let oldest = self.ready.get(full * batch_max).map_or(0, |t| t.since);
            let until = oldest.saturating_add(millis(self.policy.batch_wait));
            if batch_max > 1 && until > now {
                self.wake_at(until);
                want = full;
            }
        }
        if let Some(bucket) = &mut self.bucket {
            let tokens = bucket.available(now);
            if tokens < want {
                let at = bucket.next();
                self.wake = Some(self.wake.map_or(at, |w| w.min(at)));
                want = tokens;
            }
        }
        want
    }

    /// Takes up to `want` places of its sink, and of its space where these are limited.
    fn enter(&mut self, seat: Option<&Seat>, want: usize, now: u64) -> usize {
        let ready = |pass: Pass| match pass {
            Pass::Go(n) => Ok(n),
            Pass::At(at) => Err(Some(at)),
            Pass::Later | Pass::Shut => Err(None),
        };
        let entered = match (seat, want) {
            (None, 0) => Err(None),
            (None, _) => ready(self.gate.pass(want, now)),
            (Some(seat), 0) => {
                seat.pass();
                Err(None)
            }
            // Nobody stands in line for a place that could not be used.
            (Some(seat), _) => ready(self.gate.when(now))
                .inspect_err(|_| seat.pass())
                .and_then(|_| match seat.take(want) {
                    0 => Err(None),
                    got => {
                        let entered = ready(self.gate.pass(got, now));
                        seat.give_back(got - entered.unwrap_or(0));
                        entered
                    }
                }),
        };
        match entered {
            Ok(places) => places,
            Err(at) => {
                if let Some(at) = at {
                    self.wake_at(at);
                }
                0
            }
        }
    }

    fn assemble(&mut self, places: usize, turn: &mut Turn) -> Vec<Vec<u64>> {
        let batch_max = self.batch_max();
        let mut batches = Vec::with_capacity(places);
        for _ in 0..places {
            let mut batch = Vec::with_capacity(batch_max);
            while batch.len() < batch_max {
                let alone = self.ready.front().is_some_and(|task| task.alone);
                if alone && !batch.is_empty() {
                    break;
                }
                let Some(task) = self.ready.pop_front() else {
                    break;
                };
                let Some(mut task) = self.sieve(task, true, turn) else {
                    continue;
                };
                task.since = turn.now;
                task.ticket.trail.first_ms.get_or_insert(turn.now);
                turn.note(
                    "attempt",
                    &self.name,
                    task.ticket.offset,
                    Some(&task.stored),
                    || format!("attempt {}", task.ticket.trail.made() + 1),
                );
                batch.push(task.ticket.offset);
                self.flying.insert(task.ticket.offset, task);
                if alone {
                    break;
                }
            }
            if let [_, _, ..] = batch[..] {
                for offset in &batch {
                    if let Some(task) = self.flying.get_mut(offset) {
                        task.together = true;
                    }
                }
            }
            if !batch.is_empty() {
                batches.push(batch);
            }
        }
        batches
    }
}

fn last_words(attempts: &[Attempt]) -> String {
    match attempts.last() {
        Some(a) => match &a.reason {
            Some(reason) => format!("attempt {}: {reason} in {} ms", a.number, a.took_ms),
            None => format!("attempt {} in {} ms", a.number, a.took_ms),
        },
        None => String::new(),
    }
}
