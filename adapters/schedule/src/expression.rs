//! When: `cron(...)`, five fields, `rate(...)` or `at(...)`.

use crate::cron::Cron;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use std::fmt;
use std::str::FromStr;

/// Longest expression, in bytes.
const LONGEST: usize = 512;
/// Longest rate, in seconds: a hundred years.
const RATE_MAX: i64 = 100 * 366 * 86_400;

/// When a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Expression {
    text: String,
    pub(crate) when: When,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum When {
    /// Minutes of a civil calendar.
    Cron(Box<Cron>),
    /// Every so often, whatever clocks on walls do.
    Rate(SignedDuration),
    /// Once.
    At(DateTime),
}

impl FromStr for Expression {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(format!("the expression is longer than {LONGEST} bytes"));
        }
        let inside = |name: &str| {
            text.strip_prefix(name)?
                .strip_prefix('(')?
                .strip_suffix(')')
        };
        let fields = |text| str::split_whitespace(text).collect::<Vec<_>>();
        let when = if let Some(cron) = inside("cron") {
            When::Cron(Box::new(Cron::aws(&fields(cron))?))
        } else if let Some(rate) = inside("rate") {
            When::Rate(every(rate.trim())?)
        } else if let Some(at) = inside("at") {
            When::At(at.trim().parse().map_err(|_| {
                format!("`{at}` is no time of at(...): write it without an offset, as 2026-05-01T09:00:00; `time-zone` says where")
            })?)
        } else if text.contains('(') {
            return Err(format!(
                "`{text}` is no expression: write cron(...), rate(...), at(...) or five fields"
            ));
        } else {
            When::Cron(Box::new(Cron::unix(&fields(text))?))
        };
        Ok(Self {
            text: text.to_owned(),
            when,
        })
    }
}

impl TryFrom<String> for Expression {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn every(text: &str) -> Result<SignedDuration, String> {
    let refused = || {
        format!(
            "`{text}` is no rate: write a whole number and second(s), minute(s), hour(s) or day(s), as rate(5 minutes)"
        )
    };
    let (number, unit) = text.split_once(' ').ok_or_else(refused)?;
    let n = number
        .parse::<u32>()
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(refused)?;
    let unit = match unit.trim() {
        "second" | "seconds" => 1,
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => 86_400,
        _ => return Err(refused()),
    };
    let seconds = i64::from(n) * unit;
    if seconds > RATE_MAX {
        return Err(format!("`{text}` is longer than a hundred years"));
    }
    Ok(SignedDuration::from_secs(seconds))
}
