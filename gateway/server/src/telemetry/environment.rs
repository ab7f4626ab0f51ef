//! What the variables of OpenTelemetry say, where the SDK does not read them for us.

use std::time::Duration;

/// A variable that is set; an empty one is as none, says the specification.
fn set(var: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    var(name).filter(|text| !text.is_empty())
}

/// Whether the way that spans are sent is the one that they should be sent.
pub(super) fn protocol(var: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    let names = [
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ];
    let found = names
        .into_iter()
        .find_map(|name| Some((name, set(&var, name)?)));
    match found {
        Some((name, protocol)) if protocol != "http/protobuf" => Err(format!(
            "{name} is `{protocol}`; hint: spans are sent by `http/protobuf`, port 4318 of most collectors"
        )),
        _ => Ok(()),
    }
}

/// Whether the service has a name.
pub(super) fn is_named(var: impl Fn(&str) -> Option<String>) -> bool {
    let attributes = set(&var, "OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    set(&var, "OTEL_SERVICE_NAME").is_some()
        || attributes.split(',').any(|attribute| {
            let (key, value) = attribute.split_once('=').unwrap_or_default();
            key.trim() == "service.name" && !value.trim().is_empty()
        })
}

/// How long a request to the collector may take.
pub(super) fn deadline(var: impl Fn(&str) -> Option<String>) -> Duration {
    const BY_DEFAULT: Duration = Duration::from_secs(10);
    let names = [
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
    ];
    for name in names {
        let Some(text) = set(&var, name) else {
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
    fn how_spans_are_sent() {
        let [all, traces] = [
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        ];
        for (set, wrong) in [
            (&[][..], None),
            (&[(all, "")], None),
            (&[(all, "http/protobuf"), (traces, "")], None),
            (&[(all, "grpc"), (traces, "")], Some(all)),
            (&[(all, "grpc"), (traces, "http/protobuf")], None),
            (&[(traces, "http/json")], Some(traces)),
        ] {
            let told = protocol(var(set)).err();
            let named = told.as_ref().and_then(|told| told.split(' ').next());
            assert_eq!(named, wrong, "{set:?}");
        }
    }

    #[test]
    fn what_names_the_service() {
        let [name, attributes] = ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"];
        for (set, named) in [
            (&[][..], false),
            (&[(name, "shop")], true),
            (&[(name, "")], false),
            (&[(attributes, "service.name=shop")], true),
            (&[(attributes, "a=b, service.name = shop")], true),
            (&[(name, ""), (attributes, "service.name=shop")], true),
            (&[(attributes, "k8s.service.name=shop")], false),
            (&[(attributes, "a=service.name=shop")], false),
            (&[(attributes, "service.name=")], false),
            (&[(attributes, "service.name")], false),
        ] {
            assert_eq!(is_named(var(set)), named, "{set:?}");
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
