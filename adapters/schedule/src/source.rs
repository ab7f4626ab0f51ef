//! The source: gives what is due, and remembers how far it has come.

use crate::config::Config;
use crate::state::State;
use crate::{CatchUp, Times};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tradewind_adapter::{
    Build, Calendar, Capability, Due, Error, ErrorKind, Ground, Received, Settlement, Source,
    SourceAdapter, Token,
};
use tradewind_event::Event;

/// Longest sleep: the clock may be set meanwhile.
const NAP: Duration = Duration::from_secs(1);
/// Pause before a firing is given again that could not be stored.
const AGAIN_MS: u64 = 1000;
/// Where the cursor is remembered.
const CURSOR: &str = "cursor";
/// Most firings that can be caught up.
const CATCH_UP_MAX: u32 = 100_000;
/// Longest jitter.
const JITTER_MAX: Duration = Duration::from_secs(86_400);

/// A schedule.
#[derive(Debug)]
pub struct Schedule {
    name: String,
    config: Config,
    times: Times,
    ground: OnceLock<Ground>,
    /// `None` until the cursor was read.
    state: Mutex<Option<State>>,
}

/// What outlives the process.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Cursor {
    /// Of the schedule that it belongs to; empty for one that was off.
    identity: String,
    looked_ms: u64,
}

impl Schedule {
    /// A schedule with this name.
    ///
    /// # Errors
    /// Settings that cannot be.
    pub fn new(name: &str, config: Config) -> Result<Self, Error> {
        let refuse = |message: String| Err(Error::new(ErrorKind::ConfigInvalid, "config", message));
        if !(1..=CATCH_UP_MAX).contains(&config.catch_up_max) {
            return refuse(format!("`catch-up-max` must be 1 to {CATCH_UP_MAX}"));
        }
        if config.jitter.0 > JITTER_MAX {
            return refuse("`jitter` must be 1d at most".into());
        }
        if let (Some(start), Some(end)) = (config.start, config.end)
            && start.0 >= end.0
        {
            return refuse("`end` must be later than `start`".into());
        }
        if let Some(ty) = &config.event.ty
            && ty.to_ascii_lowercase().starts_with("tradewind.")
        {
            return refuse(format!(
                "type `{ty}` is the gateway's own: types of others do not start with `tradewind.`"
            ));
        }
        let schedule = Self {
            times: Times::new(name, &config),
            name: name.to_owned(),
            config,
            ground: OnceLock::new(),
            state: Mutex::new(None),
        };
        // What it will make is tried now.
        schedule.event(0).map(|_| schedule)
    }

    fn event(&self, due_ms: u64) -> Result<Event, Error> {
        let own = &self.config.event;
        let time = i64::try_from(due_ms)
            .map_err(|e| e.to_string())
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).map_err(|e| e.to_string()))
            .map_err(|e| Error::new(ErrorKind::Unexpected, "due time", e))?
            .to_string();
        let data = own
            .data
            .clone()
            .unwrap_or_else(|| serde_json::json!({ "schedule": self.name, "due": time }));
        let or = |value: &Option<String>, default: String| value.clone().unwrap_or(default);
        Event::builder(
            format!("{}/{time}", self.name),
            or(&own.source, format!("/schedules/{}", self.name)),
            or(&own.ty, "schedule.fired".into()),
        )
        .subject(or(&own.subject, self.name.clone()))
        .time(time)
        .data("application/json", data.to_string())
        .build()
        .map_err(|e| {
            Error::new(
                ErrorKind::ConfigInvalid,
                "config",
                format!("`event` makes no valid event: {e}"),
            )
        })
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn identity(&self) -> String {
        match self.config.enabled {
            true => self.times.identity(),
            false => String::new(),
        }
    }

    async fn remember(&self, ground: &Ground, looked_ms: u64) -> Result<(), Error> {
        let cursor = Cursor {
            identity: self.identity(),
            looked_ms,
        };
        let bytes = serde_json::to_vec(&cursor)
            .map_err(|e| Error::new(ErrorKind::Unexpected, "remember", e.to_string()))?;
        ground.memory.set(CURSOR, bytes.into()).await
    }

    /// Goes on where it was; a schedule that is new, was changed or was off begins now.
    async fn begin(&self, ground: &Ground) -> Result<(), Error> {
        if self.state().is_some() {
            return Ok(());
        }
        let known = ground.memory.get(CURSOR).await?;
        let known = known.and_then(|bytes| serde_json::from_slice::<Cursor>(&bytes).ok());
        let looked_ms = match known {
            Some(cursor) if cursor.identity == self.identity() => cursor.looked_ms,
            _ => {
                let now = ground.clock.unix_ms();
                self.remember(ground, now).await?;
                now
            }
        };
        *self.state() = Some(State::new(looked_ms));
        Ok(())
    }

    fn take(&self, now_ms: u64, max: usize) -> (Vec<u64>, Option<u64>) {
        let policy: (CatchUp, usize) = (self.config.catch_up, self.config.catch_up_max as usize);
        match &mut *self.state() {
            Some(state) => {
                let due = state.take(&self.times, policy, now_ms, max);
                (due, state.wakes_ms(&self.times))
            }
            None => (Vec::new(), None),
        }
    }
}

impl SourceAdapter for Schedule {
    const KIND: &'static str = crate::KIND;
    type Config = Config;

    fn build(config: Config, build: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Self::new(&build.name, config)?))
    }
}

#[async_trait]
impl Source for Schedule {
    fn lend(&self, ground: Ground) {
        // The first one stays.
        self.ground.set(ground).ok();
    }

    fn calendar(&self) -> Option<&dyn Calendar> {
        Some(self)
    }

    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let ground = self.ground.get().ok_or_else(|| {
            Error::new(
                ErrorKind::Unexpected,
                "receive",
                "a schedule needs a clock and a memory",
            )
        })?;
        self.begin(ground).await?;
        let mut left = wait;
        loop {
            let now = ground.clock.unix_ms();
            let (due, wakes) = match self.config.enabled {
                true => self.take(now, max),
                false => (Vec::new(), None),
            };
            if !due.is_empty() {
                let received = |due: u64| Received {
                    token: Token(due.to_string()),
                    events: self.event(due).map(|event| vec![event]),
                    original: None,
                };
                return Ok(due.into_iter().map(received).collect());
            }
            if left.is_zero() {
                return Ok(Vec::new());
            }
            let until = wakes.map_or(NAP, |at| {
                Duration::from_millis(at.saturating_sub(now).max(1))
            });
            let nap = until.min(NAP).min(left);
            ground.clock.sleep(nap).await;
            left = left.saturating_sub(nap);
        }
    }

    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        let Some(ground) = self.ground.get() else {
            return Ok(());
        };
        let now = ground.clock.unix_ms();
        let mut looked = None;
        for (token, settlement) in settlements {
            // A token that was never given names nothing.
            let Ok(due) = token.0.parse() else { continue };
            let mut state = self.state();
            let Some(state) = state.as_mut() else {
                continue;
            };
            match settlement {
                Settlement::Ack => looked = Some(state.done(due)),
                Settlement::Nack { delay } => {
                    let delay = delay.and_then(|d| u64::try_from(d.as_millis()).ok());
                    state.again(due, now.saturating_add(delay.unwrap_or(AGAIN_MS)));
                }
            }
        }
        match looked {
            Some(looked) => self.remember(ground, looked).await,
            None => Ok(()),
        }
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.receive_nack = true;
        capability.receive_ordered = true;
        capability.receive_own_ids = true;
        capability
    }
}

impl Calendar for Schedule {
    fn describe(&self) -> String {
        self.times.describe()
    }

    fn is_enabled(&self) -> bool {
        self.config.enabled
    }

    fn upcoming(&self, unix_ms: u64, max: usize) -> Vec<Due> {
        let mut all = Vec::new();
        let mut at = unix_ms;
        while self.config.enabled && all.len() < max {
            let Some(due) = self.times.next_ms(at) else {
                break;
            };
            all.push(Due {
                due_ms: due,
                fires_ms: self.times.fires_ms(due),
                local: self.times.local(due),
            });
            at = due;
        }
        all
    }

    fn skipped(&self) -> u64 {
        self.state().as_ref().map_or(0, |state| state.skipped)
    }
}
