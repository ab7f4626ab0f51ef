//! Where deliveries lie until a worker has said what became of them, or their time is over.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};
use tradewind_adapter::{Delivery, Outcome};

/// Those that configuration names. One lives as long as somebody holds it, so also from one configuration to the next.
static NAMED: LazyLock<Mutex<HashMap<String, Weak<Desk>>>> = LazyLock::new(Mutex::default);

/// Data of one answer from which on it takes no more; one delivery it always takes.
const BYTES_MAX: usize = 4 << 20;

/// Bounded by its subscriptions: each lays down what its `concurrency` allows.
#[derive(Debug)]
pub(crate) struct Desk {
    /// Tokens of another process name nothing here.
    era: u64,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    serial: u64,
    waiting: VecDeque<u64>,
    held: HashMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
    delivery: Delivery,
    until: Instant,
    taken: bool,
    outcome: oneshot::Sender<Outcome>,
}

/// A delivery that is handed out.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) token: String,
    pub(crate) delivery: Delivery,
    /// Time until another one gets it.
    pub(crate) left: Duration,
}

/// A delivery that lies here until this is dropped.
#[derive(Debug)]
pub(crate) struct Laid<'a> {
    desk: &'a Desk,
    serial: u64,
    outcome: oneshot::Receiver<Outcome>,
}

impl Desk {
    pub(crate) fn named(name: &str) -> Arc<Self> {
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(desk) = named.get(name).and_then(Weak::upgrade) {
            return desk;
        }
        named.retain(|_, desk| desk.strong_count() > 0);
        let desk = Arc::new(Self {
            era: fastrand::u64(..),
            state: Mutex::default(),
            arrived: Notify::new(),
        });
        named.insert(name.to_owned(), Arc::downgrade(&desk));
        desk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before the guard is dropped: a poisoned state is still sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lay(&self, delivery: Delivery) -> Laid<'_> {
        let (sender, outcome) = oneshot::channel();
        let until = Instant::now() + delivery.timeout;
        let mut state = self.state();
        state.serial += 1;
        let serial = state.serial;
        state.waiting.push_back(serial);
        let held = Held {
            delivery,
            until,
            taken: false,
            outcome: sender,
        };
        state.held.insert(serial, held);
        drop(state);
        self.arrived.notify_waiters();
        Laid {
            desk: self,
            serial,
            outcome,
        }
    }

    /// Up to `max`, and waits for the first.
    pub(crate) async fn take(&self, max: usize, wait: Duration) -> Vec<Taken> {
        let end = Instant::now() + wait;
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // Armed before looking, so that nothing that comes in between is missed.
            arrived.as_mut().enable();
            let taken = self.take_now(max);
            if !taken.is_empty() || max == 0 || timeout_at(end, arrived).await.is_err() {
                return taken;
            }
        }
    }

    fn take_now(&self, max: usize) -> Vec<Taken> {
        let mut state = self.state();
        let State { waiting, held, .. } = &mut *state;
        let mut taken = Vec::new();
        let mut bytes = 0;
        while taken.len() < max && bytes < BYTES_MAX {
            let Some(serial) = waiting.pop_front() else {
                break;
            };
            // One that was taken back meanwhile.
            let Some(one) = held.get_mut(&serial) else {
                continue;
            };
            one.taken = true;
            let data = one.delivery.event.data();
            bytes += data.map_or(0, |data| data.bytes.len());
            taken.push(Taken {
                token: format!("{:016x}-{serial}", self.era),
                delivery: one.delivery.clone(),
                left: one.until.saturating_duration_since(Instant::now()),
            });
        }
        taken
    }

    /// Whether it was still the holder's to say.
    pub(crate) fn settle(&self, token: &str, outcome: Outcome) -> bool {
        let Some(serial) = self.serial(token) else {
            return false;
        };
        let mut state = self.state();
        let taken = state.held.get(&serial).is_some_and(|one| one.taken);
        let held = taken.then(|| state.held.remove(&serial)).flatten();
        drop(state);
        held.is_some_and(|one| one.outcome.send(outcome).is_ok())
    }

    fn serial(&self, token: &str) -> Option<u64> {
        let (era, serial) = token.split_once('-')?;
        let known = u64::from_str_radix(era, 16).ok()? == self.era;
        known.then(|| serial.parse().ok()).flatten()
    }
}

impl Laid<'_> {
    /// What a worker says.
    pub(crate) async fn outcome(&mut self) -> Option<Outcome> {
        (&mut self.outcome).await.ok()
    }

    pub(crate) fn is_taken(&self) -> bool {
        let state = self.desk.state();
        state.held.get(&self.serial).is_some_and(|one| one.taken)
    }
}

impl Drop for Laid<'_> {
    fn drop(&mut self) {
        let mut state = self.desk.state();
        if let Some(one) = state.held.remove(&self.serial)
            && !one.taken
        {
            state.waiting.retain(|serial| *serial != self.serial);
        }
    }
}
