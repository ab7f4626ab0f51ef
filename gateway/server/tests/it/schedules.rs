//! Schedules and delayed events through a whole gateway.

use crate::support::handler::Handler;
use crate::support::{event, start, start_in};
use serde_json::Value;

#[tokio::test]
async fn a_schedule_fires_and_shows_what_is_to_come() {
    let mut handler = Handler::start(&[]).await;
    let gateway = start(&format!(
        "sources:\n  tick:\n    kind: schedule\n    owner: shop\n    when: rate(1 second)\n    \
         event: {{ type: tick.tock, data: {{ n: 1 }} }}\n  \
         daily: {{ kind: schedule, when: 30 2 * * *, time-zone: Europe/Berlin, enabled: false }}\n\
         subscriptions:\n  all: {{ sink: {} }}\n",
        handler.sink()
    ))
    .await;
    let first = handler.next().await;
    assert_eq!(first.header("ce-type"), "tick.tock");
    assert_eq!(first.header("ce-source"), "/schedules/tick");
    assert_eq!(
        first.header("ce-id"),
        format!("tick/{}", first.header("ce-time"))
    );
    assert_eq!(first.body, br#"{"n":1}"#[..]);
    assert_ne!(handler.next().await.header("ce-id"), first.header("ce-id"));
    let path = "/v1/schedules?upcoming=3&after-ms=1800000000500";
    let all: Value = serde_json::from_str(&gateway.admin("GET", path, "").await.text()).unwrap();
    assert_eq!(all[0]["name"], "daily");
    assert_eq!(
        (&all[0]["enabled"], &all[0]["upcoming"]),
        (&Value::Bool(false), &serde_json::json!([]))
    );
    assert_eq!(
        (&all[1]["owner"], &all[1]["when"]),
        (&"shop".into(), &"rate(1 second)".into())
    );
    let due: Vec<u64> = (0..3)
        .map(|n| all[1]["upcoming"][n]["due-ms"].as_u64().unwrap())
        .collect();
    assert_eq!(
        due,
        [1_800_000_001_000, 1_800_000_002_000, 1_800_000_003_000]
    );
    gateway.running.stop().await.unwrap();
}

fn asking(id: &str, header: &str) -> Vec<u8> {
    let plain = String::from_utf8(event("/events", id, "later", "{}")).unwrap();
    plain
        .replacen("\r\n", &format!("\r\n{header}\r\n"), 1)
        .into_bytes()
}

const API: &str = "sources:\n  api: { kind: http, path: /events, auth: none-i-understand }\n";

#[tokio::test]
async fn delayed_events_wait_over_a_restart() {
    let mut handler = Handler::start(&[]).await;
    let yaml = format!(
        "{API}subscriptions:\n  all: {{ sink: {} }}\n",
        handler.sink()
    );
    let gateway = start(&yaml).await;
    let answer = gateway.send(&asking("d-1", "deliver-after: 3s")).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let reply: Value = serde_json::from_str(&answer.text()).unwrap();
    assert!(reply["events"][0]["due-ms"].as_u64().is_some(), "{reply}");
    // One that has come is stored at once.
    let past = gateway
        .send(&asking("d-2", "ce-deliverat: 2020-01-01T00:00:00Z"))
        .await;
    assert_eq!(past.status, 202);
    assert_eq!(handler.next().await.header("ce-id"), "d-2");
    let status = gateway.admin("GET", "/v1/status", "").await.text();
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["delayed"]["events"], 1, "{status}");
    assert_eq!(gateway.appended("default").await, 1);
    let dir = gateway.finish().await;
    let gateway = start_in(dir, &yaml).await;
    assert_eq!(handler.next().await.header("ce-id"), "d-1");
    let dir = gateway.finish().await;
    // It waits no more.
    let gateway = start_in(dir, &yaml).await;
    let status = gateway.admin("GET", "/v1/status", "").await.text();
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["delayed"]["events"], 0, "{status}");
    gateway.finish().await;
}

#[tokio::test]
async fn times_that_cannot_be_are_refused() {
    let gateway = start(API).await;
    for (header, reason) in [
        ("deliver-at: tomorrow", "RFC 3339"),
        ("deliver-after: soon", "is not a duration"),
        ("deliver-after: 367d", "longer than 366d"),
        ("deliver-at: 2999-01-01T00:00:00Z", "longer than 366d"),
        (
            "deliver-after: 1s\r\ndeliver-at: 2020-01-01T00:00:00Z",
            "leave one out",
        ),
        (
            "ce-deliverat: 2020-01-01T00:00:00Z\r\nce-deliverafter: 1s",
            "leave one out",
        ),
    ] {
        let answer = gateway.send(&asking("x", header)).await;
        assert_eq!(answer.status, 400, "{header}: {}", answer.text());
        assert!(
            answer.text().contains(reason),
            "{header}: {}",
            answer.text()
        );
    }
    assert_eq!(gateway.appended("default").await, 0);
    gateway.finish().await;
}
