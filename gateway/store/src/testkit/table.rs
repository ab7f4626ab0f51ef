//! What every [`SharedTable`] must do.

#![allow(clippy::unwrap_used, clippy::panic)]

use crate::{Error, Op, SharedTable};
use bytes::Bytes;
use std::time::Duration;

fn put(key: &str, value: &str) -> Op {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    Op::Put(bytes(key), bytes(value))
}

/// All rows, as text.
pub async fn rows(table: &dyn SharedTable) -> Vec<(String, String)> {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    let rows = table.scan(b"", b"\xff", usize::MAX).await.unwrap();
    rows.iter().map(|(k, v)| (text(k), text(v))).collect()
}

/// Waits until a table has exactly these rows.
pub async fn until(table: &dyn SharedTable, wanted: &[(&str, &str)]) {
    let mut revision = table.revision();
    let found = async {
        loop {
            revision.borrow_and_update();
            let rows = rows(table).await;
            if rows
                .iter()
                .map(|(k, v)| (&**k, &**v))
                .eq(wanted.iter().copied())
            {
                return;
            }
            revision.changed().await.unwrap();
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(60), found).await;
    if found.is_err() {
        panic!("{:?} in place of {wanted:?}", rows(table).await);
    }
}

/// Changes a table as it is known here now, as often as somebody else was first.
pub async fn change(table: &dyn SharedTable, ops: impl Fn() -> Vec<Op>) {
    loop {
        let seen = *table.revision().borrow();
        match table.change(seen, ops()).await {
            Ok(revision) => return assert!(revision > seen),
            Err(Error::Outdated) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Runs everything on an empty table that both have opened; they may be one.
pub async fn all(one: &dyn SharedTable, other: &dyn SharedTable) {
    change(one, || {
        vec![put("a/1", "x"), put("a/2", "y"), put("b/1", "z")]
    })
    .await;
    for table in [one, other] {
        until(table, &[("a/1", "x"), ("a/2", "y"), ("b/1", "z")]).await;
    }
    let some = other.scan(b"a/", b"a0", 1).await.unwrap();
    assert_eq!(some.len(), 1);
    assert_eq!(&some[0].0[..], b"a/1");
    change(other, || {
        let range = Op::DeleteRange(Bytes::from_static(b"a/"), Bytes::from_static(b"a0"));
        vec![
            range,
            put("a/3", "in order"),
            Op::Delete(Bytes::from_static(b"b/1")),
        ]
    })
    .await;
    for table in [one, other] {
        until(table, &[("a/3", "in order")]).await;
    }
    // Of two who saw the same, one is first.
    let (left, right) = (*one.revision().borrow(), *other.revision().borrow());
    let both = tokio::join!(
        one.change(left, vec![put("who", "one")]),
        other.change(right, vec![put("who", "other")])
    );
    let first = match both {
        (Ok(_), Err(Error::Outdated)) => "one",
        (Err(Error::Outdated), Ok(_)) => "other",
        both => panic!("{both:?}"),
    };
    for table in [one, other] {
        until(table, &[("a/3", "in order"), ("who", first)]).await;
    }
    // What was seen before that stays refused, and says nothing.
    let late = one.change(left, vec![put("who", "late")]).await;
    assert!(matches!(late, Err(Error::Outdated)), "{late:?}");
    until(one, &[("a/3", "in order"), ("who", first)]).await;
    // Counted by both at once, none is lost.
    let count = async |table: &dyn SharedTable| {
        for _ in 0..5 {
            loop {
                let seen = *table.revision().borrow();
                let row = table.scan(b"n", b"n\0", 1).await.unwrap();
                let n = row.first().map_or(0, |(_, n)| n.len());
                match table.change(seen, vec![put("n", &"I".repeat(n + 1))]).await {
                    Ok(_) => break,
                    Err(Error::Outdated) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    };
    tokio::join!(count(one), count(other));
    for table in [one, other] {
        until(
            table,
            &[("a/3", "in order"), ("n", "IIIIIIIIII"), ("who", first)],
        )
        .await;
    }
}
