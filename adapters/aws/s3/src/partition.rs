//! What tells objects apart.

use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write;
use tradewind_event::Event;

/// A step of an object's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// `type=order.placed`
    Type,
    /// `source=/shop`, with slashes escaped.
    Source,
    /// `date=2026-01-31`: the day of the event's `time` in UTC, else of its delivery.
    Date,
    /// `hour=09`, of the same time.
    Hour,
}

/// Where an event belongs, as `type=order.placed/date=2026-01-31/`; `now` in seconds since the Unix epoch.
pub(crate) fn place(event: &Event, parts: &[Part], now: i64) -> String {
    let seconds = event.time().map_or(now, |time| time.seconds);
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Type => write!(out, "type={}/", step(event.ty())),
            Part::Source => write!(out, "source={}/", step(event.source())),
            Part::Date => {
                let (year, month, day) = date(seconds.div_euclid(86_400));
                write!(out, "date={year:04}-{month:02}-{day:02}/")
            }
            Part::Hour => write!(out, "hour={:02}/", seconds.rem_euclid(86_400) / 3600),
        }
        .ok();
    }
    out
}

/// A text in one step of a name: what leads elsewhere, or is no letter, is escaped.
fn step(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b':' => {
                out.push(byte.into())
            }
            byte => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// Year, month and day of a day since the Unix epoch, by the civil calendar.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_484, (2026, 1, 31)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }

    #[test]
    fn events_belong_where_their_time_is() {
        let all = [Part::Type, Part::Source, Part::Date, Part::Hour];
        let event = |time: &str| {
            let event = Event::builder("1", "/shop/../a", "order.placed");
            let event = if time.is_empty() {
                event
            } else {
                event.time(time)
            };
            event.build().unwrap()
        };
        for (time, expected) in [
            ("2026-01-31T23:30:00-02:00", "date=2026-02-01/hour=01/"),
            ("2026-01-31T09:59:59.9Z", "date=2026-01-31/hour=09/"),
            ("", "date=1970-01-02/hour=01/"),
        ] {
            let made = place(&event(time), &all, 90_000);
            assert_eq!(
                made,
                format!("type=order.placed/source=%2Fshop%2F..%2Fa/{expected}")
            );
        }
        assert_eq!(place(&event(""), &[], 0), "");
    }
}
