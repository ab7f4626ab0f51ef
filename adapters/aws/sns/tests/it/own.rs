//! What is SNS's own.

use crate::suite::{sink, topic};
use serde_json::json;
use tradewind_adapter::Outcome;
use tradewind_aws::testkit::{
    self as aws, Answer, Moto, Wire, attempt, canned, delivery, event, one, told,
};

#[tokio::test]
async fn a_fifo_topic_keeps_groups_and_drops_repetitions() {
    let moto = Moto::start().await;
    let (arn, queue) = topic(&moto.endpoint, true).await;
    let sink = sink(&moto.endpoint, &json!({ "topic": arn }));
    let first = delivery("d-1", event("1", 1));
    let again = first.clone();
    let second = delivery("d-2", event("2", 1));
    // After a restore another event has the same id.
    let other = delivery("d-1", event("3", 1));
    for batch in [vec![first, second], vec![again], vec![other]] {
        for outcome in attempt(&sink, batch).await {
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
    assert_eq!(groups, ["orders/1", "orders/2", "orders/3"]);
}

/// What subscriptions may filter by, and what tells a queue's reader that it is an event; the data alone has neither.
#[tokio::test]
async fn attributes_of_messages() {
    let moto = Moto::start().await;
    let (arn, queue) = topic(&moto.endpoint, false).await;
    for (payload, expected) in [("event", 3), ("data", 0)] {
        let sink = sink(&moto.endpoint, &json!({ "topic": arn, "payload": payload }));
        assert!(matches!(
            one(&sink, event("1", 1)).await,
            Outcome::Accepted {
                receipt: Some(_),
                ..
            }
        ));
        let message = queue.drain().await.remove(0);
        let attributes = message.message_attributes().cloned().unwrap_or_default();
        assert_eq!(attributes.len(), expected, "{attributes:?}");
        if expected > 0 {
            let text = |name: &str| attributes[name].string_value().unwrap().to_owned();
            assert_eq!(text("content-type"), "application/cloudevents+json");
            assert_eq!(
                (text("type"), text("source")),
                ("order.placed".into(), "/shop".into())
            );
        } else {
            assert_eq!(message.body(), Some("{\"text\":\"x\"}"));
        }
    }
}

#[tokio::test]
async fn data_that_is_too_large_lies_in_a_bucket() {
    let moto = Moto::start().await;
    let (arn, queue) = topic(&moto.endpoint, false).await;
    let claims = json!({ "bucket": "acme-claims", "prefix": "a b/", "endpoint": moto.endpoint });
    let with = json!({ "topic": arn, "claim-check": claims });
    let large = || delivery("d/1 é", event("1", 300_000));
    // The bucket is missing: nothing is lost, and nothing is sent.
    let outcome = attempt(&sink(&moto.endpoint, &with), vec![large()]).await;
    let Some(Outcome::Retry { reason, .. }) = &outcome[0] else {
        panic!("{outcome:?}")
    };
    assert_eq!(reason.code, "not-found", "{reason}");
    assert!(queue.drain().await.is_empty());

    aws::bucket(&moto.endpoint, "acme-claims").await;
    let batch = vec![
        delivery("d-0", event("0", 1)),
        large(),
        delivery("d-2", event("2", 1)),
    ];
    for outcome in attempt(&sink(&moto.endpoint, &with), batch).await {
        assert_eq!(told(&outcome), "accepted");
    }
    let mut events = Vec::new();
    for body in queue.bodies().await {
        events.push(tradewind_event::json::decode(body.into()).unwrap());
    }
    let claimed = events.iter().find(|event| event.id() == "1").unwrap();
    assert!(claimed.data().is_none());
    let place = claimed
        .attribute("dataref")
        .unwrap()
        .to_canonical()
        .into_owned();
    let key = format!("a%20b/d/1%20%C3%A9-{}", large().identity());
    assert_eq!(place, format!("s3://acme-claims/{key}"));
    let stored = aws::object(&moto.endpoint, "acme-claims", &key).await;
    assert_eq!(stored.unwrap(), event("1", 300_000).data().unwrap().bytes);

    let without = attempt(
        &sink(&moto.endpoint, &json!({ "topic": arn })),
        vec![large()],
    )
    .await;
    assert_eq!(told(&without[0]), "never too-large");
    // A bucket that may not be written.
    let denied = canned(Wire::Rest, Answer::Failure(403, "AccessDenied", "no")).await;
    let claims = json!({ "bucket": "acme-claims", "endpoint": denied });
    let with = json!({ "topic": arn, "claim-check": claims });
    let outcome = attempt(&sink(&moto.endpoint, &with), vec![large()]).await;
    let Some(Outcome::Retry { reason, .. }) = &outcome[0] else {
        panic!("{outcome:?}")
    };
    assert!(
        reason.detail.contains(
            "AccessDenied: no; hint: this identity needs s3:PutObject on arn:aws:s3:::acme-claims/*"
        ),
        "{reason}"
    );
}

#[tokio::test]
async fn what_is_well_says_so_and_what_is_not_there_does_not() {
    let moto = Moto::start().await;
    let (arn, _queue) = topic(&moto.endpoint, false).await;
    let at = |arn: &str| sink(&moto.endpoint, &json!({ "topic": arn }));
    aws::health(&at(&arn), &at(&format!("{arn}-none"))).await;
}

#[test]
fn settings_that_cannot_be() {
    let topic = crate::suite::ORDERS;
    for (more, key) in [
        (json!({ "max-bytes": 1 }), "max-bytes"),
        (
            json!({ "payload": "data", "claim-check": { "bucket": "acme" } }),
            "claim-check",
        ),
    ] {
        let config = aws::settings(json!({ "topic": topic }), &more);
        let error = tradewind_sns::SnsSink::new(config).unwrap_err();
        assert!(error.to_string().contains(key), "{error}");
    }
}
