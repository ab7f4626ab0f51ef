//! Random work on a shard.

use super::oracle::Oracle;
use crate::shard::{Call, Shard};
use crate::{Appended, Entry, Error, Identity, Kind, Op, Sync};
use bytes::Bytes;
use fastrand::Rng;

const WINDOW_MS: u64 = 600_000;

/// What is done, and the clock.
#[derive(Clone)]
pub(super) struct Work {
    rng: Rng,
    pub(super) now_ms: u64,
    next_id: u64,
}

impl Work {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            now_ms: 1_700_000_000_000,
            next_id: 0,
        }
    }

    /// Does one thing; false when the disk failed.
    pub(super) fn step(&mut self, shard: &mut Shard, oracle: &mut Oracle) -> Result<bool, String> {
        let rng = &mut self.rng;
        self.now_ms += rng.u64(0..5000);
        match rng.u32(0..20) {
            0 => {
                let before = match rng.u32(0..3) {
                    0 => rng.u64(0..=shard.end()),
                    1 => shard.end(),
                    _ => shard.expired(self.now_ms),
                };
                oracle.trim(before);
                settled(shard.trim(before, self.now_ms))
            }
            1 => settled(
                shard
                    .own(self.now_ms)
                    .map(|recovered| oracle.own(recovered.epoch)),
            ),
            _ => {
                let calls = match rng.u32(0..3) {
                    0 => vec![self.record(oracle, Sync::Lazy)],
                    _ => (0..rng.u32(1..=4)).map(|_| self.call(oracle)).collect(),
                };
                let outcomes = oracle.commit(shard, calls, self.now_ms)?;
                if !outcomes {
                    return Ok(false);
                }
                settled(shard.maintain(self.now_ms))
            }
        }
    }

    fn call(&mut self, oracle: &mut Oracle) -> Call {
        if self.rng.u32(0..3) == 0 {
            let sync = if self.rng.bool() {
                Sync::Durable
            } else {
                Sync::Lazy
            };
            return self.record(oracle, sync);
        }
        let entries = (0..self.rng.u32(1..=4))
            .map(|_| self.entry(oracle))
            .collect();
        Call::Append(entries)
    }

    fn record(&mut self, oracle: &mut Oracle, sync: Sync) -> Call {
        Call::Record {
            epoch: oracle.epoch(),
            ops: self.ops(oracle),
            sync,
        }
    }

    fn entry(&mut self, oracle: &Oracle) -> Entry {
        let again = (self.rng.u32(0..6) == 0)
            .then(|| oracle.some_event(&mut self.rng))
            .flatten();
        let (id, payload) = again.unwrap_or_else(|| {
            self.next_id += 1;
            let mut payload = self.next_id.to_le_bytes().to_vec();
            let len = [0, 10, 100, 600, 3000][self.rng.usize(0..5)];
            payload.extend((0..self.rng.usize(0..=len)).map(|_| self.rng.u8(..)));
            (u128::from(self.next_id), payload.into())
        });
        let content = u128::from(crc32c::crc32c(&payload)) ^ u128::from(self.rng.u32(0..60) == 0);
        Entry {
            shard_key: 0,
            identity: Some(Identity {
                id,
                content,
                window_ms: WINDOW_MS,
            }),
            kind: if self.rng.u32(0..10) == 0 {
                Kind::Control
            } else {
                Kind::Event
            },
            payload,
            decoded: None,
        }
    }

    fn ops(&mut self, oracle: &mut Oracle) -> Vec<Op> {
        let rng = &mut self.rng;
        let key = |rng: &mut Rng| Bytes::from(format!("k{:02}", rng.u32(0..40)));
        let mut ops: Vec<_> = (0..rng.u32(0..4))
            .map(|_| match rng.u32(0..6) {
                0 => Op::Delete(key(rng)),
                1 => {
                    let (a, b) = (key(rng), key(rng));
                    Op::DeleteRange(a.clone().min(b.clone()), a.max(b))
                }
                _ => Op::Put(key(rng), vec![rng.u8(..); rng.usize(0..600)].into()),
            })
            .collect();
        ops.push(oracle.stamp());
        ops
    }
}

/// Whether the disk goes on.
fn settled(result: Result<(), Error>) -> Result<bool, String> {
    match result {
        Ok(()) | Err(Error::Full) => Ok(true),
        Err(Error::Failed(_)) => Ok(false),
        Err(error) => Err(format!("unexpected: {error}")),
    }
}

/// What an entry was given, as a reader finds it.
pub(super) fn landed(appended: &Appended) -> Option<u64> {
    match appended {
        Appended::New(position) => Some(position.offset),
        _ => None,
    }
}
