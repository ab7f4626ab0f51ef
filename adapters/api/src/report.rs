//! The way of outcomes from a sink to whoever called it.

use crate::Outcome;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Takes outcomes as they complete, one per delivery of the batch.
///
/// A delivery that is never reported counts as [`Outcome::Retry`]. The second report of one
/// delivery is ignored.
#[derive(Debug)]
pub struct Report(Arc<Shared>);

/// Where outcomes arrive, as (index in the batch, outcome).
#[derive(Debug)]
pub struct Outcomes(Arc<Shared>);

/// One small allocation per call of a sink; a channel would bring a block for dozens of messages.
#[derive(Debug)]
struct Shared(Mutex<State>);

#[derive(Debug)]
struct State {
    arrived: VecDeque<(usize, Outcome)>,
    reports: usize,
    closed: bool,
    waiting: Option<Waker>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Report {
    /// A report and the end where its outcomes arrive.
    #[must_use]
    pub fn channel() -> (Self, Outcomes) {
        let shared = Arc::new(Shared(Mutex::new(State {
            arrived: VecDeque::new(),
            reports: 1,
            closed: false,
            waiting: None,
        })));
        (Self(Arc::clone(&shared)), Outcomes(shared))
    }

    /// Reports the outcome of the delivery at `index`.
    pub fn settle(&self, index: usize, outcome: Outcome) {
        let mut state = self.0.state();
        // The engine may have given up waiting; then nobody needs the outcome.
        if !state.closed {
            state.arrived.push_back((index, outcome));
            wake(state);
        }
    }
}

impl Clone for Report {
    fn clone(&self) -> Self {
        self.0.state().reports += 1;
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.reports -= 1;
        if state.reports == 0 {
            wake(state);
        }
    }
}

impl Outcomes {
    /// The next outcome; `None` when the rest never comes.
    pub async fn recv(&mut self) -> Option<(usize, Outcome)> {
        poll_fn(|cx| {
            let mut state = self.0.state();
            if let Some(outcome) = state.arrived.pop_front() {
                return Poll::Ready(Some(outcome));
            }
            if state.closed || state.reports == 0 {
                return Poll::Ready(None);
            }
            match &mut state.waiting {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            Poll::Pending
        })
        .await
    }

    /// An outcome that is there already.
    pub fn try_recv(&mut self) -> Option<(usize, Outcome)> {
        self.0.state().arrived.pop_front()
    }

    /// Takes no more; what has arrived can still be received.
    pub fn close(&mut self) {
        self.0.state().closed = true;
    }
}

impl Drop for Outcomes {
    fn drop(&mut self) {
        self.close();
    }
}

/// Wakes the one who waits, without the lock in hand.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waiting.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted() -> Outcome {
        Outcome::Accepted {
            receipt: None,
            reply: None,
        }
    }

    #[tokio::test]
    async fn outcomes_arrive_in_order_and_end_with_the_last_report() {
        let (report, mut outcomes) = Report::channel();
        let other = report.clone();
        let sending = tokio::spawn(async move {
            report.settle(1, accepted());
            drop(report);
            tokio::task::yield_now().await;
            other.settle(0, accepted());
        });
        assert_eq!(outcomes.recv().await.map(|o| o.0), Some(1));
        assert_eq!(outcomes.recv().await.map(|o| o.0), Some(0));
        assert!(outcomes.recv().await.is_none());
        sending.await.unwrap();
    }

    #[tokio::test]
    async fn what_arrived_before_the_end_is_received_and_what_comes_after_is_not() {
        let (report, mut outcomes) = Report::channel();
        report.settle(0, accepted());
        outcomes.close();
        report.settle(1, accepted());
        assert_eq!(outcomes.recv().await.map(|o| o.0), Some(0));
        assert!(outcomes.recv().await.is_none());
    }
}
