//! What happens to deliveries in the wild: again, twice, late, and in the middle of a crash.

use crate::{Context, Delivery, Event, Handler, Outcome};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Most points at which a handler waits that [`Trial::killed_anywhere`] looks at.
const STEPS_MAX: usize = 10_000;

/// An event, delivered as hosts deliver it: with a deadline that holds, again until it is done, and with a panic that is
/// an attempt that failed.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use tradewind::testing::{self, Trial};
/// use tradewind::{Context, Error, Event, State};
///
/// type Ledger = Arc<Mutex<Vec<String>>>;
///
/// #[tradewind::handler]
/// async fn book(event: Event, cx: Context, State(ledger): State<Ledger>) -> Result<(), Error> {
///     let known = ledger.lock().unwrap().contains(&cx.delivery_id().to_owned());
///     tokio::task::yield_now().await;
///     if !known {
///         ledger.lock().unwrap().push(cx.delivery_id().into());
///     }
///     tokio::task::yield_now().await;
///     Ok(())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let ledger = Ledger::default();
/// let handler = book.with_state(ledger.clone());
/// let trial = Trial::new(testing::event("shop.order.placed", 1));
/// // Killed wherever it waits, and brought again: done once each time.
/// let places = trial.killed_anywhere(&handler, |_| {
///     assert_eq!(ledger.lock().unwrap().drain(..).count(), 1);
/// });
/// assert_eq!(places.await, 2);
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct Trial {
    event: Event,
    context: Context,
    attempts: u32,
    timeout: Duration,
}

impl Trial {
    /// At most five attempts of fifteen seconds each, delivery id `test`.
    pub fn new(event: Event) -> Self {
        Self {
            event,
            context: Context::new("test"),
            attempts: 5,
            timeout: Context::DEFAULT_TIMEOUT,
        }
    }

    /// At most so many attempts, one at least.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Each at most so long.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// One attempt.
    pub async fn attempt(&self, number: u32, handler: &impl Handler) -> Outcome {
        let deadline = Instant::now() + self.timeout;
        let handling = caught(handler.call(self.delivery(number, deadline, handler), &()));
        match timeout_at(deadline, handling).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => failed("the handler panicked"),
            Err(_) => failed("the handler was not done in time"),
        }
    }

    /// Again until it is done or rejected, or there are no more attempts: the outcome of each. The pauses between are left
    /// out.
    pub async fn deliver(&self, handler: &impl Handler) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for number in 1..=self.attempts {
            let outcome = self.attempt(number, handler).await;
            let again = matches!(outcome, Outcome::Retry { .. });
            outcomes.push(outcome);
            if !again {
                break;
            }
        }
        outcomes
    }

    /// The same delivery twice, as when the answer to the first was lost.
    pub async fn twice(&self, handler: &impl Handler) -> [Outcome; 2] {
        [
            self.attempt(1, handler).await,
            self.attempt(2, handler).await,
        ]
    }

    /// A process that dies at the point where the handler waits for the `steps`th time, counted from 0; the outcome where
    /// it does not wait that often.
    pub async fn killed(&self, steps: usize, handler: &impl Handler) -> Option<Outcome> {
        let deadline = Instant::now() + self.timeout;
        let mut handling = handler.call(self.delivery(1, deadline, handler), &());
        let mut left = steps;
        poll_fn(|cx| match handling.as_mut().poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => {
                left -= 1;
                Poll::Pending
            }
        })
        .await
    }

    /// At every point where the handler waits: a process that dies there, the delivery again, and then `check` with
    /// what came of it. Gives the number of these points.
    ///
    /// # Panics
    /// Where the event is not taken in the end, or the handler waits without end.
    #[allow(clippy::panic)]
    pub async fn killed_anywhere(
        &self,
        handler: &impl Handler,
        mut check: impl FnMut(&Outcome),
    ) -> usize {
        for steps in 0..STEPS_MAX {
            let whole = self.killed(steps, handler).await;
            let Some(outcome) = whole else {
                let outcomes = self.deliver(handler).await;
                let last = outcomes.last();
                match last {
                    Some(outcome @ (Outcome::Ack | Outcome::Reply(_) | Outcome::Respond(_))) => {
                        check(outcome);
                    }
                    last => panic!("killed at point {steps}, the event ends as {last:?}"),
                }
                continue;
            };
            check(&outcome);
            return steps;
        }
        panic!("the handler waits more than {STEPS_MAX} times");
    }

    fn delivery(&self, attempt: u32, deadline: Instant, handler: &impl Handler) -> Delivery {
        let context = self.context.clone();
        Delivery {
            event: self.event.clone(),
            context: context
                .with_attempt(attempt)
                .with_deadline(deadline)
                .with_source(format!("/handlers/{}", handler.name())),
        }
    }
}

fn failed(reason: &str) -> Outcome {
    Outcome::Retry {
        after: None,
        reason: reason.into(),
        cause: None,
    }
}

async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}
