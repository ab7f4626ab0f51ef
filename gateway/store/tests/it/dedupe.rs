//! How long identities are known, and what that takes on disk.

use crate::contract::tiny;
use std::path::Path;
use std::sync::Arc;
use tradewind_store::disk::Disk;
use tradewind_store::testkit::suite::event;
use tradewind_store::testkit::{ManualClock, SeededRandom, SimDisk};
use tradewind_store::{Appended, Embedded, Entry, Settings, Stream, Streams};

const MINUTE: u64 = 60_000;

struct Bench {
    disk: SimDisk,
    clock: ManualClock,
    stream: Arc<dyn Stream>,
}

async fn bench(settings: Settings) -> Bench {
    let (disk, clock) = (SimDisk::new(), ManualClock::new(1_700_000_000_000));
    let random = Arc::new(SeededRandom::new(3));
    let injected = (Arc::new(disk.clone()), Arc::new(clock.clone()));
    let streams = Embedded::open_on(injected.0, "data", injected.1, random, tiny()).unwrap();
    let stream = streams.inline().open("default/s", &settings).await.unwrap();
    Bench {
        disk,
        clock,
        stream,
    }
}

impl Bench {
    async fn append(&self, id: u128) -> Appended {
        self.stream
            .append(vec![event(id, "payload")])
            .await
            .unwrap()[0]
    }

    fn runs(&self) -> usize {
        let names = self
            .disk
            .list(Path::new("data/streams/default/s/0000"))
            .unwrap();
        names.iter().filter(|name| name.ends_with(".run")).count()
    }
}

#[tokio::test]
async fn an_identity_outlives_its_event_and_then_goes() {
    let bench = bench(Settings::default()).await;
    let mut positions = Vec::new();
    for id in 0..100 {
        let Appended::New(position) = bench.append(id).await else {
            panic!("{id} is not new")
        };
        positions.push(position);
    }
    assert!(bench.runs() > 1);
    // The whole log goes, the identities stay.
    bench.stream.trim(0, u64::MAX).await.unwrap();
    assert!(bench.stream.bounds(0).is_empty());
    for id in 0..100 {
        assert_eq!(
            bench.append(id).await,
            Appended::Duplicate(positions[id as usize])
        );
    }
    bench.clock.advance(10 * MINUTE);
    bench.stream.trim(0, 0).await.unwrap();
    assert_eq!(bench.runs(), 0, "nobody needs the runs any more");
    assert!(matches!(bench.append(0).await, Appended::New(_)));
    assert_eq!(bench.stream.stats().dedupe_evicted, 0);
}

#[tokio::test]
async fn an_event_is_found_after_its_window() {
    let bench = bench(Settings::default()).await;
    let mut positions = Vec::new();
    for id in 0..100 {
        let Appended::New(position) = bench.append(id).await else {
            panic!("{id} is not new")
        };
        positions.push(position);
    }
    bench.clock.advance(11 * MINUTE);
    bench.stream.trim(0, 0).await.unwrap();
    for id in 0..100 {
        let found = bench.stream.find(id).await.unwrap();
        assert_eq!(found, Some(positions[id as usize]));
    }
    let Appended::New(again) = bench.append(7).await else {
        panic!("the window has ended")
    };
    assert_eq!(
        bench.stream.find(7).await.unwrap(),
        Some(again),
        "the last one"
    );
    assert_eq!(bench.stream.find(1000).await.unwrap(), None);
}

#[tokio::test]
async fn too_many_identities_are_evicted_oldest_first_and_counted() {
    let bench = bench(Settings {
        dedupe_max: 60,
        ..Settings::default()
    })
    .await;
    for id in 0..200 {
        bench.append(id).await;
    }
    let evicted = bench.stream.stats().dedupe_evicted;
    assert!((100..=160).contains(&evicted), "{evicted} evicted");
    assert!(matches!(bench.append(199).await, Appended::Duplicate(_)));
    assert!(bench.stream.find(0).await.unwrap().is_some(), "still found");
    assert!(matches!(bench.append(0).await, Appended::New(_)));
}

/// A long window does not keep short ones on disk, nor do short ones end it.
#[tokio::test]
async fn windows_differ() {
    let bench = bench(Settings::default()).await;
    let long = |id| {
        let mut entry = event(id, "payload");
        entry.identity.as_mut().unwrap().window_ms = 72 * 60 * MINUTE;
        entry
    };
    for id in 0..40 {
        let entry: Entry = if id % 2 == 0 {
            long(id)
        } else {
            event(id, "payload")
        };
        bench.stream.append(vec![entry]).await.unwrap();
    }
    bench.clock.advance(60 * MINUTE);
    for id in 0..40 {
        let appended = bench.append(id).await;
        assert_eq!(
            id % 2 == 0,
            matches!(appended, Appended::Duplicate(_)),
            "{id}: {appended:?}"
        );
    }
}

#[tokio::test]
async fn a_conflict_in_one_shard_withholds_all() {
    let bench = bench(Settings {
        shards: 2,
        ..Settings::default()
    })
    .await;
    let at = |shard_key, id, payload| Entry {
        shard_key,
        ..event(id, payload)
    };
    let first = bench.stream.append(vec![at(1, 1, "a")]).await.unwrap();
    let Appended::New(first) = first[0] else {
        panic!("{first:?}")
    };
    let before = [bench.stream.bounds(0), bench.stream.bounds(1)];
    let answers = bench
        .stream
        .append(vec![at(0, 2, "b"), at(1, 1, "z")])
        .await
        .unwrap();
    assert_eq!(answers, [Appended::Withheld, Appended::Conflict(first)]);
    assert_eq!([bench.stream.bounds(0), bench.stream.bounds(1)], before);
    assert_eq!(bench.stream.stats().conflicts, 1);
}
