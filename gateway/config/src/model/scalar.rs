//! Values that are written as text: durations, sizes, moments.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// A duration: a whole number and `ms`, `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

/// A size: a whole number and `B`, `KiB`, `MiB`, `GiB` or `TiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Where a new subscription begins to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Moment {
    /// With the next event. The default.
    #[default]
    Tip,
    /// With the oldest event that is kept.
    Oldest,
    /// With the first event appended at or after this time, milliseconds since the Unix epoch.
    Time(u64),
}

/// A moment, milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) u64);

const PERIODS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];
const SIZES: [(&str, u64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn print(n: u64, units: &[(&str, u64)], smallest: &str) -> String {
    let whole = units
        .iter()
        .find(|(_, factor)| n > 0 && n.is_multiple_of(*factor));
    match whole {
        Some((unit, factor)) => format!("{}{unit}", n / factor),
        None => format!("{n}{smallest}"),
    }
}

impl std::str::FromStr for Period {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        parse(text, &PERIODS).map(|ms| Self(Duration::from_millis(ms))).ok_or_else(|| {
            format!("`{text}` is not a duration; hint: write a whole number and ms, s, m, h or d, for instance 15s")
        })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        match ms {
            0 => f.write_str("0s"),
            ms => f.write_str(&print(ms, &PERIODS, "ms")),
        }
    }
}

impl std::str::FromStr for Size {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        parse(text, &SIZES).map(Self).ok_or_else(|| {
            format!("`{text}` is not a size; hint: write a whole number and B, KiB, MiB, GiB or TiB, for instance 64KiB")
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self.0, &SIZES, "B"))
    }
}

impl std::str::FromStr for Time {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let time: Option<jiff::Timestamp> = text.parse().ok();
        let ms = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
        ms.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not a time; hint: write RFC 3339, for instance 2027-01-31T00:00:00Z"
            )
        })
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Moment::Time(self.0).fmt(f)
    }
}

impl std::str::FromStr for Moment {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "`{text}` is not a start; hint: write tip, oldest or an RFC 3339 time like 2026-05-01T00:00:00Z"
            )
        };
        match text {
            "tip" => Ok(Self::Tip),
            "oldest" => Ok(Self::Oldest),
            time => {
                let time: jiff::Timestamp = time.parse().map_err(|_| refused())?;
                u64::try_from(time.as_millisecond())
                    .map(Self::Time)
                    .map_err(|_| refused())
            }
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tip => f.write_str("tip"),
            Self::Oldest => f.write_str("oldest"),
            Self::Time(ms) => match i64::try_from(*ms).map(jiff::Timestamp::from_millisecond) {
                Ok(Ok(time)) => write!(f, "{time}"),
                _ => write!(f, "{ms} ms"),
            },
        }
    }
}

/// Serde and JSON Schema for a type that is written as text.
macro_rules! text {
    ($type:ident, $expecting:literal, $schema:tt) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}
pub(crate) use text;

text!(Period, "a duration such as 15s", {
    "type": "string",
    "pattern": "^[0-9]+(ms|s|m|h|d)$",
    "description": "A duration: a whole number and ms, s, m, h or d, for instance 15s"
});
text!(Size, "a size such as 64KiB", {
    "type": "string",
    "pattern": "^[0-9]+(B|KiB|MiB|GiB|TiB)$",
    "description": "A size: a whole number and B, KiB, MiB, GiB or TiB, for instance 64KiB"
});
text!(Time, "a time like 2027-01-31T00:00:00Z", {
    "type": "string",
    "format": "date-time",
    "description": "A time, RFC 3339, for instance 2027-01-31T00:00:00Z"
});
text!(Moment, "tip, oldest or a time", {
    "type": "string",
    "description": "tip, oldest or a time like 2026-05-01T00:00:00Z"
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_printed_as_they_are_written() {
        for text in ["250ms", "15s", "90s", "5m", "24m", "7d", "0s"] {
            assert_eq!(
                text.parse::<Period>().map(|p| p.to_string()),
                Ok(text.into())
            );
        }
        assert_eq!(
            "24h".parse::<Period>().map(|p| p.to_string()),
            Ok("1d".into())
        );
        for text in ["1B", "64KiB", "1MiB", "1025B", "3TiB", "0B"] {
            assert_eq!(text.parse::<Size>().map(|s| s.to_string()), Ok(text.into()));
        }
        for text in [
            "",
            "s",
            "15",
            "1.5s",
            "-1s",
            "15 s",
            "15S",
            "1h30m",
            "99999999999999999999s",
        ] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
