//! What a timer trigger brings.

use super::invocation::{Members, peeled};
use crate::Options;
use crate::hosts::{foreign, timer};
use serde::Deserialize;
use tradewind_event::Timestamp;

/// Newer hosts write members in camel case.
#[derive(Deserialize)]
struct Info {
    #[serde(rename = "IsPastDue", alias = "isPastDue")]
    _past_due: bool,
    /// As of before this call; none where the timer is not watched.
    #[serde(rename = "ScheduleStatus", alias = "scheduleStatus", default)]
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(rename = "Next", alias = "next", default)]
    next: String,
}

/// A clock that fires this much too early, in seconds, is on time.
const EARLY: i64 = 5;

/// When it was due, if a clock calls: what was next before the call, or the minute that it is where the call came
/// without being due.
pub(super) fn due(value: &[u8], metadata: &Members<'_>, options: &Options) -> Option<Timestamp> {
    let info: Info = foreign::object(value).ok()?;
    let told = metadata.get("sys").and_then(|sys| {
        let sys: serde_json::Value = serde_json::from_slice(&peeled(sys)).ok()?;
        Timestamp::parse(sys["UtcNow"].as_str()?.trim_matches('"')).ok()
    });
    let soon = Timestamp {
        seconds: told.unwrap_or_else(|| timer::now(options)).seconds + EARLY,
        nanos: 0,
    };
    let next = info
        .status
        .and_then(|status| Timestamp::parse(&status.next).ok());
    let was_due = |next: &Timestamp| (1..=soon.seconds).contains(&next.seconds);
    Some(next.filter(was_due).unwrap_or_else(|| timer::minute(soon)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::to_raw_value;

    #[test]
    fn a_call_is_due_when_the_host_said_that_it_would_be() {
        let sys = to_raw_value(&serde_json::json!({ "UtcNow": "2026-01-02T03:00:01.5Z" })).unwrap();
        let metadata = Members::from([("sys".into(), &*sys)]);
        let found = |info: &str| {
            let due = due(info.as_bytes(), &metadata, &Options::default());
            due.map_or_else(|| "none".into(), |due| due.to_string())
        };
        let documented = r#"{"Schedule":{"AdjustForDST":true},"IsPastDue":false,"ScheduleStatus":
            {"Last":"2026-01-01T03:00:00+00:00","LastUpdated":"2026-01-01T03:00:01+00:00","Next":"2026-01-02T03:00:00+00:00"}}"#;
        for (info, expected) in [
            (documented, "2026-01-02T03:00:00Z"),
            // Missed while nothing ran.
            (
                r#"{"isPastDue":true,"scheduleStatus":{"next":"2026-01-01T21:00:00-06:00"}}"#,
                "2026-01-02T03:00:00Z",
            ),
            (
                r#"{"IsPastDue":true,"ScheduleStatus":{"Next":"2026-01-01T03:00:00Z"}}"#,
                "2026-01-01T03:00:00Z",
            ),
            // Started by hand, or not watched.
            (
                r#"{"IsPastDue":false,"ScheduleStatus":{"Next":"2026-01-03T03:00:00Z"}}"#,
                "2026-01-02T03:00:00Z",
            ),
            (
                r#"{"IsPastDue":false,"ScheduleStatus":null}"#,
                "2026-01-02T03:00:00Z",
            ),
            (
                r#"{"IsPastDue":false,"ScheduleStatus":{"Next":"0001-01-01T00:00:00"}}"#,
                "2026-01-02T03:00:00Z",
            ),
            (r#"{"specversion":"1.0"}"#, "none"),
            ("[true]", "none"),
            (r#"{"IsPastDue":"no"}"#, "none"),
        ] {
            assert_eq!(found(info), expected, "{info}");
        }
    }
}
