//! Files of the store that nobody wrote, with checksums that are right.

use crate::Target;
use crate::input::Cut;
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use tradewind_store::disk::{Disk, Open};
use tradewind_store::testkit::forge::{ForgedLog, Found, find_in_run};
use tradewind_store::testkit::{ManualClock, SeededRandom, SimDisk, suite};
use tradewind_store::{Embedded, Error, Params, Settings, Streams};

/// Where the log begins in a segment file, and how much of what is before it means something.
const DATA: usize = 4096;
const HEADER: usize = 92;
const SALT: u64 = 7;

/// Segment files: recovery, then reading.
pub(super) const LOG: Target = Target {
    seeds: log_seeds,
    words: &["TWg1", "TWseg\0", "\x01\0", "\0\0\0\0\0\0\0\0"],
    longest: 8192,
    // The simulated disk keeps versions of sectors, and a reader asks for 64 KiB at least.
    memory: 1 << 20,
    growth: 128,
    ..Target::new("store-log", log)
};

/// A run file of the dedupe index.
pub(super) const RUN: Target = Target {
    seeds: run_seeds,
    words: &["TWrun\0", "\x01\0"],
    longest: 20_000,
    memory: 1 << 20,
    ..Target::new("store-run", run)
};

fn log(input: &[u8]) {
    let mut input = Cut(input);
    let sealed = input.byte() & 1 == 0;
    let from = input.number();
    let step = usize::from(input.byte()) * 16;
    let forged = ForgedLog::new(SALT);
    let mut base = 0;
    while !input.0.is_empty() {
        base += u64::from(input.byte());
        let length = input.number() as usize;
        let header = input.take(HEADER);
        let content = input.take(length);
        let mut file = header.to_vec();
        file.resize(DATA, 0);
        file.extend_from_slice(content);
        forged.put(base, file, sealed);
        base += content.len() as u64;
    }
    let Ok(first) = forged.read(0, step) else {
        return;
    };
    let mut at = first.bounds.start;
    for item in &first.read.items {
        assert!(item.position.offset >= at, "items in order");
        at = item.position.offset + item.payload.len() as u64;
    }
    assert!(at <= first.bounds.end);
    for range in &first.read.damaged {
        assert!(range.start < range.end && range.end <= first.bounds.end);
    }
    // Recovery that is begun again finds the same, but for damage at the end, which may be cut off.
    // Where nothing could be read, it may refuse the log as one of another stream.
    let second = match forged.read(0, 1 << 20) {
        Ok(second) => second,
        Err(error) => {
            assert!(first.read.items.is_empty(), "{error}");
            return;
        }
    };
    assert_eq!(second.bounds.start, first.bounds.start);
    assert!(second.bounds.end <= first.bounds.end);
    let content = |found: &Found| -> Vec<(u64, Bytes)> {
        let items = found.read.items.iter();
        items
            .map(|item| (item.position.offset, item.payload.clone()))
            .collect()
    };
    assert_eq!(
        content(&second),
        content(&first),
        "{:?}, then {:?}",
        first.findings,
        second.findings
    );
    // Somebody else's position: whatever is found, it is found in order.
    let third = forged.read(from, step).unwrap();
    assert!(
        third
            .read
            .items
            .is_sorted_by_key(|item| item.position.offset)
    );
}

fn run(input: &[u8]) {
    let mut input = Cut(input);
    let sealed = input.byte() & 1 == 0;
    let entries = match input.byte() {
        255 => u64::MAX,
        _ => input.number(),
    };
    let file = input.rest();
    let id = |page: &[u8]| {
        let id = page.get(..16).unwrap_or_default().try_into();
        id.map_or(0, u128::from_le_bytes)
    };
    let mut ids: Vec<u128> = file.chunks(DATA).skip(1).map(id).collect();
    ids.extend([0, 1, u128::MAX]);
    // A run of a later version is no damage: that store is not opened at all.
    match find_in_run(SALT, entries, file.to_vec(), sealed, &ids) {
        Ok(_) | Err(Error::Invalid(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

/// The files of a stream that was used and closed, by the end of their names.
fn files(ending: &str) -> Vec<(String, Vec<u8>)> {
    let disk = SimDisk::new();
    let params = Params {
        segment_bytes: DATA as u64 + 700,
        chunk_bytes: 256,
        identities: 4,
        reserve_bytes: 0,
        ..Params::default()
    };
    let streams = Embedded::open_on(
        Arc::new(disk.clone()),
        "data",
        Arc::new(ManualClock::new(1_700_000_000_000)),
        Arc::new(SeededRandom::new(3)),
        params,
    );
    let streams = streams.unwrap().inline();
    let fill = async {
        let stream = streams
            .open("default/s", &Settings::default())
            .await
            .unwrap();
        for id in 0..6 {
            let entries = vec![suite::event(2 * id, "one"), suite::event(2 * id + 1, "two")];
            stream.append(entries).await.unwrap();
        }
        stream.close().await.unwrap();
    };
    crate::wait(fill);
    let folder = Path::new("data/streams/default/s/0000");
    let mut names = disk.list(folder).unwrap();
    names.retain(|name| name.ends_with(ending));
    names.sort();
    let read = |name: String| {
        let file = disk.open(&folder.join(&name), Open::Existing).unwrap();
        let mut content = vec![0; file.len().unwrap() as usize];
        file.read_at(0, &mut content).unwrap();
        (name, content)
    };
    names.into_iter().map(read).collect()
}

fn log_seeds() -> Vec<Vec<u8>> {
    let mut whole = vec![0, 0, 0, 8];
    let mut seeds = Vec::new();
    for (_, file) in files(".log") {
        let content = &file[DATA..];
        let length = (content.len() as u16).to_be_bytes();
        let segment = [&[0][..], &length, &file[..HEADER], content].concat();
        seeds.push([&[0, 0, 0, 8], &segment[..]].concat());
        whole.extend(segment);
    }
    seeds.push(whole);
    seeds
}

fn run_seeds() -> Vec<Vec<u8>> {
    let seed = |(_, file): (String, Vec<u8>)| {
        let entries = u16::from_le_bytes([file[16], file[17]]).to_be_bytes();
        [&[0, 0], &entries, &file[..]].concat()
    };
    files(".run").into_iter().map(seed).collect()
}
