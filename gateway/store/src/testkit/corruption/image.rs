//! Disks to be damaged, and what is promised of them.

use super::{SHARD, open};
use crate::testkit::SimDisk;
use crate::testkit::suite::event;
use crate::{Appended, Op, Params, Sync};
use bytes::Bytes;
use fastrand::Rng;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An event that was acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Promised {
    pub(super) id: u128,
    pub(super) payload: Bytes,
    /// Those with one number were written at once.
    pub(super) commit: u64,
}

/// A disk as a process left it, killed or ended, and what it promised.
#[derive(Debug)]
pub struct Image {
    pub(super) disk: SimDisk,
    pub(super) params: Params,
    pub(super) promised: BTreeMap<u64, Promised>,
    pub(super) state: Vec<(Bytes, Bytes)>,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) bases: Vec<u64>,
    /// Ended cleanly.
    pub(super) closed: bool,
}

impl Image {
    /// Random work of a seed: commits, state, trims, losses of power, with or without a clean end.
    pub fn new(seed: u64) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut rng = Rng::with_seed(seed);
        let params = Params {
            segment_bytes: rng.u64(3..12) << 10,
            chunk_bytes: 1 << rng.u32(10..13),
            overlay_bytes: rng.usize(300..2000),
            replay_bytes: rng.u64(6..20) << 10,
            identities: rng.usize(8..40),
            cache_bytes: 256 << 10,
            reserve_bytes: 16 << 10,
            ..Params::default()
        };
        let disk = SimDisk::new();
        let mut promised = BTreeMap::new();
        let failed = |error: crate::Error| error.to_string();
        let (mut streams, mut stream) = open(&disk, params).map_err(failed)?;
        let mut epoch = runtime.block_on(stream.recover(0)).map_err(failed)?.epoch;
        let mut next_id = 0;
        let commits = rng.u64(5..60);
        for commit in 0..commits {
            match rng.u32(0..25) {
                0 => {
                    let before = rng.u64(0..=stream.bounds(0).end);
                    runtime.block_on(stream.trim(0, before)).map_err(failed)?;
                }
                1 => {
                    drop(stream);
                    drop(streams);
                    disk.crash(&mut rng);
                    (streams, stream) = open(&disk, params).map_err(failed)?;
                    epoch = runtime.block_on(stream.recover(0)).map_err(failed)?.epoch;
                }
                2..10 => {
                    let key = Bytes::from(format!("k{:02}", rng.u32(0..40)));
                    let op = match rng.u32(0..6) {
                        0 => Op::Delete(key),
                        _ => Op::Put(key, vec![rng.u8(..); rng.usize(0..300)].into()),
                    };
                    let sync = if rng.bool() {
                        Sync::Lazy
                    } else {
                        Sync::Durable
                    };
                    let recorded = runtime.block_on(stream.record(0, epoch, vec![op], sync));
                    recorded.map_err(failed)?;
                }
                _ => {}
            }
            let mut entries = Vec::new();
            let mut payloads = Vec::new();
            for _ in 0..rng.u32(1..4) {
                let id = next_id;
                next_id += 1;
                let payload = format!("{id}-{}", "x".repeat(rng.usize(0..400)));
                entries.push(event(id, &payload));
                payloads.push((id, Bytes::from(payload)));
            }
            let appended = runtime.block_on(stream.append(entries)).map_err(failed)?;
            for (appended, (id, payload)) in appended.iter().zip(payloads) {
                if let Appended::New(position) = appended {
                    promised.insert(
                        position.offset,
                        Promised {
                            id,
                            payload,
                            commit,
                        },
                    );
                }
            }
        }
        let scanned = runtime.block_on(stream.scan(0, b"", b"\xff", usize::MAX));
        let state = scanned.map_err(failed)?;
        let bounds = stream.bounds(0);
        let closed = rng.bool();
        if closed {
            runtime.block_on(stream.close()).map_err(failed)?;
        }
        // As the disk is now: dropping what is open may still write.
        let image = disk.fork();
        let mut bases: Vec<u64> = image
            .files()
            .iter()
            .filter_map(|(path, _)| {
                let name = path.strip_prefix(SHARD).ok()?.to_str()?.to_owned();
                u64::from_str_radix(name.strip_suffix(".log")?, 16).ok()
            })
            .collect();
        bases.sort_unstable();
        Ok(Self {
            disk: image,
            params,
            promised: promised.split_off(&bounds.start),
            state,
            start: bounds.start,
            end: bounds.end,
            bases,
            closed,
        })
    }

    /// A random bit of a random file: half of the time of a file by size, else of any.
    pub fn some_bit(&self, rng: &mut Rng) -> (PathBuf, u64) {
        let files: Vec<_> = self.disk.files().into_iter().filter(|f| f.1 > 0).collect();
        let mut at = rng.u64(0..files.iter().map(|(_, len)| len).sum::<u64>());
        if rng.bool() {
            let (path, len) = &files[rng.usize(0..files.len())];
            return (path.clone(), rng.u64(0..len * 8));
        }
        for (path, len) in files {
            if at < len {
                return (path, at * 8 + rng.u64(0..8));
            }
            at -= len;
        }
        (PathBuf::new(), 0)
    }

    /// Lengths at which each file is to be cut: every `step` bytes of the last 4 KiB that it uses.
    pub fn tails(&self, step: usize) -> Vec<(PathBuf, u64)> {
        let mut tails = Vec::new();
        for (path, len) in self.disk.files() {
            let used = self.used(&path).map_or(len, |used| used.min(len));
            let cuts = (used.saturating_sub(4096)..used).step_by(step);
            tails.extend(cuts.map(|cut| (path.clone(), cut)));
        }
        tails
    }

    /// Length up to which the last segment is log; zeros follow.
    fn used(&self, path: &Path) -> Option<u64> {
        let last = *self.bases.last()?;
        let name = format!("{last:016x}.log");
        (path == Path::new(SHARD).join(name)).then(|| super::DATA + self.end - last)
    }
}
