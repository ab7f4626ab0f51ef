//! What is wrong says what to look at.

use crate::server::start_with;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{ErrorKind, Outcome, Report, Sink};
use tradewind_brokers::testkit::{delivery, pairs};
use tradewind_event::{Attribute, Event};
use tradewind_mqtt::{MqttSink, SinkConfig};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_enter_is_told() {
    for version in ["5", "3.1.1"] {
        let Some(server) = start_with("allow_anonymous false", |_| String::new()).await else {
            return;
        };
        let config = serde_json::json!({
            "broker": {
                "server": server.address(), "version": version,
                "username": "me", "password": "wrong-one",
            },
            "topic": "a",
        });
        let sink = MqttSink::new(serde_json::from_value(config).unwrap()).unwrap();
        let error = sink.health().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(!error.to_string().contains("wrong-one"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_broker_with_a_good_certificate_is_spoken_to() {
    let (ours, pairs) = pairs();
    for (pair, good) in pairs {
        let server = start_with("allow_anonymous true", move |folder| {
            let (certificate, key) = pair.write(folder);
            format!(
                "certfile {}\nkeyfile {}",
                certificate.display(),
                key.display()
            )
        });
        let Some(server) = server.await else {
            return;
        };
        for version in ["5", "3.1.1"] {
            let config = serde_json::json!({
                "broker": {
                    "server": server.address(), "version": version, "tls": { "ca": ours.pem() },
                },
                "topic": "a",
            });
            let sink = MqttSink::new(serde_json::from_value(config).unwrap()).unwrap();
            let health = sink.health().await;
            assert_eq!(health.is_ok(), good, "{version}: {health:?}");
        }
    }
}

#[test]
fn settings_that_cannot_be_right_are_refused() {
    for (config, part) in [
        (r#"{"broker":{"server":"a:1"},"topic":"a/b"}"#, None),
        (
            r#"{"broker":{"server":"a:1"},"topic":"a/#"}"#,
            Some("wildcards"),
        ),
        (
            r#"{"broker":{"server":"a:1","version":"3.1.1"},"topic":"a","mode":"binary"}"#,
            Some("structured"),
        ),
        (
            r#"{"broker":{"server":"a:1","username":"u","password":"p"},"topic":"a"}"#,
            Some("tls"),
        ),
        (
            r#"{"broker":{"server":"a:1","password":"p"},"topic":"a"}"#,
            Some("username"),
        ),
    ] {
        let config: SinkConfig = serde_json::from_str(config).unwrap();
        let error = MqttSink::new(config).err().map(|error| error.to_string());
        let found = error.as_deref().unwrap_or_default();
        assert_eq!(error.is_some(), part.is_some(), "{found}");
        assert!(found.contains(part.unwrap_or_default()), "{found}");
    }
}

/// No broker is asked, so none is needed.
#[tokio::test]
async fn a_text_that_mqtt_does_not_carry_is_refused() {
    let config = r#"{"broker":{"server":"127.0.0.1:1"},"topic":"a"}"#;
    let sink = MqttSink::new(serde_json::from_str(config).unwrap()).unwrap();
    let (most, more) = ("x".repeat(65_535), "x".repeat(65_536));
    let event = || Event::builder("1", "/shop", "order.placed");
    let with = |name: &str, value: &str| event().extension(name, Attribute::String(value)).build();
    let of = |kind: &str| event().data(format!("text/{kind}"), "x").build();
    let cases = [
        (with("note", &most), "connect"),
        (with("note", &more), "not-carried"),
        (with(&more, "x"), "not-carried"),
        (of(&most[5..]), "connect"),
        (of(&most[4..]), "not-carried"),
    ];
    let batch: Vec<_> = cases
        .iter()
        .map(|(event, _)| {
            let mut delivery = delivery("1");
            delivery.event = event.clone().unwrap();
            delivery
        })
        .collect();
    let (report, mut outcomes) = Report::channel();
    sink.deliver(batch, report, CancellationToken::new()).await;
    for _ in &cases {
        let (index, outcome) = outcomes.try_recv().unwrap();
        let (Outcome::Reject { reason, .. } | Outcome::Retry { reason, .. }) = outcome else {
            panic!("{index}: {outcome:?}");
        };
        assert_eq!(reason.code, cases[index].1, "{index}: {reason}");
    }
}
