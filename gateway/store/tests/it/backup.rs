//! What is cut while a stream is written is, restored, what the stream was.

use crate::contract::tiny;
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use tradewind_store::backup::{Restore, StreamCut, check_rows};
use tradewind_store::disk::Disk;
use tradewind_store::testkit::{self, ManualClock, SeededRandom, SimDisk, suite};
use tradewind_store::{Appended, Embedded, Error, Op, Position, Settings, Stream, Streams, Sync};

const NAME: &str = "default/s";
const SHARDS: u16 = 2;

type Items = Vec<(Position, Bytes)>;
type Rows = Vec<(Bytes, Bytes)>;

/// Everything that can be asked of a stream.
type Image = Vec<(Items, Rows)>;

fn open(disk: &SimDisk, clock: &ManualClock) -> Embedded {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let random = Arc::new(SeededRandom::new(3));
    let streams = Embedded::open_on(disk, "data", Arc::new(clock.clone()), random, tiny());
    streams.unwrap().inline()
}

fn settings() -> Settings {
    Settings {
        shards: SHARDS,
        ..Settings::default()
    }
}

async fn image(stream: &dyn Stream) -> Image {
    let mut image = Vec::new();
    for shard in 0..SHARDS {
        let rows = stream.scan(shard, b"", b"\xff", usize::MAX).await.unwrap();
        image.push((suite::read_all(stream, shard, 0).await, rows));
    }
    image
}

fn restore(cut: &StreamCut, disk: &SimDisk) -> Restore {
    testkit::restore(&[(NAME, cut)], Arc::new(disk.clone()), "data")
}

struct Writer {
    rng: fastrand::Rng,
    epochs: Vec<u64>,
    next: u128,
}

impl Writer {
    async fn write(&mut self, stream: &dyn Stream) {
        let shard = self.rng.u16(..SHARDS);
        match self.rng.u8(..10) {
            0..6 => {
                let size = self.rng.usize(..600);
                let mut event = suite::event(self.next, &"x".repeat(size));
                event.shard_key = u64::from(shard);
                self.next += 1;
                stream.append(vec![event]).await.unwrap();
            }
            6..9 => {
                let key = Bytes::from(format!("key-{}", self.rng.u32(..200)));
                let op = match self.rng.u8(..4) {
                    0 => Op::Delete(key),
                    _ => Op::Put(key, vec![self.rng.u8(..); self.rng.usize(..300)].into()),
                };
                let epoch = self.epochs[usize::from(shard)];
                let sync = stream.record(shard, epoch, vec![op], Sync::Lazy);
                sync.await.unwrap();
            }
            _ => {
                let bounds = stream.bounds(shard);
                let before = self.rng.u64(bounds.start..=bounds.end);
                stream.trim(shard, before).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_cut_is_the_stream_at_its_moment() {
    for seed in 0..40 {
        let clock = ManualClock::new(1_700_000_000_000);
        let disk = SimDisk::new();
        let streams = open(&disk, &clock);
        let stream = streams.open(NAME, &settings()).await.unwrap();
        let mut writer = Writer {
            rng: fastrand::Rng::with_seed(seed),
            epochs: Vec::new(),
            next: 0,
        };
        for shard in 0..SHARDS {
            let recovered = stream.recover(shard).await.unwrap();
            writer.epochs.push(recovered.epoch);
        }
        for _ in 0..writer.rng.usize(..400) {
            writer.write(&*stream).await;
        }
        let expected = image(&*stream).await;
        let known = writer.next;
        let cut = streams.cut(NAME).await.unwrap().unwrap();
        // What comes after it, checkpoints and removed segments included, is not in it.
        for _ in 0..writer.rng.usize(..400) {
            writer.write(&*stream).await;
        }
        let elsewhere = SimDisk::new();
        restore(&cut, &elsewhere).finish().unwrap();
        elsewhere.crash(&mut writer.rng);
        let restored = open(&elsewhere, &clock);
        let settings = restored.settings(NAME).await.unwrap().unwrap();
        let stream = restored.open(NAME, &settings).await.unwrap();
        assert_eq!(stream.findings(), Vec::new(), "seed {seed}");
        assert_eq!(image(&*stream).await, expected, "seed {seed}");
        for (shard, (items, _)) in expected.iter().enumerate() {
            let last = items.last().map_or(0, |(position, _)| position.offset);
            assert!(
                last <= cut.shards[shard].end,
                "the stated point, seed {seed}"
            );
        }
        if known > 0 {
            let mut again = suite::event(known - 1, "other content");
            again.shard_key = 0;
            let answer = stream.append(vec![again.clone()]).await.unwrap();
            again.shard_key = 1;
            let other = stream.append(vec![again]).await.unwrap();
            let conflict = |a: &[Appended]| matches!(a[0], Appended::Conflict(_));
            assert!(
                conflict(&answer) || conflict(&other),
                "identities, seed {seed}"
            );
        }
    }
}

#[tokio::test]
async fn a_restore_that_did_not_end_is_not_opened() {
    let clock = ManualClock::new(1_700_000_000_000);
    let disk = SimDisk::new();
    let streams = open(&disk, &clock);
    drop(streams.open(NAME, &settings()).await.unwrap());
    let cut = streams.cut(NAME).await.unwrap().unwrap();
    let elsewhere = SimDisk::new();
    let begun = restore(&cut, &elsewhere);
    drop(begun);
    let random = Arc::new(SeededRandom::new(3));
    let disk: Arc<dyn Disk> = Arc::new(elsewhere.clone());
    let opened = Embedded::open_on(disk, "data", Arc::new(clock), random, tiny());
    let Err(Error::Invalid(reason)) = opened else {
        panic!("{opened:?}")
    };
    assert!(reason.contains("did not end"), "{reason}");
    let again = Restore::begin_on(Arc::new(elsewhere), Path::new("data"));
    let Err(Error::Invalid(reason)) = again else {
        panic!("{again:?}")
    };
    assert!(reason.contains("is not empty"), "{reason}");
}

#[test]
fn rows_that_are_not_what_was_written_are_refused() {
    let whole = b"TWrow\0\x01\0\x01\0\0\0\x05\0\0\0kv\x00\x00\x00\x00";
    for (chunk, why) in [
        (&whole[..], "not what was written"),
        (&whole[..9], "not what was written"),
        (b"", "not what was written"),
        (b"TWrow\0\x02\0", "has format 2, this version knows up to 1"),
        (
            b"TWrow\0\x01\0\xff\xff\xff\xff\xff\xff\xff\xff",
            "not what was written",
        ),
    ] {
        let error = check_rows(chunk).map(drop).unwrap_err().to_string();
        assert!(
            error.contains(why) || error.contains("is damaged"),
            "{error}"
        );
    }
}
