//! Signed webhooks.

use crate::support::handler::Handler;
use crate::support::{start, start_in};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const SECRET: &str = "a secret of some length";

fn push(body: &str, secret: &str, delivery: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "POST /in/github HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\
         content-type: application/json\r\nx-github-event: push\r\nx-github-delivery: {delivery}\r\n\
         x-hub-signature-256: sha256={signature}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[tokio::test]
async fn a_signed_github_push_is_normalised_and_delivered() {
    let mut handler = Handler::start(&[]).await;
    let gateway = start(&format!(
        "sources:\n  github: {{ kind: github, path: /in/github, secrets: [\"{SECRET}\"] }}\n\
         subscriptions:\n  main:\n    filter:\n      - exact: {{ type: com.github.push }}\n      \
         - exact: {{ subject: refs/heads/main }}\n    sink: {}\n",
        handler.sink()
    ))
    .await;
    let body = r#"{"ref":"refs/heads/main","after":"abc","repository":{"full_name":"acme/app","html_url":"https://github.com/acme/app"}}"#;
    let delivery = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
    let answer = gateway.send(&push(body, SECRET, delivery)).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.json()["events"][0]["matched"], 1);
    let delivered = handler.next().await;
    assert_eq!(delivered.body, body);
    assert_eq!(delivered.header("ce-type"), "com.github.push");
    assert_eq!(delivered.header("ce-subject"), "refs/heads/main");

    // The sender tries again: the same event.
    let again = gateway.send(&push(body, SECRET, delivery)).await;
    assert_eq!(again.status, 200);

    let mut happenings = gateway.running.gateway.engine.happenings();
    let forged = gateway.send(&push(body, "another secret", "x")).await;
    assert_eq!(forged.status, 401);
    let problem = forged.json();
    assert_eq!(
        problem,
        serde_json::json!({
            "type": "urn:tradewind:problem:unauthenticated",
            "title": "the request is not authenticated",
            "status": 401,
        }),
        "no oracle"
    );
    let told = loop {
        let happening = happenings.recv().await.unwrap();
        if happening.what == "refused" {
            break happening;
        }
    };
    assert_eq!(told.name.as_deref(), Some("github"));
    let metrics = gateway.admin("GET", "/metrics", "").await.text();
    let counted = metrics.lines().any(|line| {
        line.starts_with("tradewind_ingress_unverified_total{")
            && line.contains("source=\"github\"")
            && line.contains("cause=\"mismatch\"")
            && line.ends_with(" 1")
    });
    assert!(counted, "{metrics}");
    assert!(metrics.contains("tradewind_ingress_secret_last_used_timestamp_seconds{"));
    assert!(!metrics.contains(SECRET));
    assert_eq!(gateway.appended("default").await, 1);
    gateway.finish().await;
}

/// No time is signed: what keeps a recorded request out is what the disk remembers.
#[tokio::test]
async fn a_recorded_request_is_no_new_event_after_a_restart() {
    let yaml = format!(
        "sources:\n  github: {{ kind: github, path: /in/github, secrets: [\"{SECRET}\"] }}\n"
    );
    let body = r#"{"ref":"refs/heads/main","repository":{"full_name":"acme/app","html_url":"https://github.com/acme/app"}}"#;
    let recorded = push(body, SECRET, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    let gateway = start(&yaml).await;
    assert_eq!(gateway.send(&recorded).await.status, 202);
    let gateway = start_in(gateway.finish().await, &yaml).await;
    let again = gateway.send(&recorded).await;
    assert_eq!(again.status, 200, "{}", again.text());
    // A body that cannot be read is told so, with its place, and leaves nothing behind.
    let broken = gateway.send(&push(&body[..20], SECRET, "x")).await;
    assert_eq!(broken.status, 400, "{}", broken.text());
    assert!(broken.text().contains("line 1 column"), "{}", broken.text());
    assert_eq!(gateway.appended("default").await, 0);
    gateway.finish().await;
}

/// As docs/guides/aws.md has it.
#[tokio::test]
async fn a_bus_of_event_bridge_delivers_by_an_api_destination() {
    let mut handler = Handler::start(&[]).await;
    let gateway = start(&format!(
        "sources:\n  bus:\n    kind: webhook\n    path: /in/bus\n    secrets: [\"{SECRET}\"]\n    \
         signature: {{ header: x-api-key, algorithm: token }}\n    format: aws-event-bridge\n\
         subscriptions:\n  all: {{ sink: {} }}\n",
        handler.sink()
    ))
    .await;
    let body = r#"{"version":"0","id":"b-1","detail-type":"Order Placed","source":"shop.web","account":"123456789012","time":"2026-01-01T00:00:00Z","region":"eu-west-1","resources":["order-7"],"detail":{"total": 12.50}}"#;
    let request = |key: &str, body: &str| {
        let length = body.len();
        format!(
            "POST /in/bus HTTP/1.1\r\nhost: g\r\nconnection: close\r\nuser-agent: Amazon/EventBridge/ApiDestinations\r\n\
             content-type: application/json; charset=utf-8\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    };
    assert_eq!(gateway.send(&request("other", body)).await.status, 401);
    let answer = gateway.send(&request(SECRET, body)).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let delivered = handler.next().await;
    assert_eq!(delivered.body, body);
    for (header, value) in [
        ("ce-id", "b-1"),
        ("ce-type", "Order%20Placed"),
        ("ce-source", "shop.web"),
        ("ce-subject", "order-7"),
        ("ce-time", "2026-01-01T00:00:00Z"),
    ] {
        assert_eq!(delivered.header(header), value, "{header}");
    }
    // It tries again: the same event.
    assert_eq!(gateway.send(&request(SECRET, body)).await.status, 200);
    // What is no event of EventBridge is refused, and not tried again.
    assert_eq!(gateway.send(&request(SECRET, "{}")).await.status, 400);
    gateway.finish().await;
}
