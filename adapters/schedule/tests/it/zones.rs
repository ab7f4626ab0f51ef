//! Daylight saving and leap days in several zones.

use crate::expressions::{after, times};
use serde_json::json;

#[test]
fn both_edges_of_daylight_saving() {
    // Zone, expression, gap, from, and what follows.
    let table: &[(&str, &str, &str, &str, &[&str])] = &[
        // Europe: 2027-03-28 01:00Z the clocks go from 02:00 to 03:00.
        (
            "Europe/Berlin",
            "30 2 * * *",
            "skip",
            "2027-03-27T00:00:00Z",
            &["2027-03-27T01:30:00Z", "2027-03-29T00:30:00Z"],
        ),
        (
            "Europe/Berlin",
            "30 2 * * *",
            "run",
            "2027-03-27T00:00:00Z",
            &[
                "2027-03-27T01:30:00Z",
                "2027-03-28T01:00:00Z",
                "2027-03-29T00:30:00Z",
            ],
        ),
        // All of the gap are due once, and 03:00 itself is the same instant.
        (
            "Europe/Berlin",
            "0/15 2,3 * * *",
            "run",
            "2027-03-28T00:30:00Z",
            &["2027-03-28T01:00:00Z", "2027-03-28T01:15:00Z"],
        ),
        (
            "Europe/Berlin",
            "0/15 2,3 * * *",
            "skip",
            "2027-03-28T00:30:00Z",
            &["2027-03-28T01:00:00Z", "2027-03-28T01:15:00Z"],
        ),
        // 2026-10-25 01:00Z from 03:00 to 02:00: the first 02:30 only.
        (
            "Europe/Berlin",
            "30 2 * * *",
            "skip",
            "2026-10-24T12:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        // Asked within the second pass.
        (
            "Europe/Berlin",
            "30 2 * * *",
            "skip",
            "2026-10-25T01:10:00Z",
            &["2026-10-26T01:30:00Z"],
        ),
        (
            "Europe/Berlin",
            "0 * * * *",
            "skip",
            "2026-10-24T23:30:00Z",
            &["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"],
        ),
        // A rate knows no clocks on walls.
        (
            "Europe/Berlin",
            "rate(1 hour)",
            "skip",
            "2026-10-24T23:30:00Z",
            &[
                "2026-10-25T00:00:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T02:00:00Z",
            ],
        ),
        // New York: 2026-03-08 07:00Z forward, 2026-11-01 06:00Z back.
        (
            "America/New_York",
            "cron(30 2 ? * SUN *)",
            "skip",
            "2026-03-07T00:00:00Z",
            &["2026-03-15T06:30:00Z"],
        ),
        (
            "America/New_York",
            "cron(30 2 ? * SUN *)",
            "run",
            "2026-03-07T00:00:00Z",
            &["2026-03-08T07:00:00Z"],
        ),
        (
            "America/New_York",
            "30 1 * * *",
            "skip",
            "2026-11-01T00:00:00Z",
            &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
        ),
        // Half an hour, and the other half of the world: 2026-04-04 15:00Z back, 2026-10-03 15:30Z forward.
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "skip",
            "2026-04-04T12:00:00Z",
            &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "skip",
            "2026-10-03T00:00:00Z",
            &["2026-10-04T15:15:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "run",
            "2026-10-03T00:00:00Z",
            &["2026-10-03T15:30:00Z"],
        ),
        // A gap over midnight: 2026-09-05 24:00 is 2026-09-06 01:00 in Chile.
        (
            "America/Santiago",
            "0 0 * * *",
            "skip",
            "2026-09-05T12:00:00Z",
            &["2026-09-07T03:00:00Z"],
        ),
        (
            "America/Santiago",
            "0 0 * * *",
            "run",
            "2026-09-05T12:00:00Z",
            &["2026-09-06T04:00:00Z"],
        ),
        // A day that never was.
        (
            "Pacific/Apia",
            "0 12 30 12 *",
            "skip",
            "2011-12-01T00:00:00Z",
            &["2012-12-29T22:00:00Z"],
        ),
        // One-off within the gap: there is no other time for it.
        (
            "Europe/Berlin",
            "at(2027-03-28T02:30:00)",
            "skip",
            "2027-01-01T00:00:00Z",
            &["2027-03-28T01:00:00Z"],
        ),
        (
            "Europe/Berlin",
            "at(2026-10-25T02:30:00)",
            "skip",
            "2026-01-01T00:00:00Z",
            &["2026-10-25T00:30:00Z"],
        ),
        // Leap day, local.
        (
            "Asia/Tokyo",
            "0 0 29 2 *",
            "skip",
            "2026-01-01T00:00:00Z",
            &["2028-02-28T15:00:00Z", "2032-02-28T15:00:00Z"],
        ),
    ];
    for (zone, when, gap, from, expected) in table {
        let times = times(json!({ "when": when, "time-zone": zone, "gap": gap }));
        assert_eq!(
            after(&times, from, expected.len()),
            *expected,
            "{zone} {when} {gap}"
        );
    }
}

#[test]
fn start_and_end_bound_what_is_due() {
    let times = times(json!({
        "when": "rate(40 minutes)", "time-zone": "Europe/Berlin",
        "start": "2026-10-25T01:30:00", "end": "2026-10-25T03:00:00",
    }));
    // From the start on, in seconds; the end is at 02:00Z, and two and a half hours away.
    assert_eq!(
        after(&times, "2026-01-01T00:00:00Z", 10),
        [
            "2026-10-24T23:30:00Z",
            "2026-10-25T00:10:00Z",
            "2026-10-25T00:50:00Z",
            "2026-10-25T01:30:00Z"
        ]
    );
}

#[test]
fn every_minute_of_a_year_is_due_once_in_each_zone() {
    // Against a plain walk over all minutes of the year.
    for zone in [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Santiago",
        "Asia/Kathmandu",
    ] {
        let tz = jiff::tz::TimeZone::get(zone).unwrap();
        let times = times(json!({ "when": "*/7 0-4 * * *", "time-zone": zone }));
        let start: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut seen = std::collections::HashSet::new();
        let mut walked = Vec::new();
        for minute in 1..366 * 1440 {
            let at = start + jiff::SignedDuration::from_mins(minute);
            let local = tz.to_datetime(at);
            if local.minute() % 7 == 0 && local.hour() <= 4 && seen.insert(local) {
                walked.push(at);
            }
        }
        let mut at = start;
        for expected in walked {
            at = times.next(at).unwrap();
            assert_eq!(at, expected, "{zone}");
        }
    }
}
