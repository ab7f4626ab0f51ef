//! A data directory as a whole under faults: made, filled, closed, opened again, a stream removed.

#![allow(clippy::unwrap_used)]

use crate::testkit::suite::event;
use crate::testkit::{Fault, ManualClock, SeededRandom, SimDisk};
use crate::{Appended, Embedded, Error, Op, Params, Position, Settings, Streams, Sync};
use bytes::Bytes;
use fastrand::Rng;
use std::sync::Arc;

/// What was answered with success.
#[derive(Debug, Default)]
struct Promised {
    key: Option<[u8; 16]>,
    events: Vec<(Position, Bytes)>,
    recorded: u32,
    removed: bool,
}

/// Lets the call number `call` go wrong, then starts again on a disk that works. False when all is
/// done in fewer calls; an error tells the broken promise.
pub fn directory(call: u64, fault: Fault) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut rng = Rng::with_seed(call);
    let disk = SimDisk::new();
    disk.fail_after(call, fault, rng.fork());
    let mut promised = Promised::default();
    for part in 0..2 {
        // What fails is started again once, as a supervisor would.
        match runtime.block_on(work(&disk, part, &mut promised)) {
            Ok(()) => {}
            Err(_) if disk.was_struck() => {}
            Err(error) => return Err(format!("refused without a fault: {error}")),
        }
    }
    let struck = disk.was_struck();
    if rng.bool() {
        disk.crash(&mut rng);
    } else {
        disk.heal();
    }
    runtime.block_on(check(&disk, &promised))?;
    if disk.was_synced_again() {
        return Err("a file was synced again after its sync had failed".into());
    }
    Ok(struck)
}

fn open(disk: &SimDisk) -> Result<Embedded, Error> {
    let params = Params {
        segment_bytes: 4 << 10,
        chunk_bytes: 1 << 10,
        overlay_bytes: 256,
        replay_bytes: 8 << 10,
        identities: 8,
        cache_bytes: 256 << 10,
        reserve_bytes: 16 << 10,
        ..Params::default()
    };
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    let random = Arc::new(SeededRandom::new(3));
    let disk = Arc::new(disk.clone());
    Ok(Embedded::open_on(disk, "data", clock, random, params)?.inline())
}

fn settings() -> Settings {
    Settings {
        shards: 2,
        ..Settings::default()
    }
}

async fn work(disk: &SimDisk, part: u32, promised: &mut Promised) -> Result<(), Error> {
    let streams = open(disk)?;
    let stream = streams.open("default/kept", &settings()).await?;
    promised.key = Some(stream.hash_key());
    let epoch = stream.recover(0).await?.epoch;
    for i in 0..12_u32 {
        let id = u128::from(part * 100 + i);
        let payload = format!("{id}-{}", "x".repeat(120));
        let mut entry = event(id, &payload);
        entry.shard_key = id as u64;
        if let Appended::New(position) = stream.append(vec![entry.clone()]).await?[0] {
            promised.events.push((position, payload.into()));
        }
        if i % 4 == 0 {
            stream.append(vec![entry]).await?;
        }
        let op = Op::Put(
            Bytes::from_static(b"n"),
            (part * 100 + i).to_string().into(),
        );
        let how = if i % 2 == 0 {
            Sync::Lazy
        } else {
            Sync::Durable
        };
        stream.record(0, epoch, vec![op], how).await?;
        if how == Sync::Durable {
            promised.recorded = part * 100 + i;
        }
    }
    let gone = streams.open("default/gone", &settings()).await?;
    gone.append(vec![event(1, "gone")]).await?;
    gone.close().await?;
    streams.delete("default/gone").await?;
    promised.removed = part == 1;
    stream.trim(1, 0).await?;
    stream.close().await
}

async fn check(disk: &SimDisk, promised: &Promised) -> Result<(), String> {
    let failed = |error: Error| format!("not recovered: {error}");
    let streams = open(disk).map_err(failed)?;
    let names = streams.list().await.map_err(failed)?;
    if promised.removed && names.iter().any(|name| name == "default/gone") {
        return Err("a removed stream is back".into());
    }
    let stream = streams
        .open("default/kept", &settings())
        .await
        .map_err(failed)?;
    if promised.key.is_some_and(|key| key != stream.hash_key()) {
        return Err("the stream has another key".into());
    }
    for (position, payload) in &promised.events {
        let batch = stream.read(position.shard, position.offset, 1).await;
        let batch = batch.map_err(failed)?;
        let item = batch.items.first();
        if item.is_none_or(|item| item.position != *position || item.payload != *payload) {
            return Err(format!("{position} is lost or altered"));
        }
    }
    let recorded = stream.get(0, b"n").await.map_err(failed)?;
    let recorded = recorded.map_or(0, |value| {
        String::from_utf8_lossy(&value).parse().unwrap_or(0)
    });
    if recorded < promised.recorded {
        return Err(format!("state {recorded} after {}", promised.recorded));
    }
    stream.health().map_err(failed)?;
    let more = stream.append(vec![event(1 << 64, "more")]).await;
    more.map(drop).map_err(failed)
}
