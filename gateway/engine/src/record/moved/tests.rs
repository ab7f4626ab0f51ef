//! Every kind of row, where everything lies elsewhere.

use super::*;
use crate::record::keys::ORDER_BY;
use crate::record::{Cause, Generation, InForce, Ruled, Stops, Tally};
use crate::{Account, Attempt};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Pairs of old and new offsets; the new log ends behind them.
#[derive(Debug)]
struct Map {
    pairs: BTreeMap<u64, u64>,
    start: u64,
}

impl Map {
    fn back(&self) -> Self {
        Self {
            pairs: self.pairs.iter().map(|(old, new)| (*new, *old)).collect(),
            start: self.edge_of(self.start),
        }
    }
    fn end(&self) -> u64 {
        self.pairs.values().max().map_or(1, |last| last + 1)
    }
    fn edge_of(&self, offset: u64) -> u64 {
        let next = self.pairs.range(offset..).next();
        match offset {
            0 => 0,
            _ => next.map_or_else(|| self.end(), |(_, new)| *new),
        }
    }
}

impl Places for Map {
    fn item(&mut self, offset: u64) -> Result<u64, Corrupt> {
        self.pairs.get(&offset).copied().ok_or(SHORT)
    }
    fn edge(&mut self, offset: u64) -> u64 {
        self.edge_of(offset)
    }
    fn in_log(&self, offset: u64) -> bool {
        offset >= self.start
    }
}

fn trail(routed: u64) -> Trail {
    let attempt = Attempt {
        number: 1,
        at_ms: 7,
        took_ms: 1,
        outcome: "retry".into(),
        reason: None,
        member: Some("a".into()),
    };
    Trail {
        born_ms: 5,
        first_ms: Some(6),
        spent: 1,
        attempts: vec![attempt],
        skipped: 2,
        routed: Some(routed),
    }
}

fn lane([begins, low, done, until]: [u64; 4]) -> LaneRecord {
    LaneRecord {
        name: "s".into(),
        begins,
        low,
        done: vec![done],
        account: Account {
            matched: 3,
            ..Account::default()
        },
        sequence: 9,
        waiting_bytes: 8,
        scheduled_bytes: 7,
        dead_bytes: 6,
        paused: true,
        disabled: false,
        at_ms: 4,
        job: Some(Job {
            id: "j".into(),
            until,
            definition: "null".into(),
            milli_rate: 2,
            cancelled: false,
            split: Some("{}".into()),
        }),
        space: "default".into(),
    }
}

fn acceptances(at: &[u64]) -> Vec<Accepted> {
    let accepted = |offset: &u64| Accepted {
        offset: *offset,
        lane: 3,
        began_ms: 1,
        took_ms: 2,
        reason: None,
        note: None,
        member: None,
    };
    at.iter().map(accepted).collect()
}

/// A row of a kind that names these offsets, in order.
fn sample(tag: Tag, at: [u64; 4]) -> Row {
    let [first, second, ..] = at;
    let pendant = |offset| {
        let pendant = Pendant {
            offset,
            key: Some(7),
            bytes: 8,
            trail: trail(second),
        };
        pendant.encode()
    };
    match tag {
        Tag::Generation => {
            let ruled = Ruled {
                definition: "null".into(),
                split: None,
            };
            let lanes = vec![(3, ruled)];
            (keys::generation(first), InForce { lanes }.encode())
        }
        Tag::Intent => (keys::intent(), to_bytes(first)),
        Tag::NextLane => (keys::next_lane(), Bytes::from_static(&[0, 0, 0, 9])),
        Tag::Stops => (keys::stops(), Stops::seen(first).encode()),
        Tag::OrderBy => (Bytes::from_static(ORDER_BY), Bytes::from_static(b"subject")),
        Tag::Lane => (keys::lane(3), lane(at).encode()),
        Tag::Closed => (keys::closed(3), lane(at).encode()),
        Tag::Scheduled => (keys::scheduled(3, 1 << 41, first), pendant(first)),
        Tag::Waiting => (keys::waiting(3, 7, 1), pendant(first)),
        Tag::Parked => (keys::parked(3, 7), to_bytes(first)),
        Tag::Dead => {
            let buried = Buried {
                at_ms: 1,
                cause: Cause::Rejected,
                key: Some(7),
                bytes: 2,
                trail: trail(second),
            };
            (keys::dead(3, first), buried.encode())
        }
        Tag::Accepted => {
            let key = keys::accepted(keys::stretch(first), NOBODY, 1);
            (key, accepted::encode(&acceptances(&at)))
        }
        Tag::History => {
            let told = Final::encode("scheduled", Some(9), Some("note"), &trail(second));
            (keys::history(first, 3), told)
        }
        Tag::Kept => (keys::kept(3, first), Bytes::from_static(b"an event")),
        Tag::Damage => (keys::damage(first), to_bytes(second)),
        Tag::Tally => (keys::tally(3), Tally::default().encode()),
        Tag::Answer => (keys::answer(3, first, 1), Bytes::from_static(b"an answer")),
        Tag::Differing => (keys::differing(3, first), Bytes::from_static(b"a verdict")),
    }
}

/// What acceptances say, wherever they stand; each in the stretch that it lies in.
fn told(rows: &[Row]) -> BTreeSet<u64> {
    let mut all = BTreeSet::new();
    for (key, value) in rows {
        for accepted in accepted::decode(value).unwrap() {
            assert!(key.starts_with(&keys::accepted_in(keys::stretch(accepted.offset))));
            all.insert(accepted.offset);
        }
    }
    all
}

fn map() -> impl Strategy<Value = Map> {
    let step = 1u64..1 << 20;
    prop::collection::vec((step.clone(), step), 4..20).prop_map(|steps| {
        let (mut old, mut new) = (0, 0);
        let pairs = steps.into_iter().map(|(by, to)| {
            (old, new) = (old + by, new + to);
            (old, new)
        });
        let pairs = pairs.collect();
        Map { pairs, start: 0 }
    })
}

proptest! {
    #[test]
    fn every_row_says_the_same_of_what_lies_elsewhere(mut map in map(), at: [prop::sample::Index; 4]) {
        let items: Vec<u64> = map.pairs.keys().copied().collect();
        let mut old = at.map(|index| *index.get(&items));
        old.sort_unstable();
        let new = old.map(|offset| map.pairs[&offset]);
        let mut back = map.back();
        for tag in Tag::ALL {
            let (mut there, mut home) = (Mover::default(), Mover::default());
            let (key, value) = sample(tag, old);
            let moved = there.row(&key, &value, &mut map).unwrap();
            let returned = moved.iter().map(|(k, v)| home.row(k, v, &mut back).unwrap());
            let returned: Vec<Row> = returned.flatten().collect();
            match tag {
                Tag::Accepted => {
                    prop_assert_eq!(told(&moved), BTreeSet::from(new));
                    prop_assert_eq!(told(&returned), BTreeSet::from(old));
                }
                // What has no extent is not told of.
                Tag::Damage if old[0] == old[1] => prop_assert!(moved.is_empty()),
                // Times are times.
                Tag::Stops => prop_assert_eq!(&moved, &vec![(key, value)]),
                _ => {
                    prop_assert_eq!(&moved, &vec![sample(tag, new)], "{:?}", tag);
                    prop_assert_eq!(returned, vec![(key, value)]);
                }
            }
        }
    }

    /// Cursors lie between events, too: what is behind them stays behind them.
    #[test]
    fn a_cursor_divides_what_it_divided(mut map in map(), at in 0u64..1 << 25) {
        let record = LaneRecord { begins: at, low: at, ..LaneRecord::default() };
        let row = Mover::default().row(&keys::lane(1), &record.encode(), &mut map).unwrap();
        let moved = LaneRecord::decode(&row[0].1).unwrap();
        prop_assert_eq!(moved.begins, moved.low);
        for (old, new) in &map.pairs {
            prop_assert_eq!(*old >= at, *new >= moved.low);
        }
    }

    #[test]
    fn hostile_rows_are_errors(key: Vec<u8>, value: Vec<u8>, tag in prop::sample::select(Tag::ALL.to_vec())) {
        let mut map = Map { pairs: BTreeMap::new(), start: 0 };
        let key = Bytes::from([&[tag as u8], &key[..]].concat());
        Mover::default().row(&key, &Bytes::from(value), &mut map).ok();
    }
}

#[test]
fn what_is_not_known_is_not_moved() {
    let mut map = Map {
        pairs: BTreeMap::from([(10, 100)]),
        start: 0,
    };
    let mut row = |key: &[u8], value: &[u8]| {
        let (key, value) = (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
        Mover::default().row(&key, &value, &mut map)
    };
    let refused = row(b"Q", b"").unwrap_err().to_string();
    assert!(
        refused.contains("a kind that this release does not know"),
        "{refused}"
    );
    assert!(row(b"", b"").is_err());
    let parked = keys::parked(1, 2);
    assert!(row(&parked, &to_bytes(11)).is_err(), "nothing lies there");
    assert!(row(&parked, b"short").is_err());
    assert!(row(&[&parked[..], b"x"].concat(), &to_bytes(10)).is_err());
    assert!(row(&parked, &to_bytes(10)).is_ok());
    // An event's payload in place of a record.
    assert!(row(&keys::lane(1), &Generation::default().encode()).is_err());
}

#[test]
fn acceptances_go_with_the_log() {
    let mut map = Map {
        pairs: BTreeMap::from([(10, 1 << 20), (20, 1 << 21)]),
        start: 10,
    };
    let (key, value) = sample(Tag::Accepted, [5, 9, 10, 20]);
    let rows = Mover::default().row(&key, &value, &mut map).unwrap();
    assert_eq!(rows.len(), 2, "two stretches");
    assert_eq!(told(&rows), BTreeSet::from([1 << 20, 1 << 21]));
}

#[test]
fn each_kind_has_a_letter_of_its_own() {
    let letters: BTreeSet<u8> = Tag::ALL.iter().map(|tag| *tag as u8).collect();
    assert_eq!(letters.len(), Tag::ALL.len());
    for tag in Tag::ALL {
        let (key, _) = sample(tag, [1, 2, 3, 4]);
        assert_eq!(Tag::of(&key), Some(tag));
    }
}
