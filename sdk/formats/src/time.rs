//! Timestamps as providers write them.

use std::borrow::Cow;
use tradewind_event::Timestamp;

/// From here on a number counts milliseconds: as seconds it would lie beyond the year 5000.
const MILLISECONDS_FROM: u64 = 100_000_000_000;
/// From here on microseconds, for the same reason.
const MICROSECONDS_FROM: u64 = MILLISECONDS_FROM * 1000;
/// From here on nanoseconds.
const NANOSECONDS_FROM: u64 = MICROSECONDS_FROM * 1000;

/// RFC 3339 as it stands; seconds, or thousandths of them and less, since the Unix epoch and offsets
/// without a colon written as RFC 3339; `None` for anything else: `time` is optional, and no event is lost for want
/// of it.
pub(crate) fn rfc3339(value: Cow<'_, str>) -> Option<Cow<'_, str>> {
    if value.starts_with(|c: char| c.is_ascii_digit()) && !value.contains(['-', ':', 'T']) {
        return epoch(&value).map(Cow::Owned);
    }
    if Timestamp::parse(&value).is_ok() && !value.contains(' ') {
        return Some(value);
    }
    // As Ruby prints a time: `2015-05-17 18:08:09 UTC`, `… +0200`.
    let value: Cow<'_, str> = match value.split_once(' ') {
        Some((date, time)) => {
            let time = time.replace(" UTC", "Z").replace(" ", "");
            format!("{date}T{time}").into()
        }
        None => value,
    };
    if Timestamp::parse(&value).is_ok() {
        return Some(value);
    }
    let (head, tail) = value.split_at_checked(value.len().checked_sub(2)?)?;
    let fixed = match head.as_bytes() {
        [.., b'+' | b'-', _, _] => format!("{head}:{tail}"),
        // Times without an offset are UTC wherever providers write them.
        _ => format!("{value}Z"),
    };
    Timestamp::parse(&fixed)
        .is_ok()
        .then_some(Cow::Owned(fixed))
}

/// Seconds (also with a fraction or in exponent form), or smaller units, since the Unix epoch.
fn epoch(text: &str) -> Option<String> {
    let (seconds, nanos) = if let Ok(number) = text.parse::<u64>() {
        let parts: u64 = match number {
            0..MILLISECONDS_FROM => 1,
            MILLISECONDS_FROM..MICROSECONDS_FROM => 1000,
            MICROSECONDS_FROM..NANOSECONDS_FROM => 1_000_000,
            _ => 1_000_000_000,
        };
        (
            number / parts,
            ((number % parts) * (1_000_000_000 / parts)) as u32,
        )
    } else {
        let number = text.parse::<f64>().ok().filter(|n| n.is_finite())?;
        let seconds = if number < MILLISECONDS_FROM as f64 {
            number
        } else {
            number / 1000.0
        };
        // Microseconds: what a double of this size tells apart.
        let micros = (seconds.fract() * 1e6).round() as u32;
        (
            seconds as u64 + u64::from(micros / 1_000_000),
            micros % 1_000_000 * 1000,
        )
    };
    let timestamp = Timestamp {
        seconds: i64::try_from(seconds).ok()?,
        nanos,
    };
    let text = timestamp.to_string();
    Timestamp::parse(&text).is_ok().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_providers_write() {
        let table = [
            ("2020-03-08T20:43:55.000Z", Some("2020-03-08T20:43:55.000Z")),
            (
                "2016-01-01T23:59:59.000+0000",
                Some("2016-01-01T23:59:59.000+00:00"),
            ),
            (
                "2016-01-01T23:59:59.5-0730",
                Some("2016-01-01T23:59:59.5-07:30"),
            ),
            (
                "2018-06-20T04:10:17.000000",
                Some("2018-06-20T04:10:17.000000Z"),
            ),
            ("2015-05-17 18:08:09 UTC", Some("2015-05-17T18:08:09Z")),
            ("2018-06-20 04:10:17", Some("2018-06-20T04:10:17Z")),
            (
                "2018-06-20 04:10:17 +0200",
                Some("2018-06-20T04:10:17+02:00"),
            ),
            ("1428582896", Some("2015-04-09T12:34:56Z")),
            ("1428582896000", Some("2015-04-09T12:34:56Z")),
            ("1583348638390", Some("2020-03-04T19:03:58.390Z")),
            ("1583348638390123", Some("2020-03-04T19:03:58.390123Z")),
            (
                "1583348638390123456",
                Some("2020-03-04T19:03:58.390123456Z"),
            ),
            ("1545082649.183", Some("2018-12-17T21:37:29.183Z")),
            ("1.545082649E9", Some("2018-12-17T21:37:29Z")),
            ("99999999999999999999", None),
            ("1e300", None),
            ("yesterday", None),
            ("é", None),
            ("", None),
        ];
        for (written, expected) in table {
            assert_eq!(rfc3339(written.into()).as_deref(), expected, "{written}");
        }
    }
}
