//! What every store must do into and out of which streams can be moved: see [`Movable`]. Panics with what is wrong.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::ManualClock;
use super::suite::event;
use crate::{
    Appended, Clock, Durability, Entry, Error, Item, Kind, Movable, Op, Position, Settings,
    Standing, Stream, Sync,
};
use bytes::Bytes;
use std::sync::Arc;

/// Runs everything; `clock` must be that of the streams.
pub async fn all(streams: &dyn Movable, clock: &ManualClock) {
    tells_identities(streams).await;
    adopts_what_others_hold(streams, clock).await;
    nobody_serves_what_is_not_here(streams).await;
}

fn settings() -> Settings {
    Settings {
        shards: 2,
        durability: Durability::Fsync,
        ..Settings::default()
    }
}

async fn lifted(streams: &dyn Movable, name: &str) -> Arc<dyn Stream> {
    let stream = streams.lift(name).await.unwrap().unwrap();
    for shard in 0..stream.shards() {
        stream.recover(shard).await.unwrap();
    }
    stream
}

async fn read(stream: &dyn Stream) -> Vec<Item> {
    let (mut items, mut at) = (Vec::new(), 0);
    loop {
        let batch = stream.read(0, at, 100).await.unwrap();
        at = batch.next;
        items.extend(batch.items);
        if at >= stream.bounds(0).end {
            return items;
        }
    }
}

async fn refused(streams: &dyn Movable, name: &str, why: &str) {
    match streams.open(name, &settings()).await {
        Err(Error::Invalid(reason)) => assert!(reason.contains(why), "{reason}"),
        other => panic!("{other:?}"),
    }
    let listed = streams.list().await.unwrap();
    assert!(!listed.contains(&name.to_owned()), "{listed:?}");
    assert_eq!(streams.settings(name).await.unwrap(), None);
}

/// An item that is read has the identity that it was appended with.
async fn tells_identities(streams: &dyn Movable) {
    let stream = streams.open("moves/told", &settings()).await.unwrap();
    stream.recover(0).await.unwrap();
    let control = Entry {
        identity: None,
        kind: Kind::Control,
        ..event(2, "b")
    };
    let entries = vec![event(1, "a"), control];
    stream.append(entries.clone()).await.unwrap();
    let identities = |items: &[Item]| -> Vec<_> { items.iter().map(|i| i.identity).collect() };
    let wanted: Vec<_> = entries.iter().map(|entry| entry.identity).collect();
    assert_eq!(identities(&read(&*stream).await), wanted);
    stream.close().await.unwrap();
    drop(stream);
    let stream = lifted(streams, "moves/told").await;
    assert_eq!(identities(&read(&*stream).await), wanted, "from the disk");
    stream.close().await.unwrap();
}

/// Items keep their times, identities, kinds and order, and what repeats one is recognised.
async fn adopts_what_others_hold(streams: &dyn Movable, clock: &ManualClock) {
    const NAME: &str = "moves/adopted";
    const HOUR: u64 = 3_600_000;
    let key = *b"of another store";
    streams.make(NAME, &settings(), key, "there").await.unwrap();
    let stream = lifted(streams, NAME).await;
    assert_eq!((stream.shards(), stream.hash_key()), (2, key));
    assert!(read(&*stream).await.is_empty());
    let now = clock.unix_ms();
    let made = |id: u128, payload: &str, appended_ms: u64| Item {
        position: Position {
            shard: 0,
            offset: 0,
        },
        kind: Kind::Event,
        identity: event(id, payload).identity,
        appended_ms,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        decoded: None,
    };
    let control = Item {
        kind: Kind::Control,
        identity: None,
        ..made(0, "control", now - 2 * HOUR + 1)
    };
    let mut items = vec![
        made(1, "a", now - 48 * HOUR),
        made(2, "b", now - 2 * HOUR),
        control,
        // Whether it repeats the one before the last was decided where it comes from.
        made(2, "b", now - 2 * HOUR + 2),
        made(1, "a", now - 10),
        made(3, "", now - 10),
        // Clocks go back.
        made(4, "dd", now - 5000),
    ];
    let again = vec![made(5, "e", now - 1), made(6, "f", now - 1)];
    let mut offsets = stream.adopt(0, items.clone()).await.unwrap();
    offsets.extend(stream.adopt(0, again.clone()).await.unwrap());
    assert!(
        offsets.is_sorted_by(|a, b| a < b) && offsets.len() == 9,
        "{offsets:?}"
    );
    assert!(stream.adopt(1, Vec::new()).await.unwrap().is_empty());
    items.extend(again);
    for (item, offset) in items.iter_mut().zip(&offsets) {
        item.position.offset = *offset;
    }
    let same = |read: &[Item]| {
        let told = |item: &Item| (item.position, item.kind, item.appended_ms);
        let told = |items: &[Item]| -> Vec<_> { items.iter().map(told).collect() };
        assert_eq!(told(read), told(&items));
        for (read, item) in read.iter().zip(&items) {
            assert_eq!(read.payload, item.payload);
            // A store that looks for repetitions later must not find one in here.
            assert!(read.identity == item.identity || read.identity.is_none());
        }
    };
    same(&read(&*stream).await);
    stream.close().await.unwrap();
    drop(stream);

    let stream = lifted(streams, NAME).await;
    same(&read(&*stream).await);
    assert_eq!(stream.seek(0, now - 3 * HOUR).await.unwrap(), offsets[1]);
    assert_eq!(stream.seek(0, now - HOUR).await.unwrap(), offsets[4]);
    let epoch = stream.recover(0).await.unwrap().epoch;
    let op = Op::Put(Bytes::from_static(b"k"), Bytes::from_static(b"v"));
    let recorded = stream.record(0, epoch, vec![op], Sync::Durable);
    recorded.await.unwrap();
    stream.close().await.unwrap();
    drop(stream);

    streams.stand(NAME, Standing::Here).await.unwrap();
    let stream = streams.open(NAME, &settings()).await.unwrap();
    stream.recover(0).await.unwrap();
    assert_eq!(stream.hash_key(), key);
    let at = |offset| Position { shard: 0, offset };
    assert_eq!(stream.find(3).await.unwrap(), Some(at(offsets[5])));
    let answers = stream.append(vec![event(1, "a"), event(5, "e"), event(2, "b")]);
    let answers = answers.await.unwrap();
    assert_eq!(answers[0], Appended::Duplicate(at(offsets[4])));
    assert_eq!(answers[1], Appended::Duplicate(at(offsets[7])));
    match answers[2] {
        Appended::New(position) => assert!(position.offset > offsets[8]),
        other => panic!("its window has ended: {other:?}"),
    }
    let value = stream.get(0, b"k").await.unwrap();
    assert_eq!(value, Some(Bytes::from_static(b"v")));
    // What is older than the log may be given up in the middle of it.
    let before = stream.bounds(0).end;
    stream.trim(0, before).await.unwrap();
    assert!(stream.bounds(0).start > offsets[8]);
    stream.close().await.unwrap();
}

/// A stream that is coming, or gone, is opened by whoever moves it and by nobody else.
async fn nobody_serves_what_is_not_here(streams: &dyn Movable) {
    const NAME: &str = "moves/standing";
    assert_eq!(streams.standing(NAME).await.unwrap(), None);
    assert!(streams.lift(NAME).await.unwrap().is_none());
    let absent = streams.stand(NAME, Standing::Here).await;
    assert!(matches!(absent, Err(Error::Invalid(_))), "{absent:?}");
    let settings = settings();
    let make = || streams.make(NAME, &settings, [7; 16], "the old place");
    make().await.unwrap();
    let standing = streams.standing(NAME).await.unwrap();
    assert_eq!(standing, Some(Standing::Coming("the old place".into())));
    refused(streams, NAME, "being moved from the old place").await;
    let twice = make().await;
    assert!(matches!(twice, Err(Error::Invalid(_))), "{twice:?}");

    streams.stand(NAME, Standing::Here).await.unwrap();
    let stream = streams.open(NAME, &settings).await.unwrap();
    stream.recover(0).await.unwrap();
    stream.append(vec![event(1, "a")]).await.unwrap();
    let gone = Standing::Gone("the new place".into());
    streams.stand(NAME, gone.clone()).await.unwrap();
    stream.close().await.unwrap();
    drop(stream);
    refused(streams, NAME, "was moved to the new place").await;
    let stream = lifted(streams, NAME).await;
    assert_eq!(read(&*stream).await.len(), 1, "what is gone is still there");
    stream.close().await.unwrap();
    drop(stream);
    assert_eq!(streams.standing(NAME).await.unwrap(), Some(gone));
    streams.delete(NAME).await.unwrap();
    assert_eq!(streams.standing(NAME).await.unwrap(), None);
    make().await.unwrap();
    let stream = lifted(streams, NAME).await;
    assert!(
        read(&*stream).await.is_empty(),
        "one that is made anew is empty"
    );
    stream.close().await.unwrap();
}
