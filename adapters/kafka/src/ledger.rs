//! Which records are under way, and up to where a partition is done.

use crate::message::Taken;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::time::Instant;
use tradewind_adapter::Token;

/// Records that were given out and are not settled yet.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    partitions: HashMap<(String, i32), Partition>,
    /// Counts assignments: a token of an earlier one means nothing.
    epoch: u64,
    revoked: Vec<Token>,
}

#[derive(Debug, Default)]
struct Partition {
    epoch: u64,
    records: BTreeMap<i64, Record>,
}

#[derive(Debug)]
struct Record {
    taken: Arc<Taken>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Out,
    Done,
    /// To be given again, not before this.
    Again(Instant),
}

/// A partition, and the offset that comes after all that is done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) place: (String, i32),
    pub(crate) next: i64,
}

impl Ledger {
    /// Partitions that are ours from now on.
    pub(crate) fn assign(&mut self, partitions: impl IntoIterator<Item = (String, i32)>) {
        self.epoch += 1;
        for place in partitions {
            let fresh = Partition {
                epoch: self.epoch,
                ..Partition::default()
            };
            self.partitions.insert(place, fresh);
        }
    }

    /// Partitions that are another's from now on.
    pub(crate) fn revoke(&mut self, partitions: impl IntoIterator<Item = (String, i32)>) {
        for place in partitions {
            let Some(gone) = self.partitions.remove(&place) else {
                continue;
            };
            let tokens = gone
                .records
                .values()
                .map(|record| token(&record.taken, gone.epoch));
            self.revoked.extend(tokens);
        }
    }

    /// Tokens that went with their partitions since the last call.
    pub(crate) fn revoked(&mut self) -> Vec<Token> {
        std::mem::take(&mut self.revoked)
    }

    /// Notes a record that is given out; `None` where its partition is not ours any more.
    pub(crate) fn out(&mut self, taken: Arc<Taken>) -> Option<Token> {
        let place = (taken.topic.clone(), taken.partition);
        let partition = self.partitions.get_mut(&place)?;
        let token = token(&taken, partition.epoch);
        let record = Record {
            state: State::Out,
            taken: taken.clone(),
        };
        partition.records.insert(taken.offset, record);
        Some(token)
    }

    /// A record is durable. Gives how far its partition is done, where that has changed.
    pub(crate) fn done(&mut self, token: &Token) -> Option<Done> {
        let (place, offset, partition) = self.find(token)?;
        partition.records.get_mut(&offset)?.state = State::Done;
        let mut next = None;
        while let Some(first) = partition.records.first_entry() {
            if first.get().state != State::Done {
                break;
            }
            next = Some(first.key() + 1);
            first.remove();
        }
        Some(Done { place, next: next? })
    }

    /// A record is to be given again.
    pub(crate) fn again(&mut self, token: &Token, at: Instant) {
        if let Some((_, offset, partition)) = self.find(token)
            && let Some(record) = partition.records.get_mut(&offset)
            && record.state == State::Out
        {
            record.state = State::Again(at);
        }
    }

    /// When the first of the records is due that are to be given again. While there is one, nothing new is given:
    /// it would overtake.
    pub(crate) fn due(&self) -> Option<Instant> {
        let records = self.partitions.values().flat_map(|p| p.records.values());
        let due = records.filter_map(|record| match record.state {
            State::Again(at) => Some(at),
            _ => None,
        });
        due.min()
    }

    /// Up to `max` records that are due, in the order of their partitions.
    pub(crate) fn take_due(&mut self, max: usize, now: Instant) -> Vec<(Token, Arc<Taken>)> {
        let mut given = Vec::new();
        for partition in self.partitions.values_mut() {
            for record in partition.records.values_mut() {
                let State::Again(at) = record.state else {
                    continue;
                };
                // A later one of the same partition waits for an earlier one.
                if at > now || given.len() == max {
                    break;
                }
                record.state = State::Out;
                given.push((token(&record.taken, partition.epoch), record.taken.clone()));
            }
        }
        given
    }

    fn find(&mut self, Token(token): &Token) -> Option<((String, i32), i64, &mut Partition)> {
        let mut parts = token.splitn(4, '/');
        let epoch: u64 = parts.next()?.parse().ok()?;
        let number: i32 = parts.next()?.parse().ok()?;
        let offset: i64 = parts.next()?.parse().ok()?;
        let place = (parts.next()?.to_owned(), number);
        let partition = self.partitions.get_mut(&place)?;
        (partition.epoch == epoch).then_some((place, offset, partition))
    }
}

fn token(taken: &Taken, epoch: u64) -> Token {
    let Taken {
        topic,
        partition,
        offset,
        ..
    } = taken;
    Token(format!("{epoch}/{partition}/{offset}/{topic}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.assign([("t".into(), 0), ("t".into(), 1)]);
        ledger
    }

    fn out(ledger: &mut Ledger, partition: i32, offset: i64) -> Token {
        ledger
            .out(Arc::new(Taken::at("t", partition, offset)))
            .unwrap()
    }

    fn next(done: Option<Done>) -> Option<(i32, i64)> {
        done.map(|done| (done.place.1, done.next))
    }

    #[tokio::test]
    async fn a_partition_is_done_up_to_the_first_that_is_not() {
        let mut ledger = ledger();
        let tokens: Vec<Token> = [3, 4, 6].map(|offset| out(&mut ledger, 0, offset)).into();
        let other = out(&mut ledger, 1, 9);
        assert_eq!(next(ledger.done(&tokens[1])), None);
        assert_eq!(next(ledger.done(&other)), Some((1, 10)));
        assert_eq!(next(ledger.done(&tokens[0])), Some((0, 5)));
        assert_eq!(next(ledger.done(&tokens[0])), None, "twice");
        ledger.again(&tokens[2], Instant::now());
        assert_eq!(next(ledger.done(&tokens[2])), Some((0, 7)));
    }

    #[tokio::test]
    async fn what_is_given_again_keeps_its_order_and_holds_up_the_rest() {
        let mut ledger = ledger();
        let now = Instant::now();
        let tokens: Vec<Token> = [1, 2, 3].map(|offset| out(&mut ledger, 0, offset)).into();
        assert_eq!(ledger.due(), None);
        ledger.again(&tokens[2], now);
        ledger.again(&tokens[1], now + Duration::from_secs(1));
        assert_eq!(ledger.due(), Some(now));
        assert_eq!(ledger.take_due(9, now), []);
        let later = now + Duration::from_secs(2);
        let given = |ledger: &mut Ledger, max| -> Vec<i64> {
            let due = ledger.take_due(max, later);
            due.iter().map(|(_, taken)| taken.offset).collect()
        };
        assert_eq!(given(&mut ledger, 1), [2]);
        assert_eq!(given(&mut ledger, 9), [3]);
        assert_eq!(ledger.due(), None);
    }

    #[test]
    fn tokens_of_a_partition_that_went_mean_nothing() {
        let mut ledger = ledger();
        let (gone, kept) = (out(&mut ledger, 0, 1), out(&mut ledger, 1, 1));
        ledger.revoke([("t".into(), 0)]);
        assert_eq!(ledger.revoked(), std::slice::from_ref(&gone));
        assert_eq!(ledger.revoked(), []);
        assert!(ledger.out(Arc::new(Taken::at("t", 0, 2))).is_none());
        ledger.assign([("t".into(), 0)]);
        out(&mut ledger, 0, 1);
        assert_eq!(next(ledger.done(&gone)), None);
        assert_eq!(next(ledger.done(&kept)), Some((1, 2)));
        for nonsense in ["", "1/2", "1/0/x/t", "9/0/1/t"] {
            assert_eq!(next(ledger.done(&Token(nonsense.into()))), None);
        }
    }
}
