//! What senders ask before they send.

use crate::senders::{Sample, now, samples};
use http::{HeaderValue, Method, Uri};
use serde_json::{Value, json};
use tradewind_adapter::{Answer, Parts};

fn sample(kind: &str) -> Sample {
    samples().into_iter().find(|s| s.kind == kind).unwrap()
}

/// As the gateway asks: a body only after it was verified.
fn ask(sample: &Sample, body: &str) -> Option<Answer> {
    let webhook = sample.webhook(true);
    let parts = sample.signed(0, body.as_bytes());
    webhook.verify(&parts, body.as_bytes(), now()).unwrap();
    webhook.challenge(&parts, body.as_bytes())
}

fn bare(sample: &Sample, method: Method, uri: &'static str) -> Option<Answer> {
    let parts = Parts {
        method,
        uri: Uri::from_static(uri),
        headers: Default::default(),
        peer: None,
    };
    sample.webhook(true).challenge(&parts, b"")
}

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn slack_gets_its_challenge_back() {
    let slack = sample("slack");
    let answer = ask(
        &slack,
        r#"{"token":"z","challenge":"3eZbrw1aB","type":"url_verification"}"#,
    )
    .unwrap();
    assert_eq!(answer.body, &b"3eZbrw1aB"[..]);
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    for other in [
        r#"{"challenge":"3eZbrw1aB","type":"event_callback"}"#,
        r#"{"challenge":"<b> x</b>","type":"url_verification"}"#,
        r#"{"challenge":"","type":"url_verification"}"#,
        r#"{"type":"url_verification"}"#,
        "{",
    ] {
        assert_eq!(ask(&slack, other), None, "{other}");
    }
}

/// The published digest of the token, by a secret of our own.
#[test]
fn zoom_gets_the_digest_of_its_token() {
    let settings = json!({ "secrets": ["hush"] });
    let webhook = crate::senders::build("zoom", &settings);
    let body =
        r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}"#;
    let parts = sample("zoom").signed(0, body.as_bytes());
    let answer = webhook.challenge(&parts, body.as_bytes()).unwrap();
    assert_eq!(
        json(&answer),
        json!({
            "plainToken": "qgg8vlvZRS6UYooatFL8Aw",
            "encryptedToken": "36517668f50730dfc6247803d9cc2b23e89a05172ec38cd1797466a23164362a",
        })
    );
    let zoom = sample("zoom");
    let body = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"v0:1:{}"}}"#;
    assert_eq!(ask(&zoom, body), None, "what could be signed content");
    assert_eq!(
        ask(
            &zoom,
            r#"{"event":"meeting.started","payload":{"plainToken":"a"}}"#
        ),
        None
    );
}

#[test]
fn discord_gets_a_pong_or_nothing() {
    let discord = sample("discord");
    let ping = r#"{"version":1,"application_id":"1","id":"2","token":"t","type":1}"#;
    assert_eq!(json(&ask(&discord, ping).unwrap()), json!({ "type": 1 }));
    let ping = r#"{"version":1,"application_id":"1","type":0}"#;
    assert_eq!(ask(&discord, ping).unwrap().status.as_u16(), 204);
    for event in [
        r#"{"version":1,"application_id":"1","type":1,"event":{"type":"X"}}"#,
        r#"{"version":1,"application_id":"1","id":"2","token":"t","type":2}"#,
    ] {
        assert_eq!(ask(&discord, event), None, "{event}");
    }
}

/// Anybody can ask, so the answer must never be the signature of a body.
#[test]
fn x_gets_the_digest_of_its_token_and_of_nothing_else() {
    let x = sample("twitter");
    let settings = json!({ "secrets": ["hush"] });
    let webhook = crate::senders::build("twitter", &settings);
    let parts = |uri| Parts {
        method: Method::GET,
        uri: Uri::from_static(uri),
        headers: Default::default(),
        peer: None,
    };
    let answer = webhook.challenge(&parts("/in/x?crc_token=token-1&nonce=2"), b"");
    assert_eq!(
        json(&answer.unwrap()),
        json!({ "response_token": "sha256=vVmGUDdiSLNDxWrJvb4s6t5sNgw+gWA5EuqiWmU2l/U=" })
    );
    for uri in [
        "/in/x",
        "/in/x?crc_token=",
        "/in/x?crc_token=%7B%22for_user_id%22%3A%221%22%7D",
        "/in/x?crc_token=%22a%22",
        "/in/x?crc_token=a&crc_token=b",
    ] {
        assert_eq!(bare(&x, Method::GET, uri), None, "{uri}");
    }
    assert_eq!(bare(&x, Method::OPTIONS, "/in/x?crc_token=a"), None);
}

#[test]
fn event_grid_gets_its_code_back() {
    let grid = sample("azure-event-grid");
    let webhook = grid.webhook(true);
    let body = r#"[{"id":"1","topic":"/t","subject":"","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","eventTime":"2025-02-19T00:05:20Z","data":{"validationCode":"512d38b6-c7b8-40c8","validationUrl":"https://rp-eastus2.eventgrid.azure.net:553/x"}}]"#;
    let mut parts = grid.signed(0, body.as_bytes());
    assert_eq!(
        webhook.challenge(&parts, body.as_bytes()),
        None,
        "a notification"
    );
    let kind = HeaderValue::from_static("SubscriptionValidation");
    parts.headers.insert("aeg-event-type", kind);
    let answer = webhook.challenge(&parts, body.as_bytes()).unwrap();
    assert_eq!(
        json(&answer),
        json!({ "validationResponse": "512d38b6-c7b8-40c8" })
    );
}

#[test]
fn event_grid_may_send_cloudevents_if_it_knows_the_secret() {
    let webhook = sample("azure-event-grid").webhook(true);
    let ask = |origin: &'static str, uri: &'static str| {
        let mut parts = Parts {
            method: Method::OPTIONS,
            uri: Uri::from_static(uri),
            headers: Default::default(),
            peer: None,
        };
        let origin = HeaderValue::from_static(origin);
        parts.headers.insert("webhook-request-origin", origin);
        let rate = HeaderValue::from_static("120");
        parts.headers.insert("webhook-request-rate", rate);
        webhook.challenge(&parts, b"")
    };
    let answer = ask("eventgrid.azure.net", "/in/grid?code=hush-4711").unwrap();
    assert_eq!(
        answer.headers["webhook-allowed-origin"],
        "eventgrid.azure.net"
    );
    assert_eq!(answer.headers["webhook-allowed-rate"], "*");
    assert_eq!(ask("eventgrid.azure.net", "/in/grid?code=hush"), None);
    assert_eq!(ask("eventgrid.azure.net", "/in/grid"), None);
    assert_eq!(ask("example.com", "/in/grid?code=hush-4711"), None);
}
