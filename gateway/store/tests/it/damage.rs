//! Bits that flip and tails that are cut off.

use crate::contract::tiny;
use fastrand::Rng;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tradewind_store::disk::{Disk, DiskFile, Open};
use tradewind_store::testkit::corruption::{Figures, Image};
use tradewind_store::testkit::forge::ForgedLog;
use tradewind_store::testkit::suite::event;
use tradewind_store::testkit::{ManualClock, SeededRandom, SimDisk};
use tradewind_store::{Appended, Embedded, Loss, Params, Settings, Stream, Streams};

/// Where the log begins in a segment file.
const DATA: u64 = 4096;
const SHARD: &str = "data/streams/default/s/0000";

type Promised = Vec<(u64, String)>;

fn embedded(disk: &SimDisk, params: Params, seed: u64) -> Embedded {
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    let random = Arc::new(SeededRandom::new(seed));
    let disk = Arc::new(disk.clone());
    Embedded::open_on(disk, "data", clock, random, params)
        .unwrap()
        .inline()
}

async fn open(disk: &SimDisk, params: Params) -> Arc<dyn Stream> {
    embedded(disk, params, 3)
        .open("default/s", &Settings::default())
        .await
        .unwrap()
}

/// A disk with events in commits of three.
async fn filled(params: Params, commits: u64, close: bool) -> (SimDisk, Promised) {
    filled_as(params, commits, close, 3).await
}

async fn filled_as(params: Params, commits: u64, close: bool, seed: u64) -> (SimDisk, Promised) {
    let disk = SimDisk::new();
    let stream = embedded(&disk, params, seed)
        .open("default/s", &Settings::default())
        .await
        .unwrap();
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

/// A flipped bit anywhere is noticed or in bytes that nobody uses; costs no more than the commit that
/// it is in, which is reported; changes nothing that is read; and what is derived is made again.
#[test]
fn flipped_bits_are_noticed() {
    let mut sum = Figures::default();
    for seed in 1..=20 {
        let image = Image::new(seed).unwrap();
        let mut rng = Rng::with_seed(seed);
        for _ in 0..25 {
            let (path, bit) = image.some_bit(&mut rng);
            sum += image
                .flip(&path, bit)
                .unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        }
    }
    println!("{sum:?}");
    assert!(sum.lost > 20 && sum.repaired > 20, "{sum:?}");
}

/// However little is left of a file.
#[test]
fn truncations_are_noticed() {
    let mut sum = Figures::default();
    for seed in 1..=3 {
        let image = Image::new(seed).unwrap();
        for (path, len) in image.tails(509) {
            sum += image
                .cut(&path, len)
                .unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        }
    }
    println!("{sum:?}");
    assert!(sum.lost > 5 && sum.repaired > 5, "{sum:?}");
}

/// A log that ends before what the last checkpoint knows of goes on above it, and says what is
/// missing.
#[tokio::test]
async fn a_log_that_is_shorter_than_its_checkpoint_is_reported() {
    let (disk, promised) = filled(tiny(), 40, true).await;
    let (base, path) = segments(&disk).pop().unwrap();
    let end = promised.last().unwrap().0;
    disk.remove(&path).unwrap();
    let stream = open(&disk, tiny()).await;
    let (items, damaged) = read(&*stream).await;
    let missing = promised
        .iter()
        .filter(|(offset, _)| *offset >= base)
        .count();
    assert_eq!(items, promised[..promised.len() - missing]);
    assert!(
        damaged
            .iter()
            .any(|range| range.start <= base && range.end > end)
    );
    let findings = stream.findings();
    let lost = findings.iter().find(|f| f.loss == Loss::Certain).unwrap();
    assert_eq!(lost.events, Some(missing as u64), "{findings:?}");
    let more = stream.append(vec![event(1 << 64, "more")]).await.unwrap();
    assert!(matches!(more[0], Appended::New(position) if position.offset > end));
}

/// A secret that fits nothing takes nothing back: the log stays as it is.
#[tokio::test]
async fn a_log_is_not_emptied_under_the_wrong_secret() {
    let (disk, _) = filled(tiny(), 40, true).await;
    let (other, _) = filled_as(tiny(), 1, true, 4).await;
    let before = disk.files();
    for name in ["stream.json", "stream.copy"] {
        let path = Path::new("data/streams/default/s").join(name);
        let from = file(&other, &path);
        let mut content = vec![0; from.len().unwrap() as usize];
        from.read_at(0, &mut content).unwrap();
        file(&disk, &path).write_at(0, &content).unwrap();
    }
    let streams = embedded(&disk, tiny(), 3);
    let refused = streams.open("default/s", &Settings::default()).await;
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("stream.json"), "{reason}");
    let log = |files: Vec<(PathBuf, u64)>| -> Vec<_> {
        let logs = files.into_iter();
        logs.filter(|(path, _)| path.extension().is_some_and(|e| e == "log"))
            .collect()
    };
    assert_eq!(log(disk.files()), log(before));
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

/// A damaged run of the dedupe index is made again from the log.
#[tokio::test]
async fn damaged_runs_are_made_again() {
    let (disk, promised) = filled(tiny(), 40, true).await;
    let names = disk.list(Path::new(SHARD)).unwrap();
    let runs: Vec<_> = names.iter().filter(|name| name.ends_with(".run")).collect();
    assert!(!runs.is_empty());
    for run in runs {
        let disk = disk.fork();
        assert!(disk.flip(&Path::new(SHARD).join(run), 4096 * 8 + 3));
        let stream = open(&disk, tiny()).await;
        for (id, (offset, payload)) in promised.iter().enumerate() {
            let again = stream.append(vec![event(id as u128, payload)]).await;
            let again = again.unwrap()[0];
            assert!(
                matches!(again, Appended::Duplicate(p) if p.offset == *offset),
                "{again:?}"
            );
        }
        let findings = stream.recover(0).await.unwrap().findings;
        assert!(
            findings.iter().any(|f| f.what.contains(run.as_str())),
            "{findings:?}"
        );
    }
}

/// One segment at `base` without a header, with a group that claims `length` bytes, of which a record of this kind is
/// there.
fn one_group(base: u64, length: u32, kind: u8) -> ForgedLog {
    let mut group = b"TWg1".to_vec();
    group.extend(length.to_le_bytes());
    for number in [0_u64, 1, 0, 0, 1_700_000_000_000] {
        group.extend(number.to_le_bytes());
    }
    group.extend([0; 16]);
    let mut record = [0; 28];
    record[8] = kind;
    group.extend(record);
    let mut file = vec![0; 4096];
    file.extend(group);
    let log = ForgedLog::new(7);
    log.put(base, file, true);
    log
}

/// Where nothing is left of a segment but its name, that still says which offsets were given.
#[test]
fn a_log_of_which_nothing_is_left_begins_where_it_was() {
    let log = one_group(84, 200, 3);
    for _ in 0..3 {
        assert_eq!(log.read(0, 1 << 20).unwrap().bounds, 84..84);
    }
}

/// Whole or not, what a later version wrote last is not taken back by this one: it refuses the log, and so it does again.
#[test]
fn a_write_that_is_not_whole_may_be_of_a_later_version() {
    for (length, kind, refused) in [(28, 9, true), (200, 9, true), (200, 3, false)] {
        let log = one_group(0, length, kind);
        for _ in 0..2 {
            let read = log.read(0, 1 << 20);
            let said = read.as_ref().err().map(ToString::to_string);
            let later = said.is_some_and(|said| said.contains("use a later version"));
            assert_eq!(later, refused, "{length} {kind}: {read:?}");
        }
    }
}
