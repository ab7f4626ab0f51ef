//! What is EventBridge's own.

use crate::suite::{bus, came, sink};
use serde_json::{Value, json};
use tradewind_adapter::Outcome;
use tradewind_aws::testkit::{
    self as aws, Answer, Moto, Wire, attempt, canned, delivery, event, one, told,
};
use tradewind_event::{Attribute, Event};

/// To the bus and back by a queue: the count of gateways goes on, and so do source, type, subject and time.
#[tokio::test]
async fn hops_survive_the_bus() {
    let moto = Moto::start().await;
    let (bus, queue) = bus(&moto.endpoint).await;
    let sink = sink(&moto.endpoint, &json!({ "bus": bus }));
    let mut event = event("1", 10)
        .with_attribute("time", Attribute::Timestamp("2026-01-02T03:04:05Z"))
        .unwrap();
    for hops in 1..=3 {
        event = event
            .with_attribute("tradewindhops", Attribute::Integer(hops))
            .unwrap();
        assert_eq!(told(&Some(one(&sink, event.clone()).await)), "accepted");
        let body = queue.bodies().await.remove(0);
        let detail: Value = serde_json::from_str::<Value>(&body).unwrap()["detail"].take();
        assert_eq!(detail["text"], "xxxxxxxxxx");
        event = came(body);
        let attribute = |name: &str| event.attribute(name).unwrap().to_canonical().into_owned();
        assert_eq!(attribute("tradewindhops"), hops.to_string());
        assert_eq!((event.source(), event.ty()), ("/shop", "order.placed"));
        assert_eq!(
            (event.subject(), event.time_text()),
            (Some("orders/1"), Some("2026-01-02T03:04:05Z"))
        );
    }
}

#[tokio::test]
async fn source_and_type_of_the_settings() {
    let moto = Moto::start().await;
    let (bus, queue) = bus(&moto.endpoint).await;
    let more = json!({ "bus": bus, "source": "shop", "detail-type": "Order Placed" });
    one(&sink(&moto.endpoint, &more), event("1", 1)).await;
    let event = came(queue.bodies().await.remove(0));
    assert_eq!((event.source(), event.ty()), ("shop", "Order Placed"));
}

/// One bad entry of a batch is not the failure of the others, and each code is what it is.
#[tokio::test]
async fn entries_have_outcomes_of_their_own() {
    let entries = json!({ "FailedEntryCount": 5, "Entries": [
        { "EventId": "e-1" },
        { "ErrorCode": "ThrottlingException", "ErrorMessage": "slow" },
        { "ErrorCode": "InternalFailure" },
        { "ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "no" },
        { "ErrorCode": "MalformedDetail" },
    ]});
    let origin = canned(Wire::Json, Answer::Success(entries.to_string())).await;
    let mut batch: Vec<_> = (0..6)
        .map(|n| delivery(&format!("d-{n}"), event("1", 1)))
        .collect();
    // Not JSON: it is never sent, and the answers of the others stay with them.
    let text = Event::builder("t", "/s", "t")
        .data("text/plain", "x")
        .build()
        .unwrap();
    batch.insert(2, delivery("d-text", text));
    let outcomes = attempt(&sink(&origin, &json!({})), batch).await;
    let told: Vec<String> = outcomes.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "accepted",
            "again throttled",
            "never render-failed",
            "again aws-failed",
            "again access-denied",
            "never refused",
            "-"
        ]
    );
    assert!(matches!(
        &outcomes[1],
        Some(Outcome::Retry {
            throttled: true,
            ..
        })
    ));
}

#[tokio::test]
async fn data_that_is_too_large_lies_in_a_bucket() {
    let moto = Moto::start().await;
    let (bus, queue) = bus(&moto.endpoint).await;
    aws::bucket(&moto.endpoint, "acme-claims").await;
    let claims = json!({ "bucket": "acme-claims", "endpoint": moto.endpoint });
    let with = sink(
        &moto.endpoint,
        &json!({ "bus": bus, "claim-check": claims }),
    );
    let large = delivery("d-1", event("1", 1_000_000));
    let key = aws::claim(&large);
    let outcome = attempt(&with, vec![large]).await;
    assert_eq!(told(&outcome[0]), "accepted");
    let event = came(queue.bodies().await.remove(0));
    assert_eq!(
        event.attribute("dataref").unwrap().to_canonical(),
        format!("s3://acme-claims/{key}")
    );
    let stored = aws::object(&moto.endpoint, "acme-claims", &key).await;
    assert_eq!(stored.unwrap().len(), 1_000_000 + "{\"text\":\"\"}".len());
}

#[tokio::test]
async fn what_is_well_says_so_and_what_is_not_there_does_not() {
    let moto = Moto::start().await;
    let (bus, _queue) = bus(&moto.endpoint).await;
    let at = |bus: &str| sink(&moto.endpoint, &json!({ "bus": bus }));
    aws::health(&at(&bus), &at("none")).await;
}

#[test]
fn settings_that_cannot_be() {
    for (more, key) in [
        (json!({ "source": "aws.shop" }), "AWS keeps"),
        (json!({ "source": "" }), "`source`"),
        (json!({ "detail-type": "x".repeat(129) }), "`detail-type`"),
    ] {
        let config = aws::settings(json!({ "bus": "orders" }), &more);
        let error = tradewind_event_bridge::EventBridgeSink::new(config).unwrap_err();
        assert!(error.to_string().contains(key), "{error}");
    }
}
