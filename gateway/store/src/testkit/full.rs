//! A disk with too little room: publishers are told, what was accepted goes on, and all is well once
//! there is room.

#![allow(clippy::unwrap_used)]

use crate::testkit::suite::{event, read_all};
use crate::testkit::{ManualClock, SeededRandom, SimDisk};
use crate::{Appended, Embedded, Error, Op, Params, Settings, Streams, Sync};
use bytes::Bytes;
use fastrand::Rng;
use std::ops::AddAssign;
use std::sync::Arc;

/// What runs went through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Times that the disk was full.
    pub fills: u64,
    /// Events that were acknowledged.
    pub acknowledged: u64,
    /// Appends that were refused.
    pub refused: u64,
    /// State changes that were taken while the disk was full.
    pub recorded: u64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.fills += other.fills;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.recorded += other.recorded;
    }
}

/// Fills a disk a few times; an error tells the broken promise.
pub fn full(seed: u64) -> Result<Figures, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(run(seed))
}

async fn run(seed: u64) -> Result<Figures, String> {
    let failed = |error: Error| format!("failed: {error}");
    let mut rng = Rng::with_seed(seed);
    let params = Params {
        segment_bytes: 64 << 10,
        chunk_bytes: 4 << 10,
        overlay_bytes: 16 << 10,
        replay_bytes: 256 << 10,
        identities: 200,
        cache_bytes: 1 << 20,
        reserve_bytes: 16 << 20,
        ..Params::default()
    };
    let clock = ManualClock::new(1_700_000_000_000);
    let disk = SimDisk::new();
    let open = || {
        let random = Arc::new(SeededRandom::new(seed));
        Embedded::open_on(
            Arc::new(disk.clone()),
            "data",
            Arc::new(clock.clone()),
            random,
            params,
        )
        .map(Embedded::inline)
        .map_err(failed)
    };
    let streams = open()?;
    let mut stream = streams
        .open("default/s", &Settings::default())
        .await
        .map_err(failed)?;
    let mut epoch = stream.recover(0).await.map_err(failed)?.epoch;
    let mut figures = Figures::default();
    let mut accepted = Vec::new();
    let mut streams = Some(streams);
    for _ in 0..3 {
        disk.set_capacity(Some(disk.used() + rng.u64(0..1 << 20)));
        loop {
            let payload = format!("{}-{}", accepted.len(), "x".repeat(rng.usize(0..2000)));
            let id = accepted.len() as u128;
            match stream.append(vec![event(id, &payload)]).await {
                Ok(appended) => match appended[0] {
                    Appended::New(position) => accepted.push((position, Bytes::from(payload))),
                    other => return Err(format!("{other:?} for a new event")),
                },
                Err(Error::Full) => break,
                Err(error) => return Err(failed(error)),
            }
            clock.advance(10);
        }
        figures.fills += 1;
        // Others take what the reserve has given back.
        disk.set_capacity(Some(disk.used()));
        if !matches!(stream.health(), Err(Error::Full)) {
            return Err("a full disk is not told".into());
        }
        for _ in 0..rng.u32(50..400) {
            let key = rng.u32(0..500).to_be_bytes().to_vec();
            let op = Op::Put(key.into(), vec![7; rng.usize(0..3000)].into());
            let recorded = stream.record(0, epoch, vec![op], Sync::Durable).await;
            recorded.map_err(|error| format!("state is refused on a full disk: {error}"))?;
            figures.recorded += 1;
            clock.advance(100);
            match stream.append(vec![event(1 << 64, "more")]).await {
                Err(Error::Full) => figures.refused += 1,
                other => return Err(format!("{other:?} on a full disk")),
            }
        }
        if rng.bool() {
            // A restart while it is full, clean or not.
            if rng.bool() {
                stream.close().await.map_err(failed)?;
            }
            drop(stream);
            drop(streams.take());
            let again = open()?;
            stream = again
                .open("default/s", &Settings::default())
                .await
                .map_err(|error| format!("a full disk is not opened: {error}"))?;
            epoch = stream.recover(0).await.map_err(failed)?.epoch;
            streams = Some(again);
        }
        disk.set_capacity(None);
        clock.advance(1000);
        stream.health().map_err(failed)?;
    }
    if read_all(&*stream, 0, 0).await != accepted {
        return Err("an acknowledged event is lost or altered".into());
    }
    figures.acknowledged = accepted.len() as u64;
    Ok(figures)
}
