//! How far each shard is done, and what of it is under way.

use super::{BUSY, Begin, IDLE, Page, Shard};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::time::Instant;
use tradewind_adapter::{Error, ErrorKind, Received, Token};

/// How far a shard is done, as it is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Position {
    /// Nothing of it.
    #[default]
    Oldest,
    /// What came before that time is left out, in milliseconds since the Unix epoch.
    Since(u64),
    /// Up to this sequence number.
    After(String),
    /// All of it, and no more comes.
    End,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Remembered {
    /// The stream that it is of; earlier versions did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    /// Of shards that nothing is known of, until the first list of them is there.
    begin: Position,
    shards: BTreeMap<String, Position>,
}

/// What one source knows of its stream.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    remembered: Remembered,
    shards: BTreeMap<String, State>,
    /// When shards are looked for again.
    look: Option<Instant>,
    /// The shard that was asked last: the others come first.
    last: String,
}

#[derive(Debug, Default)]
struct State {
    parents: Vec<String>,
    closed: bool,
    iterator: Option<String>,
    /// The last record that was given out; `None`: as remembered.
    read: Option<String>,
    /// Given out and not settled, in their order.
    out: VecDeque<(String, bool)>,
    ended: bool,
    /// Not asked before.
    next: Option<Instant>,
}

/// A shard to be asked.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) shard: String,
    pub(super) iterator: Option<String>,
    pub(super) begin: Begin,
}

impl Ledger {
    /// What was remembered of this stream; where that is nothing, it begins at `begin`.
    pub(super) fn read(
        remembered: Option<&[u8]>,
        stream: &str,
        begin: Position,
    ) -> Result<Self, Error> {
        let known = remembered.map(serde_json::from_slice).transpose();
        let known: Option<Remembered> = known.map_err(|why| {
            let what = format!("what was remembered of the shards is damaged: {why}");
            Error::new(ErrorKind::Unexpected, "receive", what)
        })?;
        let known = known.filter(|known| {
            let other = known.stream.as_deref().filter(|other| *other != stream);
            if let Some(other) = other {
                tracing::warn!(stream, other, "positions of another stream are forgotten");
            }
            other.is_none()
        });
        let mut remembered = known.unwrap_or_else(|| Remembered {
            begin,
            ..Remembered::default()
        });
        remembered.stream = Some(stream.to_owned());
        Ok(Self {
            remembered,
            ..Self::default()
        })
    }

    pub(super) fn write(&self) -> Bytes {
        serde_json::to_vec(&self.remembered)
            .unwrap_or_default()
            .into()
    }

    pub(super) fn is_stale(&self, now: Instant) -> bool {
        self.look.is_none_or(|look| look <= now)
    }

    /// These shards are there. Of those that are gone nothing is kept. True where they are the first.
    pub(super) fn listed(&mut self, listed: Vec<Shard>, look: Instant) -> bool {
        self.look = Some(look);
        // A shard that has ended takes nothing again.
        let ended = |shard: &Shard| !shard.closed && self.position(&shard.id) == &Position::End;
        if self.shards.is_empty() && listed.iter().any(ended) {
            tracing::warn!(
                stream = self.remembered.stream,
                "the stream was made anew since it was read: it is read from its begin"
            );
            self.forget();
        }
        let first = self.remembered.shards.is_empty();
        let there: BTreeSet<String> = listed.iter().map(|shard| shard.id.clone()).collect();
        self.shards.retain(|id, _| there.contains(id));
        self.remembered.shards.retain(|id, _| there.contains(id));
        let begin = self.remembered.begin.clone();
        for shard in listed {
            let parents = shard.parents.into_iter();
            let parents: Vec<String> = parents.filter(|parent| there.contains(parent)).collect();
            // All that were there at first begin alike, children of earlier parents as well. A child that comes later has
            // nothing from before its parents ended: it is read from its begin.
            let at = match first || parents.is_empty() {
                true => begin.clone(),
                false => Position::Oldest,
            };
            let shards = &mut self.remembered.shards;
            shards.entry(shard.id.clone()).or_insert(at);
            let state = self.shards.entry(shard.id).or_default();
            (state.parents, state.closed) = (parents, shard.closed);
        }
        first && !self.shards.is_empty()
    }

    /// Nothing that was remembered holds. Where the stream was made anew, all of it came since.
    fn forget(&mut self) {
        self.remembered.begin = Position::Oldest;
        self.remembered.shards.clear();
    }

    fn position(&self, shard: &str) -> &Position {
        let known = self.remembered.shards.get(shard);
        known.unwrap_or(&self.remembered.begin)
    }

    /// Up to `max` shards that may be asked now, and when the next one may.
    pub(super) fn ready(&mut self, now: Instant, max: usize) -> (Vec<Ready>, Option<Instant>) {
        let (mut ready, mut next) = (Vec::new(), self.look);
        let (before, after): (Vec<_>, Vec<_>) =
            self.shards.keys().partition(|id| **id <= self.last);
        let order: Vec<String> = after.into_iter().chain(before).cloned().collect();
        for id in order {
            let Some(state) = self.shards.get(&id) else {
                continue;
            };
            let position = self.position(&id);
            let open = |parent: &String| self.position(parent) != &Position::End;
            if state.ended || position == &Position::End || state.parents.iter().any(open) {
                continue;
            }
            if let Some(at) = state.next.filter(|at| *at > now) {
                next = Some(next.map_or(at, |next| next.min(at)));
                continue;
            }
            if ready.len() == max {
                return (ready, Some(now));
            }
            let begin = match (&state.read, position) {
                (Some(read), _) => Begin::After(read.clone()),
                (None, Position::After(done)) => Begin::After(done.clone()),
                (None, Position::Since(time)) => Begin::Since(*time),
                (None, _) => Begin::Oldest,
            };
            ready.push(Ready {
                shard: id.clone(),
                iterator: state.iterator.clone(),
                begin,
            });
            self.last = id;
        }
        // What is asked now may be asked again soon.
        if !ready.is_empty() {
            next = Some(next.map_or(now + IDLE, |next| next.min(now + IDLE)));
        }
        (ready, next)
    }

    /// Notes what a shard gave, and gives it out.
    pub(super) fn read_page(&mut self, ready: &Ready, page: Page, now: Instant) -> Vec<Received> {
        let Some(state) = self.shards.get_mut(&ready.shard) else {
            return Vec::new();
        };
        let idle = page.records.is_empty();
        let mut received = Vec::with_capacity(page.records.len());
        for (sequence, events) in page.records {
            received.push(Received {
                token: Token(format!("{}/{sequence}", ready.shard)),
                events,
                original: None,
            });
            state.read = Some(sequence.clone());
            state.out.push_back((sequence, false));
        }
        state.next = Some(now + if idle { IDLE } else { BUSY });
        // Some servers go on giving iterators for what gets no more.
        let over = idle && state.closed && page.caught_up;
        state.ended = page.next.is_none() || over;
        state.iterator = page.next;
        if state.ended && state.out.is_empty() {
            self.end(&ready.shard);
        }
        received
    }

    pub(super) fn pause(&mut self, shard: &str, until: Instant) {
        if let Some(state) = self.shards.get_mut(shard) {
            state.iterator = None;
            state.next = Some(until);
        }
    }

    /// The children may begin: they are looked for at once.
    fn end(&mut self, shard: &str) {
        self.remembered
            .shards
            .insert(shard.to_owned(), Position::End);
        self.look = None;
    }

    /// A record is durable. True where its shard is done further than before.
    pub(super) fn done(&mut self, Token(token): &Token) -> bool {
        let Some((shard, sequence)) = token.rsplit_once('/') else {
            return false;
        };
        let Some(state) = self.shards.get_mut(shard) else {
            return false;
        };
        if let Some(record) = state.out.iter_mut().find(|(known, _)| known == sequence) {
            record.1 = true;
        }
        let mut last = None;
        while state.out.front().is_some_and(|(_, done)| *done) {
            last = state.out.pop_front();
        }
        let Some((last, _)) = last else {
            return false;
        };
        let (id, finished) = (shard.to_owned(), state.ended && state.out.is_empty());
        match finished {
            true => self.end(&id),
            false => drop(self.remembered.shards.insert(id, Position::After(last))),
        }
        true
    }

    /// A record is to be given again, with all that came after it: order counts within a shard.
    pub(super) fn again(&mut self, Token(token): &Token, at: Instant) {
        let Some((shard, sequence)) = token.rsplit_once('/') else {
            return;
        };
        let Some(state) = self.shards.get_mut(shard) else {
            return;
        };
        if state.out.iter().any(|(known, _)| known == sequence) {
            *state = State {
                parents: std::mem::take(&mut state.parents),
                closed: state.closed,
                next: Some(at),
                ..State::default()
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn shard(id: &str, parents: &[&str]) -> Shard {
        Shard {
            id: id.into(),
            parents: parents.iter().map(ToString::to_string).collect(),
            closed: false,
        }
    }

    fn closed(id: &str) -> Shard {
        Shard {
            closed: true,
            ..shard(id, &[])
        }
    }

    fn page(sequences: &[&str], ended: bool) -> Page {
        let records = sequences.iter().map(|s| ((*s).to_owned(), Ok(Vec::new())));
        Page {
            records: records.collect(),
            next: (!ended).then(|| "next".into()),
            caught_up: true,
        }
    }

    /// Asks what is ready, a second later each time, and answers with `give`.
    fn turn(ledger: &mut Ledger, now: &mut Instant, give: impl Fn(&str) -> Page) -> Vec<String> {
        *now += Duration::from_secs(2);
        let (ready, _) = ledger.ready(*now, 10);
        let mut asked = Vec::new();
        for ready in ready {
            asked.push(format!("{} {:?}", ready.shard, ready.begin));
            let page = give(&ready.shard);
            ledger.read_page(&ready, page, *now);
        }
        asked
    }

    fn token(text: &str) -> Token {
        Token(text.into())
    }

    #[tokio::test]
    async fn children_are_read_when_their_parents_are_done() {
        let mut now = Instant::now();
        let mut ledger = Ledger::default();
        ledger.listed(vec![shard("a", &["gone"]), shard("b", &["a"])], now);
        assert_eq!(
            turn(&mut ledger, &mut now, |_| page(&["1", "2"], true)),
            ["a Oldest"]
        );
        // It has ended, and is not done.
        assert!(turn(&mut ledger, &mut now, |_| page(&[], false)).is_empty());
        assert!(ledger.done(&token("a/1")));
        assert!(turn(&mut ledger, &mut now, |_| page(&[], false)).is_empty());
        assert!(ledger.done(&token("a/2")));
        assert!(ledger.is_stale(now));
        ledger.listed(vec![closed("a"), shard("b", &["a"])], now);
        assert_eq!(
            turn(&mut ledger, &mut now, |_| page(&["1"], false)),
            ["b Oldest"]
        );
        // After a start: from where it was.
        assert!(ledger.done(&token("b/1")));
        let mut again = Ledger::read(Some(&ledger.write()), "A", Position::Oldest).unwrap();
        again.listed(vec![closed("a"), shard("b", &["a"])], now);
        assert_eq!(
            turn(&mut again, &mut now, |_| page(&[], false)),
            ["b After(\"1\")"]
        );
        // The parent's time is up: it is not listed any more.
        let mut later = Ledger::read(Some(&ledger.write()), "A", Position::Oldest).unwrap();
        later.listed(vec![shard("b", &["a"])], now);
        assert_eq!(
            turn(&mut later, &mut now, |_| page(&[], false)),
            ["b After(\"1\")"]
        );
        assert_eq!(later.remembered.shards.len(), 1);
    }

    #[tokio::test]
    async fn positions_are_those_of_one_stream() {
        let remembered = |json: &str| Some(json.as_bytes().to_vec());
        let ended = r#"{"stream":"A","begin":"oldest","shards":{"a":"end","b":{"after":"7"}}}"#;
        let before = r#"{"begin":"oldest","shards":{"a":"end","b":{"after":"7"}}}"#;
        for (remembered, a, asked) in [
            (None, closed("a"), ["a Since(9)", "b Since(9)"].as_slice()),
            (remembered(ended), closed("a"), &["b After(\"7\")"]),
            // Of a version that did not say of which.
            (remembered(before), closed("a"), &["b After(\"7\")"]),
            // Of another one.
            (
                remembered(&ended.replace('A', "B")),
                closed("a"),
                &["a Since(9)", "b Since(9)"],
            ),
            // Of one that had the same name.
            (
                remembered(ended),
                shard("a", &[]),
                &["a Oldest", "b Oldest"],
            ),
        ] {
            let mut now = Instant::now();
            let begin = Position::Since(9);
            let mut ledger = Ledger::read(remembered.as_deref(), "A", begin).unwrap();
            ledger.listed(vec![a, shard("b", &[])], now);
            assert_eq!(turn(&mut ledger, &mut now, |_| page(&[], false)), asked);
            let written = String::from_utf8(ledger.write().to_vec()).unwrap();
            assert!(written.contains(r#""stream":"A""#), "{written}");
        }
        assert!(Ledger::read(Some(b"{"), "A", Position::Oldest).is_err());
    }

    #[tokio::test]
    async fn only_what_is_done_without_a_gap_counts() {
        let mut now = Instant::now();
        let mut ledger = Ledger::default();
        ledger.listed(vec![shard("a", &[])], now);
        turn(&mut ledger, &mut now, |_| page(&["1", "2", "3"], false));
        assert!(!ledger.done(&token("a/2")));
        assert!(ledger.done(&token("a/1")));
        assert_eq!(ledger.position("a"), &Position::After("2".into()));
        ledger.again(&token("a/3"), now);
        assert_eq!(
            turn(&mut ledger, &mut now, |_| page(&["3", "4"], false)),
            ["a After(\"2\")"]
        );
        // Settled twice: nobody's mistake.
        ledger.again(&token("a/2"), now);
        assert!(!ledger.done(&token("a/2")));
        assert!(!ledger.done(&token("none/2")) && !ledger.done(&token("x")));
        assert_eq!(
            turn(&mut ledger, &mut now, |_| page(&[], false)),
            ["a After(\"4\")"]
        );
    }

    #[tokio::test]
    async fn the_first_start_may_begin_with_what_comes() {
        let mut now = Instant::now();
        let mut ledger = Ledger::default();
        ledger.remembered.begin = Position::Since(7);
        // The stream was split before: what `b` holds from then on came before the start, too.
        let mut there = vec![closed("a"), shard("b", &["a"])];
        ledger.listed(there.clone(), now);
        let mut ledger = Ledger::read(Some(&ledger.write()), "A", Position::Since(99)).unwrap();
        ledger.listed(there.clone(), now);
        assert_eq!(
            turn(&mut ledger, &mut now, |_| page(&[], true)),
            ["a Since(7)"]
        );
        // It is split again, after the start.
        there[1].closed = true;
        there.push(shard("c", &["b"]));
        ledger.listed(there, now);
        assert_eq!(
            turn(&mut ledger, &mut now, |_| page(&[], true)),
            ["b Since(7)"]
        );
        assert_eq!(
            turn(&mut ledger, &mut now, |_| page(&[], false)),
            ["c Oldest"]
        );
    }

    #[tokio::test]
    async fn what_is_closed_and_read_to_its_end_has_ended() {
        let mut now = Instant::now();
        let mut ledger = Ledger::default();
        ledger.listed(vec![closed("a"), shard("b", &["a"])], now);
        assert_eq!(
            turn(&mut ledger, &mut now, |_| page(&["1"], false)),
            ["a Oldest"]
        );
        assert_eq!(
            turn(&mut ledger, &mut now, |_| page(&[], false)),
            ["a After(\"1\")"]
        );
        assert!(turn(&mut ledger, &mut now, |_| page(&[], false)).is_empty());
        assert!(ledger.done(&token("a/1")));
        assert_eq!(
            turn(&mut ledger, &mut now, |_| page(&[], false)),
            ["b Oldest"]
        );
    }

    #[tokio::test]
    async fn all_shards_have_their_turn() {
        let now = Instant::now();
        let mut ledger = Ledger::default();
        ledger.listed(["a", "b", "c"].map(|id| shard(id, &[])).into(), now);
        let mut asked = Vec::new();
        for _ in 0..3 {
            let (ready, _) = ledger.ready(now, 2);
            asked.extend(ready.into_iter().map(|ready| ready.shard));
        }
        assert_eq!(asked, ["a", "b", "c", "a", "b", "c"]);
    }
}
