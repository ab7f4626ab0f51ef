//! What can be written, and which minutes it means.

use serde_json::{Value, json};
use tradewind_adapter::{Build, Registry};
use tradewind_schedule::{Config, Expression, Schedule, Times};

pub(crate) fn times(settings: Value) -> Times {
    let config: Config = serde_json::from_value(settings).unwrap();
    Times::new("nightly", &config)
}

/// The first due times after `after`, as they are written in UTC.
pub(crate) fn after(times: &Times, after: &str, count: usize) -> Vec<String> {
    let mut at: jiff::Timestamp = after.parse().unwrap();
    let mut all = Vec::new();
    while all.len() < count {
        let Some(next) = times.next(at) else { break };
        assert!(next > at, "{next} does not come after {at}");
        all.push(next.to_string());
        at = next;
    }
    all
}

#[test]
fn expressions_mean_these_minutes() {
    let from = "2026-01-31T12:00:00Z";
    let table: &[(&str, &[&str])] = &[
        ("0 12 * * *", &["2026-02-01T12:00:00Z"]),
        (
            "*/20 12 31 1 *",
            &[
                "2026-01-31T12:20:00Z",
                "2026-01-31T12:40:00Z",
                "2027-01-31T12:00:00Z",
            ],
        ),
        (
            "5,10-12 0 1 feb,MAR *",
            &[
                "2026-02-01T00:05:00Z",
                "2026-02-01T00:10:00Z",
                "2026-02-01T00:11:00Z",
            ],
        ),
        // Either day will do, as in crontab(5).
        (
            "0 0 13 * FRI",
            &["2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z"],
        ),
        (
            "0 0 * * 7",
            &["2026-02-01T00:00:00Z", "2026-02-08T00:00:00Z"],
        ),
        (
            "0 0 * * 5-7",
            &["2026-02-01T00:00:00Z", "2026-02-06T00:00:00Z"],
        ),
        (
            "0 0 29 2 *",
            &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
        ),
        ("0 0 30 2 *", &[]),
        ("cron(0 18 ? * MON-FRI *)", &["2026-02-02T18:00:00Z"]),
        ("cron(0 18 ? * 2-6 *)", &["2026-02-02T18:00:00Z"]),
        (
            "cron(0/30 8 ? * 1 *)",
            &["2026-02-01T08:00:00Z", "2026-02-01T08:30:00Z"],
        ),
        (
            "cron(0 0 L * ? *)",
            &["2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"],
        ),
        ("cron(0 0 L-2 * ? *)", &["2026-02-26T00:00:00Z"]),
        (
            "cron(0 0 LW * ? *)",
            &["2026-02-27T00:00:00Z", "2026-03-31T00:00:00Z"],
        ),
        // The 1st is a Sunday: the weekday next to it without leaving the month is the 2nd.
        (
            "cron(0 0 1W 2 ? *)",
            &["2026-02-02T00:00:00Z", "2027-02-01T00:00:00Z"],
        ),
        (
            "cron(0 0 15W 2,8 ? *)",
            &["2026-02-16T00:00:00Z", "2026-08-14T00:00:00Z"],
        ),
        ("cron(0 0 31W 2 ? *)", &[]),
        (
            "cron(0 0 ? * 3#1 *)",
            &["2026-02-03T00:00:00Z", "2026-03-03T00:00:00Z"],
        ),
        ("cron(0 0 ? * FRI#5 *)", &["2026-05-29T00:00:00Z"]),
        (
            "cron(0 0 ? * 6L *)",
            &["2026-02-27T00:00:00Z", "2026-03-27T00:00:00Z"],
        ),
        ("cron(0 0 ? * L *)", &["2026-02-07T00:00:00Z"]),
        (
            "cron(0 0 1 1 ? 2030-2032/2)",
            &["2030-01-01T00:00:00Z", "2032-01-01T00:00:00Z"],
        ),
        ("cron(0 0 1 1 ? 2020)", &[]),
        (
            "rate(12 hours)",
            &["2026-02-01T00:00:00Z", "2026-02-01T12:00:00Z"],
        ),
        ("at(2026-02-01T09:00:00)", &["2026-02-01T09:00:00Z"]),
        ("at(2026-01-01T09:00:00)", &[]),
    ];
    for (when, expected) in table {
        let times = times(json!({ "when": when }));
        let count = expected.len().max(1);
        assert_eq!(after(&times, from, count), *expected, "{when}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let table = [
        ("", "has 5 fields"),
        ("* * * *", "this one has 4"),
        ("* * * * * *", "this one has 6"),
        ("60 * * * *", "`60` is no minute: write 0 to 59"),
        ("* 24 * * *", "`24` is no hour"),
        ("* * 0 * *", "`0` is no day of the month"),
        (
            "* * * 13 *",
            "`13` is no month: write 1 to 12 or JAN to DEC",
        ),
        ("* * * * 8", "`8` is no day of the week"),
        ("*/0 * * * *", "`0` is no step"),
        ("+5 * * * *", "`+5` is no minute"),
        ("1,,2 * * * *", "`` is no minute"),
        ("* * * * FRI-MON", "runs backwards"),
        ("* * L-31 * *", "write L, L-1 to L-30 or LW"),
        ("* * * * 1#6", "`#` and 1 to 5"),
        (
            "cron(0 0 * * * *)",
            "one of the day of the month and the day of the week is `?`",
        ),
        (
            "cron(0 0 ? * ? *)",
            "one of the day of the month and the day of the week is `?`",
        ),
        (
            "cron(0 0 ? * 0 *)",
            "`0` is no day of the week: write 1 to 7",
        ),
        ("cron(0 0 1 1 ? 1969)", "`1969` is no year"),
        ("cron(0 0 1 1 ?)", "this one has 5"),
        ("rate(0 minutes)", "is no rate"),
        ("rate(5)", "is no rate"),
        ("rate(5 fortnights)", "is no rate"),
        ("rate(4294967295 days)", "longer than a hundred years"),
        ("at(2026-02-30T00:00:00)", "is no time of at(...)"),
        ("at(tomorrow)", "is no time of at(...)"),
        ("every(5 minutes)", "is no expression"),
    ];
    for (when, reason) in table {
        let message = when.parse::<Expression>().unwrap_err();
        assert!(message.contains(reason), "{when}: {message}");
    }
    let long = "*".repeat(10_000);
    assert!(long.parse::<Expression>().is_err());
}

#[test]
fn settings_are_refused_where_they_stand() {
    let mut registry = Registry::default();
    registry.source::<Schedule>();
    let table = [
        (json!({ "when": "60 * * * *" }), "when", "no minute"),
        (
            json!({ "when": "0 0 * * *", "time-zone": "Mars/Base" }),
            "time-zone",
            "is no time zone",
        ),
        (
            json!({ "when": "0 0 * * *", "start": "2026-01-01T00:00:00Z" }),
            "start",
            "without an offset",
        ),
        (
            json!({ "when": "0 0 * * *", "jitter": "1x" }),
            "jitter",
            "is not a duration",
        ),
        (
            json!({ "when": "0 0 * * *", "jitter": "2d" }),
            "",
            "`jitter` must be 1d at most",
        ),
        (
            json!({ "when": "0 0 * * *", "catch-up-max": 0 }),
            "",
            "`catch-up-max` must be 1 to 100000",
        ),
        (
            json!({ "when": "0 0 * * *", "event": { "type": "Tradewind.x" } }),
            "",
            "the gateway's own",
        ),
        (
            json!({ "when": "0 0 * * *", "event": { "source": "" } }),
            "",
            "no valid event",
        ),
        (
            json!({ "when": "0 0 * * *", "start": "2026-01-02T00:00:00", "end": "2026-01-02T00:00:00" }),
            "",
            "`end` must be later than `start`",
        ),
    ];
    for (settings, path, message) in table {
        let failure = registry
            .build_source("schedule", &settings, &Build::default())
            .unwrap_err();
        assert_eq!(failure.path.trim_matches('.'), path, "{settings}");
        assert!(
            failure.error.message().contains(message),
            "{}",
            failure.error
        );
    }
}

#[test]
fn jitter_is_the_same_each_time_and_spreads() {
    let settings = json!({ "when": "* * * * *", "jitter": "10m" });
    let config: Config = serde_json::from_value(settings).unwrap();
    let (one, other) = (Times::new("a", &config), Times::new("b", &config));
    let minute = 60_000;
    let late = |times: &Times, n: u64| times.fires_ms(n * minute) - n * minute;
    let all: Vec<u64> = (0..1000).map(|n| late(&one, n)).collect();
    assert!(all.iter().all(|late| *late <= 10 * minute));
    let mean = all.iter().sum::<u64>() / 1000;
    assert!((4 * minute..6 * minute).contains(&mean), "{mean}");
    assert_ne!(all, (0..1000).map(|n| late(&other, n)).collect::<Vec<_>>());
    // Kept over releases: it is part of what people rely on.
    assert_eq!([late(&one, 0), late(&one, 1)], [JITTER.0, JITTER.1]);
}

const JITTER: (u64, u64) = (128_748, 363_671);
