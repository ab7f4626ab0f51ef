//! What is wrong says what to look at.

use crate::server::{ask, sink, start};
use tradewind_adapter::{ErrorKind, Outcome, Sink};
use tradewind_brokers::testkit::{Server, deliver, pairs};
use tradewind_redis::RedisSink;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_holds_something_else_is_told() {
    let Some(server) = start(&[]).await else {
        return;
    };
    let mut set = redis::cmd("SET");
    set.arg("text").arg("x");
    ask::<String>(&server.address(), &set).await;
    let sink = sink(&server.address(), "text", "binary");
    let Some(Outcome::Retry {
        patience: Some(_),
        reason,
        ..
    }) = deliver(&sink, "1").await
    else {
        panic!("not retried for a while");
    };
    assert_eq!(reason.code, "wrong-type", "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_enter_is_told() {
    let Some(server) = start(&["--requirepass", "right"]).await else {
        return;
    };
    for (password, enters) in [(Some("right"), true), (Some("wrong"), false), (None, false)] {
        let config = serde_json::json!({
            "connection": { "server": server.address(), "password": password },
            "stream": "a",
        });
        let sink = RedisSink::new(serde_json::from_value(config).unwrap()).unwrap();
        let health = sink.health().await;
        assert_eq!(health.is_ok(), enters, "{password:?}: {health:?}");
        if let Err(error) = health {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_server_with_a_good_certificate_is_spoken_to() {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    let (ours, pairs) = pairs();
    for (pair, good) in pairs {
        let server = Server::start("redis", "redis-server", move |command, folder, port| {
            let (certificate, key) = pair.write(folder);
            command
                .args(["--bind", "127.0.0.1", "--port", "0", "--save", ""])
                .args(["--tls-port", &port.to_string(), "--tls-auth-clients", "no"])
                .arg("--tls-cert-file")
                .arg(certificate)
                .arg("--tls-key-file")
                .arg(key);
        });
        let Some(server) = server.await else {
            return;
        };
        let config = serde_json::json!({
            "connection": { "server": server.address(), "tls": { "ca": ours.pem() } },
            "stream": "a",
        });
        let sink = RedisSink::new(serde_json::from_value(config).unwrap()).unwrap();
        let health = sink.health().await;
        assert_eq!(health.is_ok(), good, "{health:?}");
    }
}
