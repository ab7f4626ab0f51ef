//! Opening a data directory, and when it is refused.

use crate::contract::tiny;
use fastrand::Rng;
use std::path::Path;
use std::sync::Arc;
use tradewind_store::disk::{Disk, Open, RealDisk};
use tradewind_store::testkit::{Fault, ManualClock, SeededRandom, SimDisk, suite};
use tradewind_store::{Durability, Embedded, Error, Finding, Params, Settings, Streams};

fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<Embedded, Error> {
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    Embedded::open_on(disk, path, clock, Arc::new(SeededRandom::new(3)), tiny())
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Invalid(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_process_at_a_time() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let first = open(Arc::new(RealDisk), dir.path()).unwrap();
    let stream = first.open("default/s", &Settings::default()).await.unwrap();
    let reason = refusal(open(Arc::new(RealDisk), dir.path()));
    assert!(reason.contains("is in use by another process"), "{reason}");
    drop(first);
    refusal(open(Arc::new(RealDisk), dir.path()));
    drop(stream);
    open(Arc::new(RealDisk), dir.path()).unwrap();
}

#[tokio::test]
async fn one_stream_of_a_name() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let streams = open(Arc::new(RealDisk), dir.path()).unwrap();
    let first = streams
        .open("default/s", &Settings::default())
        .await
        .unwrap();
    let second = streams
        .open("default/s", &Settings::default())
        .await
        .unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert!(refusal(streams.delete("default/s").await).contains("close it first"));
}

#[tokio::test]
async fn settings_are_remembered() {
    let disk = SimDisk::new();
    let streams = open(Arc::new(disk), Path::new("data")).unwrap();
    assert_eq!(streams.settings("default/s").await.unwrap(), None);
    let mut settings = Settings {
        shards: 3,
        retention_bytes: Some(1 << 30),
        ..Settings::default()
    };
    for durability in [Durability::Fsync, Durability::Os, Durability::Ephemeral] {
        settings.durability = durability;
        drop(streams.open("default/s", &settings).await.unwrap());
        let kept = streams.settings("default/s").await.unwrap();
        assert_eq!(kept.as_ref(), Some(&settings));
    }
}

#[test]
fn a_later_format_is_refused() {
    let disk = SimDisk::new();
    drop(open(Arc::new(disk.clone()), Path::new("data")).unwrap());
    let file = disk.open(Path::new("data/FORMAT"), Open::Empty).unwrap();
    file.write_at(0, b"{\"format\":9}").unwrap();
    let reason = refusal(open(Arc::new(disk), Path::new("data")));
    assert_eq!(
        reason,
        "FORMAT has format 9, this version knows up to 1: use a later version"
    );
}

#[tokio::test]
async fn a_stream_of_a_later_format_is_refused() {
    let disk = SimDisk::new();
    let streams = open(Arc::new(disk.clone()), Path::new("data")).unwrap();
    drop(
        streams
            .open("default/s", &Settings::default())
            .await
            .unwrap(),
    );
    for name in ["stream.json", "stream.copy"] {
        let path = Path::new("data/streams/default/s").join(name);
        let file = disk.open(&path, Open::Empty).unwrap();
        file.write_at(0, b"{\"format\":2,\"layout\":{}}").unwrap();
    }
    let reason = refusal(streams.open("default/s", &Settings::default()).await);
    assert_eq!(
        reason,
        "stream.json of stream `default/s` has format 2, this version knows up to 1: use a later version"
    );
}

/// Metadata that is damaged is told and made again.
#[tokio::test]
async fn damaged_metadata_is_made_again() {
    for (name, says) in [
        ("data/FORMAT", "FORMAT was damaged"),
        ("data/streams/default/s/stream.json", "from its copy"),
    ] {
        let disk = SimDisk::new();
        let streams = open(Arc::new(disk.clone()), Path::new("data")).unwrap();
        let stream = streams
            .open("default/s", &Settings::default())
            .await
            .unwrap();
        let key = stream.hash_key();
        drop((stream, streams));
        let file = disk.open(Path::new(name), Open::Existing).unwrap();
        file.write_at(0, b"#").unwrap();
        drop(file);
        for told in [true, false] {
            let streams = open(Arc::new(disk.clone()), Path::new("data")).unwrap();
            let stream = streams
                .open("default/s", &Settings::default())
                .await
                .unwrap();
            assert_eq!(stream.hash_key(), key);
            let findings = stream.findings();
            assert_eq!(
                findings.iter().any(|finding| finding.what.contains(says)),
                told,
                "{name}: {findings:?}"
            );
        }
    }
}

#[tokio::test]
async fn memory_is_refused_unless_asked_for() {
    // A tmpfs on every Linux that has one.
    let Ok(dir) = tempfile::tempdir_in("/dev/shm") else {
        println!("skipped: no /dev/shm");
        return;
    };
    for path in ["", "made/later"] {
        let path = dir.path().join(path);
        let reason = refusal(Embedded::accepts(&path));
        assert!(reason.contains("in memory (tmpfs)"), "{reason}");
    }
    assert!(!dir.path().join("made").exists());
    let streams = open(Arc::new(RealDisk), dir.path()).unwrap();
    let reason = refusal(streams.open("default/s", &Settings::default()).await);
    assert!(
        reason.contains("in memory (tmpfs)") && reason.contains("`ephemeral`"),
        "{reason}"
    );
    let settings = Settings {
        durability: Durability::Ephemeral,
        ..Settings::default()
    };
    let stream = streams.open("default/s", &settings).await.unwrap();
    stream.append(vec![suite::event(1, "a")]).await.unwrap();
    assert_eq!(stream.stats().syncs, 1, "only opening syncs");
}

/// Power lost while a data directory and its first streams are made: the next start makes them, or
/// finds them whole.
#[tokio::test]
async fn creation_is_cut_short_anywhere() {
    for calls in 0.. {
        let mut rng = fastrand::Rng::with_seed(calls);
        let disk = SimDisk::new();
        disk.fail_after(calls, Fault::PowerCut, rng.fork());
        let settings = Settings {
            shards: 2,
            ..Settings::default()
        };
        let mut key = None;
        if let Ok(streams) = open(Arc::new(disk.clone()), Path::new("data"))
            && let Ok(stream) = streams.inline().open("default/s", &settings).await
            && stream.append(vec![suite::event(1, "a")]).await.is_ok()
        {
            key = Some(stream.hash_key());
        }
        let done = !disk.was_struck();
        disk.crash(&mut rng);
        let streams = open(Arc::new(disk), Path::new("data")).unwrap().inline();
        let stream = streams.open("default/s", &settings).await.unwrap();
        if let Some(key) = key {
            assert_eq!(stream.hash_key(), key);
            assert_eq!(suite::read_all(&*stream, 0, 0).await.len(), 1);
        }
        assert_eq!(streams.list().await.unwrap(), ["default/s"]);
        if done {
            return;
        }
    }
}

/// A process that ends while zeros are written leaves a segment as long as one is made.
#[tokio::test]
async fn zeros_that_were_not_all_written_are_no_loss() {
    let params = || Params {
        chunk_bytes: 256 << 10,
        segment_bytes: 1 << 20,
        ..tiny()
    };
    let opened = |disk: &SimDisk| {
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let (disk, random) = (Arc::new(disk.clone()), Arc::new(SeededRandom::new(3)));
        Embedded::open_on(disk, Path::new("data"), clock, random, params()).map(Embedded::inline)
    };
    let settings = Settings::default();
    for call in 0.. {
        let disk = SimDisk::new();
        disk.fail_after(call, Fault::IoForever, Rng::with_seed(call));
        let work = async {
            let stream = opened(&disk)?.open("default/s", &settings).await?;
            for id in 0..10 {
                let large = suite::event(id, &"x".repeat(60 << 10));
                stream.append(vec![large]).await?;
            }
            Ok::<_, Error>(())
        };
        work.await.ok();
        let struck = disk.was_struck();
        disk.heal();
        let stream = opened(&disk).unwrap().open("default/s", &settings).await;
        let findings = stream.unwrap().findings();
        // A head of which only some bytes were written is another matter.
        let begun = |f: &&Finding| f.range.as_ref().is_some_and(|range| range.start > 0);
        let mut begun = findings.iter().filter(begun);
        let cut_off = begun.find(|f| f.what.contains("cut off"));
        assert_eq!(cut_off, None, "call {call}");
        if !struck {
            assert!(call > 40, "{call}");
            return;
        }
    }
}
