//! What is wrong says what to look at.

use crate::server::{sink, start, stream};
use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use std::time::Duration;
use tradewind_adapter::{Error, ErrorKind, Outcome, Sink, Source};
use tradewind_brokers::testkit::{Server, deliver, pairs};
use tradewind_nats::{NatsSink, NatsSource};

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

/// By some consumers messages would be lost, and by others not those come that `subjects` says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_there_and_does_not_fit_is_not_read_by() {
    let Some(server) = start(&[]).await else {
        return;
    };
    let client = async_nats::connect(server.address()).await.unwrap();
    let context = jetstream::new(client);
    let stream = stream(&server).await;
    let all = stream.as_str();
    for (policy, filter, subjects, good) in [
        (AckPolicy::None, "", &[][..], false),
        (AckPolicy::All, "", &[], false),
        (AckPolicy::Explicit, all, &[], true),
        (AckPolicy::Explicit, all, &[all], true),
        (AckPolicy::Explicit, "", &[all], false),
    ] {
        let settings = pull::Config {
            durable_name: Some("theirs".into()),
            ack_policy: policy,
            filter_subject: filter.into(),
            ..pull::Config::default()
        };
        let made = context.create_consumer_on_stream(settings, all);
        made.await.unwrap();
        let got = consumed(&server, all, subjects).await;
        let kind = got.err().map(|error| error.kind());
        let expected = (!good).then_some(ErrorKind::ConfigInvalid);
        assert_eq!(kind, expected, "{policy:?} {filter:?} {subjects:?}");
        let ended = context.delete_consumer_from_stream("theirs", all);
        ended.await.unwrap();
    }
    // One's own is made with the filter, and found again.
    for _ in 0..2 {
        consumed(&server, all, &[all]).await.unwrap();
    }
}

async fn consumed(server: &Server, stream: &str, subjects: &[&str]) -> Result<(), Error> {
    let config = serde_json::json!({
        "cluster": { "servers": [server.address()] },
        "jetstream": stream, "consumer": "theirs", "subjects": subjects,
    });
    let source = NatsSource::new("s", serde_json::from_value(config).unwrap()).unwrap();
    source.receive(1, Duration::ZERO).await.map(drop)
}
