//! Tenants: what each space may take of the gateway, and what it has taken.

use crate::engine::SPACE;
use crate::machine::{Bucket, Places};
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What publishers are told to wait while too much lies in a queue.
const QUEUE_PAUSE: Duration = Duration::from_secs(1);

/// What a space may take; `None` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quotas {
    /// Events per second that its streams take, with a burst of one second's worth.
    pub events_per_second: Option<u64>,
    /// Bytes per second, likewise.
    pub bytes_per_second: Option<u64>,
    /// Bytes in its streams that its subscriptions have still to settle.
    pub queued_bytes: Option<u64>,
    /// Attempts under way at once, over all its subscriptions.
    pub deliveries: Option<usize>,
}

/// The quota that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    /// Events per second.
    Events,
    /// Bytes per second.
    Bytes,
    /// Bytes in queues.
    Queued,
}

impl Quota {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Events, Self::Bytes, Self::Queued];

    /// The key in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events-per-second",
            Self::Bytes => "bytes-per-second",
            Self::Queued => "queued-bytes",
        }
    }
}

/// A space at its quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// The space.
    pub space: Arc<str>,
    /// What is used up.
    pub quota: Quota,
    /// How much there is of it.
    pub limit: u64,
    /// When to come back.
    pub after: Duration,
}

impl std::fmt::Display for Exceeded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (space, name, limit) = (&self.space, self.quota.name(), self.limit);
        write!(f, "space {space} is above its quota: {name} {limit}")
    }
}

/// A space, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpaceView {
    /// What it may take.
    pub quotas: Quotas,
    /// Events accepted since the start, each once.
    pub events: u64,
    /// Their bytes, as they are stored.
    pub bytes: u64,
    /// Refusals, one for each request, by the quota that was used up, in the order of [`Quota::ALL`].
    pub refused: [u64; Quota::ALL.len()],
    /// Bytes in queues, where they are limited.
    pub queued_bytes: Option<u64>,
    /// Attempts under way, where they are limited.
    pub deliveries: Option<usize>,
}

/// A space.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) name: Arc<str>,
    pub(crate) places: Arc<Places>,
    rates: Mutex<Rates>,
    /// Whether there is a rate: where there is none, nobody waits for `rates`.
    rated: AtomicBool,
    queued_max: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
    refused: [AtomicU64; Quota::ALL.len()],
}

#[derive(Debug, Default)]
struct Rates {
    quotas: Quotas,
    events: Option<Bucket>,
    bytes: Option<Bucket>,
}

impl Space {
    fn new(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            places: Places::new(None),
            rates: Mutex::default(),
            rated: AtomicBool::new(false),
            queued_max: AtomicU64::new(u64::MAX),
            events: AtomicU64::default(),
            bytes: AtomicU64::default(),
            refused: Default::default(),
        })
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts other quotas in force. What is used up stays used up.
    fn update(&self, quotas: Quotas, now: u64) {
        let mut rates = self.rates();
        retune(&mut rates.events, quotas.events_per_second, now);
        retune(&mut rates.bytes, quotas.bytes_per_second, now);
        rates.quotas = quotas;
        let rated = rates.events.is_some() || rates.bytes.is_some();
        self.rated.store(rated, Ordering::Relaxed);
        let queued = quotas.queued_bytes.unwrap_or(u64::MAX);
        self.queued_max.store(queued, Ordering::Relaxed);
        self.places.update(quotas.deliveries);
    }

    /// The rates, where there are some.
    fn rated(&self) -> Option<MutexGuard<'_, Rates>> {
        self.rated.load(Ordering::Relaxed).then(|| self.rates())
    }

    pub(crate) fn limits_queue(&self) -> bool {
        self.queued_max.load(Ordering::Relaxed) < u64::MAX
    }

    /// Whether there is room for more; takes nothing. `queued` and `now` are asked for where they count.
    pub(crate) fn room(
        &self,
        queued: impl FnOnce() -> u64,
        now: impl FnOnce() -> u64,
    ) -> Result<(), Exceeded> {
        self.take(0, 0, queued, now)
    }

    /// Takes so much, all of it or nothing. It may be more than there is: then others wait until it is paid for, and no
    /// batch is too large to be ever taken.
    pub(crate) fn charge(
        self: &Arc<Self>,
        events: usize,
        bytes: usize,
        queued: impl FnOnce() -> u64,
        now: impl FnOnce() -> u64,
    ) -> Result<Charge, Exceeded> {
        self.take(events, bytes, queued, now)?;
        Ok(self.charged(events, bytes))
    }

    /// Takes so much whether or not it is there: what is missing is paid off before others are let in.
    pub(crate) fn owe(
        self: &Arc<Self>,
        events: usize,
        bytes: usize,
        now: impl FnOnce() -> u64,
    ) -> Charge {
        if let Some(mut rates) = self.rated() {
            let (rates, now) = (&mut *rates, now());
            for (bucket, n) in [(&mut rates.events, events), (&mut rates.bytes, bytes)] {
                if let Some(bucket) = bucket {
                    // What was earned until now is capped before, not after.
                    bucket.available(now);
                    bucket.take(n);
                }
            }
        }
        self.charged(events, bytes)
    }

    fn charged(self: &Arc<Self>, events: usize, bytes: usize) -> Charge {
        Charge {
            space: Arc::clone(self),
            events,
            bytes,
            handed_over: false,
        }
    }

    fn take(
        &self,
        events: usize,
        bytes: usize,
        queued: impl FnOnce() -> u64,
        now: impl FnOnce() -> u64,
    ) -> Result<(), Exceeded> {
        let queued_max = self.queued_max.load(Ordering::Relaxed);
        if queued_max < u64::MAX && queued() >= queued_max {
            return Err(self.exceeded(Quota::Queued, queued_max, QUEUE_PAUSE));
        }
        let Some(mut rates) = self.rated() else {
            return Ok(());
        };
        let (rates, now) = (&mut *rates, now());
        let buckets = [
            (Quota::Events, &mut rates.events, events),
            (Quota::Bytes, &mut rates.bytes, bytes),
        ];
        let mut taken = Vec::with_capacity(buckets.len());
        for (quota, bucket, n) in buckets {
            let Some(bucket) = bucket else { continue };
            if bucket.available(now) == 0 {
                let after = Duration::from_millis(bucket.next().saturating_sub(now));
                return Err(self.exceeded(quota, bucket.per_second() as u64, after));
            }
            taken.push((bucket, n));
        }
        for (bucket, n) in taken {
            bucket.take(n);
        }
        Ok(())
    }

    fn exceeded(&self, quota: Quota, limit: u64, after: Duration) -> Exceeded {
        self.refused[quota as usize].fetch_add(1, Ordering::Relaxed);
        Exceeded {
            space: Arc::clone(&self.name),
            quota,
            limit,
            after,
        }
    }

    pub(crate) fn view(&self, queued: impl FnOnce() -> u64) -> SpaceView {
        let quotas = self.rates().quotas;
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        SpaceView {
            quotas,
            events: get(&self.events),
            bytes: get(&self.bytes),
            refused: std::array::from_fn(|quota| get(&self.refused[quota])),
            queued_bytes: self.limits_queue().then(queued),
            deliveries: quotas.deliveries.map(|_| self.places.taken()),
        }
    }
}

fn retune(bucket: &mut Option<Bucket>, per_second: Option<u64>, now: u64) {
    match (bucket.as_mut(), per_second) {
        (Some(bucket), Some(rate)) => bucket.retune(rate as f64, now),
        (None, Some(rate)) => *bucket = Some(Bucket::new(rate as f64, now)),
        (_, None) => *bucket = None,
    }
}

/// How the quotas of a space hold for what is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charging {
    /// They may refuse it.
    Asked,
    /// It is taken, and paid off later.
    Owed,
    /// They do not hold, or it was charged before.
    Not,
}

/// What was taken of a space. What is not kept is given back.
#[derive(Debug)]
pub struct Charge {
    space: Arc<Space>,
    events: usize,
    bytes: usize,
    handed_over: bool,
}

impl Charge {
    /// From now on all of it counts until [`Charge::keep`] says otherwise: whoever waits for that may go away, and what was
    /// handed to a log is there.
    pub(crate) fn hand_over(&mut self) {
        self.handed_over = true;
    }

    /// So much of it was accepted: the rest was there before.
    pub fn keep(mut self, events: usize, bytes: usize) {
        self.handed_over = false;
        self.events = self.events.saturating_sub(events);
        self.bytes = self.bytes.saturating_sub(bytes);
        let count = |n: &AtomicU64, by: usize| n.fetch_add(by as u64, Ordering::Relaxed);
        count(&self.space.events, events);
        count(&self.space.bytes, bytes);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.handed_over {
            return;
        }
        let Some(mut rates) = self.space.rated() else {
            return;
        };
        if let Some(bucket) = &mut rates.events {
            bucket.put_back(self.events);
        }
        if let Some(bucket) = &mut rates.bytes {
            bucket.put_back(self.bytes);
        }
    }
}

/// All spaces, by name.
#[derive(Debug, Default)]
pub(crate) struct Spaces(ArcSwap<BTreeMap<String, Arc<Space>>>);

impl Spaces {
    /// Puts quotas in force. Of spaces that stay, nothing is forgotten.
    pub(crate) fn apply<'a>(
        &self,
        quotas: &'a BTreeMap<String, Quotas>,
        named: impl Iterator<Item = &'a str>,
        now: u64,
    ) {
        let known = self.0.load();
        let names = quotas
            .keys()
            .map(String::as_str)
            .chain(named)
            .chain([SPACE]);
        let mut all = BTreeMap::new();
        for name in names {
            all.entry(name.to_owned())
                .or_insert_with(|| known.get(name).map_or_else(|| Space::new(name), Arc::clone));
        }
        for (name, space) in &all {
            space.update(quotas.get(name).copied().unwrap_or_default(), now);
        }
        self.0.store(Arc::new(all));
    }

    /// What is in force, for [`Spaces::put_back`].
    pub(crate) fn in_force(&self) -> Vec<(Arc<Space>, Quotas)> {
        let all = self.0.load();
        all.values()
            .map(|space| (Arc::clone(space), space.rates().quotas))
            .collect()
    }

    /// Undoes [`Spaces::apply`].
    pub(crate) fn put_back(&self, earlier: Vec<(Arc<Space>, Quotas)>, now: u64) {
        let mut all = BTreeMap::new();
        for (space, quotas) in earlier {
            space.update(quotas, now);
            all.insert(space.name.to_string(), space);
        }
        self.0.store(Arc::new(all));
    }

    /// The space of this name; without limits, where nothing is known of it.
    pub(crate) fn of(&self, name: &str) -> Arc<Space> {
        let all = self.0.load();
        all.get(name).map_or_else(|| Space::new(name), Arc::clone)
    }

    pub(crate) fn all(&self) -> Arc<BTreeMap<String, Arc<Space>>> {
        self.0.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(quotas: Quotas) -> Arc<Space> {
        let space = Space::new("acme");
        space.update(quotas, 0);
        space
    }

    #[test]
    fn what_is_not_kept_is_given_back() {
        let space = space(Quotas {
            events_per_second: Some(10),
            bytes_per_second: Some(1000),
            ..Quotas::default()
        });
        let charge = space.charge(10, 1000, || 0, || 0).unwrap();
        let full = space.charge(1, 1, || 0, || 0).unwrap_err();
        assert_eq!((full.quota, full.limit), (Quota::Events, 10));
        assert_eq!(full.after, Duration::from_millis(100));
        charge.keep(4, 400);
        space.charge(6, 0, || 0, || 0).unwrap().keep(6, 0);
        space.room(|| 0, || 0).unwrap_err();
        drop(space.charge(1, 700, || 0, || 100).unwrap());
        space.charge(1, 1000, || 0, || 100).unwrap().keep(1, 1000);
        let full = space.room(|| 0, || 300).unwrap_err();
        assert_eq!(
            (full.quota, full.after),
            (Quota::Bytes, Duration::from_millis(101))
        );
        let view = space.view(|| 0);
        assert_eq!(
            (view.events, view.bytes, view.refused),
            (11, 1400, [2, 1, 0])
        );
    }

    #[test]
    fn what_is_owed_is_taken_though_there_is_nothing_left() {
        let space = space(Quotas {
            events_per_second: Some(10),
            ..Quotas::default()
        });
        space.owe(15, 0, || 0).keep(15, 0);
        space.owe(10, 0, || 0).keep(5, 0);
        let full = space.room(|| 0, || 0).unwrap_err();
        assert_eq!(full.after, Duration::from_millis(1100));
        space.room(|| 0, || 1100).unwrap();
    }

    #[test]
    fn what_was_handed_over_counts_until_it_is_known_not_to_be_there() {
        let space = space(Quotas {
            events_per_second: Some(10),
            ..Quotas::default()
        });
        let mut charge = space.charge(10, 0, || 0, || 0).unwrap();
        charge.hand_over();
        charge.keep(0, 0);
        let mut charge = space.charge(10, 0, || 0, || 0).unwrap();
        charge.hand_over();
        drop(charge);
        space.room(|| 0, || 0).unwrap_err();
    }

    #[test]
    fn a_refusal_of_one_bucket_costs_the_other_nothing() {
        let space = space(Quotas {
            events_per_second: Some(10),
            bytes_per_second: Some(10),
            ..Quotas::default()
        });
        space.charge(1, 100, || 0, || 0).unwrap().keep(1, 100);
        for _ in 0..50 {
            space.charge(9, 1, || 0, || 0).unwrap_err();
        }
        space.charge(9, 1, || 0, || 9_100).unwrap();
    }

    #[test]
    fn queues_are_asked_only_where_they_count() {
        let endless = space(Quotas::default());
        endless.room(|| unreachable!("nobody asks"), || 0).unwrap();
        let limited = space(Quotas {
            queued_bytes: Some(100),
            ..Quotas::default()
        });
        limited.room(|| 99, || 0).unwrap();
        assert_eq!(limited.room(|| 100, || 0).unwrap_err().quota, Quota::Queued);
    }

    #[test]
    fn a_reload_forgets_nothing_and_a_space_that_goes_is_forgotten() {
        let spaces = Spaces::default();
        let one = |per_second| {
            BTreeMap::from([(
                "acme".to_owned(),
                Quotas {
                    events_per_second: Some(per_second),
                    ..Quotas::default()
                },
            )])
        };
        spaces.apply(&one(10), std::iter::empty(), 0);
        spaces
            .of("acme")
            .charge(10, 0, || 0, || 0)
            .unwrap()
            .keep(10, 0);
        spaces.apply(&one(1000), std::iter::empty(), 0);
        spaces.of("acme").room(|| 0, || 0).unwrap_err();
        assert_eq!(spaces.of("acme").view(|| 0).events, 10);
        let earlier = spaces.in_force();
        spaces.apply(&BTreeMap::new(), std::iter::empty(), 0);
        assert_eq!(spaces.all().keys().collect::<Vec<_>>(), ["default"]);
        let before = earlier.clone();
        spaces.put_back(earlier, 0);
        assert_eq!(spaces.of("acme").view(|| 0).quotas, one(1000)["acme"]);
        assert!(
            before
                .iter()
                .any(|(space, _)| Arc::ptr_eq(space, &spaces.of("acme")))
        );
        spaces.apply(&BTreeMap::new(), std::iter::empty(), 0);
        spaces.apply(&BTreeMap::new(), std::iter::once("lent"), 0);
        assert_eq!(spaces.all().len(), 2);
    }
}
