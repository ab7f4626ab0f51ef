//! A place at a gate for one call, which comes back whatever becomes of the call.

use super::gate::{Gate, Verdict};
use crate::Policy;
use std::sync::Arc;

/// Held by whoever makes the call, and then by its outcome. The gate may outlive the shard that passed it: where neither
/// comes home, the place is given back, as if the attempt had never begun.
#[derive(Debug)]
pub(crate) struct Passed {
    gate: Arc<Gate>,
    /// When.
    at: u64,
    over: bool,
}

impl Passed {
    /// For one of the places that [`Gate::pass`] gave.
    pub(super) fn new(gate: &Arc<Gate>, at: u64) -> Self {
        Self {
            gate: Arc::clone(gate),
            at,
            over: false,
        }
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The call came home. True when the circuit changed.
    pub(crate) fn finished(&mut self, verdict: Verdict, policy: &Policy, now: u64) -> bool {
        self.over = true;
        self.gate.finished(verdict, policy, now)
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        if !self.over && self.gate.abandoned(1, self.at) {
            self.gate.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gate::Pass;
    use super::*;
    use crate::Breaker;
    use futures_util::FutureExt;
    use tokio::sync::Notify;

    #[test]
    fn a_call_that_never_comes_home_leaves_no_place_taken() {
        let policy = Policy {
            concurrency: 1,
            breaker: Breaker {
                failures: 1,
                ..Breaker::default()
            },
            ..Policy::default()
        };
        let bell = Arc::new(Notify::new());
        let gate = Arc::new(Gate::new(&policy, 0, [Arc::clone(&bell)].into()));
        let pass = |now| {
            assert_eq!(gate.pass(1, now), Pass::Go(1));
            Passed::new(&gate, now)
        };
        let first = pass(0);
        assert_eq!(gate.pass(1, 0), Pass::Later);
        drop(first);
        assert!(bell.notified().now_or_never().is_some());
        assert!(pass(0).finished(Verdict::Failed, &policy, 0));
        let Pass::At(later) = gate.when(0) else {
            panic!("its circuit is open");
        };
        let probe = pass(later);
        assert_eq!(gate.circuit(), "half-open");
        assert_eq!(gate.pass(1, later), Pass::Later);
        drop(probe);
        assert!(bell.notified().now_or_never().is_some());
        assert!(pass(later).finished(Verdict::Alive, &policy, later));
        assert_eq!((gate.circuit(), gate.when(later)), ("closed", Pass::Go(1)));
    }
}
