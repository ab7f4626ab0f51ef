//! Values in frames: what opens them is lent, and may be away.

use crate::broker::Broker;
use crate::suite::produce;
use async_trait::async_trait;
use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tradewind_adapter::{
    Clock, Error, ErrorKind, FramedData, Frames, Ground, Memory, Received, Settlement, Source,
    Unframed, Unopened,
};
use tradewind_event::Attribute;
use tradewind_kafka::KafkaSource;

/// A registry whose schema 1 is one of JSON, and that knows no other one.
#[derive(Debug, Default)]
struct Opener {
    away: AtomicBool,
}

#[async_trait]
impl Frames for Opener {
    async fn open(
        &self,
        registry: &str,
        framed: &Bytes,
        data: FramedData,
        max: usize,
    ) -> Result<Unframed, Unopened> {
        assert_eq!((registry, data), ("shared", FramedData::Json));
        if self.away.load(Ordering::SeqCst) {
            let away = Error::new(ErrorKind::Unavailable, "open", "the registry is away");
            return Err(Unopened::NotNow(away));
        }
        match framed.strip_prefix(b"\0\0\0\0\x01") {
            Some(body) if body.len() <= max => Ok(Unframed {
                data: framed.slice_ref(body),
                content_type: "application/json",
                schema: "https://registry.example.com/schemas/ids/1".into(),
            }),
            _ => Err(Unopened::Never("no schema".into())),
        }
    }
}

#[derive(Debug)]
struct Bare;

#[async_trait]
impl Clock for Bare {
    fn unix_ms(&self) -> u64 {
        0
    }
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[async_trait]
impl Memory for Bare {
    async fn get(&self, _: &str) -> Result<Option<Bytes>, Error> {
        Ok(None)
    }
    async fn set(&self, _: &str, _: Bytes) -> Result<(), Error> {
        Ok(())
    }
}

fn source(broker: &Broker, topic: &str, properties: Value) -> (KafkaSource, Arc<Opener>) {
    let config = json!({
        "cluster": { "brokers": [broker.address()], "properties": properties },
        "topics": [topic], "group": format!("group-{topic}"), "framed": { "registry": "shared" },
    });
    let source = KafkaSource::new("framed", serde_json::from_value(config).unwrap(), None).unwrap();
    let opener = Arc::<Opener>::default();
    source.lend(Ground {
        clock: Arc::new(Bare),
        memory: Arc::new(Bare),
        frames: Some(opener.clone()),
    });
    (source, opener)
}

fn frame(body: &str) -> Vec<u8> {
    [b"\0\0\0\0\x01", body.as_bytes()].concat()
}

async fn settle(source: &KafkaSource, received: &[Received]) {
    let settlements = received
        .iter()
        .map(|message| (message.token.clone(), Settlement::Ack));
    source.settle(settlements.collect()).await.unwrap();
}

/// Data of events by partition, in the order in which they came; what came twice counts once.
type Seen = BTreeMap<String, Vec<String>>;

fn note(seen: &mut Seen, received: &[Received]) {
    for message in received {
        let event = &message.events.as_ref().unwrap()[0];
        let (partition, _) = event.id().split_once('/').unwrap();
        let data = String::from_utf8(event.data().unwrap().bytes.to_vec()).unwrap();
        let seen = seen.entry(partition.to_owned()).or_default();
        if !seen.contains(&data) {
            seen.push(data);
        }
    }
}

/// Where the group stands in each partition, and where that ends.
fn committed(broker: &Broker, topic: &str, partitions: i32) -> (i64, i64) {
    let consumer: BaseConsumer = broker
        .config()
        .set("group.id", format!("group-{topic}"))
        .create()
        .unwrap();
    let mut places = TopicPartitionList::new();
    for partition in 0..partitions {
        places.add_partition(topic, partition);
    }
    let patience = Duration::from_secs(20);
    let places = consumer.committed_offsets(places, patience).unwrap();
    let offsets = places.elements();
    let done = offsets.iter().map(|place| match place.offset() {
        Offset::Offset(offset) => offset,
        _ => 0,
    });
    let ends = (0..partitions).map(|n| consumer.fetch_watermarks(topic, n, patience).unwrap().1);
    (done.sum(), ends.sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_framed_is_opened_or_set_aside() {
    let Some(broker) = Broker::start().await else {
        return;
    };
    let topic = broker.topic(1).await;
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let binary = [
        header("ce_specversion", "1.0"),
        header("ce_id", "b"),
        header("ce_source", "/s"),
        header("ce_type", "t"),
        header("content-type", "application/avro"),
    ];
    let said = [&binary[..], &[header("ce_dataschema", "urn:mine")]].concat();
    let structured = [header("content-type", "application/cloudevents+json")];
    let event = br#"{"specversion":"1.0","id":"s","source":"/s","type":"t","data":1}"#;
    let framed = frame(" {\"n\": 1.0}");
    type Record<'a> = (&'a [(String, String)], Option<&'a [u8]>);
    let records: [Record<'_>; 8] = [
        (&[], Some(&framed)),
        (
            &[header("content-type", "application/octet-stream")],
            Some(&framed),
        ),
        (&binary, Some(&framed)),
        (&said, Some(&framed)),
        (&structured, Some(event)),
        (&[], None),
        (&[], Some(b"{\"n\":1}")),
        (&[], Some(b"\0\0\0\0\x02{}")),
    ];
    for (headers, value) in records {
        produce(&broker, &topic, Some("k"), headers, value).await;
    }
    let (from, _) = source(&broker, &topic, json!({}));
    assert_eq!(from.schema_registry(), Some(("framed/registry", "shared")));
    let mut received = Vec::new();
    while received.len() < 8 {
        received.extend(from.receive(100, Duration::from_secs(1)).await.unwrap());
    }
    settle(&from, &received).await;
    let schema = Some("https://registry.example.com/schemas/ids/1");
    let expected = [
        ("0/0", schema, Some("application/json")),
        ("0/1", schema, Some("application/json")),
        ("b", schema, Some("application/json")),
        ("b", Some("urn:mine"), Some("application/json")),
        ("s", None, None),
        ("0/5", None, None),
    ];
    for (message, (id, schema, content_type)) in received.iter().zip(expected) {
        let event = &message.events.as_ref().unwrap()[0];
        assert_eq!(event.id(), id);
        assert_eq!(
            (event.data_schema(), event.data_content_type()),
            (schema, content_type),
            "{id}"
        );
        if content_type.is_some() {
            assert_eq!(
                &*event.data().unwrap().bytes,
                b" {\"n\": 1.0}",
                "byte by byte"
            );
        }
        if id.starts_with("0/") {
            let key = Some(Attribute::String("k"));
            assert_eq!(event.attribute("partitionkey"), key);
        }
    }
    for (message, value) in received[6..]
        .iter()
        .zip([&b"{\"n\":1}"[..], b"\0\0\0\0\x02{}"])
    {
        let error = message.events.as_ref().unwrap_err();
        assert_eq!(error.to_string(), "open: no schema");
        let kept = message.original.as_ref().unwrap();
        assert_eq!(&*kept.data().unwrap().bytes, value, "as it came");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_away_holds_partitions_up_and_loses_nothing() {
    let Some(broker) = Broker::start().await else {
        return;
    };
    let topic = broker.topic(2).await;
    let write = async |n: usize| {
        let (key, body) = (format!("k-{}", n % 8), frame(&n.to_string()));
        produce(&broker, &topic, Some(&key), &[], Some(&body)).await;
    };
    for n in 0..20 {
        write(n).await;
    }
    let (from, opener) = source(&broker, &topic, json!({}));
    let mut seen = Seen::new();
    let count = |seen: &Seen| seen.values().map(Vec::len).sum::<usize>();
    while count(&seen) < 20 {
        let received = from.receive(3, Duration::from_secs(1)).await.unwrap();
        note(&mut seen, &received);
        settle(&from, &received).await;
    }
    opener.away.store(true, Ordering::SeqCst);
    for n in 20..40 {
        write(n).await;
    }
    let mut refused = 0;
    while refused < 5 {
        match from.receive(3, Duration::from_secs(1)).await {
            Ok(received) => assert!(received.is_empty(), "{received:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                refused += 1;
            }
        }
    }
    opener.away.store(false, Ordering::SeqCst);
    while count(&seen) < 40 {
        let received = from.receive(3, Duration::from_secs(1)).await.unwrap();
        note(&mut seen, &received);
        settle(&from, &received).await;
    }
    for data in seen.values() {
        let numbers: Vec<usize> = data.iter().map(|data| data.parse().unwrap()).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
    }
    drop(from);
    assert_eq!(committed(&broker, &topic, 2), (40, 40));
}

/// Longer than a member may be silent: the group takes its partitions, and nothing is skipped when they come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_away_for_long_costs_the_partitions_and_no_record() {
    let Some(broker) = Broker::start().await else {
        return;
    };
    let topic = broker.topic(1).await;
    let short = json!({ "max.poll.interval.ms": "6000", "session.timeout.ms": "6000" });
    let (from, opener) = source(&broker, &topic, short);
    opener.away.store(true, Ordering::SeqCst);
    for n in 0..10 {
        produce(&broker, &topic, None, &[], Some(&frame(&n.to_string()))).await;
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        let received = from.receive(3, Duration::from_secs(1)).await;
        assert!(received.map_or(true, |received| received.is_empty()));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    opener.away.store(false, Ordering::SeqCst);
    let mut seen = Seen::new();
    while committed(&broker, &topic, 1) != (10, 10) {
        assert!(began.elapsed() < Duration::from_secs(90), "{seen:?}");
        // That the group took the partition is told once.
        let Ok(received) = from.receive(3, Duration::from_secs(1)).await else {
            continue;
        };
        note(&mut seen, &received);
        settle(&from, &received).await;
    }
    let all: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    assert_eq!(seen["0"], all);
}
