//! What is wrong says what to look at.

use crate::suite::source;
use std::time::Duration;
use tradewind_adapter::{ErrorKind, Sink, Source};
use tradewind_amqp::AmqpSink;
use tradewind_brokers::testkit::{pairs, rabbitmq};

fn sink(config: serde_json::Value) -> AmqpSink {
    AmqpSink::new(serde_json::from_value(config).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_and_who_may_not_enter_is_told() {
    let Some(server) = rabbitmq("rabbitmq_amqp1_0", "", |_| String::new()).await else {
        return;
    };
    let source = source(&server.address(), "/amq/queue/none");
    let error = source
        .receive(1, Duration::from_millis(10))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let sink = sink(serde_json::json!({
        "peer": { "server": server.address(), "username": "guest", "password": "wrong-one" },
        "address": "/queue/a",
    }));
    let error = sink.health().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(!error.to_string().contains("wrong-one"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_peer_with_a_good_certificate_is_spoken_to() {
    let (ours, pairs) = pairs();
    for (pair, good) in pairs {
        let settings = "ssl_options.verify = verify_none";
        let server = rabbitmq("rabbitmq_amqp1_0", settings, move |folder| {
            let (certificate, key) = pair.write(folder);
            format!(
                "ssl_options.certfile = {}\nssl_options.keyfile = {}",
                certificate.display(),
                key.display()
            )
        });
        let Some(server) = server.await else {
            return;
        };
        let sink = sink(serde_json::json!({
            "peer": {
                "server": server.address(), "tls": { "ca": ours.pem() },
                "username": "guest", "password": "guest",
            },
            "address": "/queue/a",
        }));
        let health = sink.health().await;
        assert_eq!(health.is_ok(), good, "{health:?}");
    }
}
