//! Timestamps and durations.

use super::functions::Function;
use super::value::{Failure, Outcome};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};

/// The years that there are: 1 to 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// That many seconds, and nanoseconds, after 1970.
pub(super) fn at(seconds: i64, nanos: u32) -> Outcome<Timestamp> {
    if !SECONDS.contains(&seconds) {
        return Err(Failure::Overflow("timestamp"));
    }
    let nanos = i64::from(nanos);
    Timestamp::from_second(seconds)
        .and_then(|at| at.checked_add(SignedDuration::from_nanos(nanos)))
        .map_err(|_| Failure::Overflow("timestamp"))
}

pub(super) fn parse(text: &str) -> Outcome<Timestamp> {
    match tradewind_event::Timestamp::parse(text) {
        Ok(found) => at(found.seconds, found.nanos),
        Err(_) => Err(Failure::Conversion("string", "timestamp")),
    }
}

pub(super) fn plus(from: Timestamp, duration: SignedDuration) -> Outcome<Timestamp> {
    let sum = from.checked_add(duration).ok();
    sum.filter(|sum| SECONDS.contains(&sum.as_second()))
        .ok_or(Failure::Overflow("timestamp"))
}

/// As in `1h30m`, `-1.5s`, `0`.
pub(super) fn parse_duration(text: &str) -> Outcome<SignedDuration> {
    const UNITS: [(&str, f64, i128); 7] = [
        ("ns", 1.0, 1),
        ("us", 1e3, 1_000),
        ("µs", 1e3, 1_000),
        ("ms", 1e6, 1_000_000),
        ("s", 1e9, 1_000_000_000),
        ("m", 60e9, 60_000_000_000),
        ("h", 3600e9, 3_600_000_000_000),
    ];
    let wrong = || Failure::Conversion("string", "duration");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut nanos: i128 = 0;
    if rest.is_empty() {
        return Err(wrong());
    }
    if rest == "0" {
        rest = "";
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(end);
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let (_, size, exact) = UNITS
            .iter()
            .find(|(known, ..)| *known == unit)
            .ok_or_else(wrong)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && part.is_empty() || part.contains('.') || number.len() > 30 {
            return Err(wrong());
        }
        let whole: i128 = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| wrong())?
        };
        let part: f64 = format!("0.{part}").parse().map_err(|_| wrong())?;
        nanos = whole
            .checked_mul(*exact)
            .and_then(|whole| nanos.checked_add(whole))
            .and_then(|nanos| nanos.checked_add((part * size) as i128))
            .ok_or(Failure::Overflow("duration"))?;
        rest = tail;
    }
    let nanos = if negative { -nanos } else { nanos };
    let nanos = i64::try_from(nanos).map_err(|_| Failure::Overflow("duration"))?;
    Ok(SignedDuration::from_nanos(nanos))
}

/// As in `90s`, `-1.5s`.
pub(super) fn written(duration: SignedDuration) -> String {
    let sign = if duration.is_negative() { "-" } else { "" };
    let (seconds, nanos) = (
        duration.as_secs().unsigned_abs(),
        duration.subsec_nanos().unsigned_abs(),
    );
    let fraction = format!(".{nanos:09}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{sign}{seconds}{fraction}s")
}

/// The zone of this name, or at this distance from UTC, as in `+02:00`.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    let (hours, minutes) = match name.split_once(':') {
        Some(parts) => parts,
        None if name == "UTC" => return Some(TimeZone::UTC),
        None => return TimeZone::get(name).ok(),
    };
    let digits = |text: &str| {
        !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit())
    };
    let (sign, hours) = match (hours.strip_prefix('-'), hours.strip_prefix('+')) {
        (Some(hours), _) => (-1, hours),
        (_, Some(hours)) => (1, hours),
        _ => (1, hours),
    };
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let offset = Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    (hours < 24 && minutes < 60).then(|| TimeZone::fixed(offset))
}

/// A part of a timestamp, as a clock in that zone shows it.
pub(super) fn part(which: Function, at: Timestamp, in_zone: &str) -> Outcome<i64> {
    let zone = zone(in_zone).ok_or(Failure::Conversion("string", "time zone"))?;
    let local = Zoned::new(at, zone);
    Ok(match which {
        Function::FullYear => local.year().into(),
        Function::Month => i64::from(local.month()) - 1,
        Function::Date => local.day().into(),
        Function::DayOfMonth => i64::from(local.day()) - 1,
        Function::DayOfWeek => local.weekday().to_sunday_zero_offset().into(),
        Function::DayOfYear => i64::from(local.day_of_year()) - 1,
        Function::Hours => local.hour().into(),
        Function::Minutes => local.minute().into(),
        Function::Seconds => local.second().into(),
        _ => local.millisecond().into(),
    })
}

/// A duration in whole hours, minutes or seconds, or the milliseconds beyond those.
pub(super) fn part_of(which: Function, duration: SignedDuration) -> Option<i64> {
    Some(match which {
        Function::Hours => duration.as_hours(),
        Function::Minutes => duration.as_mins(),
        Function::Seconds => duration.as_secs(),
        Function::Milliseconds => i64::from(duration.subsec_millis()),
        _ => return None,
    })
}
