//! What every [`Stream`] must do, whatever it is made of. Each function takes a fresh stream and
//! panics with what is wrong.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::ManualClock;
use crate::{Appended, Entry, Error, Identity, Kind, Op, Position, Shard, Stream, Streams, Sync};
use bytes::Bytes;

/// An event of one shard key.
pub fn event(id: u128, payload: &str) -> Entry {
    Entry {
        shard_key: 0,
        identity: Some(Identity {
            id,
            content: payload.bytes().fold(7_u128, |hash, b| {
                hash.wrapping_mul(31).wrapping_add(b.into())
            }),
            window_ms: 600_000,
        }),
        decoded: None,
        kind: Kind::Event,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

/// Runs everything on streams that `streams` opens; `clock` must be theirs.
pub async fn all(streams: &dyn Streams, clock: &ManualClock) {
    let settings = crate::Settings {
        durability: crate::Durability::Fsync,
        ..Default::default()
    };
    let open = |name: &'static str| {
        let settings = settings.clone();
        async move { owned(streams, name, &settings).await }
    };
    reads_in_order(&*open("test/order").await).await;
    tells_duplicates(&*open("test/duplicates").await, clock).await;
    keeps_calls_whole(&*open("test/whole").await).await;
    keeps_state(&*open("test/state").await).await;
    fences(&*open("test/fences").await).await;
    wakes_readers(&*open("test/wakes").await).await;
    seeks(&*open("test/seeks").await, clock).await;
    expires(&*open("test/expires").await, clock).await;
    survives_reopening(streams, &settings).await;
    spreads_over_shards(streams, &settings).await;
    names(streams, &settings).await;
}

/// A stream whose shards are all owned here.
async fn owned(
    streams: &dyn Streams,
    name: &str,
    settings: &crate::Settings,
) -> std::sync::Arc<dyn Stream> {
    let stream = streams.open(name, settings).await.unwrap();
    for shard in 0..stream.shards() {
        stream.recover(shard).await.unwrap();
    }
    stream
}

fn new(appended: &Appended) -> Position {
    match appended {
        Appended::New(position) => *position,
        other => panic!("{other:?} is not new"),
    }
}

/// Everything in a shard from `from` on.
pub async fn read_all(stream: &dyn Stream, shard: Shard, from: u64) -> Vec<(Position, Bytes)> {
    let (mut items, mut at) = (Vec::new(), from);
    loop {
        let batch = stream.read(shard, at, 4096).await.unwrap();
        assert!(batch.damaged.is_empty(), "damaged: {:?}", batch.damaged);
        if batch.items.is_empty() && batch.next == at || at >= stream.bounds(shard).end {
            return items;
        }
        at = batch.next;
        items.extend(
            batch
                .items
                .into_iter()
                .map(|item| (item.position, item.payload)),
        );
    }
}

/// Items come back in order, byte for byte, from any position.
pub async fn reads_in_order(stream: &dyn Stream) {
    let start = stream.bounds(0).end;
    let mut expected = Vec::new();
    for batch in 0..20_u128 {
        let entries: Vec<_> = (0..7)
            .map(|i| event(batch * 7 + i, &"x".repeat((batch * i * 3) as usize)))
            .collect();
        let payloads: Vec<_> = entries.iter().map(|entry| entry.payload.clone()).collect();
        let appended = stream.append(entries).await.unwrap();
        expected.extend(appended.iter().map(new).zip(payloads));
    }
    assert!(expected.is_sorted_by_key(|(position, _)| *position));
    assert_eq!(read_all(stream, 0, start).await, expected);
    for (index, (position, _)) in expected.iter().enumerate() {
        let batch = stream.read(0, position.offset, 1).await.unwrap();
        assert_eq!(
            batch.items.len(),
            1,
            "one item at least, and no more than asked"
        );
        assert_eq!(batch.items[0].position, *position);
        assert_eq!(batch.items[0].payload, expected[index].1);
    }
    let tip = stream.bounds(0).end;
    let batch = stream.read(0, tip, 4096).await.unwrap();
    assert!(batch.items.is_empty());
    assert_eq!(batch.next, tip);
}

/// The same again is a duplicate, other content a conflict, until the window ends.
pub async fn tells_duplicates(stream: &dyn Stream, clock: &ManualClock) {
    let first = new(&stream.append(vec![event(1, "a")]).await.unwrap()[0]);
    let again = stream
        .append(vec![event(1, "a"), event(2, "b"), event(2, "b")])
        .await
        .unwrap();
    assert_eq!(again[0], Appended::Duplicate(first));
    let second = new(&again[1]);
    assert_eq!(
        again[2],
        Appended::Duplicate(second),
        "also within one call"
    );
    let other = stream
        .append(vec![event(3, "c"), event(1, "z")])
        .await
        .unwrap();
    assert_eq!(other, vec![Appended::Withheld, Appended::Conflict(first)]);
    assert_eq!(
        stream.find(3).await.unwrap(),
        None,
        "withheld entries leave no trace"
    );
    assert_eq!(stream.find(1).await.unwrap(), Some(first));
    let mut control = event(9, "control");
    control.identity = None;
    control.kind = Kind::Control;
    let controls = stream.append(vec![control.clone(), control]).await.unwrap();
    assert!(new(&controls[0]) < new(&controls[1]));
    let stats = stream.stats();
    assert_eq!(
        (stats.appended, stats.duplicates, stats.conflicts),
        (2, 2, 1)
    );
    clock.advance(600_001);
    let late = stream.append(vec![event(1, "z")]).await.unwrap();
    assert!(new(&late[0]) > second, "the window has ended");
}

/// A call that contradicts itself is refused.
pub async fn keeps_calls_whole(stream: &dyn Stream) {
    let before = stream.bounds(0).end;
    let refused = stream
        .append(vec![event(1, "a"), event(2, "b"), event(1, "c")])
        .await;
    match refused {
        Err(Error::Contradiction(0, 2)) => {}
        other => panic!("{other:?}"),
    }
    assert!(read_all(stream, 0, before).await.is_empty());
    assert!(stream.append(Vec::new()).await.unwrap().is_empty());
}

/// The table does what a sorted map does.
pub async fn keeps_state(stream: &dyn Stream) {
    let epoch = stream.recover(0).await.unwrap().epoch;
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let put = |key: &str, value: &str| Op::Put(bytes(key), bytes(value));
    let ops = vec![
        put("a", "1"),
        put("b", "2"),
        put("c", "3"),
        put("d", "4"),
        put("e", "5"),
    ];
    stream.record(0, epoch, ops, Sync::Lazy).await.unwrap();
    assert_eq!(stream.get(0, b"b").await.unwrap(), Some(bytes("2")));
    let ops = vec![
        Op::DeleteRange(bytes("b"), bytes("d")),
        put("c", "6"),
        Op::Delete(bytes("e")),
        Op::Delete(bytes("absent")),
    ];
    stream.record(0, epoch, ops, Sync::Durable).await.unwrap();
    assert_eq!(stream.get(0, b"b").await.unwrap(), None);
    let rows = stream.scan(0, b"", b"z", 10).await.unwrap();
    let expected = [("a", "1"), ("c", "6"), ("d", "4")].map(|(k, v)| (bytes(k), bytes(v)));
    assert_eq!(rows, expected);
    assert_eq!(stream.scan(0, b"a", b"d", 10).await.unwrap(), expected[..2]);
    assert_eq!(stream.scan(0, b"a", b"z", 1).await.unwrap(), expected[..1]);
    assert!(stream.scan(0, b"z", b"a", 10).await.unwrap().is_empty());
}

/// A later owner shuts an earlier one out.
pub async fn fences(stream: &dyn Stream) {
    let first = stream.recover(0).await.unwrap().epoch;
    let second = stream.recover(0).await.unwrap().epoch;
    assert!(second > first);
    let op = || vec![Op::Put(Bytes::from_static(b"k"), Bytes::from_static(b"v"))];
    let refused = stream.record(0, first, op(), Sync::Durable).await;
    assert!(matches!(refused, Err(Error::Fenced)), "{refused:?}");
    stream.record(0, second, op(), Sync::Durable).await.unwrap();
    let missing = stream.recover(9).await;
    assert!(matches!(missing, Err(Error::Invalid(_))), "{missing:?}");
}

/// Whoever waits for growth is woken by an append, and at once if it has happened.
pub async fn wakes_readers(stream: &dyn Stream) {
    let seen = stream.bounds(0).end;
    let (_, appended) = tokio::join!(stream.grown(0, seen), stream.append(vec![event(1, "a")]));
    appended.unwrap();
    stream.grown(0, seen).await;
    assert!(stream.bounds(0).end > seen);
}

/// Times lead to the first item at or after them.
pub async fn seeks(stream: &dyn Stream, clock: &ManualClock) {
    use crate::Clock;
    let mut appended = Vec::new();
    for id in 0..10 {
        clock.advance(1000);
        let position = new(&stream.append(vec![event(id, "a")]).await.unwrap()[0]);
        appended.push((clock.unix_ms(), position.offset));
    }
    for (at, offset) in &appended {
        assert_eq!(stream.seek(0, *at).await.unwrap(), *offset);
        assert_eq!(stream.seek(0, at - 999).await.unwrap(), *offset);
    }
    let after = stream.seek(0, clock.unix_ms() + 1).await.unwrap();
    assert!(read_all(stream, 0, after).await.is_empty());
}

/// Retention names what is too old, and trimming removes it and no more.
pub async fn expires(stream: &dyn Stream, clock: &ManualClock) {
    let old = new(&stream.append(vec![event(1, "old")]).await.unwrap()[0]);
    let before = stream.expired(0).await.unwrap();
    assert!(before <= old.offset, "nothing is old yet");
    clock.advance(8 * 24 * 3_600_000);
    let before = stream.expired(0).await.unwrap();
    assert!(before > old.offset);
    stream.trim(0, before).await.unwrap();
    assert!(stream.bounds(0).start > old.offset);
    let young = new(&stream.append(vec![event(2, "young")]).await.unwrap()[0]);
    assert!(young > old);
    let items = read_all(stream, 0, 0).await;
    assert_eq!(
        items,
        [(young, Bytes::from_static(b"young"))],
        "reads from the start"
    );
}

/// What was appended and recorded is there after closing and opening again.
pub async fn survives_reopening(streams: &dyn Streams, settings: &crate::Settings) {
    let stream = streams.open("test/reopened", settings).await.unwrap();
    let key = stream.hash_key();
    let epoch = stream.recover(0).await.unwrap().epoch;
    let first = new(&stream.append(vec![event(1, "a")]).await.unwrap()[0]);
    let op = Op::Put(Bytes::from_static(b"k"), Bytes::from_static(b"v"));
    stream.record(0, epoch, vec![op], Sync::Lazy).await.unwrap();
    stream.close().await.unwrap();
    let closed = stream.append(vec![event(2, "b")]).await;
    assert!(matches!(closed, Err(Error::Closed)), "{closed:?}");
    drop(stream);
    let stream = streams.open("test/reopened", settings).await.unwrap();
    assert_eq!(stream.hash_key(), key);
    let recovered = stream.recover(0).await.unwrap();
    assert!(recovered.epoch > epoch);
    assert!(recovered.findings.is_empty(), "{:?}", recovered.findings);
    assert_eq!(
        read_all(&*stream, 0, 0).await,
        [(first, Bytes::from_static(b"a"))]
    );
    assert_eq!(
        stream.get(0, b"k").await.unwrap(),
        Some(Bytes::from_static(b"v"))
    );
    let again = stream
        .append(vec![event(1, "a"), event(2, "b")])
        .await
        .unwrap();
    assert_eq!(again[0], Appended::Duplicate(first));
    assert!(new(&again[1]).offset >= recovered.end);
}

/// The shard key decides the shard; the number of shards is fixed.
pub async fn spreads_over_shards(streams: &dyn Streams, settings: &crate::Settings) {
    let settings = crate::Settings {
        shards: 4,
        ..settings.clone()
    };
    let stream = owned(streams, "test/shards", &settings).await;
    assert_eq!(stream.shards(), 4);
    let entries: Vec<_> = (0..40_u64)
        .map(|key| Entry {
            shard_key: key,
            ..event(u128::from(key), "a")
        })
        .collect();
    let appended = stream.append(entries.clone()).await.unwrap();
    for (key, appended) in appended.iter().enumerate() {
        assert_eq!(usize::from(new(appended).shard), key % 4);
    }
    for shard in 0..4 {
        assert_eq!(read_all(&*stream, shard, 0).await.len(), 10);
    }
    assert_eq!(stream.find(17).await.unwrap(), Some(new(&appended[17])));
    stream.close().await.unwrap();
    drop(stream);
    let fewer = streams
        .open(
            "test/shards",
            &crate::Settings {
                shards: 2,
                ..settings
            },
        )
        .await;
    match fewer {
        Err(Error::Invalid(reason)) => assert!(reason.contains("4 shard"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

/// Names are checked, listed and removed.
pub async fn names(streams: &dyn Streams, settings: &crate::Settings) {
    for name in [
        "",
        "test",
        "test/",
        "/x",
        "test/Upper",
        "test/a/b",
        "../x",
        "test/..",
    ] {
        let refused = streams.open(name, settings).await;
        assert!(
            matches!(refused, Err(Error::Invalid(_))),
            "`{name}`: {refused:?}"
        );
    }
    let stream = owned(streams, "test/names", settings).await;
    stream.append(vec![event(1, "a")]).await.unwrap();
    stream.close().await.unwrap();
    drop(stream);
    assert!(
        streams
            .list()
            .await
            .unwrap()
            .contains(&"test/names".to_owned())
    );
    streams.delete("test/names").await.unwrap();
    assert!(
        !streams
            .list()
            .await
            .unwrap()
            .contains(&"test/names".to_owned())
    );
    let stream = owned(streams, "test/names", settings).await;
    assert!(
        read_all(&*stream, 0, 0).await.is_empty(),
        "a removed stream comes back empty"
    );
    assert_eq!(stream.find(1).await.unwrap(), None);
}
