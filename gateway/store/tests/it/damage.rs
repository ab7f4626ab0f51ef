//! Bits that flip and tails that are cut off.

use crate::contract::tiny;
use fastrand::Rng;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tradewind_store::disk::{Disk, DiskFile, Open};
use tradewind_store::testkit::suite::event;
use tradewind_store::testkit::{ManualClock, SeededRandom, SimDisk};
use tradewind_store::{Appended, Embedded, Params, Settings, Stream, Streams};

/// Where the log begins in a segment file.
const DATA: u64 = 4096;
const SHARD: &str = "data/streams/default/s/0000";

type Promised = Vec<(u64, String)>;

async fn open(disk: &SimDisk, params: Params) -> Arc<dyn Stream> {
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    let random = Arc::new(SeededRandom::new(3));
    let disk = Arc::new(disk.clone());
    let streams = Embedded::open_on(disk, "data", clock, random, params)
        .unwrap()
        .inline();
    streams
        .open("default/s", &Settings::default())
        .await
        .unwrap()
}

/// A disk with events in commits of three.
async fn filled(params: Params, commits: u64, close: bool) -> (SimDisk, Promised) {
    let disk = SimDisk::new();
    let stream = open(&disk, params).await;
    let mut promised = Vec::new();
    for commit in 0..commits {
        let payloads: Vec<_> = (0..3)
            .map(|i| format!("{commit}-{i}-{}", "x".repeat(150)))
            .collect();
        let entries = payloads
            .iter()
            .enumerate()
            .map(|(i, p)| event(u128::from(commit * 3) + i as u128, p));
        for (appended, payload) in stream
            .append(entries.collect())
            .await
            .unwrap()
            .iter()
            .zip(payloads)
        {
            let Appended::New(position) = appended else {
                panic!("{appended:?}")
            };
            promised.push((position.offset, payload));
        }
    }
    if close {
        stream.close().await.unwrap();
    }
    (disk, promised)
}

/// What can be read, and what is reported as damaged.
async fn read(stream: &dyn Stream) -> (Promised, Vec<std::ops::Range<u64>>) {
    let (mut items, mut damaged, mut at) = (Vec::new(), Vec::new(), 0);
    while at < stream.bounds(0).end {
        let batch = stream.read(0, at, 1000).await.unwrap();
        assert!(batch.next > at);
        at = batch.next;
        damaged.extend(batch.damaged);
        items.extend(batch.items.into_iter().map(|item| {
            (
                item.position.offset,
                String::from_utf8(item.payload.to_vec()).unwrap(),
            )
        }));
    }
    (items, damaged)
}

fn segments(disk: &SimDisk) -> Vec<(u64, PathBuf)> {
    let mut segments: Vec<_> = disk
        .list(Path::new(SHARD))
        .unwrap()
        .into_iter()
        .filter_map(|name| {
            let base = u64::from_str_radix(name.strip_suffix(".log")?, 16).ok()?;
            Some((base, Path::new(SHARD).join(name)))
        })
        .collect();
    segments.sort_unstable();
    segments
}

fn file(disk: &SimDisk, path: &Path) -> Arc<dyn DiskFile> {
    disk.open(path, Open::Existing).unwrap()
}

/// Every flipped bit of the log is noticed, costs no more than the commit that it is in, and never
/// changes what is read.
#[tokio::test]
async fn flipped_bits_are_noticed() {
    let (disk, promised) = filled(tiny(), 40, true).await;
    let end = promised.last().unwrap().0 + 1;
    let segments = segments(&disk);
    assert!(segments.len() > 2);
    let mut rng = Rng::with_seed(5);
    for _ in 0..600 {
        let disk = disk.fork();
        let (base, path) = &segments[rng.usize(0..segments.len())];
        let len = file(&disk, path).len().unwrap() - DATA;
        let offset = rng.u64(0..len);
        if base + offset >= end {
            continue;
        }
        assert!(disk.flip(path, (DATA + offset) * 8 + rng.u64(0..8)));
        let stream = open(&disk, tiny()).await;
        let (items, damaged) = read(&*stream).await;
        let lost: Vec<_> = promised
            .iter()
            .filter(|item| !items.contains(item))
            .collect();
        assert!(
            items.iter().all(|item| promised.contains(item)),
            "altered or invented"
        );
        assert!(
            lost.len() <= 3,
            "{} events lost by one bit at {offset}",
            lost.len()
        );
        for (offset, _) in lost {
            assert!(
                damaged.iter().any(|range| range.contains(offset)),
                "{offset} went silently"
            );
        }
        assert!(
            !damaged.is_empty(),
            "the flip at {} was not noticed",
            base + offset
        );
        assert!(
            damaged.iter().any(|range| range.start <= base + offset),
            "{damaged:?}"
        );
        let more = stream.append(vec![event(1 << 64, "more")]).await.unwrap();
        assert!(matches!(more[0], Appended::New(position) if position.offset >= end));
    }
}

/// A damaged header of a segment costs nothing but a finding.
#[tokio::test]
async fn a_segment_with_a_damaged_header_is_read() {
    let (disk, promised) = filled(tiny(), 40, true).await;
    for (_, path) in segments(&disk) {
        let disk = disk.fork();
        assert!(disk.flip(&path, 77));
        let stream = open(&disk, tiny()).await;
        let (items, damaged) = read(&*stream).await;
        assert_eq!((items, damaged), (promised.clone(), Vec::new()));
    }
}

/// However much of the last commit is on disk: what is before it is there, it is there as a whole or
/// not at all, and the stream goes on.
#[tokio::test]
async fn the_last_commit_is_cut_at_each_byte() {
    let params = Params {
        segment_bytes: 1 << 20,
        ..tiny()
    };
    let (disk, promised) = filled(params, 7, false).await;
    let (_, path) = segments(&disk).remove(0);
    // Not the commit at which a checkpoint vouches for the log.
    let last = promised.len() - 3;
    let from = promised[last].0 - 64;
    let mut until = 0;
    // A group header, records of 24 + 40 bytes and the payloads.
    for (_, payload) in &promised[last..] {
        until += 64 + payload.len() as u64;
    }
    let until = from + 64 + until;
    for cut in from..=until {
        let disk = disk.fork();
        let segment = file(&disk, &path);
        let len = segment.len().unwrap();
        segment.set_len(DATA + cut).unwrap();
        if cut % 2 == 0 {
            // The file keeps its length where it was extended before.
            segment.set_len(len).unwrap();
        }
        segment.sync_data().unwrap();
        let stream = open(&disk, params).await;
        let (items, damaged) = read(&*stream).await;
        let expected = if cut == until { promised.len() } else { last };
        assert_eq!(
            items,
            promised[..expected],
            "cut at {cut} of {from}..{until}"
        );
        assert!(damaged.is_empty(), "{damaged:?}");
        let more = stream.append(vec![event(1 << 64, "more")]).await.unwrap();
        assert!(matches!(more[0], Appended::New(_)));
    }
}

/// A damaged run of the dedupe index may let a duplicate through, but says so.
#[tokio::test]
async fn damaged_runs_are_noticed() {
    let (disk, promised) = filled(tiny(), 40, true).await;
    let names = disk.list(Path::new(SHARD)).unwrap();
    let runs: Vec<_> = names.iter().filter(|name| name.ends_with(".run")).collect();
    assert!(!runs.is_empty());
    for run in runs {
        let disk = disk.fork();
        assert!(disk.flip(&Path::new(SHARD).join(run), 4096 * 8 + 3));
        let stream = open(&disk, tiny()).await;
        let mut again = 0;
        for (id, (offset, payload)) in promised.iter().enumerate() {
            match stream
                .append(vec![event(id as u128, payload)])
                .await
                .unwrap()[0]
            {
                Appended::Duplicate(position) => assert_eq!(position.offset, *offset),
                Appended::New(_) => again += 1,
                other => panic!("{other:?}"),
            }
        }
        let findings = stream.recover(0).await.unwrap().findings;
        assert!(
            again > 0 && findings.iter().any(|f| f.contains(run.as_str())),
            "{findings:?}"
        );
    }
}
