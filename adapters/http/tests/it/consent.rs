//! The consent of a target, asked for in the sender's role.

use crate::server::{Act, Server, accepted, config, delivery, event, one, sink, why};
use serde_json::{Value, json};
use std::time::Duration;
use tradewind_adapter::Outcome;
use tradewind_http::HttpSink;

fn act(status: u16, headers: &[(&'static str, &str)]) -> Act {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    Act::Answer(status, headers.collect(), Vec::new())
}

fn asking(rate: Option<u32>) -> Value {
    match rate {
        None => json!({"handshake": {"origin": "gw.example"}}),
        Some(rate) => json!({"handshake": {"origin": "gw.example", "rate": rate}}),
    }
}

#[tokio::test]
async fn the_target_is_asked_once_and_told_who_sends() {
    // The header is the consent, whatever the status.
    for (status, origin) in [(200, "gw.example"), (200, "*"), (405, "GW.example")] {
        let answer = act(200, &[("webhook-allowed-origin", origin)]);
        let server = Server::start(answer).await;
        let mut settings = asking(None);
        settings["auth"] = json!({"bearer": "hunter2"});
        let sink = sink(&server.url(), settings);
        for id in ["a", "b"] {
            accepted(&one(&sink, delivery(event(id))).await);
        }
        let seen = server.seen();
        let methods: Vec<&str> = seen.iter().map(|s| s.method.as_str()).collect();
        assert_eq!(methods, ["OPTIONS", "POST", "POST"], "{status}");
        for request in &seen {
            assert_eq!(request.header("webhook-request-origin"), "gw.example");
            assert_eq!(request.uri.path(), "/hook");
        }
        assert_eq!(seen[0].header("authorization"), "Bearer hunter2");
        assert!(!seen[0].headers.contains_key("webhook-request-rate"));
    }
}

#[tokio::test]
async fn without_consent_nothing_is_sent() {
    for headers in [
        &[][..],
        &[("webhook-allowed-origin", "other.example")],
        &[("webhook-allowed-origin", "")],
        &[("allow", "POST")],
        &[
            ("webhook-allowed-origin", "*"),
            ("webhook-allowed-rate", "0"),
        ],
        &[
            ("webhook-allowed-origin", "*"),
            ("webhook-allowed-rate", "many"),
        ],
    ] {
        let server = Server::start(act(200, headers)).await;
        let sink = sink(&server.url(), asking(Some(60)));
        for _ in 0..2 {
            let outcome = one(&sink, delivery(event("a"))).await;
            assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
            assert_eq!(why(&outcome).0, "no-consent");
        }
        let seen = server.seen();
        assert_eq!(
            seen.len(),
            1,
            "a refusal is not asked about at each attempt"
        );
        assert_eq!(seen[0].method, "OPTIONS");
        assert_eq!(seen[0].header("webhook-request-rate"), "60");
    }
}

#[tokio::test]
async fn the_allowed_rate_is_kept() {
    for (allowed, second) in [(Some("2"), false), (None, false), (Some("*"), true)] {
        let mut headers = vec![("webhook-allowed-origin", "*")];
        headers.extend(allowed.map(|rate| ("webhook-allowed-rate", rate)));
        let server = Server::start(act(200, &headers)).await;
        let sink = sink(&server.url(), asking(Some(2)));
        accepted(&one(&sink, delivery(event("a"))).await);
        let mut hasty = delivery(event("b"));
        hasty.timeout = Duration::from_secs(2);
        let outcome = one(&sink, hasty).await;
        if second {
            accepted(&outcome);
            continue;
        }
        let Outcome::Retry {
            after, throttled, ..
        } = outcome
        else {
            panic!("{outcome:?}")
        };
        let after = after.unwrap();
        assert!(throttled && after > Duration::from_secs(25) && after <= Duration::from_secs(30));
        assert_eq!(server.seen().len(), 2);
    }
}

#[test]
fn settings_that_cannot_work() {
    for handshake in [
        json!({"origin": ""}),
        json!({"origin": "https://gw.example"}),
        json!({"origin": "gw example"}),
        json!({"origin": "gw.example", "rate": 0}),
    ] {
        let settings = json!({"url": "https://example.com/", "handshake": handshake});
        let error = HttpSink::new(&config(settings)).unwrap_err().to_string();
        assert!(error.starts_with("handshake."), "{error}");
    }
}
