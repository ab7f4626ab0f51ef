//! What the variables of OpenTelemetry say, where the SDK does not read them for us.

use std::time::Duration;

/// How long a request to the collector may take.
pub(super) fn deadline(var: impl Fn(&str) -> Option<String>) -> Duration {
    const BY_DEFAULT: Duration = Duration::from_secs(10);
    let names = [
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
    ];
    for name in names {
        let Some(text) = var(name).filter(|text| !text.is_empty()) else {
            continue;
        };
        match text.parse() {
            Ok(millis @ 1..) => return Duration::from_millis(millis),
            // The specification wants numbers that are none told and left aside.
            _ => tracing::warn!("{name} is no number of milliseconds from 1"),
        }
    }
    BY_DEFAULT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn var<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + Copy + 'a {
        |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn how_long_a_collector_has() {
        let [all, traces] = [
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        ];
        for (set, millis) in [
            (&[][..], 10_000),
            (&[(all, "2500")], 2500),
            (&[(all, "2500"), (traces, "300")], 300),
            (&[(all, "2500"), (traces, "")], 2500),
            (&[(all, ""), (traces, "")], 10_000),
            (&[(all, "2500"), (traces, "3s")], 2500),
            (&[(traces, "0")], 10_000),
            (&[(all, "-1")], 10_000),
        ] {
            assert_eq!(deadline(var(set)), Duration::from_millis(millis), "{set:?}");
        }
    }
}
