//! Brokers that go and come back, members that join and leave.

use crate::broker::Broker;
use crate::suite::{produce, sink, source};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, ErrorKind, Outcome, Report, Settlement, Sink, Source};
use tradewind_event::Event;

pub(crate) fn delivery(id: &str) -> Delivery {
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

pub(crate) async fn deliver(sink: &dyn Sink, id: &str) -> Outcome {
    let (report, mut outcomes) = Report::channel();
    sink.deliver(vec![delivery(id)], report, CancellationToken::new())
        .await;
    outcomes.try_recv().unwrap().1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_the_broker_is_killed() {
    let Some(mut broker) = Broker::start().await else {
        return;
    };
    let topic = broker.topic(2).await;
    let (to, from) = (
        sink(&broker.address(), &topic, "binary"),
        source(&broker.address(), &topic),
    );
    let mut sent = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for round in 0..2 {
        for n in 0..20 {
            let id = format!("{round}-{n}");
            if n == 10 {
                broker.kill().await;
                broker.resume().await;
            }
            while !matches!(deliver(&to, &id).await, Outcome::Accepted { .. }) {}
            sent.insert(id);
        }
        while seen != sent {
            let Ok(received) = from.receive(7, Duration::from_secs(1)).await else {
                continue;
            };
            let mut settlements = Vec::new();
            for message in received {
                seen.insert(message.events.unwrap()[0].id().to_owned());
                settlements.push((message.token, Settlement::Ack));
            }
            from.settle(settlements).await.unwrap();
        }
    }
    // Who stops while the broker is gone does not wait for it.
    broker.kill().await;
    let stopped = tokio::task::spawn_blocking(move || drop((from, to)));
    tokio::time::timeout(Duration::from_secs(30), stopped)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_joins_takes_partitions_and_their_tokens() {
    let Some(broker) = Broker::start().await else {
        return;
    };
    let topic = broker.topic(2).await;
    for n in 0..20 {
        let key = format!("k-{n}");
        produce(&broker, &topic, Some(&key), &[], Some(key.as_bytes())).await;
    }
    let first = source(&broker.address(), &topic);
    let mut held = Vec::new();
    while held.len() < 20 {
        held.extend(first.receive(20, Duration::from_secs(1)).await.unwrap());
    }
    let second = source(&broker.address(), &topic);
    let mut revoked = Vec::new();
    let mut again = Vec::new();
    // Both poll while the group is rebalanced.
    while again.is_empty() {
        let (one, two) = tokio::join!(
            first.receive(1, Duration::from_millis(200)),
            second.receive(20, Duration::from_millis(200))
        );
        held.extend(one.unwrap());
        again.extend(two.unwrap());
        revoked.extend(first.revoked());
    }
    assert!(!revoked.is_empty());
    // Settling what went does no harm, and what was not settled is read by whoever has it.
    let old = held
        .iter()
        .map(|m| (m.token.clone(), Settlement::Ack))
        .collect();
    first.settle(old).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_say_what_to_look_at() {
    let Some(broker) = Broker::start().await else {
        return;
    };
    let none = sink(&broker.address(), "no-such-topic", "binary");
    let Outcome::Retry {
        patience: Some(_),
        reason,
        ..
    } = deliver(&none, "1").await
    else {
        panic!("not retried for a while");
    };
    assert_eq!(reason.code, "not-found", "{reason}");
    let error = none.health().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let topic = broker.topic(1).await;
    sink(&broker.address(), &topic, "binary")
        .health()
        .await
        .unwrap();
    source(&broker.address(), &topic).health().await.unwrap();
}
