//! Cases that random work meets too seldom.

#![allow(clippy::unwrap_used)]

use super::{Call, Shard, Spec};
use crate::disk::{Reserve, sim::SimDisk};
use crate::log::GROUP;
use crate::{Op, Params, Settings, Sync};
use bytes::Bytes;
use fastrand::Rng;
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
