//! The sink.

use async_trait::async_trait;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::{Arc, Mutex};
use tradewind_adapter::Sink;
use tradewind_aws::testkit::{
    self as aws, Answer, Moto, Service, Wire, attempt, canned, delivery, event, told,
};
use tradewind_event::{Attribute, Event, json};
use tradewind_s3::S3Sink;

pub(crate) fn sink(endpoint: &str, more: &Value) -> S3Sink {
    let config = json!({ "bucket": "acme-events", "aws": aws::access(endpoint) });
    S3Sink::new(aws::settings(config, more))
}

/// The events in an object.
async fn events(endpoint: &str, bucket: &str, key: &str) -> Vec<Event> {
    let bytes = aws::object(endpoint, bucket, &key.replace('%', "%25"))
        .await
        .unwrap();
    let mut text = String::new();
    match key.ends_with(".gz") {
        true => GzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .map(drop)
            .unwrap(),
        false => text = String::from_utf8(bytes).unwrap(),
    }
    let lines = text.lines().map(str::to_owned);
    lines
        .map(|line| json::decode(line.into()).unwrap())
        .collect()
}

#[derive(Default)]
struct S3(Mutex<String>);

#[async_trait]
impl Service for S3 {
    const WIRE: Wire = Wire::Rest;

    fn sink(&self, endpoint: &str) -> Arc<dyn Sink> {
        Arc::new(sink(endpoint, &json!({})))
    }

    async fn target(&self, endpoint: &str) -> Arc<dyn Sink> {
        let name = aws::fresh("bucket");
        aws::bucket(endpoint, &name).await;
        self.0.lock().unwrap().clone_from(&name);
        Arc::new(sink(endpoint, &json!({ "bucket": name })))
    }

    async fn received(&self, endpoint: &str) -> Vec<Event> {
        let bucket = self.0.lock().unwrap().clone();
        let mut all = Vec::new();
        for key in aws::objects(endpoint, &bucket).await {
            all.extend(events(endpoint, &bucket, &key).await);
        }
        all
    }

    fn carries(&self, event: &Event) -> bool {
        aws::is_a_line(event)
    }
}

#[tokio::test]
async fn conformance() {
    let skipped = ["returns_the_reply", "too_large_an_event_is_rejected"];
    aws::conformance(S3::default(), &skipped).await;
}

#[tokio::test]
async fn refusals_say_which_permission_or_setting_is_missing() {
    let permission = "s3:PutObject on arn:aws:s3:::acme-events/*";
    aws::refusals(Wire::Rest, permission, |origin| {
        Arc::new(sink(origin, &json!({})))
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_an_object_for_each_place_and_the_same_one_again() {
    let moto = Moto::start().await;
    aws::bucket(&moto.endpoint, "acme-events").await;
    let of = |id: &str, ty: &str, time: &str| {
        let event = Event::builder(id, "/shop", ty).time(time);
        delivery(id, event.data("text/plain", "a\nb").build().unwrap())
    };
    let batch = vec![
        of("1", "order.placed", "2026-01-31T09:00:00Z"),
        of("2", "order.placed", "2026-01-31T09:59:59Z"),
        of("3", "order.placed", "2026-01-31T10:00:00Z"),
        of("4", "order paid/1", "2026-01-31T09:00:00Z"),
    ];
    for (compression, ending) in [("gzip", ".jsonl.gz"), ("none", ".jsonl")] {
        let more = json!({ "prefix": format!("{compression}/"), "compression": compression });
        for _ in 0..2 {
            for outcome in attempt(&sink(&moto.endpoint, &more), batch.clone()).await {
                assert_eq!(told(&outcome), "accepted");
            }
        }
        let keys = aws::objects(&moto.endpoint, "acme-events").await;
        let keys: Vec<String> = keys
            .into_iter()
            .filter(|key| key.starts_with(compression))
            .collect();
        let places: BTreeSet<&str> = keys
            .iter()
            .map(|key| key.rsplit_once('/').unwrap().0)
            .collect();
        let expected = [
            format!("{compression}/type=order%20paid%2F1/date=2026-01-31/hour=09"),
            format!("{compression}/type=order.placed/date=2026-01-31/hour=09"),
            format!("{compression}/type=order.placed/date=2026-01-31/hour=10"),
        ];
        assert!(places.iter().eq(expected.iter()), "{keys:?}");
        assert_eq!(keys.len(), 3, "{keys:?}");
        assert!(keys.iter().all(|key| key.ends_with(ending)), "{keys:?}");
        let two = keys
            .iter()
            .find(|key| key.contains("placed") && key.contains("hour=09"));
        let events = events(&moto.endpoint, "acme-events", two.unwrap()).await;
        assert_eq!(events.iter().map(Event::id).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(&events[0].data().unwrap().bytes[..], b"a\nb");
    }
}

/// Nothing is settled before its object is there.
#[tokio::test]
async fn what_is_not_stored_comes_again() {
    let failing = canned(Wire::Rest, Answer::Failure(503, "SlowDown", "less")).await;
    let other = event("2", 1)
        .with_attribute("type", Attribute::String("order.paid"))
        .unwrap();
    let batch = vec![delivery("1", event("1", 1)), delivery("2", other)];
    let outcomes = attempt(&sink(&failing, &json!({})), batch).await;
    let all: Vec<String> = outcomes.iter().map(told).collect();
    assert_eq!(all, ["again throttled", "again throttled"]);
}
