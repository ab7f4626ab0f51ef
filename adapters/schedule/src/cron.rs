//! Cron expressions over civil time; time zones come later.

use crate::field::{DAY, HOUR, MINUTE, MONTH, Range, WEEKDAY_AWS, WEEKDAY_UNIX, has};
use jiff::civil::{Date, DateTime, Weekday};

/// Years that a search goes through: the longest pause of a day that exists is eight years.
const YEARS_MAX: i16 = 12;
const YEAR_MIN: i16 = 1970;
const YEAR_MAX: i16 = 2199;

/// Minutes of the civil calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: u64,
    hours: u64,
    months: u64,
    days: Days,
    /// `None` for every year.
    years: Option<Vec<i16>>,
}

/// Which days of a month.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Days {
    of_month: u64,
    /// `L`, `L-n`: so many days before the last.
    from_last: Vec<i8>,
    /// `nW`: the weekday nearest to that day, within the month.
    nearest: Vec<i8>,
    /// `LW`: the last weekday.
    last_weekday: bool,
    /// Days of the week, 0 for Sunday.
    of_week: u64,
    /// `d#n`: the nth such day of the month.
    nth: Vec<(i8, i8)>,
    /// `dL`: the last such day of the month.
    last_of: Vec<i8>,
    /// Whether the day of the month, or of the week, is left open.
    any_of_month: bool,
    any_of_week: bool,
}

impl Cron {
    /// `minute hour day-of-month month day-of-week`, as crontab(5).
    pub(crate) fn unix(fields: &[&str]) -> Result<Self, String> {
        let [minute, hour, day, month, weekday] = fields else {
            return Err(format!(
                "a cron expression has 5 fields (minute, hour, day of the month, month, day of the week), this one has {}; cron(...) has 6, with the year",
                fields.len()
            ));
        };
        Self::new([minute, hour, day, month, weekday], None, false)
    }

    /// `minute hour day-of-month month day-of-week year`, as EventBridge.
    pub(crate) fn aws(fields: &[&str]) -> Result<Self, String> {
        let [minute, hour, day, month, weekday, year] = fields else {
            return Err(format!(
                "cron(...) has 6 fields (minute, hour, day of the month, month, day of the week, year), this one has {}",
                fields.len()
            ));
        };
        if (*day == "?") == (*weekday == "?") {
            return Err(
                "one of the day of the month and the day of the week is `?` in cron(...), the other is not".into(),
            );
        }
        Self::new([minute, hour, day, month, weekday], Some(year), true)
    }

    fn new(fields: [&str; 5], year: Option<&str>, aws: bool) -> Result<Self, String> {
        let [minute, hour, day, month, weekday] = fields;
        let mut days = Days::default();
        days.read_month(day)?;
        days.read_week(weekday, aws)?;
        Ok(Self {
            minutes: MINUTE.list(minute)?,
            hours: HOUR.list(hour)?,
            months: MONTH.list(month)?,
            days,
            years: year.map(years).transpose()?.flatten(),
        })
    }

    /// The first minute at or after `from`; `None` where there is none in years.
    pub(crate) fn next(&self, from: DateTime) -> Option<DateTime> {
        let mut at = from;
        if at.second() > 0 || at.subsec_nanosecond() > 0 {
            at = start_of_minute(at)?
                .checked_add(jiff::Span::new().minutes(1))
                .ok()?;
        }
        let mut day = at.date();
        let first_year = match &self.years {
            Some(years) => *years.iter().find(|y| **y >= day.year())?,
            None => day.year(),
        };
        if first_year > day.year() {
            day = Date::new(first_year, 1, 1).ok()?;
        }
        let last_year = match &self.years {
            Some(years) => *years.last()?,
            None => first_year.saturating_add(YEARS_MAX),
        };
        while day.year() <= last_year {
            let in_year = self.years.as_ref().is_none_or(|y| y.contains(&day.year()));
            if !in_year || !has(self.months, day.month()) {
                day = day.last_of_month().tomorrow().ok()?;
                continue;
            }
            if self.days.has(day) {
                let earliest = (day == at.date()).then_some(at);
                if let Some((hour, minute)) = self.minute_from(earliest) {
                    return Some(day.at(hour, minute, 0, 0));
                }
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// The first minute of a day, at or after a time of it.
    fn minute_from(&self, from: Option<DateTime>) -> Option<(i8, i8)> {
        let (first_hour, first_minute) = from.map_or((0, 0), |at| (at.hour(), at.minute()));
        let hours = (first_hour..24).filter(|h| has(self.hours, *h));
        for hour in hours {
            let first = if hour == first_hour { first_minute } else { 0 };
            if let Some(minute) = (first..60).find(|m| has(self.minutes, *m)) {
                return Some((hour, minute));
            }
        }
        None
    }
}

impl Days {
    fn read_month(&mut self, text: &str) -> Result<(), String> {
        if matches!(text, "*" | "?") {
            self.any_of_month = true;
            return Ok(());
        }
        for item in text.split(',') {
            let upper = item.to_ascii_uppercase();
            if upper == "LW" {
                self.last_weekday = true;
            } else if let Some(back) = upper.strip_prefix('L') {
                let back = match back.strip_prefix('-') {
                    Some(n) => n.parse::<i8>().ok().filter(|n| (0..=30).contains(n)),
                    None => back.is_empty().then_some(0),
                };
                self.from_last.push(back.ok_or_else(|| {
                    format!("`{item}` is no day of the month: write L, L-1 to L-30 or LW")
                })?);
            } else if let Some(day) = upper.strip_suffix('W') {
                self.nearest.push(DAY.value(day)? as i8);
            } else {
                self.of_month |= DAY.item(item)?;
            }
        }
        Ok(())
    }

    fn read_week(&mut self, text: &str, aws: bool) -> Result<(), String> {
        if matches!(text, "*" | "?") {
            self.any_of_week = true;
            return Ok(());
        }
        let range: Range = if aws { WEEKDAY_AWS } else { WEEKDAY_UNIX };
        // 0 for Sunday, whatever it is written as.
        let plain = |n: u8| if aws { n as i8 - 1 } else { n as i8 % 7 };
        for item in text.split(',') {
            let upper = item.to_ascii_uppercase();
            if let Some((day, nth)) = upper.split_once('#') {
                let nth = nth.parse::<i8>().ok().filter(|n| (1..=5).contains(n));
                let nth = nth.ok_or_else(|| {
                    format!("`{item}` is no day of the week: write its number, `#` and 1 to 5")
                })?;
                self.nth.push((plain(range.value(day)?), nth));
            } else if upper == "L" {
                // The last day of the week.
                self.of_week |= 1 << 6;
            } else if let Some(day) = upper.strip_suffix('L') {
                self.last_of.push(plain(range.value(day)?));
            } else {
                let set = range.item(item)?;
                let days = (0..8u8).filter(|n| has(set, *n as i8));
                self.of_week |= days.fold(0, |all, n| all | 1 << plain(n));
            }
        }
        Ok(())
    }

    fn has(&self, day: Date) -> bool {
        match (self.any_of_month, self.any_of_week) {
            (true, true) => true,
            (true, false) => self.in_week(day),
            (false, true) => self.in_month(day),
            // As crontab(5): either will do. EventBridge never has both.
            (false, false) => self.in_month(day) || self.in_week(day),
        }
    }

    fn in_month(&self, day: Date) -> bool {
        let last = day.days_in_month();
        let is = |n: i8| n == day.day();
        has(self.of_month, day.day())
            || self.from_last.iter().any(|back| is(last - back))
            || self
                .nearest
                .iter()
                .any(|n| nearest(day, *n).is_some_and(is))
            || self.last_weekday && is(last_weekday(day))
    }

    fn in_week(&self, day: Date) -> bool {
        let of_week = day.weekday().to_sunday_zero_offset();
        let nth = (day.day() - 1) / 7 + 1;
        has(self.of_week, of_week)
            || self.nth.contains(&(of_week, nth))
            || self.last_of.contains(&of_week) && day.day() + 7 > day.days_in_month()
    }
}

/// The weekday nearest to day `n` of the month, without leaving it.
fn nearest(month: Date, n: i8) -> Option<i8> {
    let last = month.days_in_month();
    let day = Date::new(month.year(), month.month(), n).ok()?;
    Some(match day.weekday() {
        Weekday::Saturday if n > 1 => n - 1,
        Weekday::Saturday => n + 2,
        Weekday::Sunday if n < last => n + 1,
        Weekday::Sunday => n - 2,
        _ => n,
    })
}

fn last_weekday(month: Date) -> i8 {
    let last = month.last_of_month();
    match last.weekday() {
        Weekday::Saturday => last.day() - 1,
        Weekday::Sunday => last.day() - 2,
        _ => last.day(),
    }
}

fn start_of_minute(at: DateTime) -> Option<DateTime> {
    at.with().second(0).subsec_nanosecond(0).build().ok()
}

/// Years in order; `None` for all.
fn years(text: &str) -> Result<Option<Vec<i16>>, String> {
    if text == "*" {
        return Ok(None);
    }
    let year = |text: &str| {
        let n = text.parse::<i16>().ok();
        n.filter(|n| (YEAR_MIN..=YEAR_MAX).contains(n))
            .ok_or_else(|| format!("`{text}` is no year: write {YEAR_MIN} to {YEAR_MAX}"))
    };
    let mut all = Vec::new();
    for item in text.split(',') {
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => {
                let n = step.parse::<usize>().ok().filter(|n| *n > 0);
                (
                    span,
                    n.ok_or_else(|| format!("`{step}` is no step in `{item}`: write 1 or more"))?,
                )
            }
            None => (item, 1),
        };
        let (from, to) = match span.split_once('-') {
            Some((from, to)) => (year(from)?, year(to)?),
            None if span == "*" => (YEAR_MIN, YEAR_MAX),
            None if step > 1 => (year(span)?, YEAR_MAX),
            None => (year(span)?, year(span)?),
        };
        if from > to {
            return Err(format!("`{span}` runs backwards in the year"));
        }
        all.extend((from..=to).step_by(step));
    }
    all.sort_unstable();
    all.dedup();
    Ok(Some(all))
}
