//! Backups of a real data directory in a folder, and back.

#![allow(clippy::unwrap_used, clippy::panic)]

use async_trait::async_trait;
use bytes::Bytes;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use tradewind_backup::{Error, Options, Place, Report, Repository};
use tradewind_store::backup::StreamCut;
use tradewind_store::disk::RealDisk;
use tradewind_store::testkit::{ManualClock, SeededRandom, suite};
use tradewind_store::{Embedded, Error as StoreError, Op, Params, Settings, Stream, Streams, Sync};

const DAY_MS: u64 = 24 * 3_600_000;

struct Ground {
    folder: TempDir,
    clock: ManualClock,
    streams: Embedded,
    stream: Arc<dyn Stream>,
    repository: Repository,
    next: u128,
}

fn embedded(data: &Path, clock: &ManualClock) -> Embedded {
    let params = Params {
        segment_bytes: 64 << 10,
        chunk_bytes: 16 << 10,
        reserve_bytes: 64 << 10,
        ..Params::default()
    };
    let random = Arc::new(SeededRandom::new(3));
    Embedded::open_on(
        Arc::new(RealDisk),
        data,
        Arc::new(clock.clone()),
        random,
        params,
    )
    .unwrap()
}

impl Ground {
    async fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let now = std::fs::metadata(folder.path())
            .unwrap()
            .modified()
            .unwrap();
        let now = now
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis();
        let clock = ManualClock::new(now.try_into().unwrap());
        let streams = embedded(&folder.path().join("data"), &clock);
        let stream = streams.open("default/s", &Settings::default()).await;
        let place = Place::Folder(folder.path().join("backups"));
        Self {
            stream: stream.unwrap(),
            streams,
            repository: Repository::create(&place).unwrap(),
            clock,
            folder,
            next: 0,
        }
    }

    async fn publish(&mut self, events: u128) {
        for _ in 0..events {
            let payload = format!("{:>2000}", self.next);
            let entry = suite::event(self.next, &payload);
            self.stream.append(vec![entry]).await.unwrap();
            self.next += 1;
        }
    }

    async fn back_up(&self, full: bool) -> Report {
        self.clock.advance(1000);
        let options = Options {
            version: "0.0".into(),
            full,
            first: Vec::new(),
        };
        let report = self
            .repository
            .back_up(&self.streams, &self.clock, &options);
        report.await.unwrap()
    }

    async fn restored(&self, id: &str, to: &str) -> Vec<(tradewind_store::Position, Bytes)> {
        let data = self.folder.path().join(to);
        self.repository.restore(id, &data).await.unwrap();
        let streams = embedded(&data, &self.clock);
        let settings = streams.settings("default/s").await.unwrap().unwrap();
        let stream = streams.open("default/s", &settings).await.unwrap();
        assert_eq!(stream.findings(), Vec::new());
        suite::read_all(&*stream, 0, 0).await
    }

    /// Files of the repository below a folder, largest first.
    fn files(&self, under: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().join("backups").join(under)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push(path),
                }
            }
        }
        files.sort_by_key(|path| std::cmp::Reverse(path.metadata().unwrap().len()));
        files
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_backup_is_whole_and_copies_what_is_new() {
    let mut ground = Ground::new().await;
    ground.publish(300).await;
    let first = ground.back_up(false).await;
    assert_eq!(first.bytes, first.copied_bytes);
    let nothing_new = ground.back_up(false).await;
    assert_eq!(nothing_new.copied_bytes, 0, "{nothing_new:?}");
    ground.publish(20).await;
    let more = ground.back_up(false).await;
    assert!(more.copied_bytes < first.copied_bytes / 3, "{more:?}");
    let full = ground.back_up(true).await;
    assert_eq!(full.bytes, full.copied_bytes);
    // What comes later is not in them.
    ground.publish(10).await;
    let all = suite::read_all(&*ground.stream, 0, 0).await;
    for (report, events) in [
        (&first, 300),
        (&nothing_new, 300),
        (&more, 320),
        (&full, 320),
    ] {
        let point = &report.points[0];
        assert_eq!((point.stream.as_str(), point.events), ("default/s", events));
        let restored = ground
            .restored(&report.id, &format!("back-{}", report.id))
            .await;
        assert_eq!(restored[..], all[..events as usize]);
    }
    assert_eq!(ground.repository.list().await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_is_found() {
    let mut ground = Ground::new().await;
    let epoch = ground.stream.recover(0).await.unwrap().epoch;
    let op = Op::Put("key".into(), vec![7; 5000].into());
    ground
        .stream
        .record(0, epoch, vec![op], Sync::Durable)
        .await
        .unwrap();
    ground.publish(200).await;
    ground.stream.trim(0, 0).await.unwrap();
    let id = ground.back_up(false).await.id;
    let whole = ground.repository.verify(&id).await.unwrap();
    assert_eq!(whole.faults, Vec::<String>::new());
    for (number, path) in ground.files("blobs").into_iter().enumerate() {
        let kept = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut flipped = kept.clone();
        flipped[kept.len() / 2] ^= 4;
        for (content, why) in [
            (Some(&flipped[..]), "checksum differs"),
            (Some(&kept[1..]), "bytes instead of"),
            (None, "is missing"),
        ] {
            match content {
                Some(content) => std::fs::write(&path, content).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            let found = ground.repository.verify(&id).await.unwrap().faults;
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(
                found[0].contains(why) && found[0].contains(&name),
                "{found:?}"
            );
            let to = ground.folder.path().join(format!("{number}-{why}"));
            let refused = ground.repository.restore(&id, &to).await;
            assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
            assert!(
                to.join("RESTORING").exists(),
                "no gateway opens what is half there"
            );
        }
        std::fs::write(&path, &kept).unwrap();
    }
    // A full backup copies what is damaged anew.
    let path = ground.files("blobs").remove(0);
    std::fs::write(&path, b"").unwrap();
    let incremental = ground.back_up(false).await.id;
    assert_eq!(
        ground
            .repository
            .verify(&incremental)
            .await
            .unwrap()
            .faults
            .len(),
        1
    );
    let full = ground.back_up(true).await.id;
    for id in [&incremental, &full] {
        assert_eq!(ground.repository.verify(id).await.unwrap().faults.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manifests_are_checked() {
    let mut ground = Ground::new().await;
    ground.publish(1).await;
    let id = ground.back_up(false).await.id;
    let path = ground.files("backups").remove(0);
    let kept = std::fs::read(&path).unwrap();
    let text = String::from_utf8(kept.clone()).unwrap();
    for (content, why) in [
        (
            text.replacen("tradewind-backup 1 ", "tradewind-backup 2 ", 1),
            "has format 2, this version knows up to 1",
        ),
        (
            text.replacen("\"point-ms\":1", "\"point-ms\":2", 1),
            "its checksum differs",
        ),
        (text.replacen("tradewind", "x", 1), "its first line"),
        (text[..30].to_owned(), "no first line"),
        (String::new(), "no first line"),
    ] {
        std::fs::write(&path, &content).unwrap();
        let refused = ground
            .repository
            .manifest(&id)
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(why), "{refused}");
        // The next backup goes by itself.
        if !why.contains("format") {
            assert!(ground.back_up(false).await.copied_bytes > 0);
        }
        let newest = ground.files("backups");
        newest
            .iter()
            .filter(|p| **p != path)
            .for_each(|p| std::fs::remove_file(p).unwrap());
    }
    std::fs::write(&path, &kept).unwrap();
    let missing = ground.repository.manifest("nothing").await.unwrap_err();
    assert!(missing.to_string().contains("there is no backup `nothing`"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_backups_go_with_what_only_they_need() {
    let mut ground = Ground::new().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ground.publish(40).await;
        let end = ground.stream.bounds(0).end;
        ids.push(ground.back_up(false).await.id);
        ground.stream.trim(0, end).await.unwrap();
    }
    let two = NonZero::new(2).unwrap();
    let blobs = ground.files("blobs").len();
    let now_ms = tradewind_store::Clock::unix_ms(&ground.clock);
    let pruned = ground.repository.prune(two, now_ms).await.unwrap();
    assert_eq!(
        (pruned.backups.as_slice(), pruned.blobs),
        (&ids[..2], 0),
        "too young"
    );
    assert_eq!(ground.files("blobs").len(), blobs);
    let later = now_ms + 2 * DAY_MS;
    assert_eq!(
        ground.repository.prune(two, later).await.unwrap().blobs,
        0,
        "nothing to prune"
    );
    let pruned = ground
        .repository
        .prune(NonZero::new(1).unwrap(), later)
        .await
        .unwrap();
    assert_eq!(pruned.backups, ids[2..3]);
    assert!(pruned.blobs > 0);
    assert_eq!(ground.repository.list().await.unwrap(), ids[3..]);
    let verified = ground.repository.verify(&ids[3]).await.unwrap();
    assert_eq!(verified.faults, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_holds_something_is_left_alone() {
    let ground = Ground::new().await;
    let id = ground.back_up(false).await.id;
    let to = ground.folder.path().join("full");
    std::fs::create_dir(&to).unwrap();
    std::fs::write(to.join("precious"), "x").unwrap();
    let refused = ground
        .repository
        .restore(&id, &to)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("is not empty: it holds `precious`"),
        "{refused}"
    );
    assert_eq!(std::fs::read_dir(&to).unwrap().count(), 1);
}

/// Between two cuts, a row of `gateway/notes` becomes an event of `default/s`, as one does whose time has come.
#[derive(Debug)]
struct Busy {
    streams: Embedded,
    epoch: u64,
    cuts: AtomicU32,
}

#[async_trait]
impl Streams for Busy {
    async fn open(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Stream>, StoreError> {
        self.streams.open(name, settings).await
    }
    async fn list(&self) -> Result<Vec<String>, StoreError> {
        self.streams.list().await
    }
    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.streams.delete(name).await
    }
    async fn cut(&self, name: &str) -> Result<Option<StreamCut>, StoreError> {
        if self.cuts.fetch_add(1, Ordering::Relaxed) == 1 {
            let settings = Settings::default();
            let stream = self.open("default/s", &settings).await?;
            stream.append(vec![suite::event(1, "due")]).await?;
            let notes = self.open("gateway/notes", &settings).await?;
            let gone = vec![Op::Delete(b"due".as_slice().into())];
            notes.record(0, self.epoch, gone, Sync::Durable).await?;
        }
        self.streams.cut(name).await
    }
}

#[tokio::test]
async fn what_goes_over_from_one_stream_to_another_meanwhile_is_not_lost() {
    let Ground {
        folder,
        clock,
        streams,
        repository,
        ..
    } = Ground::new().await;
    let settings = Settings::default();
    let notes = streams.open("gateway/notes", &settings).await.unwrap();
    let epoch = notes.recover(0).await.unwrap().epoch;
    let held = Op::Put(b"due".as_slice().into(), b"1".as_slice().into());
    notes
        .record(0, epoch, vec![held], Sync::Durable)
        .await
        .unwrap();
    let busy = Busy {
        streams,
        epoch,
        cuts: AtomicU32::new(0),
    };
    let options = Options {
        version: "0.0".into(),
        full: false,
        first: vec!["gateway/notes".into()],
    };
    let report = repository.back_up(&busy, &clock, &options).await.unwrap();
    let data = folder.path().join("back");
    repository.restore(&report.id, &data).await.unwrap();
    let streams = embedded(&data, &clock);
    let notes = streams.open("gateway/notes", &settings).await.unwrap();
    assert!(notes.get(0, b"due").await.unwrap().is_some());
}
