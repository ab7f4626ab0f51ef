//! Room set aside, so that what was accepted can go on when the disk is full.

use super::{Disk, DiskFile, Medium, Open, is_full};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What one step gives back.
const STEP: u64 = 4 << 20;
/// Least time between two attempts to set the room aside again.
const PAUSE_MS: u64 = 1000;

/// A disk with a reserve: a call that finds no room takes some from the reserve and is repeated.
///
/// While the reserve is not whole, [`Reserve::is_short`] holds and the store takes no new events.
#[derive(Debug, Clone)]
pub(crate) struct Reserve(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    size: u64,
    short: AtomicBool,
    tried_ms: AtomicU64,
    left: Mutex<u64>,
}

impl Reserve {
    /// Sets `size` bytes aside in the file at `path`. A disk that is full already is no error.
    pub(crate) fn new(disk: Arc<dyn Disk>, path: PathBuf, size: u64) -> io::Result<Self> {
        let reserve = Self(Arc::new(Inner {
            disk,
            path,
            size,
            short: AtomicBool::new(true),
            tried_ms: AtomicU64::new(0),
            left: Mutex::new(0),
        }));
        match reserve.0.fill() {
            Err(error) if !is_full(&error) => Err(error),
            _ => Ok(reserve),
        }
    }

    /// Whether there is no room for new events. Tries to make the reserve whole, at most once a
    /// second.
    pub(crate) fn is_short(&self, now_ms: u64) -> bool {
        if !self.0.short.load(Ordering::Acquire) {
            return false;
        }
        let tried = self.0.tried_ms.load(Ordering::Relaxed);
        if now_ms.abs_diff(tried) >= PAUSE_MS {
            self.0.tried_ms.store(now_ms, Ordering::Relaxed);
            return self.0.fill().is_err();
        }
        true
    }
}

impl Inner {
    fn fill(&self) -> io::Result<()> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if self.size > 0 {
            let file = self
                .disk
                .open(&self.path, Open::Existing)
                .or_else(|_| self.disk.open(&self.path, Open::Empty))?;
            let result = file.allocate(self.size);
            *left = file.len()?;
            result?;
        }
        self.short.store(false, Ordering::Release);
        Ok(())
    }

    /// Gives some room back to the disk; false when there is none left.
    fn release(&self) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        self.short.store(true, Ordering::Release);
        if *left == 0 {
            return false;
        }
        let rest = left.saturating_sub(STEP);
        let cut = self
            .disk
            .open(&self.path, Open::Existing)
            .and_then(|file| file.set_len(rest));
        *left = rest;
        cut.is_ok()
    }

    fn with_room<T>(&self, mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            match call() {
                Err(error) if is_full(&error) && self.release() => {}
                result => return result,
            }
        }
    }
}

impl Disk for Reserve {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.0.with_room(|| self.0.disk.open(path, how))?;
        Ok(Arc::new(ReserveFile {
            file,
            reserve: Arc::clone(&self.0),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.with_room(|| self.0.disk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.disk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.with_room(|| self.0.disk.create_dir(path))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.0.disk.remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.disk.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.disk.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        self.0.disk.lock(path)
    }

    fn medium(&self, path: &Path) -> io::Result<Medium> {
        self.0.disk.medium(path)
    }
}

#[derive(Debug)]
struct ReserveFile {
    file: Arc<dyn DiskFile>,
    reserve: Arc<Inner>,
}

impl DiskFile for ReserveFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buf)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.reserve.with_room(|| self.file.write_at(offset, data))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.reserve.with_room(|| self.file.set_len(len))
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.reserve.with_room(|| self.file.allocate(len))
    }

    // Not repeated: after a failed sync nobody knows what the disk holds.
    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}
