//! What is wrong says what to look at.

use crate::server::{queue, sink, source, start};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{ErrorKind, Outcome, Report, Sink, Source};
use tradewind_brokers::testkit::{deliver, delivery, pairs, rabbitmq};
use tradewind_event::{Attribute, Event};
use tradewind_rabbitmq::RabbitMqSink;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_and_who_may_not_enter_is_told() {
    let Some(server) = start().await else {
        return;
    };
    let none = sink(&server.address(), "no-such-queue", "binary");
    let Some(Outcome::Retry {
        patience: Some(_),
        reason,
        ..
    }) = deliver(&none, "1").await
    else {
        panic!("not retried for a while");
    };
    assert_eq!(reason.code, "not-found", "{reason}");
    let source = source(&server.address(), "no-such-queue");
    let error = source
        .receive(1, Duration::from_millis(10))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");

    let config = serde_json::json!({
        "broker": { "server": server.address(), "username": "guest", "password": "wrong-one" },
        "routing-key": "a",
    });
    let sink = RabbitMqSink::new(serde_json::from_value(config).unwrap()).unwrap();
    let error = sink.health().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(!error.to_string().contains("wrong-one"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_broker_with_a_good_certificate_is_spoken_to() {
    let (ours, pairs) = pairs();
    for (pair, good) in pairs {
        let server = rabbitmq("", "ssl_options.verify = verify_none", move |folder| {
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
        let config = serde_json::json!({
            "broker": { "server": server.address(), "tls": { "ca": ours.pem() } },
            "routing-key": "a",
        });
        let sink = RabbitMqSink::new(serde_json::from_value(config).unwrap()).unwrap();
        let health = sink.health().await;
        assert_eq!(health.is_ok(), good, "{health:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_amqp_does_not_carry_is_refused_and_the_others_are_not() {
    let Some(server) = start().await else {
        return;
    };
    let queue = queue(&server).await;
    let sink = sink(&server.address(), &queue, "binary");
    let mut long = delivery("2");
    let event = Event::builder("2", "/shop", "order.placed");
    let event = event.extension(&"n".repeat(300), Attribute::String("x"));
    long.event = event.build().unwrap();
    let batch = vec![delivery("1"), long, delivery("3")];
    let (report, mut outcomes) = Report::channel();
    sink.deliver(batch, report, CancellationToken::new()).await;
    for _ in 0..3 {
        let (index, outcome) = outcomes.try_recv().unwrap();
        match outcome {
            Outcome::Accepted { .. } => assert_ne!(index, 1),
            Outcome::Reject { reason, .. } => {
                assert_eq!((index, &*reason.code), (1, "not-carried"))
            }
            other => panic!("{index}: {other:?}"),
        }
    }
}
