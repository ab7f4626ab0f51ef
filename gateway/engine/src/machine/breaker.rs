//! Circuit breaker: consecutive failures open it, one probe at a time closes it again.

use super::retry::millis;
use crate::Breaker as Policy;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Circuit {
    Closed,
    /// Nothing goes out before this engine time.
    Open(u64),
    /// One probe is under way.
    HalfOpen,
}

#[derive(Debug, Clone)]
pub(crate) struct Breaker {
    circuit: Circuit,
    failures: u32,
    cooldown: u64,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self {
            circuit: Circuit::Closed,
            failures: 0,
            cooldown: 0,
        }
    }
    pub(crate) fn circuit(&self) -> Circuit {
        self.circuit
    }
    /// How many attempts it lets through now: all, one, or none until the time given.
    pub(crate) fn allows(&self, now: u64) -> Result<usize, Option<u64>> {
        match self.circuit {
            Circuit::Closed => Ok(usize::MAX),
            Circuit::Open(until) if now >= until => Ok(1),
            Circuit::Open(until) => Err(Some(until)),
            Circuit::HalfOpen => Err(None),
        }
    }
    /// An attempt goes out.
    pub(crate) fn started(&mut self) {
        if matches!(self.circuit, Circuit::Open(_)) {
            self.circuit = Circuit::HalfOpen;
        }
    }
    /// The probe never went out.
    pub(crate) fn unprobed(&mut self, now: u64) {
        if self.circuit == Circuit::HalfOpen {
            self.circuit = Circuit::Open(now);
        }
    }
    /// The next attempt may go out at once, whatever came of earlier ones.
    pub(crate) fn try_again(&mut self, now: u64) {
        if let Circuit::Open(until) = &mut self.circuit {
            *until = now.min(*until);
        }
    }
    /// The sink answered, whatever it said. True when this closes the circuit.
    pub(crate) fn succeeded(&mut self) -> bool {
        let was = self.circuit;
        *self = Self::new();
        was != Circuit::Closed
    }
    /// The sink failed. True when this opens the circuit.
    pub(crate) fn failed(&mut self, policy: &Policy, now: u64) -> bool {
        if policy.failures == 0 {
            *self = Self::new();
            return false;
        }
        match self.circuit {
            Circuit::Closed => {
                self.failures += 1;
                if self.failures < policy.failures {
                    return false;
                }
                self.cooldown = millis(policy.cooldown);
            }
            Circuit::HalfOpen => {
                self.cooldown = self
                    .cooldown
                    .saturating_mul(2)
                    .clamp(1, millis(policy.cooldown_max.max(policy.cooldown)));
            }
            // Attempts from before it opened come home; they say nothing new.
            Circuit::Open(_) => return false,
        }
        self.circuit = Circuit::Open(now.saturating_add(self.cooldown));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn one_probe_per_cooldown_and_the_cooldown_doubles() {
        let policy = Policy {
            failures: 3,
            cooldown: Duration::from_secs(10),
            cooldown_max: Duration::from_secs(30),
        };
        let mut b = Breaker::new();
        assert!(!b.failed(&policy, 0));
        assert!(!b.failed(&policy, 0));
        assert!(b.failed(&policy, 0));
        assert!(!b.failed(&policy, 5), "stragglers do not extend it");
        assert_eq!(b.allows(9_999), Err(Some(10_000)));
        let mut now = 10_000;
        for cooldown in [20_000, 30_000, 30_000] {
            assert_eq!(b.allows(now), Ok(1));
            b.started();
            assert_eq!(b.allows(now), Err(None), "one probe only");
            assert!(b.failed(&policy, now));
            assert_eq!(b.circuit(), Circuit::Open(now + cooldown));
            now += cooldown;
        }
        b.started();
        assert!(b.succeeded());
        assert_eq!(b.allows(now), Ok(usize::MAX));
    }

    #[test]
    fn zero_failures_turns_it_off() {
        let policy = Policy {
            failures: 0,
            ..Policy::default()
        };
        let mut b = Breaker::new();
        for _ in 0..100 {
            assert!(!b.failed(&policy, 0));
        }
        assert_eq!(b.allows(0), Ok(usize::MAX));
    }
}
