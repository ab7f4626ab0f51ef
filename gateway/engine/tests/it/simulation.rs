//! A whole stream under random trouble, seed by seed: sinks that fail in every way, crashes at any
//! store call, lost lazy records, pauses, reloads, redrives. An oracle beside it checks what must
//! hold: nothing acknowledged is lost, nothing is invented or misrouted, order per key, accounts.

use crate::support::*;
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tradewind_engine::{Engine, OnExhaustion, Plan, Start};
use tradewind_event::Event;
use tradewind_store::testkit::{Fault, SeededRandom, SimDisk};
use tradewind_store::{Embedded, Params, Streams};

const TABLE_SEEDS: u64 = 100;
const DISK_SEEDS: u64 = 40;

/// A small generator of its own, so that a seed means the same whatever the engine uses.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
    fn one_in(&mut self, n: usize) -> bool {
        self.roll(n) == 0
    }
}

/// What was published: id, key, kind, and the generation of subscriptions it was published under.
#[derive(Clone)]
struct Sent {
    event: Event,
    key: String,
    kind: usize,
    generation: usize,
}

/// What the engine stands on.
enum Backend {
    /// In memory, losing lazy records.
    Table(Arc<CrashStreams>),
    /// The embedded store on a simulated disk, losing whatever was not synced.
    Disk(SimDisk, Option<Arc<Embedded>>),
}

impl Backend {
    fn open(&mut self, clock: &Arc<TestClock>) -> Result<Arc<dyn Streams>, tradewind_store::Error> {
        match self {
            Backend::Table(streams) => Ok(streams.clone()),
            Backend::Disk(disk, open) => {
                let streams = match open.take() {
                    Some(streams) => streams,
                    None => {
                        let random = Arc::new(SeededRandom::new(7));
                        let disk = Arc::new(disk.clone());
                        Arc::new(
                            Embedded::open_on(disk, "data", clock.clone(), random, small())?
                                .inline(),
                        )
                    }
                };
                *open = Some(streams.clone());
                Ok(streams)
            }
        }
    }

    async fn crash(&mut self, dice: &mut Dice) {
        match self {
            Backend::Table(streams) => streams.crash(|n| dice.roll(n)).await,
            Backend::Disk(disk, open) => {
                *open = None;
                disk.crash(&mut fastrand::Rng::with_seed(dice.roll(usize::MAX) as u64));
            }
        }
    }

    /// Lets only so many more calls of the store succeed.
    fn limit(&self, calls: usize, seed: usize) {
        match self {
            Backend::Table(streams) => streams.budget.store(calls as u64, Ordering::SeqCst),
            Backend::Disk(disk, _) => {
                let rng = fastrand::Rng::with_seed(seed as u64);
                disk.fail_after(calls as u64 * 3, Fault::PowerCut, rng);
            }
        }
    }
}

/// Sizes at which segments are sealed and checkpoints written all the time.
fn small() -> Params {
    Params {
        segment_bytes: 16 << 10,
        chunk_bytes: 4 << 10,
        overlay_bytes: 8 << 10,
        replay_bytes: 16 << 10,
        reserve_bytes: 0,
        ..Params::default()
    }
}

struct Sim {
    seed: u64,
    dice: Dice,
    clock: Arc<TestClock>,
    store: Backend,
    sinks: Vec<Arc<ScriptedSink>>,
    engine: Option<Engine>,
    /// Starts that failed.
    refused: usize,
    sent: BTreeMap<String, Sent>,
    positions: HashMap<String, (u16, u64)>,
    generation: usize,
    ordered: bool,
    shards: u16,
    settling: bool,
}

const NAMES: [&str; 3] = ["steady", "fussy", "picky"];

/// Which kinds of event a subscription takes in a generation.
fn takes(subscription: usize, generation: usize, kind: usize) -> bool {
    match subscription {
        0 => true,
        1 => kind == generation % 3,
        _ => kind != generation % 2,
    }
}

impl Sim {
    fn new(seed: u64, on_disk: bool) -> Self {
        let clock = TestClock::new();
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let ordered = dice.one_in(2);
        let shards = 1 + dice.roll(3) as u16;
        let sinks = (0..3)
            .map(|i| {
                let batch = if i == 2 { 4 } else { 1 };
                ScriptedSink::batching(batch, |_| Act::Accept)
            })
            .collect();
        Self {
            seed,
            dice,
            store: match on_disk {
                true => Backend::Disk(SimDisk::new(), None),
                false => Backend::Table(CrashStreams::new(clock.clone())),
            },
            clock,
            sinks,
            engine: None,
            refused: 0,
            sent: BTreeMap::new(),
            positions: HashMap::new(),
            generation: 0,
            ordered,
            shards,
            settling: false,
        }
    }

    fn plan(&self) -> Plan {
        let subscriptions = [0, 1, 2].map(|i| {
            let kinds: Vec<_> = (0..3)
                .filter(|kind| takes(i, self.generation, *kind))
                .map(|kind| json!({"exact": {"kind": kind.to_string()}}))
                .collect();
            let mut s = filtered(&self.sinks[i], json!({"any": kinds}));
            s.start = Start::Oldest;
            s.policy.retry.max_attempts = 4;
            s.policy.concurrency = [32, 3, 5][i];
            s.policy.timeout = Duration::from_secs(2);
            s.policy.rate_per_second = [None, Some(50.0), None][i];
            s.policy.batch_max = 4;
            s.policy.batch_wait = Duration::from_millis(20);
            s.policy.breaker.failures = [5, 0, 3][i];
            if i == 2 {
                s.policy.on_exhaustion = OnExhaustion::Park;
            }
            (NAMES[i], s)
        });
        let mut plan = if self.ordered {
            ordered(subscriptions)
        } else {
            plan(subscriptions)
        };
        plan.streams.get_mut("default").unwrap().settings.shards = self.shards;
        plan
    }

    fn mood(&mut self) {
        for sink in &self.sinks {
            let seed = self.dice.roll(usize::MAX) as u64;
            let trouble = self.dice.roll(3);
            sink.now_does(move |delivery| {
                let mut dice = Dice(seed ^ u64::from(delivery.attempt).rotate_left(40) | 1);
                for byte in delivery.id.bytes() {
                    dice.0 ^= u64::from(byte) << 8;
                    dice.roll(2);
                }
                match (trouble, dice.roll(12)) {
                    (0, _) | (_, 0..=4) => Act::Accept,
                    (_, 5) => Act::Slow(Duration::from_millis(300)),
                    (1, _) | (_, 6) => Act::Retry(None),
                    (_, 7) => Act::Reject,
                    (_, 8) => Act::Hang,
                    (_, 9) => Act::Silent,
                    (_, 10) => Act::Throttle(Duration::from_millis(500)),
                    _ => Act::Panic,
                }
            });
        }
    }

    async fn engine(&mut self) -> Engine {
        loop {
            if let Some(engine) = &self.engine {
                return engine.clone();
            }
            // A crash may come while it starts, too.
            let started = match self.store.open(&self.clock) {
                Ok(store) => Engine::start(self.plan(), store, self.clock.clone()).await,
                Err(error) => Err(error.into()),
            };
            match started {
                Ok(engine) => self.engine = Some(engine),
                Err(error) => {
                    self.refused += 1;
                    assert!(self.refused < 1000, "seed {}: {error}", self.seed);
                    self.crash().await;
                }
            }
        }
    }

    async fn crash(&mut self) {
        self.engine = None;
        // The actors notice that nobody holds the engine.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.store.crash(&mut self.dice).await;
        if !self.settling && self.dice.one_in(3) {
            let calls = 1 + self.dice.roll(12);
            self.store.limit(calls, self.dice.roll(1 << 40));
        }
    }

    async fn publish(&mut self) {
        let n = 1 + self.dice.roll(12);
        let mut batch = Vec::new();
        for _ in 0..n {
            let id = format!("event-{:05}", self.sent.len());
            let kind = self.dice.roll(3);
            let key = format!("key-{}", self.dice.roll(5));
            let event = Event::builder(id.as_str(), "/sim", "sim")
                .subject(key.as_str())
                .extension(
                    "kind",
                    tradewind_event::Attribute::String(&kind.to_string()),
                )
                .data("application/octet-stream", format!("payload of {id}"))
                .build()
                .unwrap();
            let generation = self.generation;
            self.sent.insert(
                id,
                Sent {
                    event: event.clone(),
                    key,
                    kind,
                    generation,
                },
            );
            batch.push(event);
        }
        if self.dice.one_in(4) {
            let nth = self.dice.roll(self.sent.len());
            batch.push(self.sent.values().nth(nth).unwrap().event.clone());
        }
        // Publishers try until they hear that it is durable.
        loop {
            let engine = self.engine().await;
            match engine.publish("default", &origin(), batch.clone()).await {
                Ok(receipts) => {
                    for (event, receipt) in batch.iter().zip(receipts) {
                        let (shard, offset) = receipt.position.split_once('/').unwrap();
                        let at = (shard.parse().unwrap(), offset.parse().unwrap());
                        let known = self.positions.insert(event.id().to_owned(), at);
                        assert!(known.is_none_or(|k| k == at), "seed {}", self.seed);
                    }
                    return;
                }
                Err(_) => {
                    drop(engine);
                    self.crash().await;
                }
            }
        }
    }

    async fn trouble(&mut self) {
        let engine = self.engine().await;
        let name = NAMES[self.dice.roll(3)];
        // Refusals because of a crash are part of the game; effects are checked at the end.
        match self.dice.roll(9) {
            0 => drop(engine.pause(name).await),
            1 => drop(engine.resume(name).await),
            2 => drop(engine.redrive(name, None).await),
            3 => {
                // Nothing is published meanwhile, so the oracle knows each event's generation.
                self.generation += 1;
                let plan = self.plan();
                if engine.apply(plan).await.is_err() {
                    drop(engine);
                    self.crash().await;
                    self.engine().await;
                }
            }
            4 | 5 => {
                drop(engine);
                self.crash().await;
            }
            6 => {
                let calls = self.dice.roll(8);
                self.store.limit(calls, self.dice.roll(1 << 40));
            }
            7 => {
                let drained = engine.drain(Duration::from_millis(500)).await;
                self.engine = drained.err().map(|_| engine);
            }
            _ => {}
        }
    }

    async fn run(mut self) {
        for _ in 0..14 {
            if self.dice.one_in(3) {
                self.mood();
            }
            self.publish().await;
            let pause = self.dice.roll(3000) as u64;
            tokio::time::sleep(Duration::from_millis(pause)).await;
            self.trouble().await;
        }
        self.settle().await;
        self.check().await;
    }

    /// Everything is well again.
    async fn settle(&mut self) {
        self.settling = true;
        self.crash().await;
        for sink in &self.sinks {
            sink.now_does(|_| Act::Accept);
        }
        let engine = self.engine().await;
        for name in NAMES {
            engine.resume(name).await.unwrap();
        }
        engine.quiesced().await;
        // Parked keys go on once their dead letters are redriven.
        while engine.redrive(NAMES[2], None).await.unwrap() > 0 {
            engine.quiesced().await;
        }
    }

    async fn check(&mut self) {
        let seed = self.seed;
        let engine = self.engine().await;
        for (i, name) in NAMES.iter().enumerate() {
            let wanted: HashSet<&str> = self
                .sent
                .iter()
                .filter(|(_, s)| takes(i, s.generation, s.kind))
                .map(|(id, _)| id.as_str())
                .collect();
            let seen = self.sinks[i].seen();
            for s in &seen {
                let sent = self.sent.get(&s.id).expect("delivered, never sent");
                assert!(
                    wanted.contains(s.id.as_str()),
                    "seed {seed}: {name} got {}",
                    s.id
                );
                assert_eq!(s.event.data(), sent.event.data(), "seed {seed}");
            }
            let (letters, _) = engine.dead_letters(name, None, 1000).await.unwrap();
            let dead: HashSet<&str> = letters.iter().map(|l| l.id.as_str()).collect();
            assert_eq!(dead.len(), letters.len(), "seed {seed}");
            let delivered: HashSet<&str> = seen.iter().map(|s| s.id.as_str()).collect();
            for id in &wanted {
                assert!(
                    delivered.contains(id) || dead.contains(id),
                    "seed {seed}: {name} never got {id} at {:?}",
                    self.positions.get(*id)
                );
            }
            let a = account(&engine, name).await;
            assert_eq!(a.matched, wanted.len() as u64, "seed {seed}: {name} {a:?}");
            assert_eq!(a.pending, 0, "seed {seed}: {name} {a:?}");
            assert_eq!(
                a.dead_lettered,
                dead.len() as u64,
                "seed {seed}: {name} {a:?}"
            );
            assert_eq!(
                a.filtered,
                (self.sent.len() - wanted.len()) as u64,
                "seed {seed}: {name} {a:?}"
            );
            if self.ordered {
                self.check_order(i, &seen);
            }
        }
        let explained = engine.explain("event-00000").await.unwrap();
        assert!(
            explained[0]
                .subscriptions
                .iter()
                .all(|s| ["accepted", "dead-lettered", "filtered"].contains(&s.state.as_str())),
            "seed {seed}: {explained:?}"
        );
    }

    /// First deliveries per key are in the order of the log.
    fn check_order(&self, subscription: usize, seen: &[Seen]) {
        let mut first = HashSet::new();
        let mut last: HashMap<&str, u64> = HashMap::new();
        for s in seen.iter().filter(|s| first.insert(s.id.clone())) {
            let key = self.sent[&s.id].key.as_str();
            let offset = self.positions[&s.id].1;
            if let Some(before) = last.insert(key, offset) {
                assert!(
                    before < offset,
                    "seed {}: {} got {} of {key} after a later one",
                    self.seed,
                    NAMES[subscription],
                    s.id
                );
            }
        }
    }
}

#[test]
fn nothing_is_lost_invented_misrouted_or_miscounted() {
    simulate(TABLE_SEEDS, false);
}

#[test]
fn nor_on_a_disk_that_loses_power() {
    simulate(DISK_SEEDS, true);
}

/// Runs many seeds; `TRADEWIND_SEEDS` says how many, `TRADEWIND_SEED` picks one.
fn simulate(seeds: u64, on_disk: bool) {
    // Scripted panics are part of the game: their messages are not.
    std::panic::set_hook(Box::new(|info| {
        let scripted = info.payload().downcast_ref::<&str>() == Some(&"scripted");
        if !scripted {
            eprintln!("{info}");
        }
    }));
    let number = |name| std::env::var(name).ok().and_then(|s| s.parse::<u64>().ok());
    let seeds = match number("TRADEWIND_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TRADEWIND_SEEDS").unwrap_or(seeds),
    };
    for seed in seeds {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(async {
                let day = Duration::from_secs(86_400);
                let run = tokio::time::timeout(day, async { Sim::new(seed, on_disk).run().await });
                assert!(run.await.is_ok(), "seed {seed} never comes to rest");
            });
    }
}
