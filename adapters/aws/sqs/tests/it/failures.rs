//! Failures of AWS: what becomes of the delivery, and what the operator is told.

use crate::canned::{self, Answer};
use crate::moto::Moto;
use crate::suite::{sink, source};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, ErrorKind, Outcome, Report, Sink, Source};
use tradewind_event::Event;

fn delivery(id: &str) -> Delivery {
    let event = Event::builder(id, "/shop", "order.placed").data("text/plain", "x");
    Delivery {
        id: id.into(),
        event: event.build().unwrap(),
        subscription: "orders".into(),
        stream: "default".into(),
        position: "0/1".into(),
        attempt: 1,
        timeout: Duration::from_secs(20),
        replay: None,
        trace: None,
    }
}

async fn outcome(queue: &str) -> Outcome {
    let (report, mut outcomes) = Report::channel();
    let batch = vec![delivery("e-1")];
    sink(queue)
        .deliver(batch, report, CancellationToken::new())
        .await;
    outcomes.try_recv().unwrap().1
}

#[tokio::test]
async fn refusals_say_which_permission_or_setting_is_missing() {
    let denied =
        r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"not you"}"#;
    let skewed = r#"{"__type":"com.amazonaws.sqs#InvalidSignatureException","message":"Signature expired: 20260101T000000Z"}"#;
    let missing = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}"#;
    let arn = "arn:aws:sqs:eu-west-1:123456789012:orders";
    for (status, body, code, kind, hint) in [
        (
            403,
            denied,
            "access-denied",
            ErrorKind::PermissionDenied,
            "this identity needs sqs:",
        ),
        (
            400,
            skewed,
            "access-denied",
            ErrorKind::PermissionDenied,
            "the clock of this machine is wrong",
        ),
        (
            400,
            missing,
            "not-found",
            ErrorKind::NotFound,
            "check name, account and region",
        ),
    ] {
        let queue = canned::queue(Answer::Status(status, body)).await;
        let Outcome::Retry {
            patience: Some(_),
            reason,
            ..
        } = outcome(&queue).await
        else {
            panic!("{body}: not retried for a while");
        };
        assert_eq!(reason.code, code, "{reason}");
        assert!(reason.detail.contains(hint), "{reason}");
        let error = source(&queue).receive(1, Duration::ZERO).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(hint), "{error}");
        if kind == ErrorKind::PermissionDenied && hint.contains("identity") {
            assert!(reason.detail.contains(arn), "{reason}");
            assert!(
                error
                    .to_string()
                    .contains(&format!("sqs:ReceiveMessage on {arn}"))
            );
        }
    }
}

#[tokio::test]
async fn what_is_well_says_so_and_what_is_not_there_does_not() {
    let moto = Moto::start().await;
    let queue = moto.queue(false).await;
    sink(&queue).health().await.unwrap();
    let error = sink(&format!("{queue}-none")).health().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// One bad entry of a batch is not the failure of the others, and a FIFO queue keeps groups apart.
#[tokio::test]
async fn groups_and_deduplication_of_a_fifo_queue() {
    let moto = Moto::start().await;
    let queue = moto.queue(true).await;
    let mut one = delivery("d-1");
    one.event = Event::builder("1", "/shop", "t")
        .subject("order 1")
        .build()
        .unwrap();
    // Delivered again after a crash: SQS drops it.
    let again = one.clone();
    let mut two = delivery("d-2");
    two.event = Event::builder("2", "/shop", "t").build().unwrap();
    for batch in [vec![one, two], vec![again]] {
        let (report, mut outcomes) = Report::channel();
        sink(&queue)
            .deliver(batch, report, CancellationToken::new())
            .await;
        while let Some((_, outcome)) = outcomes.try_recv() {
            assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        }
    }
    let mut groups: Vec<String> = moto
        .drain(&queue)
        .await
        .iter()
        .map(|message| message.attributes().unwrap()[&"MessageGroupId".into()].clone())
        .collect();
    groups.sort();
    assert_eq!(groups.len(), 2);
    // "order 1" has a space, which a group may not have.
    assert_eq!(groups[0], "/shop");
    assert_eq!(groups[1].len(), 64);
}

/// More than one answer holds is asked for at once.
#[tokio::test]
async fn a_full_queue_is_read_in_one_go() {
    let moto = Moto::start().await;
    let queue = moto.queue(false).await;
    for number in 0..35 {
        let send = moto.client().send_message().queue_url(&queue);
        let send = send.message_body(format!("order {number}"));
        send.send().await.unwrap();
    }
    let source = source(&queue);
    let mut messages = source.receive(100, Duration::from_secs(1)).await.unwrap();
    assert!(messages.len() > 10, "{}", messages.len());
    while messages.len() < 35 {
        messages.extend(source.receive(100, Duration::ZERO).await.unwrap());
    }
    let all = messages
        .iter()
        .flat_map(|message| message.events.as_ref().unwrap());
    let all: BTreeSet<&[u8]> = all.map(|event| &*event.data().unwrap().bytes).collect();
    assert_eq!(all.len(), 35);
}
