//! The same event of a timer, whichever platform's clock it is.

use serde_json::json;
use std::sync::{Arc, Mutex};
use tradewind::testing::{self, TIMERS, Told};
use tradewind::{Declare, Error, Event, Handler, HandlerExt, Host, Options, Reply, handler_fn};

const TIMER: &str = "close-day";

fn declared(handler: impl Handler) -> impl Handler {
    // One that is the end of another is not mistaken for it.
    let timers = Declare::new()
        .timer(TIMER, "30 2 * * MON-FRI")
        .timer("day", "0 0 * * *");
    handler.declare(timers)
}

#[tokio::test]
async fn a_due_time_is_the_same_event_everywhere() {
    let seen: Arc<Mutex<Vec<Event>>> = Arc::default();
    let keep = seen.clone();
    let handler = handler_fn(move |event: Event| {
        keep.lock().unwrap().push(event);
        async {}
    });
    let options = Options::default()
        .clock(|| std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_767_323_040 + 17));
    let hosts = testing::on_every_host(declared(handler)).options(options);
    hosts.fire(TIMER).await.taken();
    let due = testing::due(TIMER);
    assert_eq!(due.id(), "close-day/2026-01-02T03:04:00Z");
    assert_eq!(
        due.data_json().unwrap(),
        json!({ "schedule": TIMER, "due": "2026-01-02T03:04:00Z" })
    );
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), TIMERS.len());
    for (event, way) in seen.iter().zip(TIMERS) {
        let of = |event: &Event| {
            let data = event.data_json().unwrap();
            (
                (
                    event.id().to_owned(),
                    event.ty().to_owned(),
                    event.source().to_owned(),
                ),
                (event.subject().map(str::to_owned), event.time()),
                (data["schedule"].clone(), data["due"].clone()),
            )
        };
        assert_eq!(of(event), of(&due), "{way}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_fails_is_told_and_its_reply_is_never_lost() {
    let failing = |how: fn() -> Result<(), Error>| {
        let handler = handler_fn(move |_: Event| async move { how() });
        testing::on_every_host(declared(handler))
    };
    failing(|| Err(Error::retry(None)))
        .fire(TIMER)
        .await
        .retried();
    failing(|| Err(Error::reject("no")))
        .fire(TIMER)
        .await
        .rejected();
    failing(|| panic!("a bug")).fire(TIMER).await.retried();
    let slow = handler_fn(|_: Event| std::future::pending::<()>());
    testing::on_every_host(declared(slow))
        .fire(TIMER)
        .await
        .retried();
    let replies = handler_fn(|_: Event| async { Reply::event("day.closed", 1) });
    for (way, told) in testing::on_every_host(declared(replies))
        .fire(TIMER)
        .await
        .0
    {
        match told {
            Told::Replied(_) => assert_eq!(way.host, Host::Http, "{way}"),
            Told::Failed { reason } => {
                assert!(reason.contains("TRADEWIND_REPLY_URL"), "{way}: {reason}")
            }
            told => panic!("{way}: {told:?}"),
        }
    }
}

#[tokio::test]
async fn what_only_looks_like_a_timer_is_what_it_was() {
    let told = |host, headers: &[(&str, &str)], body: &'static str| {
        let mut request = http::Request::post(match host {
            Host::OpenWhisk => "/run",
            _ => "/",
        });
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let types = handler_fn(|event: Event| async move { Reply::event(event.ty(), 1) });
        let on = testing::on(host, declared(types));
        async move { on.raw(request.body(body.into()).unwrap()).await }
    };
    let json = ("content-type", "application/json");
    let ping = [
        json,
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/ping"),
        ("ce-type", "dev.knative.sources.ping"),
        ("ce-time", "2026-01-02T03:04:00Z"),
    ];
    let answer = told(Host::Knative, &ping, r#"{"message":"hello"}"#).await;
    assert_eq!(answer.headers()["ce-type"], "dev.knative.sources.ping");
    // Nobody declares that one.
    let whisk = r#"{"value":{"schedule":"other"},"namespace":"n","action_name":"/n/a","activation_id":"1"}"#;
    assert_eq!(told(Host::OpenWhisk, &[json], whisk).await.status(), 200);
    let broken = [
        json,
        ("x-cloudscheduler-jobname", "j"),
        ("x-cloudscheduler-scheduletime", "soon"),
    ];
    assert_eq!(told(Host::Knative, &broken, "{}").await.status(), 400);
}

#[tokio::test]
async fn a_signature_is_asked_of_a_clock_that_anybody_could_be() {
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let options = Options::default().signing_secrets(secret).unwrap();
    let quiet = declared(handler_fn(|_: Event| async {}));
    let told = testing::on_every_host(quiet)
        .options(options)
        .fire(TIMER)
        .await;
    for (way, told) in told.0 {
        let vouched = matches!(way.host, Host::Lambda | Host::OpenWhisk);
        assert_eq!(told.is_taken(), vouched, "{way}: {told:?}");
    }
}
