//! What tells objects apart.

use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write;
use tradewind_event::{Event, Timestamp};

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

/// Where an event belongs, as `type=order.placed/date=2026-01-31/`.
pub(crate) fn place(event: &Event, parts: &[Part], now: Timestamp) -> String {
    let time = event.time().unwrap_or(now).to_string();
    let (date, time) = time.split_once('T').unwrap_or_default();
    let (hour, _) = time.split_once(':').unwrap_or_default();
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Type => write!(out, "type={}/", step(event.ty())),
            Part::Source => write!(out, "source={}/", step(event.source())),
            Part::Date => write!(out, "date={date}/"),
            Part::Hour => write!(out, "hour={hour}/"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_belong_where_their_time_is() {
        let now = Timestamp {
            seconds: 90_000,
            nanos: 0,
        };
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
            ("1970-01-01T00:00:00Z", "date=1970-01-01/hour=00/"),
            ("1969-12-31T23:59:59Z", "date=1969-12-31/hour=23/"),
            ("2000-03-01T00:30:00+01:00", "date=2000-02-29/hour=23/"),
            ("2000-02-29T23:30:00-01:00", "date=2000-03-01/hour=00/"),
            ("2100-03-01T00:30:00+01:00", "date=2100-02-28/hour=23/"),
            ("2100-02-28T23:30:00-01:00", "date=2100-03-01/hour=00/"),
            ("", "date=1970-01-02/hour=01/"),
        ] {
            let made = place(&event(time), &all, now);
            assert_eq!(
                made,
                format!("type=order.placed/source=%2Fshop%2F..%2Fa/{expected}")
            );
        }
        assert_eq!(place(&event(""), &[], now), "");
    }
}
