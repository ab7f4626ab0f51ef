//! What is SQS's own.

use crate::suite::{ORDERS, sink, source, with};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{Settlement, Source};
use tradewind_aws::testkit::{self as aws, Moto, Queue, Wire, attempt, delivery, event, told};
use tradewind_event::Event;

#[tokio::test]
async fn refusals_say_which_permission_or_setting_is_missing() {
    let queue = |origin: &str| format!("{origin}/123456789012/orders");
    let permission = format!("sqs:SendMessage on {ORDERS}");
    aws::refusals(Wire::Json, &permission, |origin| {
        Arc::new(sink(&queue(origin)))
    })
    .await;
    let permission = format!("sqs:ReceiveMessage on {ORDERS}");
    aws::sources(Wire::Json, &permission, |origin| {
        Arc::new(source(&queue(origin)))
    })
    .await;
}

#[tokio::test]
async fn what_is_well_says_so_and_what_is_not_there_does_not() {
    let moto = Moto::start().await;
    let queue = Queue::new(&moto.endpoint, false).await.url;
    aws::health(&sink(&queue), &sink(&format!("{queue}-none"))).await;
}

#[tokio::test]
async fn groups_and_deduplication_of_a_fifo_queue() {
    let moto = Moto::start().await;
    let queue = Queue::new(&moto.endpoint, true).await;
    let of = |id: &str, event: Event| delivery(id, event);
    let one = Event::builder("1", "/shop", "t").subject("order 1");
    let one = of("d-1", one.build().unwrap());
    // Delivered again after a crash: SQS drops it.
    let again = one.clone();
    let two = of("d-2", Event::builder("2", "/shop", "t").build().unwrap());
    // After a restore another event has the same id.
    let other = Event::builder("3", "/shop", "t").subject("order 1");
    let other = of("d-1", other.build().unwrap());
    for batch in [vec![one, two], vec![again], vec![other]] {
        for outcome in attempt(&sink(&queue.url), batch).await {
            assert_eq!(told(&outcome), "accepted");
        }
    }
    let mut groups: Vec<String> = queue
        .drain()
        .await
        .iter()
        .map(|message| message.attributes().unwrap()[&"MessageGroupId".into()].clone())
        .collect();
    groups.sort();
    assert_eq!(groups.len(), 3);
    // "order 1" has a space, which a group may not have.
    assert_eq!(groups[0], "/shop");
    assert_eq!((groups[1].len(), &groups[2]), (64, &groups[1]));
}

/// More than one answer holds is asked for at once.
#[tokio::test]
async fn a_full_queue_is_read_in_one_go() {
    let moto = Moto::start().await;
    let queue = Queue::new(&moto.endpoint, false).await;
    for number in 0..35 {
        let send = queue.client.send_message().queue_url(&queue.url);
        let send = send.message_body(format!("order {number}"));
        send.send().await.unwrap();
    }
    let source = source(&queue.url);
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

/// For as long as it is asked for: longer than the queue hides a message by itself.
#[tokio::test]
async fn a_message_stays_hidden_while_it_is_extended() {
    let moto = Moto::start().await;
    let queue = Queue::new(&moto.endpoint, false).await;
    let send = queue.client.send_message().queue_url(&queue.url);
    send.message_body("one").send().await.unwrap();
    let (mine, other) = (source(&queue.url), source(&queue.url));
    let lease = mine.capability().receive_lease.unwrap();
    let messages = mine.receive(1, Duration::from_secs(1)).await.unwrap();
    let token = messages[0].token.clone();
    for _ in 0..3 {
        tokio::time::sleep(lease / 2).await;
        mine.extend(vec![token.clone()]).await.unwrap();
        let seen = other.receive(1, Duration::ZERO).await.unwrap();
        assert!(seen.is_empty(), "{seen:?}");
    }
    mine.settle(vec![(token, Settlement::Ack)]).await.unwrap();
}

#[tokio::test]
async fn data_that_is_too_large_lies_in_a_bucket() {
    let moto = Moto::start().await;
    let queue = Queue::new(&moto.endpoint, false).await;
    aws::bucket(&moto.endpoint, "acme-claims").await;
    let large = || vec![delivery("d-1", event("1", 1 << 20))];
    let without = attempt(&sink(&queue.url), large()).await;
    assert_eq!(told(&without[0]), "never too-large");
    let claims = json!({ "bucket": "acme-claims", "endpoint": moto.endpoint });
    let with = with(&queue.url, &json!({ "claim-check": claims })).unwrap();
    assert_eq!(told(&attempt(&with, large()).await[0]), "accepted");
    let received = source(&queue.url).receive(1, Duration::from_secs(1)).await;
    let event = received.unwrap().remove(0).events.unwrap().remove(0);
    let place = event.attribute("dataref").unwrap().to_canonical();
    let key = aws::claim(&large()[0]);
    assert_eq!(event.id(), "1");
    assert_eq!(place, format!("s3://acme-claims/{key}"));
    // What says where the data is would not be sent.
    let more = json!({ "payload": "data", "claim-check": claims });
    let error = crate::suite::with(&queue.url, &more).unwrap_err();
    assert!(error.to_string().contains("claim-check"), "{error}");
}

/// What is given back, with what comes after it, comes again before anything else of its group.
#[tokio::test]
async fn a_group_of_a_fifo_queue_keeps_its_order() {
    let moto = Moto::start().await;
    let queue = Queue::new(&moto.endpoint, true).await;
    for id in ["1", "2", "3"] {
        let send = queue.client.send_message().queue_url(&queue.url);
        let send = send
            .message_group_id("order-1")
            .message_deduplication_id(id);
        send.message_body(id).send().await.unwrap();
    }
    let source = source(&queue.url);
    assert!(source.capability().receive_ordered);
    let (mut seen, mut first) = (Vec::new(), true);
    while seen.len() < 3 {
        let received = source.receive(10, Duration::from_secs(1)).await.unwrap();
        let bodies = received.iter().map(|message| {
            let event = &message.events.as_ref().unwrap()[0];
            event.data().unwrap().bytes.clone()
        });
        let bodies: Vec<_> = bodies.collect();
        let how = match std::mem::take(&mut first) {
            true => Settlement::Nack { delay: None },
            false => {
                seen.extend(bodies);
                Settlement::Ack
            }
        };
        let all = received.into_iter().map(|message| (message.token, how));
        source.settle(all.collect()).await.unwrap();
    }
    assert_eq!(seen, ["1", "2", "3"]);
}
