//! What is due, what is given out and what is done. Pure: it is told the time.

use crate::{CatchUp, Times};
use std::collections::{BTreeMap, VecDeque};

/// A firing that comes later than this has missed its time.
const LATE_MS: u64 = 60_000;
/// A cursor that lies further ahead of the clock was made by a clock that has been set back since.
const AHEAD_MS: u64 = 3_600_000;
/// The first stretch that is searched back for missed due times; doubled from there.
const STRETCH_MS: u64 = 3_600_000;

#[derive(Debug)]
pub(crate) struct State {
    /// Every due time up to here is decided: done, left out, or in `open`.
    looked_ms: u64,
    /// Due times that are not settled.
    open: BTreeMap<u64, Open>,
    pub(crate) skipped: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Open {
    given: bool,
    not_before_ms: u64,
}

impl State {
    pub(crate) fn new(looked_ms: u64) -> Self {
        Self {
            looked_ms,
            open: BTreeMap::new(),
            skipped: 0,
        }
    }

    /// Decides on what has come due, and gives up to `max` of what is to fire, in order.
    pub(crate) fn take(
        &mut self,
        times: &Times,
        (policy, most): (CatchUp, usize),
        now_ms: u64,
        max: usize,
    ) -> Vec<u64> {
        if self.looked_ms > now_ms.saturating_add(AHEAD_MS) {
            // What has fired already is found in the stream.
            self.looked_ms = now_ms;
        }
        let keep = match policy {
            CatchUp::None => 0,
            CatchUp::Latest => 1,
            CatchUp::All => most,
        };
        let mut stretch = STRETCH_MS;
        let passed = loop {
            let from = now_ms.saturating_sub(stretch).max(self.looked_ms);
            let passed = passed(times, from, now_ms, keep);
            if from == self.looked_ms || passed.missed.len() + passed.in_time.len() > keep {
                break passed;
            }
            stretch = stretch.saturating_mul(2);
        };
        self.skipped += passed.skipped;
        self.looked_ms = passed.last_ms.unwrap_or(self.looked_ms);
        for due in passed.missed.into_iter().chain(passed.in_time) {
            self.open.entry(due).or_default();
        }
        let ready = self
            .open
            .iter_mut()
            .filter(|(_, o)| !o.given && o.not_before_ms <= now_ms);
        ready
            .take(max)
            .map(|(due, open)| {
                open.given = true;
                *due
            })
            .collect()
    }

    /// It is in the stream. Returns how far a restart need not look back.
    pub(crate) fn done(&mut self, due_ms: u64) -> u64 {
        self.open.remove(&due_ms);
        self.cursor()
    }

    /// It is to be given again.
    pub(crate) fn again(&mut self, due_ms: u64, not_before_ms: u64) {
        if let Some(open) = self.open.get_mut(&due_ms) {
            *open = Open {
                given: false,
                not_before_ms,
            };
        }
    }

    /// When there is something to do, as far as the clock says now.
    pub(crate) fn wakes_ms(&self, times: &Times) -> Option<u64> {
        let again = self
            .open
            .values()
            .filter(|o| !o.given)
            .map(|o| o.not_before_ms)
            .min();
        let next = times.next_ms(self.looked_ms).map(|due| times.fires_ms(due));
        again.into_iter().chain(next).min()
    }

    fn cursor(&self) -> u64 {
        match self.open.first_key_value() {
            Some((due, _)) => due.saturating_sub(1),
            None => self.looked_ms,
        }
    }
}

#[derive(Debug, Default)]
struct Passed {
    missed: VecDeque<u64>,
    in_time: Vec<u64>,
    skipped: u64,
    last_ms: Option<u64>,
}

/// Due times after `from_ms` whose firing has come, in order; of missed ones the last `keep`.
fn passed(times: &Times, from_ms: u64, now_ms: u64, keep: usize) -> Passed {
    let mut passed = Passed::default();
    let mut at = from_ms;
    while let Some(due) = times.next_ms(at) {
        let fires = times.fires_ms(due);
        if fires > now_ms {
            break;
        }
        at = due;
        passed.last_ms = Some(due);
        if fires + LATE_MS >= now_ms {
            passed.in_time.push(due);
            continue;
        }
        passed.missed.push_back(due);
        if passed.missed.len() > keep {
            passed.missed.pop_front();
            passed.skipped += 1;
        }
    }
    passed
}
