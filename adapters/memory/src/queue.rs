//! A bounded queue with leases.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tradewind_event::Event;

/// Queues that configuration names. A queue lives as long as somebody holds it.
static NAMED: LazyLock<Mutex<HashMap<String, Weak<Queue>>>> = LazyLock::new(Mutex::default);

/// No wait is longer: far dates overflow clocks.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// The queue is at its capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// A message: an event, or bytes that are none.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    Event(Event),
    Garbage,
}

/// A bounded queue whose messages are leased and come again unless they are acknowledged.
///
/// Time is tokio's: a test that pauses it controls the leases.
#[derive(Debug)]
pub struct Queue {
    capacity: usize,
    lease: Duration,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Message>,
    /// By lease number, in the order of leasing.
    leased: BTreeMap<u64, (Instant, Message)>,
    /// Refused with a pause, by the time when they are due.
    delayed: Vec<(Instant, Message)>,
    leases: u64,
}

impl State {
    fn held(&self) -> usize {
        self.ready.len() + self.leased.len() + self.delayed.len()
    }

    /// Makes ready what is due, leases that ended first.
    fn revive(&mut self, now: Instant) {
        let (ended, held) = std::mem::take(&mut self.leased)
            .into_iter()
            .partition(|(_, (until, _))| *until <= now);
        self.leased = held;
        let ended: BTreeMap<u64, (Instant, Message)> = ended;
        for (_, message) in ended.into_values().rev() {
            self.ready.push_front(message);
        }
        let (due, waiting) = std::mem::take(&mut self.delayed)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.delayed = waiting;
        let due: Vec<(Instant, Message)> = due;
        self.ready.extend(due.into_iter().map(|(_, m)| m));
    }

    /// When something becomes ready by itself.
    fn next_due(&self) -> Option<Instant> {
        let leases = self.leased.values().map(|(at, _)| *at);
        leases.chain(self.delayed.iter().map(|(at, _)| *at)).min()
    }
}

impl Queue {
    /// Messages held at most, unless said otherwise.
    pub const CAPACITY: usize = 1024;
    /// Time until an unsettled message comes again, unless said otherwise.
    pub const LEASE: Duration = Duration::from_secs(30);

    /// A queue of its own.
    pub fn new(capacity: usize, lease: Duration) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            lease,
            state: Mutex::default(),
            arrived: Notify::new(),
        })
    }

    /// For how long messages are leased.
    pub(crate) fn lease_time(&self) -> Duration {
        self.lease
    }

    /// The queue of this name in this process, made with the defaults when nobody holds it.
    pub fn named(name: &str) -> Arc<Self> {
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = named.get(name).and_then(Weak::upgrade) {
            return queue;
        }
        named.retain(|_, queue| queue.strong_count() > 0);
        let queue = Self::new(Self::CAPACITY, Self::LEASE);
        named.insert(name.to_owned(), Arc::downgrade(&queue));
        queue
    }

    /// Puts an event at the end.
    ///
    /// # Errors
    /// At its capacity, counting what is leased.
    pub fn push(&self, event: Event) -> Result<(), Full> {
        self.put(Message::Event(event))
    }

    /// Puts in a message that is no event, as a broken producer would.
    ///
    /// # Errors
    /// At its capacity.
    pub fn push_garbage(&self) -> Result<(), Full> {
        self.put(Message::Garbage)
    }

    /// Messages held: waiting, leased or delayed.
    pub fn len(&self) -> usize {
        self.state().held()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put(&self, message: Message) -> Result<(), Full> {
        let mut state = self.state();
        if state.held() >= self.capacity {
            return Err(Full);
        }
        state.ready.push_back(message);
        drop(state);
        self.arrived.notify_waiters();
        Ok(())
    }

    /// Leases up to `max` messages; waits up to `wait` for the first.
    pub(crate) async fn lease(&self, max: usize, wait: Duration) -> Vec<(u64, Message)> {
        let end = Instant::now() + wait.min(FAR);
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // Armed before looking, so that nothing that comes in between is missed.
            arrived.as_mut().enable();
            let (taken, due) = self.take(max);
            let now = Instant::now();
            if !taken.is_empty() || max == 0 || now >= end {
                return taken;
            }
            let until = due.map_or(end, |due| due.min(end));
            tokio::time::timeout_at(until, arrived).await.ok();
        }
    }

    fn take(&self, max: usize) -> (Vec<(u64, Message)>, Option<Instant>) {
        let mut state = self.state();
        let now = Instant::now();
        state.revive(now);
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(message) = state.ready.pop_front() else {
                break;
            };
            state.leases += 1;
            let lease = state.leases;
            state
                .leased
                .insert(lease, (now + self.lease, message.clone()));
            taken.push((lease, message));
        }
        (taken, state.next_due())
    }

    /// Forgets a leased message; one whose lease has ended comes again all the same.
    pub(crate) fn ack(&self, lease: u64) {
        self.state().leased.remove(&lease);
    }

    /// Gives a leased message back.
    pub(crate) fn nack(&self, lease: u64, delay: Option<Duration>) {
        let mut state = self.state();
        if let Some((_, message)) = state.leased.remove(&lease) {
            match delay {
                Some(delay) => state
                    .delayed
                    .push((Instant::now() + delay.min(FAR), message)),
                None => state.ready.push_back(message),
            }
        }
        drop(state);
        self.arrived.notify_waiters();
    }

    /// Begins the lease again.
    pub(crate) fn extend(&self, lease: u64) {
        let until = Instant::now() + self.lease;
        if let Some((at, _)) = self.state().leased.get_mut(&lease) {
            *at = until;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before the guard is dropped: a poisoned state is still sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
