//! What all shards of a subscription share: concurrency, rate, throttling, the circuit, the flags.

use super::breaker::{Breaker, Circuit};
use super::rate::Bucket;
use super::retry::millis;
use crate::Policy;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tradewind_adapter::Outcome;

/// Shared by the lanes of one subscription. Locked for a few instructions, never across an await.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    /// Looked at in every turn of every shard.
    paused: AtomicBool,
    disabled: AtomicBool,
    /// Those of all who may wait for a place.
    bells: Arc<[Arc<Notify>]>,
}

#[derive(Debug)]
struct State {
    in_flight: usize,
    concurrency: usize,
    bucket: Option<Bucket>,
    breaker: Breaker,
    throttled_until: u64,
    /// Somebody was turned away because all places were taken.
    starved: bool,
}

impl State {
    fn offers(&mut self, want: usize, now: u64) -> Pass {
        if now < self.throttled_until {
            return Pass::At(self.throttled_until);
        }
        let allowed = match self.breaker.allows(now) {
            Ok(n) => n,
            Err(Some(at)) => return Pass::At(at),
            Err(None) => {
                self.starved = true;
                return Pass::Later;
            }
        };
        let free = self.concurrency.saturating_sub(self.in_flight);
        if free == 0 {
            self.starved = true;
            return Pass::Later;
        }
        let mut n = want.min(free).min(allowed);
        if let Some(bucket) = &mut self.bucket {
            n = n.min(bucket.available(now));
            if n == 0 {
                return Pass::At(bucket.next());
            }
        }
        Pass::Go(n)
    }
}

/// What an outcome says of the sink, beside what it says of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Alive,
    Failed,
    /// Leave it alone until then.
    Throttled(u64),
    /// Never again.
    Gone,
}

/// How many attempts may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    Go(usize),
    /// When an attempt ends; nothing to wait for by the clock.
    Later,
    At(u64),
    /// Not before an operator says so.
    Shut,
}

impl Gate {
    pub(crate) fn new(policy: &Policy, now: u64, bells: Arc<[Arc<Notify>]>) -> Self {
        let state = State {
            in_flight: 0,
            concurrency: policy.concurrency.max(1),
            bucket: policy.rate_per_second.map(|r| Bucket::new(r, now)),
            breaker: Breaker::new(),
            throttled_until: 0,
            starved: false,
        };
        Self {
            state: Mutex::new(state),
            paused: AtomicBool::new(false),
            disabled: AtomicBool::new(false),
            bells,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts new limits in force.
    pub(crate) fn update(&self, policy: &Policy, now: u64) {
        let mut s = self.state();
        s.concurrency = policy.concurrency.max(1);
        match (policy.rate_per_second, &s.bucket) {
            (Some(rate), Some(bucket)) if bucket.per_second() == rate => {}
            (rate, _) => s.bucket = rate.map(|r| Bucket::new(r, now)),
        }
    }

    /// Takes up to `want` places.
    pub(crate) fn pass(&self, want: usize, now: u64) -> Pass {
        if self.flags() != (false, false) {
            return Pass::Shut;
        }
        let mut s = self.state();
        let pass = s.offers(want, now);
        if let Pass::Go(n) = pass {
            if let Some(bucket) = &mut s.bucket {
                bucket.take(n);
            }
            s.breaker.started();
            s.in_flight += n;
        }
        pass
    }

    /// What [`Gate::pass`] would answer, without taking a place.
    pub(crate) fn offers(&self, want: usize, now: u64) -> Pass {
        match self.flags() {
            (false, false) => self.state().offers(want, now),
            _ => Pass::Shut,
        }
    }

    /// The same for one place.
    pub(crate) fn when(&self, now: u64) -> Pass {
        self.offers(1, now)
    }

    /// Whatever came of earlier attempts, it may be tried now.
    pub(crate) fn try_again(&self, now: u64) {
        self.set_disabled(false);
        self.state().breaker.try_again(now);
    }

    /// Gives a place back. True when the circuit changed.
    pub(crate) fn finished(&self, verdict: Verdict, policy: &Policy, now: u64) -> bool {
        let mut s = self.state();
        s.in_flight = s.in_flight.saturating_sub(1);
        match verdict {
            Verdict::Alive => s.breaker.succeeded(),
            Verdict::Failed => s.breaker.failed(&policy.breaker, now),
            Verdict::Throttled(until) => {
                s.throttled_until = s.throttled_until.max(until);
                s.breaker.succeeded()
            }
            Verdict::Gone => {
                self.set_disabled(true);
                s.breaker.succeeded()
            }
        }
    }

    /// Gives back places of attempts that never began. True when somebody waits for one.
    pub(crate) fn abandoned(&self, n: usize, now: u64) -> bool {
        if n == 0 {
            return false;
        }
        let mut s = self.state();
        s.in_flight = s.in_flight.saturating_sub(n);
        if s.in_flight == 0 {
            s.breaker.unprobed(now);
        }
        std::mem::take(&mut s.starved)
    }

    /// Lets everybody look again.
    pub(super) fn ring(&self) {
        for bell in self.bells.iter() {
            bell.notify_one();
        }
    }

    /// Whether some shard waits for a place; asking clears it.
    pub(crate) fn take_starved(&self) -> bool {
        std::mem::take(&mut self.state().starved)
    }

    pub(crate) fn flags(&self) -> (bool, bool) {
        let get = |flag: &AtomicBool| flag.load(Ordering::Acquire);
        (get(&self.paused), get(&self.disabled))
    }
    pub(crate) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
    }
    pub(crate) fn set_disabled(&self, disabled: bool) {
        self.disabled.store(disabled, Ordering::Release);
    }
    /// The circuit of one that may get nothing to try it with: once its pause is over, it may be tried.
    pub(crate) fn circuit_at(&self, now: u64) -> &'static str {
        let circuit = self.state().breaker.circuit();
        match circuit {
            Circuit::Open(until) if until <= now => shown(Circuit::HalfOpen),
            circuit => shown(circuit),
        }
    }
    pub(crate) fn circuit(&self) -> &'static str {
        shown(self.state().breaker.circuit())
    }
}

fn shown(circuit: Circuit) -> &'static str {
    match circuit {
        Circuit::Closed => "closed",
        Circuit::Open(_) => "open",
        Circuit::HalfOpen => "half-open",
    }
}

impl Verdict {
    /// What an outcome says of the sink.
    pub(crate) fn of(outcome: &Outcome, policy: &Policy, now: u64) -> Self {
        match outcome {
            Outcome::Retry {
                throttled: true,
                after,
                ..
            } => {
                let pause = after.unwrap_or(Duration::from_secs(1));
                let pause = pause.min(policy.retry.retry_after_max);
                Verdict::Throttled(now.saturating_add(millis(pause)))
            }
            Outcome::Retry { .. } => Verdict::Failed,
            Outcome::Reject { disable: true, .. } => Verdict::Gone,
            _ => Verdict::Alive,
        }
    }

    /// What two outcomes of one call say together; of two throttles, the longer one.
    pub(crate) fn and(self, other: Self) -> Self {
        fn weight(v: Verdict) -> (u8, u64) {
            match v {
                Verdict::Failed => (0, 0),
                Verdict::Alive => (1, 0),
                Verdict::Throttled(until) => (2, until),
                Verdict::Gone => (3, 0),
            }
        }
        std::cmp::max_by_key(self, other, |v| weight(*v))
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Alive, Failed, Gone, Throttled};

    #[test]
    fn of_several_outcomes_the_one_that_asks_for_most_counts() {
        for (one, other, both) in [
            (Failed, Alive, Alive),
            (Alive, Throttled(3), Throttled(3)),
            (Throttled(3), Throttled(9), Throttled(9)),
            (Gone, Throttled(9), Gone),
        ] {
            assert_eq!((one.and(other), other.and(one)), (both, both));
        }
    }
}
