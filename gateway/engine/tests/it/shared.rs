//! A stream that several engines share: each serves the shards that are assigned to it.

use crate::support::*;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tradewind_engine::{Engine, Error as Refused, Plan, Reach, Start};
use tradewind_store::testkit::MemoryStreams;
use tradewind_store::{
    Appended, Batch, Entry, Error, Op, Position, Recovered, Settings, Shard, Stats, Stream,
    Streams, Sync,
};

/// One of several who share streams.
#[derive(Debug)]
struct Sharer {
    inner: Arc<MemoryStreams>,
    assigned: watch::Sender<BTreeSet<Shard>>,
    fenced: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Share {
    inner: Arc<dyn Stream>,
    assigned: watch::Sender<BTreeSet<Shard>>,
    /// Recovered, and not released.
    held: Mutex<BTreeSet<Shard>>,
    /// The next record finds that another has recovered its shard.
    fenced: Arc<AtomicBool>,
}

#[async_trait]
impl Streams for Sharer {
    async fn open(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Stream>, Error> {
        Ok(Arc::new(Share {
            inner: self.inner.open(name, settings).await?,
            assigned: self.assigned.clone(),
            held: Mutex::default(),
            fenced: Arc::clone(&self.fenced),
        }))
    }
    async fn list(&self) -> Result<Vec<String>, Error> {
        self.inner.list().await
    }
    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.inner.delete(name).await
    }
}

impl Share {
    fn own(&self, shard: Shard) -> Result<&dyn Stream, Error> {
        match self.held.lock().unwrap().contains(&shard) {
            true => Ok(&*self.inner),
            false => Err(Error::Elsewhere(shard)),
        }
    }
}

#[async_trait]
impl Stream for Share {
    fn shards(&self) -> Shard {
        self.inner.shards()
    }
    fn hash_key(&self) -> [u8; 16] {
        self.inner.hash_key()
    }
    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Error> {
        self.inner.append(entries).await
    }
    async fn read(&self, shard: Shard, from: u64, max_bytes: usize) -> Result<Batch, Error> {
        self.own(shard)?.read(shard, from, max_bytes).await
    }
    async fn seek(&self, shard: Shard, unix_ms: u64) -> Result<u64, Error> {
        self.own(shard)?.seek(shard, unix_ms).await
    }
    fn bounds(&self, shard: Shard) -> Range<u64> {
        self.own(shard).map_or(0..0, |own| own.bounds(shard))
    }
    async fn grown(&self, shard: Shard, seen: u64) {
        self.inner.grown(shard, seen).await;
    }
    async fn find(&self, id: u128) -> Result<Option<Position>, Error> {
        self.inner.find(id).await
    }
    async fn recover(&self, shard: Shard) -> Result<Recovered, Error> {
        if !self.assigned.borrow().contains(&shard) {
            return Err(Error::Elsewhere(shard));
        }
        self.held.lock().unwrap().insert(shard);
        self.inner.recover(shard).await
    }
    async fn release(&self, shard: Shard) -> Result<(), Error> {
        self.held.lock().unwrap().remove(&shard);
        Ok(())
    }
    async fn owners(&self) -> Result<BTreeMap<Shard, String>, Error> {
        Ok([0, 1].map(|shard| (shard, format!("node {shard}"))).into())
    }
    fn assigned(&self) -> Option<watch::Receiver<BTreeSet<Shard>>> {
        Some(self.assigned.subscribe())
    }
    async fn record(
        &self,
        shard: Shard,
        epoch: u64,
        ops: Vec<Op>,
        sync: Sync,
    ) -> Result<(), Error> {
        self.own(shard)?;
        if self.fenced.swap(false, Ordering::Relaxed) {
            return Err(Error::Fenced);
        }
        self.inner.record(shard, epoch, ops, sync).await
    }
    async fn get(&self, shard: Shard, key: &[u8]) -> Result<Option<Bytes>, Error> {
        self.own(shard)?.get(shard, key).await
    }
    async fn scan(
        &self,
        shard: Shard,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        self.own(shard)?.scan(shard, from, to, limit).await
    }
    async fn expired(&self, shard: Shard) -> Result<u64, Error> {
        self.own(shard)?.expired(shard).await
    }
    async fn trim(&self, shard: Shard, before: u64) -> Result<(), Error> {
        self.own(shard)?.trim(shard, before).await
    }
    fn stats(&self) -> Stats {
        self.inner.stats()
    }
    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

pub(crate) struct Two {
    pub(crate) engines: [Engine; 2],
    assigned: [watch::Sender<BTreeSet<Shard>>; 2],
    pub(crate) sinks: [Arc<ScriptedSink>; 2],
    /// Of the first.
    pub(crate) fenced: Arc<AtomicBool>,
}

impl Two {
    pub(crate) async fn start() -> Self {
        Self::with(planned).await
    }

    pub(crate) async fn with(plan: impl Fn(&Arc<ScriptedSink>) -> Plan) -> Self {
        let clock = SimClock::new();
        let inner = Arc::new(MemoryStreams::new(clock.clone()));
        let assigned = [watch::Sender::default(), watch::Sender::default()];
        let sinks = [ScriptedSink::accepting(), ScriptedSink::accepting()];
        let fenced: [Arc<AtomicBool>; 2] = Default::default();
        let mut engines = Vec::new();
        for ((assigned, sink), fenced) in assigned.iter().zip(&sinks).zip(&fenced) {
            let sharer = Sharer {
                fenced: Arc::clone(fenced),
                inner: Arc::clone(&inner),
                assigned: assigned.clone(),
            };
            let engine = Engine::start(plan(sink), Arc::new(sharer), clock.clone()).await;
            engines.push(engine.unwrap());
        }
        Self {
            engines: engines.try_into().unwrap(),
            assigned,
            sinks,
            fenced: Arc::clone(&fenced[0]),
        }
    }

    pub(crate) fn assign<const N: usize, const M: usize>(
        &self,
        first: [Shard; N],
        second: [Shard; M],
    ) {
        // Taken away before it is given.
        for (assigned, keeps) in self.assigned.iter().zip([&first[..], &second[..]]) {
            assigned.send_modify(|own| own.retain(|shard| keeps.contains(shard)));
        }
        self.assigned[0].send_replace(first.into());
        self.assigned[1].send_replace(second.into());
    }

    /// What both were given, shard by shard.
    fn given(&self) -> [Vec<u64>; 2] {
        let shards = |sink: &Arc<ScriptedSink>| {
            let seen = sink.seen();
            let shards = seen
                .iter()
                .map(|s| s.position.split('/').next().unwrap().parse());
            shards.collect::<Result<Vec<u64>, _>>().unwrap()
        };
        [shards(&self.sinks[0]), shards(&self.sinks[1])]
    }
}

pub(crate) fn planned(sink: &Arc<ScriptedSink>) -> Plan {
    let mut all = subscription(sink);
    all.start = Start::Oldest;
    let mut plan = ordered([("all", all)]);
    plan.streams.get_mut("default").unwrap().settings.shards = 2;
    plan
}

pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_secs(10)).await;
}

pub(crate) fn events(from: usize) -> Vec<tradewind_event::Event> {
    (from..from + 20)
        .map(|n| keyed(&format!("e{n}"), &format!("k{}", n % 5)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn each_serves_what_is_assigned_to_it() {
    let two = Two::start().await;
    let [a, b] = &two.engines;
    // Nobody owns anything yet; what is published waits.
    publish(b, events(0)).await;
    settle().await;
    assert_eq!(two.given().concat().len(), 0);
    assert!(a.ready().is_ok() && b.ready().is_ok());

    two.assign([0, 1], []);
    settle().await;
    assert_eq!(two.given().map(|given| given.len()), [20, 0]);

    two.assign([0], [1]);
    settle().await;
    publish(a, events(20)).await;
    publish(b, events(40)).await;
    settle().await;
    let [first, second] = two.given();
    assert!(first[20..].iter().all(|shard| *shard == 0), "{first:?}");
    assert!(second.iter().all(|shard| *shard == 1), "{second:?}");
    assert_eq!(first.len() + second.len(), 60, "each once");
    let cursors = |views: Vec<tradewind_engine::SubscriptionView>| views[0].cursors.clone();
    let (one, other) = (
        cursors(a.subscriptions().await),
        cursors(b.subscriptions().await),
    );
    assert!(one[0].starts_with("0/") && other[0].starts_with("1/"));
    assert_eq!((one.len(), other.len()), (1, 1));
    let refused = a.pause("all").await.unwrap_err();
    assert!(matches!(refused, Refused::Elsewhere(_)), "{refused:?}");
    let refused = refused.to_string();
    assert!(refused.contains("shard 1 by node 1"), "{refused}");
    assert!(a.replay("all", Start::Oldest, None).await.is_err());
    let refused = a.redrive("all", Some("1/0")).await.unwrap_err();
    assert!(matches!(refused, Refused::Elsewhere(_)), "{refused:?}");
    // Each does its part of it.
    for engine in [a, b] {
        let here = engine.reaching(Reach::Here);
        here.pause("all").await.unwrap();
        assert_eq!(engine.subscriptions().await[0].state, "paused");
        here.resume("all").await.unwrap();
    }

    // All of it to the second, which goes on where the first was.
    two.assign([], [0, 1]);
    settle().await;
    publish(a, events(60)).await;
    settle().await;
    let views = b.subscriptions().await;
    assert_eq!(views[0].account.accepted, 80);
    assert!(views[0].account.balances());
    let views = a.subscriptions().await;
    assert_eq!(views[0].state, "elsewhere");
    let nothing = a.reaching(Reach::Here).pause("all").await.unwrap_err();
    assert!(matches!(nothing, Refused::Elsewhere(_)), "{nothing:?}");
    for engine in two.engines {
        engine.drain(Duration::from_secs(1)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_reaches_those_that_are_taken_over_later() {
    let two = Two::start().await;
    two.assign([0], []);
    settle().await;
    for (engine, sink) in two.engines.iter().zip(&two.sinks) {
        let mut plan = planned(sink);
        let mut more = subscription(sink);
        more.start = Start::Oldest;
        plan.subscriptions.insert("more".into(), more);
        engine.apply(plan).await.unwrap();
    }
    publish(&two.engines[0], events(0)).await;
    two.assign([0], [1]);
    settle().await;
    let given: usize = two.given().iter().map(Vec::len).sum();
    assert_eq!(given, 40, "both subscriptions, both shards");
}

/// A pause that is said for all holds in every shard, whoever serves it, now and later.
#[tokio::test(start_paused = true)]
async fn a_pause_of_the_plan_goes_where_shards_go() {
    let two = Two::start().await;
    two.assign([0], []);
    settle().await;
    let say = async |paused| {
        for (engine, sink) in two.engines.iter().zip(&two.sinks) {
            let mut plan = planned(sink);
            plan.subscriptions.get_mut("all").unwrap().paused = paused;
            engine.apply(plan).await.unwrap();
        }
    };
    let given = || two.given().iter().map(Vec::len).sum::<usize>();
    say(Some(true)).await;
    assert_eq!(two.engines[0].subscriptions().await[0].state, "paused");
    publish(&two.engines[0], events(0)).await;
    // Neither the shard that stays nor the one that nobody has served before.
    two.assign([0], [1]);
    settle().await;
    assert_eq!(two.engines[1].subscriptions().await[0].state, "paused");
    assert_eq!(given(), 0);
    // What is said of it no longer stays as it is.
    say(None).await;
    settle().await;
    assert_eq!(given(), 0);
    say(Some(false)).await;
    settle().await;
    assert_eq!(given(), 20);
}
