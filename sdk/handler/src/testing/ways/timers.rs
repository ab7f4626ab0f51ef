//! Clocks of the platforms. What they send names a schedule and carries no event.

use super::others::{activation, azure_invocation, json_to, status_only, whisk_answer};
use super::{GATEWAY_AGAIN, GATEWAY_NEVER, Way, binary, http_answer, json, lambda};
use crate::{Host, Kind};
use bytes::Bytes;
use http::{HeaderValue, Request};
use tradewind_event::{Event, Timestamp};

/// Every clock that calls handlers. Their requests are made of the event of [`due`]: of its subject, the name of a
/// timer that the handler declares, and its time.
pub static TIMERS: &[Way] = &[
    Way {
        host: Host::Http,
        trigger: "schedule of a Tradewind gateway",
        kind: Kind::Timer,
        each: false,
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: binary,
        hear: http_answer,
    },
    Way {
        host: Host::Lambda,
        trigger: "rule of EventBridge",
        kind: Kind::Timer,
        each: false,
        one_way: true,
        again: "the invocation comes again twice, then goes to the function's failure destination or dead-letter queue",
        never: "as a failure",
        bring: event_bridge,
        hear: lambda::called,
    },
    Way {
        host: Host::Azure,
        trigger: "timer",
        kind: Kind::Timer,
        each: false,
        one_way: true,
        again: "by the retry policy in `function.json`, then at its next time",
        never: "as a failure",
        bring: azure,
        hear: azure_invocation,
    },
    Way {
        host: Host::Google,
        trigger: "Cloud Scheduler",
        kind: Kind::Timer,
        each: false,
        one_way: true,
        again: SCHEDULER_AGAIN,
        never: "as a failure",
        bring: scheduler,
        hear: status_only,
    },
    Way {
        host: Host::Knative,
        trigger: "PingSource",
        kind: Kind::Timer,
        each: false,
        one_way: true,
        again: "the source tries a few times more, then at its next time",
        never: "at its next time: 422 is not tried again",
        bring: ping,
        hear: status_only,
    },
    Way {
        host: Host::Knative,
        trigger: "Cloud Scheduler to Cloud Run",
        kind: Kind::Timer,
        each: false,
        one_way: true,
        again: SCHEDULER_AGAIN,
        never: "as a failure",
        bring: scheduler,
        hear: status_only,
    },
    Way {
        host: Host::OpenWhisk,
        trigger: "alarm",
        kind: Kind::Timer,
        each: false,
        one_way: true,
        again: "the activation is an error; it comes at its next time",
        never: "as a failure",
        bring: alarm,
        hear: whisk_answer,
    },
];

const SCHEDULER_AGAIN: &str =
    "Cloud Scheduler tries again by the job's retry configuration, then at its next time";

/// The event of a timer of this name, due at a time that has come.
///
/// # Panics
/// When the name is empty.
#[allow(clippy::expect_used)]
pub fn due(name: &str) -> Event {
    let due = Timestamp {
        seconds: 1_767_323_040,
        nanos: 0,
    };
    crate::hosts::timer::fired(name, due).expect("a timer has a name")
}

fn of(event: &Event) -> (&str, String) {
    let time = event.time().map(|time| time.to_string());
    (
        event.subject().unwrap_or_default(),
        time.unwrap_or_default(),
    )
}

/// What the input transformer of a packaged rule makes.
fn event_bridge(event: &Event) -> Request<Bytes> {
    let (name, due) = of(event);
    lambda::payload(&json!({
        "id": format!("{name}/{due}"), "detail-type": "schedule.fired", "source": format!("/schedules/{name}"),
        "resources": [name], "time": due, "schedule": name, "due": due, "detail": {}
    }))
}

fn azure(event: &Event) -> Request<Bytes> {
    let (name, due) = of(event);
    let info = json!({
        "Schedule": { "AdjustForDST": true },
        "ScheduleStatus": { "Last": "2026-01-01T03:04:00+00:00", "LastUpdated": "2026-01-01T03:04:00+00:00", "Next": due },
        "IsPastDue": false
    });
    json_to(
        &format!("/orders-timer-{name}"),
        &json!({
            "Data": { "timer": info },
            "Metadata": { "sys": {
                "MethodName": format!("orders-timer-{name}"), "UtcNow": due, "RandGuid": "1"
            } }
        }),
    )
}

fn scheduler(event: &Event) -> Request<Bytes> {
    let (name, due) = of(event);
    let headers = [
        ("x-cloudscheduler", "true"),
        ("x-cloudscheduler-jobname", &format!("orders-{name}")),
        ("x-cloudscheduler-scheduletime", &due),
    ];
    with_payload(name, headers)
}

fn ping(event: &Event) -> Request<Bytes> {
    let (name, due) = of(event);
    let source = format!("/apis/v1/namespaces/default/pingsources/orders-{name}");
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "d8e761eb-30c7-49a3-a421-cd5895239f2d"),
        ("ce-type", "dev.knative.sources.ping"),
        ("ce-source", &source),
        ("ce-time", &due),
    ];
    with_payload(name, headers)
}

fn with_payload<const N: usize>(name: &str, headers: [(&'static str, &str); N]) -> Request<Bytes> {
    let mut request = json_to("/", &json!({ "schedule": name }));
    for (header, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            request.headers_mut().insert(header, value);
        }
    }
    request
}

fn alarm(event: &Event) -> Request<Bytes> {
    activation(&json!({ "schedule": of(event).0 }))
}
