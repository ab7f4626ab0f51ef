//! What is wrong says what to look at.

use crate::server::{sink, start};
use tradewind_adapter::{ErrorKind, Outcome, Sink};
use tradewind_brokers::testkit::{Server, deliver, pairs};
use tradewind_nats::NatsSink;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_that_no_stream_takes_is_not_found() {
    let Some(server) = start(&[]).await else {
        return;
    };
    let none = sink(&server.address(), "nobody.listens", "binary");
    let Some(Outcome::Retry {
        patience: Some(_),
        reason,
        ..
    }) = deliver(&none, "1").await
    else {
        panic!("not retried for a while");
    };
    assert_eq!(reason.code, "not-found", "{reason}");
    let error = none.health().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_enter_is_told() {
    let Some(server) = start(&["--user", "me", "--pass", "right"]).await else {
        return;
    };
    for (password, enters) in [("right", true), ("wrong", false)] {
        let config = serde_json::json!({
            "cluster": {
                "servers": [server.address()],
                "auth": { "username": "me", "password": password },
            },
            "subject": "a", "jetstream": false,
        });
        let sink = NatsSink::new(serde_json::from_value(config).unwrap()).unwrap();
        let health = sink.health().await;
        assert_eq!(health.is_ok(), enters, "{health:?}");
        if let Err(error) = health {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
            assert!(!error.to_string().contains(password));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_server_with_a_good_certificate_is_spoken_to() {
    let (ours, pairs) = pairs();
    for (pair, good) in pairs {
        let server = Server::start("nats", "nats-server", move |command, folder, port| {
            let (certificate, key) = pair.write(folder);
            command
                .args(["-a", "127.0.0.1", "-p", &port.to_string(), "--tls"])
                .arg("--tlscert")
                .arg(certificate)
                .arg("--tlskey")
                .arg(key);
        });
        let Some(server) = server.await else {
            return;
        };
        let config = serde_json::json!({
            "cluster": { "servers": [server.address()], "tls": { "ca": ours.pem() } },
            "subject": "a", "jetstream": false,
        });
        let sink = NatsSink::new(serde_json::from_value(config).unwrap()).unwrap();
        let health = sink.health().await;
        assert_eq!(health.is_ok(), good, "{health:?}");
    }
}
