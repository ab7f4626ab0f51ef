//! Which records wait, which are out, and up to where a partition is done.

use crate::record::{Place, Record};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;
use tradewind::worker::Token;

/// Records of one partition that wait; from then on its broker is asked for no more.
const WAITING_MAX: usize = 256;
/// Bytes of records that a member holds, waiting and out; each of its partitions has an equal share, and one record at least.
const BYTES_MAX: usize = 16 << 20;
/// Least share of a partition, as much as brokers give of one at once by default: what else came of it is thrown away
/// when the partition pauses, and fetched again.
const SHARE_MIN: usize = 1 << 20;
/// Most records of one partition that are out at once.
const OUT_MAX: usize = 32;
/// First and longest pause before a record that failed is given again.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    partitions: HashMap<Place, Partition>,
    /// Counts what is given: a token of an earlier time means nothing.
    serial: u64,
}

#[derive(Debug, Default)]
struct Partition {
    waiting: VecDeque<Waiting>,
    out: Vec<(u64, Waiting)>,
    /// Nothing is given before this.
    due: Option<Instant>,
    /// The last number that was given of it.
    served: u64,
    /// What all of these take.
    bytes: usize,
    full: bool,
}

#[derive(Debug, Clone)]
struct Waiting {
    record: Record,
    attempt: u32,
}

/// A record that is given out.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) token: Token,
    pub(crate) record: Record,
    pub(crate) attempt: u32,
}

/// What is to be done about a partition whose records were taken or brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Pause(Place),
    Resume(Place),
}

impl Ledger {
    /// Partitions that are ours from now on.
    pub(crate) fn assign(&mut self, places: impl IntoIterator<Item = Place>) {
        for place in places {
            self.partitions.insert(place, Partition::default());
        }
    }

    /// Partitions that are another's from now on.
    pub(crate) fn revoke(&mut self, places: impl IntoIterator<Item = Place>) {
        for place in places {
            self.partitions.remove(&place);
        }
    }

    /// A record that was read.
    pub(crate) fn read(&mut self, record: Record) -> Option<Flow> {
        let share = self.share();
        let place = record.place.clone();
        let partition = self.partitions.get_mut(&place)?;
        partition.bytes += record.size();
        partition.waiting.push_back(Waiting { record, attempt: 1 });
        let much = partition.waiting.len() >= WAITING_MAX || partition.bytes >= share;
        let full = much && !partition.full;
        partition.full |= full;
        full.then_some(Flow::Pause(place))
    }

    /// Bytes of one partition; from then on its broker is asked for no more.
    fn share(&self) -> usize {
        (BYTES_MAX / self.partitions.len().max(1)).max(SHARE_MIN)
    }

    /// Records that may be handled now: of partitions of which none is out, first of those that were not served for
    /// the longest.
    pub(crate) fn give(&mut self, max: usize, now: Instant) -> (Vec<Given>, Vec<Flow>) {
        let (mut given, mut flows) = (Vec::new(), Vec::new());
        let share = self.share();
        let ready = |(_, one): &(&Place, &mut Partition)| {
            one.out.is_empty() && one.due.is_none_or(|due| due <= now)
        };
        let mut ready: Vec<_> = self.partitions.iter_mut().filter(ready).collect();
        ready.sort_by_key(|(_, one)| one.served);
        for (place, partition) in ready {
            partition.due = None;
            let count = (max - given.len())
                .min(OUT_MAX)
                .min(partition.waiting.len());
            for one in partition.waiting.drain(..count) {
                self.serial += 1;
                partition.served = self.serial;
                given.push(Given {
                    token: token(self.serial, place),
                    record: one.record.clone(),
                    attempt: one.attempt,
                });
                partition.out.push((self.serial, one));
            }
        }
        for (place, partition) in &mut self.partitions {
            let few = partition.waiting.len() < WAITING_MAX / 2 && partition.bytes < share / 2;
            if partition.full && few {
                partition.full = false;
                flows.push(Flow::Resume(place.clone()));
            }
        }
        (given, flows)
    }

    /// When something may be given that may not yet.
    pub(crate) fn due(&self) -> Option<Instant> {
        let waiting = self.partitions.values().filter(|one| one.out.is_empty());
        waiting.filter_map(|one| one.due).min()
    }

    /// The record of a token that is still out.
    pub(crate) fn find(&self, token: &Token) -> Option<&Record> {
        let (serial, place) = parts(token)?;
        let out = &self.partitions.get(&place)?.out;
        let found = out.iter().find(|(known, _)| *known == serial);
        found.map(|(_, one)| &one.record)
    }

    /// A record is done. Gives up to where its partition is, unless one before it is to be given again.
    pub(crate) fn done(&mut self, token: &Token) -> Option<(Place, i64)> {
        let (place, one) = self.back(token)?;
        let partition = self.partitions.get_mut(&place)?;
        partition.bytes -= one.record.size();
        let offset = one.record.offset;
        let before = |one: &Waiting| one.record.offset < offset;
        let out = partition.out.iter().any(|(_, one)| before(one));
        let waits = partition.waiting.front().is_some_and(before);
        (!out && !waits).then_some((place, offset))
    }

    /// A record is to be given again; `counted` says whether that was an attempt.
    pub(crate) fn again(
        &mut self,
        token: &Token,
        counted: bool,
        after: Option<Duration>,
        now: Instant,
    ) {
        let Some((place, mut one)) = self.back(token) else {
            return;
        };
        let Some(partition) = self.partitions.get_mut(&place) else {
            return;
        };
        if counted {
            let doubled = PAUSE * (1 << (one.attempt - 1).min(6));
            let due = now + after.unwrap_or_else(|| doubled.min(PAUSE_MAX));
            partition.due = Some(partition.due.map_or(due, |known| known.max(due)));
            one.attempt = one.attempt.saturating_add(1);
        }
        let before = |waiting: &&Waiting| waiting.record.offset < one.record.offset;
        let index = partition.waiting.iter().take_while(before).count();
        partition.waiting.insert(index, one);
    }

    /// What was out by this token.
    fn back(&mut self, token: &Token) -> Option<(Place, Waiting)> {
        let (serial, place) = parts(token)?;
        let out = &mut self.partitions.get_mut(&place)?.out;
        let index = out.iter().position(|(known, _)| *known == serial)?;
        let (_, one) = out.remove(index);
        Some((place, one))
    }
}

/// Number, partition, topic.
fn token(serial: u64, (topic, partition): &Place) -> Token {
    Token(format!("{serial}/{partition}/{topic}"))
}

fn parts(token: &Token) -> Option<(u64, Place)> {
    let mut parts = token.0.splitn(3, '/');
    let serial = parts.next()?.parse().ok()?;
    let partition = parts.next()?.parse().ok()?;
    Some((serial, (parts.next()?.to_owned(), partition)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(partitions: i32, records: i64) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.assign((0..partitions).map(|n| ("t".into(), n)));
        for partition in 0..partitions {
            for offset in 0..records {
                ledger.read(Record::at("t", partition, offset));
            }
        }
        ledger
    }

    fn offsets(given: &[Given]) -> Vec<(i32, i64)> {
        let mut offsets: Vec<_> = given
            .iter()
            .map(|one| (one.record.place.1, one.record.offset))
            .collect();
        offsets.sort_unstable();
        offsets
    }

    #[tokio::test(start_paused = true)]
    async fn a_partition_waits_for_what_is_out_and_for_what_failed() {
        let now = Instant::now();
        let mut ledger = ledger(2, 3);
        let (given, _) = ledger.give(100, now);
        assert_eq!(
            offsets(&given),
            [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
        );
        assert!(ledger.give(100, now).0.is_empty());
        let of = |partition: i32, offset: i64| {
            let found = given
                .iter()
                .find(|one| one.record.place.1 == partition && one.record.offset == offset);
            found.unwrap().token.clone()
        };
        assert_eq!(ledger.done(&of(0, 0)), Some((("t".into(), 0), 0)));
        ledger.again(&of(0, 1), true, None, now);
        ledger.again(&of(0, 2), false, None, now);
        assert!(ledger.give(100, now).0.is_empty());
        assert_eq!(ledger.due(), Some(now + PAUSE));
        let (again, _) = ledger.give(100, now + PAUSE);
        assert_eq!(offsets(&again), [(0, 1), (0, 2)]);
        let attempts: Vec<_> = again.iter().map(|one| one.attempt).collect();
        assert_eq!(attempts, [2, 1]);
        // Twice told is told once.
        assert_eq!(ledger.done(&of(0, 0)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_done_over_what_failed() {
        let now = Instant::now();
        let mut ledger = ledger(1, 2);
        let (given, _) = ledger.give(100, now);
        ledger.again(&given[0].token, true, Some(Duration::ZERO), now);
        assert_eq!(ledger.done(&given[1].token), None);
        let (again, _) = ledger.give(100, now);
        assert_eq!(offsets(&again), [(0, 0)]);
        assert_eq!(ledger.done(&again[0].token), Some((("t".into(), 0), 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_a_minute_and_are_the_handlers_where_it_asks() {
        let mut now = Instant::now();
        let mut ledger = ledger(1, 1);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let (given, _) = ledger.give(1, now);
            ledger.again(&given[0].token, true, None, now);
            let due = ledger.due().unwrap();
            pauses.push((due - now).as_secs());
            now = due;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        let (given, _) = ledger.give(1, now);
        ledger.again(&given[0].token, true, Some(Duration::from_secs(7)), now);
        assert_eq!(ledger.due(), Some(now + Duration::from_secs(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_of_a_partition_that_went_mean_nothing() {
        let now = Instant::now();
        let mut ledger = ledger(1, 1);
        let (given, _) = ledger.give(1, now);
        ledger.revoke([("t".to_owned(), 0)]);
        ledger.assign([("t".to_owned(), 0)]);
        ledger.read(Record::at("t", 0, 0));
        assert_eq!(ledger.done(&given[0].token), None);
        assert!(ledger.find(&given[0].token).is_none());
        assert_eq!(ledger.give(1, now).0.len(), 1);
        for nonsense in ["", "1/2", "x/0/t", "9/0/t"] {
            assert_eq!(ledger.done(&Token(nonsense.into())), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_bounded() {
        let now = Instant::now();
        let mut ledger = ledger(1, 0);
        let mut paused = None;
        for offset in 0..WAITING_MAX as i64 {
            paused = ledger.read(Record::at("t", 0, offset));
        }
        assert_eq!(paused, Some(Flow::Pause(("t".into(), 0))));
        let mut resumed = Vec::new();
        while resumed.is_empty() {
            let (given, flows) = ledger.give(100, now);
            assert!(given.len() <= OUT_MAX && !given.is_empty());
            for one in &given {
                ledger.done(&one.token);
            }
            resumed = flows;
        }
        assert_eq!(resumed, [Flow::Resume(("t".into(), 0))]);
    }
    #[tokio::test(start_paused = true)]
    async fn what_waits_and_is_out_is_bounded_by_its_size() {
        let now = Instant::now();
        let mut ledger = ledger(2, 0);
        let value = bytes::Bytes::from(vec![0; 1 << 20]);
        let read = |ledger: &mut Ledger, offset: i64| {
            let mut record = Record::at("t", 0, offset);
            record.value = Some(value.clone());
            ledger.read(record)
        };
        // The other half is the other partition's.
        let paused: Vec<_> = (0..8).map(|offset| read(&mut ledger, offset)).collect();
        assert!(paused[..7].iter().all(Option::is_none));
        assert_eq!(paused[7], Some(Flow::Pause(("t".into(), 0))));
        // What is out is held, too.
        let (given, flows) = ledger.give(100, now);
        assert_eq!((given.len(), flows), (8, Vec::new()));
        for one in &given[..5] {
            assert!(ledger.give(100, now).1.is_empty());
            ledger.done(&one.token);
        }
        assert_eq!(ledger.give(100, now).1, [Flow::Resume(("t".into(), 0))]);
        // One at least, however large.
        let mut large = Record::at("t", 1, 0);
        large.value = Some(vec![0; BYTES_MAX].into());
        assert_eq!(ledger.read(large), Some(Flow::Pause(("t".into(), 1))));
        let (given, _) = ledger.give(100, now);
        assert_eq!(offsets(&given), [(1, 0)]);
    }

    #[test]
    fn a_share_is_no_smaller_than_what_is_fetched_at_once() {
        for (partitions, share) in [(0, 16), (1, 16), (2, 8), (16, 1), (17, 1), (1000, 1)] {
            assert_eq!(ledger(partitions, 0).share(), share << 20, "{partitions}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn partitions_take_turns() {
        let now = Instant::now();
        let mut ledger = ledger(3, 4);
        let mut turns = Vec::new();
        for _ in 0..6 {
            let (given, _) = ledger.give(1, now);
            turns.push(given[0].record.place.1);
            ledger.done(&given[0].token);
        }
        assert_eq!(turns[..3], turns[3..]);
        turns.truncate(3);
        turns.sort_unstable();
        assert_eq!(turns, [0, 1, 2]);
    }
}
