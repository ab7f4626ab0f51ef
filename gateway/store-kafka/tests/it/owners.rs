//! Several nodes on one cluster: who owns a shard, and what the next owner finds.

use crate::broker::Broker;
use crate::{Node, clock, node, node_with};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tradewind_store::testkit::suite::{event, read_all};
use tradewind_store::{Appended, Entry, Error, Op, Position, Settings, Stream, Streams, Sync};
use tradewind_store_kafka::{Copies, Params};

const NAME: &str = "default/orders";

impl Node {
    async fn open(&self) -> Arc<dyn Stream> {
        self.streams.open(NAME, &Settings::default()).await.unwrap()
    }
}

fn put(key: &'static str, value: &'static str) -> Op {
    Op::Put(
        Bytes::from_static(key.as_bytes()),
        Bytes::from_static(value.as_bytes()),
    )
}

async fn one(stream: &dyn Stream, entry: Entry) -> Appended {
    stream.append(vec![entry]).await.unwrap()[0]
}

fn new(appended: Appended) -> Position {
    match appended {
        Appended::New(position) => position,
        other => panic!("{other:?} is not new"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners() {
    let Some(broker) = Broker::start().await else {
        return;
    };
    make_one_stream_together(&broker).await;
    refuse_what_they_do_not_own(&broker).await;
    shut_each_other_out(&broker).await;
    decide_what_others_appended(&broker).await;
    forget_nothing_by_turns(&broker).await;
    keep_what_is_decided_over_a_trim(&broker).await;
    say_what_they_forget(&broker).await;
    need_two_copies(&broker).await;
    pass_over_garbage(&broker).await;
    pass_over_the_marks_of_transactions(&broker).await;
}

/// Two that open a new stream at once have the same one.
async fn make_one_stream_together(broker: &Broker) {
    let clock = clock();
    let (a, b) = tokio::join!(
        node(broker, "together", &clock, 1),
        node(broker, "together", &clock, 2)
    );
    let (one, other) = tokio::join!(a.open(), b.open());
    assert_eq!(one.hash_key(), other.hash_key());
    assert_eq!(a.streams.list().await.unwrap(), [NAME]);
    assert_eq!(
        b.streams.settings(NAME).await.unwrap(),
        Some(Settings::default())
    );
}

async fn refuse_what_they_do_not_own(broker: &Broker) {
    let clock = clock();
    let node = node(broker, "refuse", &clock, 1).await;
    let stream = node.open().await;
    let read = stream.read(0, 0, 1).await;
    assert!(matches!(read, Err(Error::Elsewhere(0))), "{read:?}");
    let got = stream.get(0, b"k").await;
    assert!(matches!(got, Err(Error::Elsewhere(0))), "{got:?}");
    let recorded = stream.record(0, 1, vec![put("k", "v")], Sync::Lazy).await;
    assert!(matches!(recorded, Err(Error::Fenced)), "{recorded:?}");
    assert_eq!(one(&*stream, event(1, "a")).await, Appended::Undecided);
}

/// Whoever takes a shard over finds what was recorded, and who had it writes nothing more.
async fn shut_each_other_out(broker: &Broker) {
    let clock = clock();
    let (a, b) = (
        node(broker, "fence", &clock, 1).await,
        node(broker, "fence", &clock, 2).await,
    );
    let (first, second) = (a.open().await, b.open().await);
    let before = first.recover(0).await.unwrap();
    let position = new(one(&*first, event(1, "a")).await);
    first
        .record(0, before.epoch, vec![put("k", "1")], Sync::Durable)
        .await
        .unwrap();
    let after = second.recover(0).await.unwrap();
    assert!(after.epoch > before.epoch);
    assert!(after.end > position.offset);
    assert_eq!(
        second.get(0, b"k").await.unwrap(),
        Some(Bytes::from_static(b"1"))
    );
    assert_eq!(
        read_all(&*second, 0, 0).await,
        [(position, Bytes::from_static(b"a"))]
    );
    let refused = first
        .record(0, before.epoch, vec![put("k", "2")], Sync::Durable)
        .await;
    assert!(matches!(refused, Err(Error::Fenced)), "{refused:?}");
    let refused = first.get(0, b"k").await;
    assert!(matches!(refused, Err(Error::Fenced)), "{refused:?}");
    assert_eq!(
        second.get(0, b"k").await.unwrap(),
        Some(Bytes::from_static(b"1"))
    );
    // It still takes events, for whoever owns the shard.
    assert_eq!(one(&*first, event(2, "b")).await, Appended::Undecided);
    second.grown(0, position.offset + (1 << 10)).await;
    assert_eq!(read_all(&*second, 0, 0).await.len(), 2);
}

/// What others appended twice is there once, for this owner and the next.
async fn decide_what_others_appended(broker: &Broker) {
    let clock = clock();
    let (a, b) = (
        node(broker, "decide", &clock, 1).await,
        node(broker, "decide", &clock, 2).await,
    );
    let (owner, other) = (a.open().await, b.open().await);
    owner.recover(0).await.unwrap();
    for payload in ["a", "a", "b"] {
        let id = u128::from(payload == "b");
        assert_eq!(one(&*other, event(id, payload)).await, Appended::Undecided);
    }
    let third = new(one(&*owner, event(2, "c")).await);
    let items = read_all(&*owner, 0, 0).await;
    let payloads: Vec<_> = items.iter().map(|(_, payload)| &payload[..]).collect();
    assert_eq!(payloads, [b"a", b"b", b"c"]);
    assert_eq!(items[2].0, third);
    assert_eq!(owner.stats().duplicates, 1);
    assert_eq!(
        one(&*owner, event(0, "a")).await,
        Appended::Duplicate(items[0].0)
    );
    let conflict = one(&*owner, event(1, "z")).await;
    assert_eq!(conflict, Appended::Conflict(items[1].0));

    other.recover(0).await.unwrap();
    assert_eq!(read_all(&*other, 0, 0).await, items);
    assert_eq!(
        one(&*other, event(2, "c")).await,
        Appended::Duplicate(third)
    );
    assert_eq!(other.find(0).await.unwrap(), Some(items[0].0));
    // What is decided and recorded stays so when the window has ended.
    clock.advance(3_600_000);
    let epoch = other.recover(0).await.unwrap().epoch;
    other
        .record(0, epoch, vec![put("k", "v")], Sync::Durable)
        .await
        .unwrap();
    owner.recover(0).await.unwrap();
    assert_eq!(read_all(&*owner, 0, 0).await, items);
}

/// The table is that of a sorted map, whoever owns it at the moment.
async fn forget_nothing_by_turns(broker: &Broker) {
    let clock = clock();
    let (a, b) = (
        node(broker, "turns", &clock, 1).await,
        node(broker, "turns", &clock, 2).await,
    );
    let streams = [a.open().await, b.open().await];
    let mut model: BTreeMap<Bytes, Bytes> = BTreeMap::new();
    let mut state = 7_u64;
    let mut next = move |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % n
    };
    for round in 0..6_usize {
        let stream = &streams[round % 2];
        let epoch = stream.recover(0).await.unwrap().epoch;
        for _ in 0..30 {
            let mut ops = Vec::new();
            for _ in 0..=next(5) {
                let key = |n: u64| Bytes::from(format!("{n:02}"));
                let op = match next(8) {
                    0 => Op::DeleteRange(key(next(40)), key(next(40))),
                    1 | 2 => Op::Delete(key(next(40))),
                    _ => Op::Put(key(next(40)), Bytes::from(next(1000).to_string())),
                };
                match &op {
                    Op::Put(key, value) => {
                        model.insert(key.clone(), value.clone());
                    }
                    Op::Delete(key) => {
                        model.remove(key);
                    }
                    Op::DeleteRange(from, to) => model.retain(|key, _| key < from || key >= to),
                }
                ops.push(op);
            }
            stream.record(0, epoch, ops, Sync::Lazy).await.unwrap();
        }
        stream
            .record(0, epoch, Vec::new(), Sync::Durable)
            .await
            .unwrap();
        let rows = stream.scan(0, b"", b"z", 1000).await.unwrap();
        assert_eq!(
            rows,
            model.clone().into_iter().collect::<Vec<_>>(),
            "round {round}"
        );
    }
}

/// The next owner finds a log that begins later, and what repeats what is gone.
async fn keep_what_is_decided_over_a_trim(broker: &Broker) {
    let clock = clock();
    let (a, b) = (
        node(broker, "trim", &clock, 1).await,
        node(broker, "trim", &clock, 2).await,
    );
    let (owner, other) = (a.open().await, b.open().await);
    owner.recover(0).await.unwrap();
    for id in 0..10 {
        new(one(&*owner, event(id, "a")).await);
    }
    clock.advance(8 * 24 * 3_600_000);
    let young = new(one(&*owner, event(20, "young")).await);
    let before = owner.expired(0).await.unwrap();
    assert_eq!(before, young.offset);
    owner.trim(0, before).await.unwrap();
    let recovered = other.recover(0).await.unwrap();
    assert_eq!(recovered.start, young.offset);
    assert_eq!(
        read_all(&*other, 0, 0).await,
        [(young, Bytes::from_static(b"young"))]
    );
    assert_eq!(
        one(&*other, event(20, "young")).await,
        Appended::Duplicate(young)
    );
}

/// Beyond so many identities, the oldest is recognised no more, and that is counted.
async fn say_what_they_forget(broker: &Broker) {
    let clock = clock();
    let amend = |params| Params {
        identities: 2,
        ..params
    };
    let node = node_with(broker, "forget", &clock, 1, amend).await;
    let settings = Settings {
        shards: 1,
        ..Settings::default()
    };
    let stream = node.streams.open(NAME, &settings).await.unwrap();
    stream.recover(0).await.unwrap();
    for id in 0..2 {
        new(one(&*stream, event(id, "a")).await);
    }
    assert_eq!(stream.stats().dedupe_evicted, 0);
    new(one(&*stream, event(2, "a")).await);
    assert_eq!(stream.stats().dedupe_evicted, 1);
    new(one(&*stream, event(0, "a")).await);
    assert_eq!(stream.stats().dedupe_evicted, 2);
}

async fn need_two_copies(broker: &Broker) {
    let clock = clock();
    let scratch = tempfile::tempdir().unwrap();
    let params = Params {
        prefix: "copies".into(),
        copies: Copies::Replicated(3),
        ..Params::new(broker.config(), scratch.path().to_owned())
    };
    let random = Arc::new(tradewind_store::SystemRandom);
    let refused =
        tradewind_store_kafka::KafkaStreams::connect(params, Arc::new(clock), random).await;
    match refused {
        Err(Error::Invalid(why)) => assert!(why.contains("3 brokers"), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// Records of others are passed over, also those without a value.
async fn pass_over_garbage(broker: &Broker) {
    use rdkafka::producer::{FutureProducer, FutureRecord};
    let clock = clock();
    let amend = |params| Params {
        recent_bytes: 1,
        ..params
    };
    let node = node_with(broker, "garbage", &clock, 1, amend).await;
    let stream = node.open().await;
    stream.recover(0).await.unwrap();
    let first = new(one(&*stream, event(1, "a")).await);
    let producer: FutureProducer = broker.config().create().unwrap();
    for payload in [
        None,
        Some(&b""[..]),
        Some(b"\x01garbage"),
        Some(&[0xff; 4000]),
    ] {
        let mut record: FutureRecord<'_, [u8], [u8]> =
            FutureRecord::to("garbage.default.orders").partition(0);
        record.payload = payload;
        producer
            .send(record, Duration::from_secs(10))
            .await
            .unwrap();
    }
    let second = new(one(&*stream, event(2, "b")).await);
    let expected = [
        (first, Bytes::from_static(b"a")),
        (second, Bytes::from_static(b"b")),
    ];
    assert_eq!(read_all(&*stream, 0, 0).await, expected);
    stream.recover(0).await.unwrap();
    assert_eq!(read_all(&*stream, 0, 0).await, expected);
}

/// They are records that nobody is shown: the last one, or one between two.
async fn pass_over_the_marks_of_transactions(broker: &Broker) {
    let clock = clock();
    let amend = |params| Params {
        recent_bytes: 1,
        ..params
    };
    let node = node_with(broker, "marks", &clock, 1, amend).await;
    let stream = node.open().await;
    stream.recover(0).await.unwrap();
    let mut expected = Vec::new();
    for (id, is_kept) in [(1, true), (2, false)] {
        let position = new(one(&*stream, event(id, "a")).await);
        expected.push((position, Bytes::from_static(b"a")));
        transact(broker, "marks.default.orders", is_kept).await;
        stream.recover(0).await.unwrap();
        assert_eq!(read_all(&*stream, 0, 0).await, expected);
    }
    transact(broker, "marks.default.orders", true).await;
    let position = new(one(&*stream, event(3, "b")).await);
    expected.push((position, Bytes::from_static(b"b")));
    assert_eq!(read_all(&*stream, 0, 0).await, expected);
}

/// Somebody else writes to a topic in a transaction.
async fn transact(broker: &Broker, topic: &'static str, is_kept: bool) {
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    let mut config = broker.config();
    config.set("transactional.id", "somebody");
    let written = tokio::task::spawn_blocking(move || {
        let producer: BaseProducer = config.create().unwrap();
        let patience = Duration::from_secs(10);
        producer.init_transactions(patience).unwrap();
        producer.begin_transaction().unwrap();
        let record: BaseRecord<'_, (), [u8]> = BaseRecord::to(topic).partition(0).payload(b"x");
        producer.send(record).unwrap();
        // The record is there before its transaction ends, either way.
        producer.flush(patience).unwrap();
        match is_kept {
            true => producer.commit_transaction(patience),
            false => producer.abort_transaction(patience),
        }
        .unwrap();
    });
    written.await.unwrap();
}
