//! Due times as instants: time zone, daylight saving, start and end, jitter.

use crate::config::{Config, Gap, Zone};
use crate::expression::{Expression, When};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use siphasher::sip::SipHasher24;
use std::hash::Hasher;

/// When a schedule is due. Pure: it is told the time.
///
/// A time of day that occurs twice, because clocks go back, is due at its first occurrence only. One
/// that is skipped is treated as [`Gap`] says; that of `at(...)` is due when the gap ends, since
/// there is no other. A rate counts seconds and knows no clocks on walls.
#[derive(Debug, Clone)]
pub struct Times {
    expression: Expression,
    zone: Zone,
    gap: Gap,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    jitter_ms: u64,
    name: String,
}

impl Times {
    /// The due times of a schedule with this name.
    pub fn new(name: &str, config: &Config) -> Self {
        let instant =
            |local: &crate::config::Local| resolve(&config.time_zone.0, local.0, Gap::Run);
        Self {
            expression: config.when.clone(),
            zone: config.time_zone.clone(),
            gap: config.gap,
            start: config.start.as_ref().and_then(instant),
            end: config.end.as_ref().and_then(instant),
            jitter_ms: u64::try_from(config.jitter.0.as_millis()).unwrap_or(u64::MAX),
            name: name.to_owned(),
        }
    }

    /// The first due time after `after`.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = match self.start {
            // Due at the start itself, so from just before it.
            Some(start) if start > after => {
                start.checked_sub(SignedDuration::from_millis(1)).ok()?
            }
            _ => after,
        };
        let next = match &self.expression.when {
            When::Cron(cron) => self.next_civil(after, |from| cron.next(from)),
            When::Rate(every) => self.next_beat(after, *every),
            When::At(at) => resolve(&self.zone.0, *at, Gap::Run).filter(|at| *at > after),
        };
        next.filter(|at| self.end.is_none_or(|end| *at < end))
    }

    fn next_civil(
        &self,
        after: Timestamp,
        next: impl Fn(DateTime) -> Option<DateTime>,
    ) -> Option<Timestamp> {
        let mut from = self.zone.0.to_datetime(after);
        loop {
            let civil = next(from)?;
            match resolve(&self.zone.0, civil, self.gap) {
                // In the second pass of a time of day, the first has been.
                Some(at) if at > after => return Some(at),
                _ => from = civil.checked_add(jiff::Span::new().minutes(1)).ok()?,
            }
        }
    }

    fn next_beat(&self, after: Timestamp, every: SignedDuration) -> Option<Timestamp> {
        let origin = self.start.unwrap_or(Timestamp::UNIX_EPOCH);
        let every = every.as_secs();
        let beats = after.duration_since(origin).as_secs_f64() as i64;
        let mut n = beats.div_euclid(every);
        loop {
            let at = origin
                .checked_add(SignedDuration::from_secs(n.checked_mul(every)?))
                .ok()?;
            if at > after {
                return Some(at);
            }
            n += 1;
        }
    }

    /// When the firing of a due time is made.
    pub fn fires_ms(&self, due_ms: u64) -> u64 {
        if self.jitter_ms == 0 {
            return due_ms;
        }
        // Part of what is promised: the same in every release.
        let mut hasher = SipHasher24::new();
        hasher.write(self.name.as_bytes());
        hasher.write_u8(0xff);
        hasher.write(&due_ms.to_be_bytes());
        due_ms.saturating_add(hasher.finish() % (self.jitter_ms + 1))
    }

    /// As [`Times::next`], in milliseconds since the Unix epoch.
    pub fn next_ms(&self, after_ms: u64) -> Option<u64> {
        let after = Timestamp::from_millisecond(i64::try_from(after_ms).ok()?).ok()?;
        u64::try_from(self.next(after)?.as_millisecond()).ok()
    }

    /// The expression and its zone.
    pub fn describe(&self) -> String {
        match self.expression.when {
            When::Rate(_) => self.expression.to_string(),
            _ => format!("{} {}", self.expression, self.zone.name()),
        }
    }

    /// A due time on the clocks of the zone, RFC 9557.
    pub fn local(&self, due_ms: u64) -> String {
        let at = i64::try_from(due_ms).map(Timestamp::from_millisecond);
        match at {
            Ok(Ok(at)) => at.to_zoned(self.zone.0.clone()).to_string(),
            _ => format!("{due_ms} ms"),
        }
    }

    /// What decides the due times, in one text: when it differs, it is another schedule.
    pub(crate) fn identity(&self) -> String {
        format!(
            "{} {} {:?} {:?} {:?}",
            self.expression,
            self.zone.name(),
            self.gap,
            self.start,
            self.end
        )
    }
}

/// The instant of a time of day: the first where there are two.
fn resolve(zone: &TimeZone, civil: DateTime, gap: Gap) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match (ambiguous.offset(), gap) {
        (AmbiguousOffset::Gap { .. }, Gap::Skip) => None,
        (AmbiguousOffset::Gap { .. }, Gap::Run) => {
            let before = ambiguous.earlier().ok()?;
            zone.following(before)
                .next()
                .map(|change| change.timestamp())
        }
        _ => ambiguous.earlier().ok(),
    }
}
