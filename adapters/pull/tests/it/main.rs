//! Workers at a queue: through the interface that a route calls.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod suite;
mod worker;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, Outcome, Report, Sink};
use tradewind_event::Event;
use tradewind_pull::{PullSink, SinkConfig};

/// The two ends of a queue.
fn ends(queue: &str) -> (PullSink, PullSink) {
    let end = || {
        PullSink::new(SinkConfig {
            queue: queue.into(),
        })
        .unwrap()
    };
    (end(), end())
}

async fn asked(end: &PullSink, method: Method, body: String) -> (StatusCode, Bytes) {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {});
    let mut request = Request::new(body.boxed_unsync());
    *request.method_mut() = method;
    let answer = end.invoke().unwrap().pass(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap();
    (status, body.to_bytes())
}

async fn ask(end: &PullSink, ask: Value) -> Value {
    let (status, answer) = asked(end, Method::POST, ask.to_string()).await;
    assert_eq!(status, StatusCode::OK);
    serde_json::from_slice(&answer).unwrap()
}

fn delivery(id: &str, seconds: u64) -> Delivery {
    let event = Event::builder(id, "/shop", "order.placed");
    Delivery {
        id: id.into(),
        event: event
            .data("application/json", r#"{ "a" : 1 }"#)
            .build()
            .unwrap(),
        subscription: "charge".into(),
        stream: "default".into(),
        position: "0/1".into(),
        attempt: 3,
        timeout: Duration::from_secs(seconds),
        replay: Some("r-1".into()),
        trace: None,
    }
}

async fn deliver(end: &PullSink, delivery: Delivery) -> Option<Outcome> {
    let (report, mut outcomes) = Report::channel();
    end.deliver(vec![delivery], report, CancellationToken::new())
        .await;
    outcomes.try_recv().map(|(_, outcome)| outcome)
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_taken_once_and_settled_once() {
    let (near, far) = ends("once");
    let delivering = tokio::spawn(async move { deliver(&near, delivery("e-1", 30)).await });
    let answer = ask(&far, json!({ "take": 10, "wait-ms": 1000 })).await;
    let one = &answer["deliveries"][0];
    for (name, value) in [
        ("id", json!("e-1")),
        ("attempt", json!(3)),
        ("subscription", json!("charge")),
        ("replay", json!("r-1")),
        ("left-ms", json!(30_000)),
    ] {
        assert_eq!(one[name], value, "{name}");
    }
    assert_eq!(one["event"]["type"], "order.placed");
    let empty = ask(&far, json!({ "take": 10 })).await;
    assert_eq!(empty["deliveries"], json!([]));
    let settle = json!({ "settle": [{ "token": one["token"], "outcome": "ack" }] });
    assert_eq!(ask(&far, settle.clone()).await["gone"], json!([]));
    assert!(matches!(
        delivering.await.unwrap(),
        Some(Outcome::Accepted { .. })
    ));
    assert_eq!(ask(&far, settle).await["gone"], json!([one["token"]]));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_takes_or_settles_in_time_is_tried_again() {
    let (near, far) = ends("late");
    let reason = |outcome: Option<Outcome>| match outcome {
        Some(Outcome::Retry { reason, .. }) => reason.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        reason(deliver(&near, delivery("e-1", 5)).await),
        "no-worker"
    );
    assert_eq!(
        ask(&far, json!({ "take": 10 })).await["deliveries"],
        json!([])
    );
    let delivering = tokio::spawn(async move { deliver(&near, delivery("e-2", 5)).await });
    let answer = ask(&far, json!({ "take": 10, "wait-ms": 1000 })).await;
    assert_eq!(reason(delivering.await.unwrap()), "timeout");
    let token = &answer["deliveries"][0]["token"];
    let late = ask(
        &far,
        json!({ "settle": [{ "token": token, "outcome": "ack" }] }),
    )
    .await;
    assert_eq!(late["gone"], json!([token]));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_before_its_token_and_by_nobody_elses() {
    let (near, far) = ends("guess");
    let delivering = tokio::spawn(async move { deliver(&near, delivery("e-1", 5)).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    for token in [
        "",
        "1",
        "-",
        "0000000000000000-1",
        "x-1",
        "ffffffffffffffff-18446744073709551616",
    ] {
        let settle = json!({ "settle": [{ "token": token, "outcome": "ack" }] });
        assert_eq!(ask(&far, settle).await["gone"], json!([token]));
    }
    assert!(matches!(
        delivering.await.unwrap(),
        Some(Outcome::Retry { .. })
    ));
}

#[tokio::test]
async fn what_is_no_ask_is_refused_with_its_place() {
    let (_, far) = ends("refused");
    let (large, _) = asked(&far, Method::POST, " ".repeat((1 << 20) + 1)).await;
    assert_eq!(large, StatusCode::PAYLOAD_TOO_LARGE);
    for (method, body, status, part) in [
        (Method::GET, "", 405, "POST"),
        (Method::POST, "", 400, "EOF"),
        (Method::POST, "{\"take\":-1}", 400, "`take`"),
        (Method::POST, "{\"takes\":1}", 400, "takes"),
        (Method::POST, "{} {}", 400, "trailing"),
        (
            Method::POST,
            r#"{"settle":[{"token":"t","outcome":"maybe"}]}"#,
            400,
            "`settle[0].outcome`",
        ),
    ] {
        let (found, problem) = asked(&far, method, body.into()).await;
        assert_eq!(found.as_u16(), status, "{body}");
        let problem: Value = serde_json::from_slice(&problem).unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(part), "{body}: {detail}");
    }
    for name in ["", "a b", "a/b"] {
        assert!(PullSink::new(SinkConfig { queue: name.into() }).is_err());
    }
}
