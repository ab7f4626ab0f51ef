//! What was obtained and is shown until it ends: renewed ahead, by one request for all who wait.

use async_trait::async_trait;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use tradewind_adapter::Unproved;

/// What was obtained, and for how long it is good.
#[derive(Clone)]
pub struct Fresh<T> {
    /// The value.
    pub value: T,
    /// Time until it ends; `None` where nobody says.
    pub lasts: Option<Duration>,
}

/// Where it comes from.
#[async_trait]
pub trait Origin<T>: Send + Sync + 'static {
    /// Obtains another one.
    async fn obtain(&self) -> Result<Fresh<T>, Unproved>;
}

/// Keeps one value for all who need it.
///
/// - It is renewed when 70 to 80 % of its time are over, beside the requests that go on with it.
/// - Whoever finds none waits for the one request that is under way; that goes on if they leave.
/// - After a failure nobody asks for a while, so that a server that is down is not asked by every delivery.
/// - A refused one is dropped, but only one in a while: what comes new and is refused too is no better next
///   time.
pub struct Kept<T>(Arc<Shared<T>>);

struct Shared<T> {
    origin: Box<dyn Origin<T>>,
    state: Mutex<State<T>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct State<T> {
    here: Option<Here<T>>,
    failed: Option<(Instant, Unproved)>,
    failures: u32,
    refused: Option<Instant>,
}

struct Here<T> {
    value: T,
    until: Instant,
    renew: Instant,
}

/// Longest that anything is kept, whatever is said of it.
const LASTS_MAX: Duration = Duration::from_secs(24 * 3600);
/// How long it is kept where nothing is said.
pub(crate) const LASTS_UNSAID: Duration = Duration::from_secs(300);
/// Of the time that is said, so much is left for the request to arrive and for clocks that differ; of short
/// times a tenth.
const MARGIN: Duration = Duration::from_secs(10);
/// How long it is kept even if it has ended when it comes: not every delivery asks for another one.
const LASTS_MIN: Duration = Duration::from_secs(1);
/// Pause after a failure; doubled with each one up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Longest that one request for it takes.
const OBTAIN_MAX: Duration = Duration::from_secs(30);
/// Between two that are dropped because they were refused.
const REFUSED: Duration = Duration::from_secs(30);

impl<T: Clone + PartialEq + Send + Sync + 'static> Kept<T> {
    /// Nothing is obtained yet.
    pub fn new(origin: impl Origin<T>) -> Self {
        Self(Arc::new(Shared {
            origin: Box::new(origin),
            state: Mutex::new(State {
                here: None,
                failed: None,
                failures: 0,
                refused: None,
            }),
            turn: Arc::default(),
        }))
    }

    /// The value, obtained where it is not here.
    ///
    /// # Errors
    /// Where it cannot be had now.
    pub async fn get(&self) -> Result<T, Unproved> {
        if let Some(value) = self.0.here() {
            self.renew_ahead();
            return Ok(value);
        }
        let turn = Arc::clone(&self.0.turn).lock_owned().await;
        if let Some(value) = self.0.here() {
            return Ok(value);
        }
        if let Some(unproved) = self.0.pause() {
            return Err(unproved);
        }
        match tokio::spawn(renew(Arc::clone(&self.0), turn)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Unproved::unavailable("the request for a token was cut off")),
        }
    }

    /// The value, where it is here and good. Nothing is renewed by that.
    pub fn here(&self) -> Option<T> {
        self.0.here()
    }

    /// Whether the time has come for another one; whoever asks next begins to get it.
    pub fn is_due(&self) -> bool {
        let state = self.0.state();
        let due = state.here.as_ref().map(|here| here.renew);
        due.is_none_or(|at| at <= Instant::now())
    }

    /// Drops the value if it is this one, unless one was dropped just before.
    pub fn refused(&self, is: impl FnOnce(&T) -> bool) {
        let mut state = self.0.state();
        let rested = state.refused.is_none_or(|at| at.elapsed() >= REFUSED);
        if rested && state.here.as_ref().is_some_and(|here| is(&here.value)) {
            state.here = None;
            state.refused = Some(Instant::now());
        }
    }

    fn renew_ahead(&self) {
        let due = {
            let state = self.0.state();
            let due = state.here.as_ref().map(|here| here.renew);
            due.is_some_and(|at| at <= Instant::now())
        };
        if due
            && self.0.pause().is_none()
            && let Ok(turn) = Arc::clone(&self.0.turn).try_lock_owned()
        {
            tokio::spawn(renew(Arc::clone(&self.0), turn));
        }
    }
}

async fn renew<T: Clone + Send + Sync + 'static>(
    shared: Arc<Shared<T>>,
    turn: OwnedMutexGuard<()>,
) -> Result<T, Unproved> {
    // Whoever waits for it would wait as long as this does.
    let outcome = match tokio::time::timeout(OBTAIN_MAX, shared.origin.obtain()).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Unproved::unavailable(format!(
            "nothing came within {} s",
            OBTAIN_MAX.as_secs()
        ))),
    };
    let mut state = shared.state();
    let told = match outcome {
        Ok(fresh) => {
            let lasts = fresh.lasts.unwrap_or(LASTS_UNSAID).min(LASTS_MAX);
            let part = 0.7 + 0.1 * fastrand::f64();
            let now = Instant::now();
            state.here = Some(Here {
                value: fresh.value.clone(),
                until: now + (lasts - MARGIN.min(lasts / 10)).max(LASTS_MIN),
                renew: now + lasts.mul_f64(part).max(LASTS_MIN),
            });
            (state.failed, state.failures) = (None, 0);
            Ok(fresh.value)
        }
        Err(unproved) => {
            let pause = PAUSE.0 * (1 << state.failures.min(5));
            let pause = pause.min(PAUSE.1).mul_f64(0.5 + 0.5 * fastrand::f64());
            tracing::warn!(reason = %unproved.reason, "the gateway cannot prove who it is");
            state.failures += 1;
            state.failed = Some((Instant::now() + pause, unproved.clone()));
            Err(Unproved {
                after: Some(pause),
                ..unproved
            })
        }
    };
    drop(state);
    drop(turn);
    told
}

impl<T: Clone> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn here(&self) -> Option<T> {
        let state = self.state();
        let here = state.here.as_ref();
        here.filter(|here| Instant::now() < here.until)
            .map(|here| here.value.clone())
    }

    /// The last failure, while it is too soon for another try.
    fn pause(&self) -> Option<Unproved> {
        let state = self.state();
        let (until, unproved) = state.failed.as_ref()?;
        let left = until.checked_duration_since(Instant::now())?;
        (!left.is_zero()).then(|| Unproved {
            after: Some(left),
            ..unproved.clone()
        })
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> std::fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}
