//! The layered table against a sorted map.

#![allow(clippy::unwrap_used)]

use super::{Checkpoint, Table};
use crate::Op;
use crate::disk::{Disk, Open, sim::SimDisk};
use bytes::Bytes;
use fastrand::Rng;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

fn key(rng: &mut Rng) -> Bytes {
    Bytes::from(vec![b'a' + rng.u8(0..6); rng.usize(0..4)])
}

fn op(rng: &mut Rng) -> Op {
    match rng.u32(0..5) {
        0 => Op::Delete(key(rng)),
        1 => Op::DeleteRange(key(rng), key(rng)),
        _ => Op::Put(key(rng), vec![rng.u8(..); 3].into()),
    }
}

fn apply(model: &mut BTreeMap<Bytes, Bytes>, op: &Op) {
    match op.clone() {
        Op::Put(key, value) => drop(model.insert(key, value)),
        Op::Delete(key) => drop(model.remove(&key)),
        Op::DeleteRange(from, to) => model.retain(|key, _| *key < from || *key >= to),
    }
}

/// Whatever lies in which layer, and however few rows are asked for at once.
#[test]
fn reads_as_one_map() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
    let (table, _) = Table::open(&disk, Path::new(""), 1 << 20).unwrap();
    let mut model = BTreeMap::new();
    let mut rng = Rng::with_seed(11);
    for _ in 0..1500 {
        match rng.u32(0..12) {
            0 => table.freeze(),
            1 => table.persist(&Checkpoint::default()).unwrap(),
            _ => {
                let ops: Vec<_> = (0..rng.usize(1..4)).map(|_| op(&mut rng)).collect();
                ops.iter().for_each(|op| apply(&mut model, op));
                table.apply(ops);
            }
        }
        let (from, to, limit) = (key(&mut rng), key(&mut rng), rng.usize(1..8));
        let rows = model.iter().filter(|(key, _)| **key >= from && **key < to);
        let expected: Vec<_> = rows
            .take(limit)
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        assert_eq!(
            table.scan(&from, &to, limit).unwrap(),
            expected,
            "{from:?}..{to:?} {limit}"
        );
        assert_eq!(table.get(&from).unwrap().as_ref(), model.get(&from));
    }
    assert_eq!(
        table.scan(b"", b"\xff", usize::MAX).unwrap().len(),
        model.len()
    );
}

/// A flipped bit anywhere in the file is noticed when it is opened, or changes nothing; rows that are
/// whole are kept, and the damaged file is set aside.
#[test]
fn damage_is_noticed() {
    let whole = SimDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(whole.clone());
    let (table, _) = Table::open(&disk, Path::new(""), 1 << 20).unwrap();
    let put = |i: u32| Op::Put(i.to_be_bytes().to_vec().into(), vec![7; 100].into());
    table.apply((0..300).map(put).collect());
    table.freeze();
    table.persist(&Checkpoint::default()).unwrap();
    let expected = table.scan(b"", b"\xff", usize::MAX).unwrap();
    drop(table);
    let path = Path::new("state.redb");
    let len = whole.open(path, Open::Existing).unwrap().len().unwrap();
    let mut rng = Rng::with_seed(3);
    let mut noticed = 0;
    for _ in 0..150 {
        let copy = whole.fork();
        assert!(copy.flip(path, rng.u64(0..(len * 8).min(80_000 * 8))));
        let disk: Arc<dyn Disk> = Arc::new(copy.clone());
        let (table, opened) = Table::open(&disk, Path::new(""), 1 << 20).unwrap();
        let rows = table.scan(b"", b"\xff", usize::MAX).unwrap();
        assert!(rows.iter().all(|row| expected.contains(row)));
        let aside = copy.open(Path::new("state.redb.damaged"), Open::Existing);
        assert_eq!(opened.damage.is_some(), aside.is_ok());
        if opened.damage.is_none() {
            assert!(rows == expected, "rows are missing in silence");
        }
        noticed += u32::from(opened.damage.is_some());
    }
    assert!(noticed > 0);
}
