//! RFC 3339 timestamps.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// An instant: whole seconds since the Unix epoch (may be negative) and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

/// Why a text is no RFC 3339 timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no RFC 3339 timestamp: {0}; expected for instance 2018-04-05T17:31:00Z")]
pub struct InvalidTimestamp(&'static str);

const DAY: i64 = 86_400;

impl Timestamp {
    /// Reads RFC 3339, in any offset. Fractions are cut to nanoseconds. A leap second (`:60`) is
    /// taken where the UTC time is 23:59 and reads as the first second of the next day.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        const SHAPE: InvalidTimestamp = InvalidTimestamp("not of the form date, T, time, offset");
        let b = text.as_bytes();
        if b.len() < 20
            || b[4] != b'-'
            || b[7] != b'-'
            || !matches!(b[10], b'T' | b't')
            || b[13] != b':'
            || b[16] != b':'
        {
            return Err(SHAPE);
        }
        let two = |at: usize| digits(b, at, 2).ok_or(SHAPE);
        let year = digits(b, 0, 4).ok_or(SHAPE)?;
        let (month, day, hour, minute, second) = (two(5)?, two(8)?, two(11)?, two(14)?, two(17)?);
        if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
            return Err(InvalidTimestamp("there is no such day"));
        }
        if hour > 23 || minute > 59 || second > 60 {
            return Err(InvalidTimestamp("there is no such time of day"));
        }
        let (nanos, at) = fraction(b, 19)?;
        let offset = offset(b, at)?;
        let seconds =
            days_from_epoch(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
        if second == 60 && seconds.rem_euclid(DAY) != 0 {
            return Err(InvalidTimestamp(
                "a leap second can only be at 23:59:60 UTC",
            ));
        }
        Ok(Self { seconds, nanos })
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let (seconds, nanos) = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
            Err(e) => {
                let before = e.duration();
                let seconds = -(before.as_secs() as i64);
                match before.subsec_nanos() {
                    0 => (seconds, 0),
                    nanos => (seconds - 1, 1_000_000_000 - nanos),
                }
            }
        };
        Self { seconds, nanos }
    }
}

/// RFC 3339 in UTC, with as many digits of fraction as needed. Years outside 0000 to 9999 have no
/// RFC 3339 form and show more digits or a sign.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.seconds.div_euclid(DAY));
        let second = self.seconds.rem_euclid(DAY);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
            second / 3600,
            second / 60 % 60,
            second % 60
        )?;
        match self.nanos {
            0 => {}
            n if n % 1_000_000 == 0 => write!(f, ".{:03}", n / 1_000_000)?,
            n if n % 1_000 == 0 => write!(f, ".{:06}", n / 1_000)?,
            n => write!(f, ".{n:09}")?,
        }
        f.write_str("Z")
    }
}

fn digits(bytes: &[u8], at: usize, count: usize) -> Option<i64> {
    let mut n = 0;
    for b in bytes.get(at..at + count)? {
        if !b.is_ascii_digit() {
            return None;
        }
        n = n * 10 + i64::from(b - b'0');
    }
    Some(n)
}

fn fraction(bytes: &[u8], at: usize) -> Result<(u32, usize), InvalidTimestamp> {
    if bytes.get(at) != Some(&b'.') {
        return Ok((0, at));
    }
    let tail = &bytes[at + 1..];
    let len = tail
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(tail.len());
    if len == 0 {
        return Err(InvalidTimestamp("a fraction needs digits"));
    }
    let places = tail[..len].iter().map(|b| u32::from(b - b'0'));
    let padded = places.chain(std::iter::repeat(0)).take(9);
    let nanos = padded.fold(0, |nanos, digit| nanos * 10 + digit);
    Ok((nanos, at + 1 + len))
}

fn offset(bytes: &[u8], at: usize) -> Result<i64, InvalidTimestamp> {
    const BAD: InvalidTimestamp = InvalidTimestamp("the offset must be Z, +hh:mm or -hh:mm");
    let sign = match (bytes.get(at), bytes.len() - at.min(bytes.len())) {
        (Some(b'Z' | b'z'), 1) => return Ok(0),
        (Some(b'+'), 6) => 1,
        (Some(b'-'), 6) => -1,
        _ => return Err(BAD),
    };
    let hours = digits(bytes, at + 1, 2).ok_or(BAD)?;
    let minutes = digits(bytes, at + 4, 2).ok_or(BAD)?;
    if bytes[at + 3] != b':' || hours > 23 || minutes > 59 {
        return Err(BAD);
    }
    Ok(sign * (hours * 3600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts years from March, so that the leap day comes last; 719 468 days lie between 0000-03-01 and
/// the epoch.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = (shifted + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read() {
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2018-04-05T17:31:00Z", 1_522_949_460, 0),
            ("2018-04-05t18:31:00.5+01:00", 1_522_949_460, 500_000_000),
            ("2018-04-05T16:31:00.000000001-01:00", 1_522_949_460, 1),
            ("2018-04-05T16:31:00.0000000019-01:00", 1_522_949_460, 1),
            ("1969-12-31T23:59:59.25z", -1, 250_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800, 0),
            ("2017-01-01T08:59:60+09:00", 1_483_228_800, 0),
            ("2000-02-29T00:00:00-00:00", 951_782_400, 0),
            ("0000-01-01T00:00:00Z", -62_167_219_200, 0),
            ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
        ] {
            assert_eq!(
                Timestamp::parse(text),
                Ok(Timestamp { seconds, nanos }),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "lunchtime",
            "2018-04-05",
            "2018-04-05T18:31Z",
            "2018-04-05T18:31:00X",
            "2018-04-05T18:31:00",
            "2018-04-05T18:31:00+25:00",
            "2018-04-05T18:31:00+xx:00",
            "2018-04-05T18:31:00+05",
            "2018-04-05 18:31:00Z",
            "2018-13-05T18:31:00Z",
            "2018-02-29T18:31:00Z",
            "2018-04-05T24:00:00Z",
            "2018-04-05T12:00:60Z",
            "2018-04-05T18:31:00.Z",
            "2018-04-05T18:31:00ZZ",
            "+018-04-05T18:31:00Z",
            "2018-04-05T18:31:00+05:60",
            "2018-04-05T18:31:00+0500",
            "2018-00-05T18:31:00Z",
            "2018-04-00T18:31:00Z",
            "2018-04-05T18:31:00é",
            "2018-04-05T18:31:61Z",
            "2018-04-05T18:60:00Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_clock_of_the_system_is_read() {
        use std::time::Duration;
        let quarter = Duration::from_millis(250);
        let after = Timestamp::from(UNIX_EPOCH + quarter);
        assert_eq!(after.to_string(), "1970-01-01T00:00:00.250Z");
        let before = Timestamp::from(UNIX_EPOCH - quarter);
        assert_eq!(before.to_string(), "1969-12-31T23:59:59.750Z");
    }

    #[test]
    fn display_reads_back() {
        for seconds in [
            0,
            -1,
            951_782_399,
            951_782_400,
            1_522_949_460,
            -62_167_219_200,
            253_402_300_799,
        ] {
            for nanos in [0, 5_000_000, 7_000, 999_999_999] {
                let instant = Timestamp { seconds, nanos };
                assert_eq!(Timestamp::parse(&instant.to_string()), Ok(instant));
            }
        }
        assert_eq!(
            Timestamp {
                seconds: 0,
                nanos: 0
            }
            .to_string(),
            "1970-01-01T00:00:00Z"
        );
    }
}
