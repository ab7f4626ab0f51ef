//! A shadow held against its target: one side's answer waits for the other's, then they are compared.

use super::retry::millis;
use super::task::Turn;
use crate::Shadow;
use crate::record::keys::{self, LaneId};
use crate::record::{Answer, Differing, Side, Tally, Verdict};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tradewind_store::Op;

/// Most answers that wait for the other side's, per shard.
const WAITING_MAX: usize = 50_000;

/// The comparison of one shadow, in one shard.
#[derive(Debug)]
pub(crate) struct Comparison {
    lane: LaneId,
    pub(crate) tally: Tally,
    dirty: bool,
    /// By offset, without their replies and words, which are in `y/`.
    waiting: BTreeMap<u64, Waiting>,
    /// When they came, and their offsets.
    came: BTreeSet<(u64, u64)>,
    waiting_bytes: u64,
    /// Differences that are kept, oldest first.
    pub(crate) examples: VecDeque<(u64, Differing)>,
    example_bytes: u64,
}

#[derive(Debug)]
struct Waiting {
    side: Side,
    answer: Answer,
    bytes: u64,
}

impl Comparison {
    pub(crate) fn new(lane: LaneId, now: u64) -> Self {
        Self {
            lane,
            tally: Tally {
                since_ms: now,
                ..Tally::default()
            },
            dirty: false,
            waiting: BTreeMap::new(),
            came: BTreeSet::new(),
            waiting_bytes: 0,
            examples: VecDeque::new(),
            example_bytes: 0,
        }
    }

    /// As the table has it: `examples` and `answers` by offset.
    pub(crate) fn recovered(
        lane: LaneId,
        tally: Tally,
        mut examples: Vec<(u64, Differing)>,
        answers: impl IntoIterator<Item = (u64, Side, Bytes)>,
    ) -> Result<Self, crate::record::Corrupt> {
        let mut comparison = Self {
            tally,
            ..Self::new(lane, 0)
        };
        let mut waiting = Vec::new();
        for (offset, side, bytes) in answers {
            if examples
                .binary_search_by_key(&offset, |(at, _)| *at)
                .is_err()
            {
                let answer = Answer::decode(&bytes)?;
                waiting.push((answer.at_ms, offset, side, answer, bytes.len() as u64));
            }
        }
        waiting.sort_by_key(|(at, offset, ..)| (*at, *offset));
        for (_, offset, side, answer, bytes) in waiting {
            comparison.wait(offset, side, answer, bytes);
        }
        examples.sort_by_key(|(offset, example)| (example.at_ms, *offset));
        comparison.example_bytes = examples.iter().map(|(_, e)| e.bytes).sum();
        comparison.examples = examples.into();
        Ok(comparison)
    }

    /// Answers that wait for the other side's.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    fn wait(&mut self, offset: u64, side: Side, mut answer: Answer, bytes: u64) {
        answer.reply = None;
        answer.note = String::new();
        self.taken(offset);
        self.waiting_bytes += bytes;
        self.came.insert((answer.at_ms, offset));
        let waiting = Waiting {
            side,
            answer,
            bytes,
        };
        self.waiting.insert(offset, waiting);
    }

    /// The answer that waits there waits no more.
    fn taken(&mut self, offset: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&offset)?;
        self.waiting_bytes -= waiting.bytes;
        self.came.remove(&(waiting.answer.at_ms, offset));
        Some(waiting)
    }

    /// One side has settled the event at `offset`.
    pub(crate) fn answered(
        &mut self,
        offset: u64,
        side: Side,
        answer: Answer,
        plan: &Shadow,
        turn: &mut Turn,
    ) {
        let encoded = answer.encode();
        let bytes = encoded.len() as u64;
        let other = self.taken(offset);
        match other.filter(|other| other.side != side) {
            None => {
                self.put(offset, side, encoded, turn);
                self.wait(offset, side, answer, bytes);
            }
            Some(other) => match answer.against(&other.answer) {
                Verdict::Same => {
                    self.tally.same += 1;
                    self.delete(offset, turn);
                }
                verdict => {
                    match verdict {
                        Verdict::Reply => self.tally.reply += 1,
                        _ => self.tally.status += 1,
                    }
                    self.put(offset, side, encoded, turn);
                    let example = Differing {
                        at_ms: turn.now,
                        bytes: bytes + other.bytes,
                        verdict,
                    };
                    let key = keys::differing(self.lane, offset);
                    turn.ops.push(Op::Put(key, example.encode()));
                    self.example_bytes += example.bytes;
                    self.examples.push_back((offset, example));
                }
            },
        }
        self.dirty = true;
        self.tend(plan, turn);
    }

    /// Gives up what has waited long enough, and examples that are too many, too large or too old.
    pub(crate) fn tend(&mut self, plan: &Shadow, turn: &mut Turn) {
        while let Some((at, offset)) = self.came.first().copied() {
            let late = turn.stops.age(at, turn.now) > millis(plan.within);
            let many = self.waiting.len() > WAITING_MAX || self.waiting_bytes > plan.bytes_max;
            if !late && !many {
                break;
            }
            match self.taken(offset).map(|waiting| waiting.side) {
                Some(Side::Old) => self.tally.only_old += 1,
                Some(Side::New) => self.tally.only_new += 1,
                None => drop(self.came.pop_first()),
            }
            self.delete(offset, turn);
            self.dirty = true;
        }
        while let Some((offset, example)) = self.examples.front().copied() {
            let old = turn.stops.age(example.at_ms, turn.now) > millis(plan.keep);
            let many = self.examples.len() > plan.examples_max;
            if !old && !many && self.example_bytes <= plan.bytes_max {
                break;
            }
            self.examples.pop_front();
            self.example_bytes -= example.bytes;
            turn.ops
                .push(Op::Delete(keys::differing(self.lane, offset)));
            self.delete(offset, turn);
        }
    }

    /// Begins to count anew.
    pub(crate) fn anew(&mut self, turn: &mut Turn) {
        forget(self.lane, turn);
        *self = Self::new(self.lane, turn.now);
        self.dirty = true;
    }

    /// Puts the tally into the turn, if it changed.
    pub(crate) fn save(&mut self, turn: &mut Turn) {
        if std::mem::take(&mut self.dirty) {
            let key = keys::tally(self.lane);
            turn.ops.push(Op::Put(key, self.tally.encode()));
        }
    }

    fn put(&self, offset: u64, side: Side, answer: Bytes, turn: &mut Turn) {
        let key = keys::answer(self.lane, offset, side as u8);
        turn.ops.push(Op::Put(key, answer));
    }

    fn delete(&self, offset: u64, turn: &mut Turn) {
        for side in [Side::Old, Side::New] {
            let key = keys::answer(self.lane, offset, side as u8);
            turn.ops.push(Op::Delete(key));
        }
    }
}

/// Removes all that was compared for a lane.
pub(crate) fn forget(lane: LaneId, turn: &mut Turn) {
    for tag in [b'c', b'e', b'y'] {
        let (from, to) = keys::under(&keys::of_lane(tag, lane));
        turn.ops.push(Op::DeleteRange(from, to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const T: u64 = 1_700_000_000_000;

    fn answer(at_ms: u64, digest: Option<u128>) -> Answer {
        Answer {
            at_ms,
            took_ms: 1,
            attempts: 1,
            accepted: true,
            status: None,
            note: String::new(),
            digest,
            reply: Some(Bytes::from_static(b"reply")),
        }
    }

    fn failed(status: u16) -> Answer {
        Answer {
            accepted: false,
            status: Some(status),
            ..answer(T, None)
        }
    }

    /// What the table holds after the operations of these turns.
    #[derive(Default)]
    struct Table(BTreeMap<Bytes, Bytes>);

    impl Table {
        fn take(&mut self, turn: &mut Turn) {
            for op in turn.ops.drain(..) {
                match op {
                    Op::Put(key, value) => drop(self.0.insert(key, value)),
                    Op::Delete(key) => drop(self.0.remove(&key)),
                    Op::DeleteRange(from, to) => {
                        self.0.retain(|key, _| *key < from || *key >= to);
                    }
                }
            }
        }
        fn under(&self, tag: u8) -> Vec<(u64, &[u8], &Bytes)> {
            let rows = self.0.iter().filter(|(key, _)| key[0] == tag);
            rows.map(|(key, value)| (keys::number(key, keys::FIRST), &key[..], value))
                .collect()
        }
        fn recover(&self) -> Comparison {
            let examples = self.under(b'e').into_iter();
            let examples = examples.map(|(at, _, v)| (at, Differing::decode(v).unwrap()));
            let answers = self.under(b'y').into_iter();
            let answers = answers.map(|(at, key, v)| match key.last() {
                Some(0) => (at, Side::Old, v.clone()),
                _ => (at, Side::New, v.clone()),
            });
            let tally = self.under(b'c').pop();
            let tally = tally.map(|(_, _, v)| Tally::decode(v).unwrap());
            Comparison::recovered(7, tally.unwrap_or_default(), examples.collect(), answers)
                .unwrap()
        }
    }

    #[test]
    fn each_pair_is_counted_once_and_differences_are_kept() {
        let plan = Shadow::of("orders");
        let mut turn = Turn::new(T, 0);
        let (mut c, mut table) = (Comparison::new(7, T), Table::default());
        let pairs = [
            (1, answer(T, Some(5)), answer(T, Some(5))),
            (2, answer(T, Some(5)), answer(T, Some(6))),
            (3, answer(T, None), answer(T, Some(6))),
            (4, answer(T, None), failed(500)),
            (5, failed(500), failed(500)),
            (6, failed(500), failed(404)),
        ];
        for (offset, old, new) in pairs {
            // Either may be first, and one may come again after a crash.
            let mut both = [(Side::Old, old), (Side::New, new)];
            if offset % 2 == 0 {
                both.reverse();
            }
            let again = both[0].clone();
            for (side, answer) in std::iter::once(again).chain(both) {
                c.answered(offset, side, answer, &plan, &mut turn);
                c.save(&mut turn);
                table.take(&mut turn);
                // A restart at any moment changes nothing.
                c = table.recover();
            }
        }
        let tally = Tally {
            since_ms: T,
            same: 2,
            reply: 2,
            status: 2,
            ..Tally::default()
        };
        assert_eq!((c.tally, c.waiting()), (tally, 0));
        assert_eq!(c.came.len(), 0, "what was compared is not remembered");
        let kept: Vec<u64> = c.examples.iter().map(|(offset, _)| *offset).collect();
        assert_eq!(kept, [2, 3, 4, 6]);
        assert_eq!(table.under(b'y').len(), 8, "both answers of each");
        c.anew(&mut turn);
        table.take(&mut turn);
        assert_eq!((table.under(b'y').len(), table.under(b'e').len()), (0, 0));
    }

    #[test]
    fn who_waits_too_long_or_takes_too_much_room_was_alone() {
        let plan = Shadow {
            within: Duration::from_secs(10),
            bytes_max: 400,
            examples_max: 2,
            ..Shadow::of("orders")
        };
        let mut turn = Turn::new(T, 0);
        let (mut c, mut table) = (Comparison::new(7, T), Table::default());
        c.answered(1, Side::Old, answer(T, None), &plan, &mut turn);
        turn.now = T + 10_001;
        c.answered(2, Side::New, answer(turn.now, None), &plan, &mut turn);
        assert_eq!((c.tally.only_old, c.tally.only_new, c.waiting()), (1, 0, 1));
        // The other side comes too late: it waits on its own.
        c.answered(1, Side::New, answer(turn.now, None), &plan, &mut turn);
        assert_eq!((c.tally.same, c.waiting()), (0, 2));
        for offset in 10..100 {
            c.answered(offset, Side::Old, answer(turn.now, None), &plan, &mut turn);
        }
        table.take(&mut turn);
        let bytes: usize = table.under(b'y').iter().map(|(_, _, v)| v.len()).sum();
        assert!(bytes <= 400, "{bytes}");
        let told = c.tally.only_old + c.tally.only_new + c.waiting();
        assert_eq!(told, 93, "nobody is forgotten");
        for offset in 200..210 {
            c.answered(
                offset,
                Side::Old,
                answer(turn.now, Some(1)),
                &plan,
                &mut turn,
            );
            c.answered(
                offset,
                Side::New,
                answer(turn.now, Some(2)),
                &plan,
                &mut turn,
            );
        }
        table.take(&mut turn);
        assert_eq!((c.tally.reply, table.under(b'e').len()), (10, 2));
        assert_eq!(table.recover().examples, c.examples);
    }
}
