//! What panics beside a shard's writer, and in it.

use crate::contract::tiny;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tradewind_store::disk::{Disk, DiskFile, Medium, Open, RealDisk};
use tradewind_store::testkit::{ManualClock, SeededRandom, suite};
use tradewind_store::{Embedded, Error, Op, Settings, Streams, Sync};

/// A disk where writes to one file panic, once that is wanted.
#[derive(Debug)]
struct Breaking {
    file: &'static str,
    armed: Arc<AtomicBool>,
}

#[derive(Debug)]
struct BreakingFile {
    inner: Arc<dyn DiskFile>,
    armed: Arc<AtomicBool>,
}

impl Disk for Breaking {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let inner = RealDisk.open(path, how)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.contains(self.file) {
            return Ok(inner);
        }
        let armed = Arc::clone(&self.armed);
        Ok(Arc::new(BreakingFile { inner, armed }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_dir(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + std::marker::Sync>> {
        RealDisk.lock(path)
    }
    fn medium(&self, path: &Path) -> io::Result<Medium> {
        RealDisk.medium(path)
    }
}

impl DiskFile for BreakingFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, buf)
    }
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        assert!(
            !self.armed.swap(false, Ordering::SeqCst),
            "as the test wants it"
        );
        self.inner.write_at(offset, data)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.inner.allocate(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
}

/// The shard ends, says so, and nobody waits for ever; what was acknowledged is there when it is opened again.
#[tokio::test]
async fn a_panic_ends_the_shard() {
    for (file, said) in [
        ("state.redb", "a checkpoint panicked"),
        (".log", "the writer panicked"),
    ] {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let armed = Arc::new(AtomicBool::new(false));
        let disk = Breaking {
            file,
            armed: Arc::clone(&armed),
        };
        let open = |disk: Arc<dyn Disk>| {
            let clock = Arc::new(ManualClock::new(1_700_000_000_000));
            Embedded::open_on(
                disk,
                dir.path(),
                clock,
                Arc::new(SeededRandom::new(3)),
                tiny(),
            )
        };
        let streams = open(Arc::new(disk)).unwrap();
        let settings = Settings::default();
        let stream = streams.open("default/s", &settings).await.unwrap();
        stream.append(vec![suite::event(1, "kept")]).await.unwrap();
        let epoch = stream.recover(0).await.unwrap().epoch;
        let row = Op::Put(b"k".as_slice().into(), b"v".as_slice().into());
        let ops = vec![row];
        stream.record(0, epoch, ops, Sync::Durable).await.unwrap();
        armed.store(true, Ordering::SeqCst);
        if file == "state.redb" {
            let trimmed = stream.trim(0, 0).await;
            assert!(matches!(trimmed, Err(Error::Failed(_))), "{trimmed:?}");
        } else {
            let appended = stream.append(vec![suite::event(2, "never")]).await;
            assert!(appended.is_err(), "{appended:?}");
        }
        assert!(!armed.load(Ordering::SeqCst), "{file}: nothing was written");
        // However many ask: what the writer left behind does not look like a queue.
        for _ in 0..=tiny().queue {
            let refused = stream.append(vec![suite::event(3, "never")]).await;
            let refused = refused.unwrap_err();
            assert!(refused.to_string().contains(said), "{refused}");
        }
        stream.close().await.ok();
        drop((stream, streams));
        let streams = open(Arc::new(RealDisk)).unwrap();
        let stream = streams.open("default/s", &settings).await.unwrap();
        let kept = stream.read(0, 0, 1 << 20).await.unwrap();
        assert_eq!(kept.items.len(), 1, "{file}");
        assert_eq!(stream.get(0, b"k").await.unwrap().unwrap(), "v", "{file}");
    }
}
