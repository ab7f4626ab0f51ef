//! Settings of a schedule.

use crate::Expression;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use std::str::FromStr;
use std::time::Duration;

/// Settings of a source of kind `schedule`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// When it fires: five fields as in a crontab (`30 2 * * MON-FRI`), or as Amazon EventBridge
    /// Scheduler has it: `cron(30 2 ? * 2-6 *)`, `rate(5 minutes)`, `at(2026-05-01T09:00:00)`.
    /// Since 0.1.
    #[schemars(with = "String")]
    pub when: Expression,
    /// Time zone of `when`, `start` and `end`, a name of the IANA database (Europe/Berlin). Default
    /// `UTC`. Since 0.1.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub time_zone: Zone,
    /// What becomes of a time of day that the clocks skip when they go forward. Default `skip`.
    /// Since 0.1.
    #[serde(default)]
    pub gap: Gap,
    /// No firing is due before this time, as `2026-05-01T00:00:00` in `time-zone`; rates count from
    /// it. Default: none; rates count from 1970-01-01T00:00:00Z. Since 0.1.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub start: Option<Local>,
    /// No firing is due at or after this time. Default: none. Since 0.1.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub end: Option<Local>,
    /// Whether it fires at all. What falls due while it is off is not caught up. Default `true`.
    /// Since 0.1.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Each firing comes up to this much later, by a figure made from name and due time: the same
    /// one each time. Default `0s`. Since 0.1.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub jitter: Span,
    /// What becomes of due times that have passed by more than a minute unnoticed: while the gateway
    /// was down, or when its clock was set forward. Default `latest`. Since 0.1.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// With `catch-up: all`: most firings that are caught up, the latest ones. Default 1000, at most
    /// 100000. Since 0.1.
    #[serde(default = "thousand")]
    #[schemars(range(min = 1, max = 100_000))]
    pub catch_up_max: u32,
    /// The event that each firing makes. Since 0.1.
    #[serde(default)]
    pub event: EventConfig,
}

/// The event that a firing makes. `id` is the schedule's name and the due time, `time` the due time.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct EventConfig {
    /// Its `type`. Default `schedule.fired`. Since 0.1.
    #[serde(rename = "type")]
    pub ty: Option<String>,
    /// Its `source`. Default `/schedules/NAME`. Since 0.1.
    pub source: Option<String>,
    /// Its `subject`. Default: the name of the schedule. Since 0.1.
    pub subject: Option<String>,
    /// Its `data`, JSON. Default: `{"schedule": NAME, "due": TIME}`. Since 0.1.
    pub data: Option<serde_json::Value>,
}

/// What becomes of a time of day that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// It is left out, as Amazon EventBridge Scheduler does.
    #[default]
    Skip,
    /// It is due when the gap ends; several of one gap are due once.
    Run,
}

/// What becomes of due times that passed unnoticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CatchUp {
    /// They are left out.
    None,
    /// The latest of them fires, the others are left out.
    #[default]
    Latest,
    /// All fire, in order, up to `catch-up-max`.
    All,
}

fn yes() -> bool {
    true
}

fn thousand() -> u32 {
    1000
}

/// A time zone by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Zone(pub TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl TryFrom<String> for Zone {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        TimeZone::get(&name)
            .map(Self)
            .map_err(|_| format!("`{name}` is no time zone: write a name of the IANA database, for instance Europe/Berlin"))
    }
}

impl Zone {
    pub(crate) fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

/// A civil time of the schedule's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Local(pub jiff::civil::DateTime);

impl TryFrom<String> for Local {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            format!("`{text}` is no time of day and date: write it without an offset, as 2026-05-01T09:00:00")
        })
    }
}

/// A duration: a whole number and `ms`, `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "`{text}` is not a duration: write a whole number and ms, s, m, h or d, for instance 15s"
            )
        };
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(refused)?;
        let (number, unit) = text.split_at(end);
        let factor = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(refused()),
        };
        let n = number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(factor));
        n.map(|ms| Self(Duration::from_millis(ms)))
            .ok_or_else(refused)
    }
}

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
