//! An image for whoever runs images.

use super::manifest::Timer;
use super::out::Out;
use super::{Plan, needs, oci, yaml};
use crate::failure::Failure;
use serde_json::{Map, Value, json};

pub(super) fn pack(plan: &Plan<'_>, out: &mut Out) -> Result<Vec<String>, Failure> {
    let environment = [
        ("TRADEWIND_LISTEN", "0.0.0.0:8080".to_owned()),
        ("TRADEWIND_TIMEOUT", plan.timeout.to_string()),
    ];
    oci::write(plan, &environment, out)?;
    out.warnings.extend(needs::unknown(plan.manifest));
    let timers = plan.manifest.timers()?;
    if !timers.is_empty() {
        out.file(
            "gateway.yaml",
            yaml::text(&[gateway(plan, &timers)]).as_bytes(),
        )?;
        out.warn("a container has no clock: gateway.yaml is the configuration of a gateway that has, and calls it");
    }
    let settings = plan.manifest.settings.iter();
    let settings: String = settings
        .map(|setting| format!(" --env {}", setting.name))
        .collect();
    Ok(vec![
        oci::push(plan),
        format!(
            "podman run --rm --publish 127.0.0.1:8080:8080 --read-only --cap-drop all --memory {}m{settings} {}",
            plan.memory,
            oci::reference(plan)
        ),
    ])
}

/// Schedules of a gateway, and the subscription that hands what they make to the handler.
fn gateway(plan: &Plan<'_>, timers: &[Timer<'_>]) -> Value {
    let name = plan.name;
    let schedule = |timer: &Timer<'_>| {
        let schedule = json!({
            "kind": "schedule", "owner": name, "why": format!("a timer of {name}"), "when": timer.due.unix(),
            "time-zone": "UTC",
        });
        (timer.name.to_owned(), schedule)
    };
    let sources: Map<_, _> = timers.iter().map(schedule).collect();
    let due =
        |timer: &Timer<'_>| json!({ "exact": { "source": format!("/schedules/{}", timer.name) } });
    let filters: Vec<_> = timers.iter().map(due).collect();
    json!({
        "sources": sources,
        "subscriptions": { name: {
            "owner": name,
            "why": format!("the timers of {name}"),
            "filter": { "any": filters },
            "sink": { "kind": "http", "url": "${env:HANDLER_URL}" },
        }},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::manifest::tests::sample;
    use crate::package::tests::packed;

    #[test]
    fn a_timer_is_a_schedule_of_a_gateway() {
        let (scratch, _) = packed(pack, &sample()).unwrap();
        let text = std::fs::read_to_string(scratch.path().join("out/gateway.yaml")).unwrap();
        assert!(text.contains("when: \"30 2 * * 1-5\""), "{text}");
        assert!(text.contains("source: \"/schedules/nightly\""), "{text}");
    }
}
