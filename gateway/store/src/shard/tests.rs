//! Cases that random work meets too seldom.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::{Call, Shard, Spec};
use crate::disk::{Disk, Open, Reserve, sim::SimDisk};
use crate::log::{GROUP, Reader, checksum};
use crate::testkit::suite;
use crate::{Error, Op, Params, Settings, Sync};
use bytes::Bytes;
use fastrand::Rng;
use std::path::Path;
use std::sync::Arc;

const NOW: u64 = 1_700_000_000_000;

fn spec(disk: &SimDisk) -> Spec {
    Spec {
        disk: Reserve::new(Arc::new(disk.clone()), "reserve".into(), 0).unwrap(),
        dir: "".into(),
        shard: 0,
        salt: 7,
        settings: Settings::default(),
        params: Params {
            segment_bytes: 1 << 20,
            chunk_bytes: 64 << 10,
            ..Params::default()
        },
    }
}

fn record(shard: &mut Shard, epoch: u64, value: usize, sync: Sync) {
    let put = Op::Put(Bytes::from_static(b"k"), vec![1; value].into());
    let calls = vec![Call::Record {
        epoch,
        ops: vec![put],
        sync,
    }];
    shard.commit(calls, NOW).remove(0).unwrap();
}

fn value(shard: &Shard) -> usize {
    shard
        .table
        .get(b"k")
        .unwrap()
        .map_or(0, |value| value.len())
}

/// A group that was durable is damaged; the one that shows it was durable lies behind a torn one, and
/// is taken back with it. What is left of the damaged group must outlive that, and the next start.
#[test]
fn damage_is_told_from_a_torn_write_at_every_later_start() {
    let disk = SimDisk::new();
    let mut shard = Shard::open(spec(&disk), NOW).unwrap();
    let epoch = shard.own(NOW).unwrap().epoch;
    let put = |value: usize| Call::Record {
        epoch,
        ops: vec![Op::Put(Bytes::from_static(b"k"), vec![1; value].into())],
        sync: Sync::Durable,
    };
    let damaged = shard.log.end();
    for outcome in shard.commit(vec![put(1000), put(1001)], NOW) {
        outcome.unwrap();
    }
    let torn = shard.log.end();
    record(&mut shard, epoch, 1002, Sync::Lazy);
    record(&mut shard, epoch, 1003, Sync::Lazy);
    drop(shard);
    let file = disk
        .open(Path::new("0000000000000000.log"), Open::Existing)
        .unwrap();
    for offset in [damaged, torn] {
        let place = crate::log::DATA + offset + GROUP as u64 + 100;
        file.write_at(place, &[0xff]).unwrap();
    }
    for start in 1..=4 {
        let shard = Shard::open(spec(&disk), NOW).unwrap();
        assert_eq!(value(&shard), 1001, "start {start}");
    }
}

/// Groups that nothing proves durable are cut at the first that is torn, without a word of damage;
/// and the ones after it stay unreadable, even where a new group ends exactly where they begin.
#[test]
fn a_lost_group_cuts_off_those_after_it() {
    let mut cut = 0;
    for seed in 0..100 {
        let disk = SimDisk::new();
        let mut shard = Shard::open(spec(&disk), NOW).unwrap();
        let epoch = shard.own(NOW).unwrap().epoch;
        for value in [1000, 1001, 1002] {
            record(&mut shard, epoch, value, Sync::Lazy);
        }
        drop(shard);
        disk.crash(&mut Rng::with_seed(seed));
        let mut shard = Shard::open(spec(&disk), NOW).unwrap();
        let recovered = shard.own(NOW).unwrap();
        let damage = recovered
            .findings
            .iter()
            .find(|finding| finding.loss == crate::Loss::Certain);
        assert_eq!(damage, None, "seed {seed}");
        if value(&shard) > 0 {
            continue;
        }
        cut += 1;
        // Opening and owning took a group header each of the room of the first lost group.
        record(&mut shard, recovered.epoch, 1000 - 2 * GROUP, Sync::Durable);
        drop(shard);
        let shard = Shard::open(spec(&disk), NOW).unwrap();
        assert_eq!(
            value(&shard),
            1000 - 2 * GROUP,
            "seed {seed}: a cut group came back"
        );
    }
    assert!(cut > 20, "{cut} of 100 lost the first group");
}

/// A shard that could not be taken over for want of room is still its owner's.
#[test]
fn an_owner_is_not_fenced_by_a_takeover_that_found_no_room() {
    let disk = SimDisk::new();
    let mut shard = Shard::open(
        Spec {
            params: Params {
                chunk_bytes: 512,
                ..spec(&disk).params
            },
            ..spec(&disk)
        },
        NOW,
    )
    .unwrap();
    let mut epoch = 0;
    disk.set_capacity(Some(disk.used()));
    let refused = loop {
        match shard.own(NOW) {
            Ok(recovered) => epoch = recovered.epoch,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::Full), "{refused:?}");
    disk.set_capacity(None);
    record(&mut shard, epoch, 10, Sync::Durable);
    assert!(shard.own(NOW).unwrap().epoch > epoch);
}

/// What was written a moment ago is read from memory, as it would be read from disk.
#[test]
fn the_tail_in_memory_reads_like_the_disk() {
    let disk = SimDisk::new();
    let mut shard = Shard::open(spec(&disk), NOW).unwrap();
    for group in 0..40 {
        let event =
            |event: usize| suite::event((group * 3 + event) as u128, &"x".repeat(group * 1000));
        let entries = (0..3).map(event).collect();
        let outcome = shard.commit(vec![Call::Append(entries)], NOW).remove(0);
        outcome.unwrap();
    }
    let fresh = shard.view().reader;
    let reopened = {
        drop(shard);
        Shard::open(spec(&disk), NOW).unwrap().view().reader
    };
    let all = |reader: &Reader| {
        let (mut items, mut recent, mut old) = (Vec::new(), 0, 0);
        let mut at = fresh.bounds().start;
        while at < fresh.bounds().end {
            let batch = match reader.recent(at, 5000) {
                Some(batch) => {
                    recent += 1;
                    batch
                }
                None => {
                    old += 1;
                    reader.read(0, at, 5000).unwrap()
                }
            };
            assert!(batch.next > at);
            at = batch.next;
            items.extend(batch.items);
        }
        (items, recent, old)
    };
    let (items, recent, old) = all(&fresh);
    let (same, none, _) = all(&reopened);
    assert_eq!((items.len(), none), (120, 0));
    assert!(items == same);
    assert!(recent > 10 && old > 10, "{recent} recent, {old} old");
}

/// Recovery reads a log in pieces: wherever it is damaged, also where pieces meet, one group is
/// lost at most.
#[test]
fn a_log_is_recovered_piece_by_piece() {
    for damage in (0..6000).step_by(97) {
        let disk = SimDisk::new();
        let mut shard = Shard::open(spec(&disk), NOW).unwrap();
        for number in 0..10 {
            let entry = suite::event(number as u128, &"x".repeat(number * 100));
            let call = Call::Append(vec![entry]);
            shard.commit(vec![call], NOW).remove(0).unwrap();
        }
        let bounds = shard.view().reader.bounds();
        drop(shard);
        let file = disk
            .open(Path::new("0000000000000000.log"), Open::Existing)
            .unwrap();
        let at = damage.min(bounds.end - 1);
        let mut byte = [0];
        file.read_at(crate::log::DATA + at, &mut byte).unwrap();
        file.write_at(crate::log::DATA + at, &[!byte[0]]).unwrap();

        let shard = Shard::open(spec(&disk), NOW).unwrap();
        let reader = shard.view().reader;
        let batch = reader.read(0, 0, 1 << 20).unwrap();
        assert!(batch.items.len() >= 9, "damage at {at}");
    }
}

/// What an open of a shard is refused with, once `change` was made to the file at `path`.
fn refusal(disk: &SimDisk, path: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    let disk = disk.fork();
    let file = disk.open(Path::new(path), Open::Existing).unwrap();
    let mut content = vec![0; file.len().unwrap() as usize];
    file.read_at(0, &mut content).unwrap();
    change(&mut content);
    file.write_at(0, &content).unwrap();
    // The table's own housekeeping aside.
    let kept = || {
        let files = disk.files().into_iter();
        files.filter(|(path, _)| path.extension().is_some_and(|kind| kind != "redb"))
    };
    let before: Vec<_> = kept().collect();
    let reason = match Shard::open(spec(&disk), NOW) {
        Err(Error::Invalid(reason)) => reason,
        other => panic!("{path}: {other:?}"),
    };
    assert!(kept().eq(before), "{path}: nothing is changed");
    reason
}

fn put(content: &mut [u8], at: usize, bytes: &[u8]) {
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

/// What a later version wrote is refused, not taken for damage: segments, records, operations, runs.
#[test]
fn later_formats_are_refused() {
    const SEGMENT: &str = "0000000000000000.log";
    let disk = SimDisk::new();
    let spec = Spec {
        params: Params {
            identities: 1,
            ..spec(&disk).params
        },
        ..spec(&disk)
    };
    let mut shard = Shard::open(spec, NOW).unwrap();
    let epoch = shard.own(NOW).unwrap().epoch;
    let entry = suite::event(1, "payload");
    shard
        .commit(vec![Call::Append(vec![entry])], NOW)
        .remove(0)
        .unwrap();
    shard.maintain(NOW).unwrap();
    let at = shard.log.end();
    record(&mut shard, epoch, 10, Sync::Durable);
    drop(shard);
    // Where the record of the operations lies: its body begins with `p`.
    let (offset, place) = (at + GROUP as u64, 4096 + at as usize + GROUP);

    let segment = refusal(&disk, SEGMENT, |content| {
        put(content, 6, &2_u16.to_le_bytes());
        let crc = checksum(7, 0, &content[..88]);
        put(content, 88, &crc.to_le_bytes());
    });
    assert_eq!(
        segment,
        "the segment at 0 has format 2, this version knows up to 1: use a later version"
    );
    let changed = |at: usize, byte: u8| {
        refusal(&disk, SEGMENT, move |content| {
            let len = u32::from_le_bytes(content[place + 4..place + 8].try_into().unwrap());
            content[place + at] = byte;
            let record = &content[place + 4..place + 24 + len as usize];
            let crc = checksum(7, offset, record);
            put(content, place, &crc.to_le_bytes());
        })
    };
    let kind = changed(8, 9);
    assert!(
        kind.contains("is of kind 9") && kind.contains("knows kinds up to 3"),
        "{kind}"
    );
    let flags = changed(9, 4);
    assert!(flags.contains("with flags 4"), "{flags}");
    let operations = changed(24, b'x');
    assert!(
        operations.contains("operations that this version does not know"),
        "{operations}"
    );
    let run = refusal(&disk, "00000000.run", |content| {
        put(content, 6, &2_u16.to_le_bytes());
        let crc = checksum(7, 0, &content[..4092]);
        put(content, 4092, &crc.to_le_bytes());
    });
    assert_eq!(
        run,
        "00000000.run has format 2, this version knows up to 1: use a later version"
    );
}
