//! Makes a data directory of what was cut.

use crate::disk::{Disk, DiskFile, Open, RealDisk};
use crate::embedded::{Dirs, MARKER};
use crate::table::Remade;
use crate::{Error, Shard};
use bytes::Bytes;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A data directory that is being made. Until [`Restore::finish`] it carries a mark, and no gateway
/// opens it.
pub struct Restore {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    _lock: Box<dyn Send + Sync>,
}

impl std::fmt::Debug for Restore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restore")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// A file that is being made.
#[derive(Debug)]
pub struct Restored {
    file: Arc<dyn DiskFile>,
    at: u64,
}

/// A state table that is being made.
#[derive(Debug)]
pub struct TableBuilder(Remade);

fn failed(what: &str) -> impl Fn(io::Error) -> Error + '_ {
    move |error| crate::log::refused(what, &error)
}

impl Restore {
    /// Begins in a directory of the machine that does not exist or is empty.
    ///
    /// # Errors
    /// `Invalid` for a directory that holds anything.
    pub fn begin(root: &Path) -> Result<Self, Error> {
        Self::begin_on(Arc::new(RealDisk), root)
    }

    /// The same on any disk.
    ///
    /// # Errors
    /// As [`Restore::begin`].
    pub fn begin_on(disk: Arc<dyn Disk>, root: &Path) -> Result<Self, Error> {
        match disk.list(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("look at the data directory")(error)),
            Ok(names) => {
                // What a fresh file system has.
                if let Some(name) = names.iter().find(|name| *name != "lost+found") {
                    return Err(Error::Invalid(format!(
                        "data directory {} is not empty: it holds `{name}`; name an empty one, or \
                         move this one away",
                        root.display()
                    )));
                }
            }
        }
        let lock = Dirs::restoring(&*disk, root)?;
        Ok(Self {
            disk,
            root: root.to_owned(),
            _lock: lock,
        })
    }

    /// A stream and its settings file, as [`super::StreamCut::settings`] has it.
    ///
    /// # Errors
    /// `Invalid` for a name that cannot be, and for settings that a later version wrote.
    pub fn stream(&self, name: &str, settings: &[u8]) -> Result<(), Error> {
        crate::streams::check_name(name)?;
        Dirs::restored(&*self.disk, &self.root, name, settings)
    }

    /// A segment; `file_len` is what [`super::SegmentCut::file_len`] says.
    ///
    /// # Errors
    /// What the disk says.
    pub fn segment(
        &self,
        name: &str,
        shard: Shard,
        base: u64,
        file_len: u64,
    ) -> Result<Restored, Error> {
        let file = self.file(name, shard, &format!("{base:016x}.log"))?;
        file.set_len(file_len).map_err(failed("write a segment"))?;
        Ok(Restored { file, at: 0 })
    }

    /// A dedupe run.
    ///
    /// # Errors
    /// What the disk says.
    pub fn run(&self, name: &str, shard: Shard, number: u64) -> Result<Restored, Error> {
        let file = self.file(name, shard, &format!("{number:08x}.run"))?;
        Ok(Restored { file, at: 0 })
    }

    /// The state table.
    ///
    /// # Errors
    /// What the disk says.
    pub fn table(&self, name: &str, shard: Shard) -> Result<TableBuilder, Error> {
        let dir = self.shard(name, shard)?;
        let table = TableBuilder(Remade::begin(&self.disk, &dir)?);
        let synced = self.disk.sync_dir(&dir);
        synced.map_err(failed("make the state table"))?;
        Ok(table)
    }

    /// Everything is there: from now on it is a data directory.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish(self) -> Result<(), Error> {
        self.disk
            .remove(&self.root.join(MARKER))
            .and_then(|()| self.disk.sync_dir(&self.root))
            .map_err(failed("finish the data directory"))
    }

    fn shard(&self, name: &str, shard: Shard) -> Result<PathBuf, Error> {
        crate::streams::check_name(name)?;
        let stream = self.root.join("streams").join(name);
        let dir = stream.join(format!("{shard:04}"));
        self.disk
            .create_dir(&dir)
            .and_then(|()| self.disk.sync_dir(&stream))
            .map_err(failed("make the directory of a shard"))?;
        Ok(dir)
    }

    fn file(&self, name: &str, shard: Shard, file: &str) -> Result<Arc<dyn DiskFile>, Error> {
        let dir = self.shard(name, shard)?;
        let made = self.disk.open(&dir.join(file), Open::Empty);
        let made = made.and_then(|made| self.disk.sync_dir(&dir).map(|()| made));
        made.map_err(failed("make a file"))
    }
}

impl Restored {
    /// Writes on.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&mut self, bytes: &Bytes) -> Result<(), Error> {
        self.file
            .write_at(self.at, bytes)
            .map_err(failed("write a file"))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish(self) -> Result<(), Error> {
        self.file.sync_data().map_err(failed("sync a file"))
    }
}

impl TableBuilder {
    /// Puts rows back, as [`super::TableCut::rows`] gave them; how many there were.
    ///
    /// # Errors
    /// `Failed` for rows that are not what was written.
    pub fn rows(&self, chunk: &[u8]) -> Result<u64, Error> {
        self.0.rows(chunk)
    }

    /// All rows are there.
    ///
    /// # Errors
    /// `Invalid` for a checkpoint that is none.
    pub fn finish(self, checkpoint: &str) -> Result<(), Error> {
        self.0.end(checkpoint)
    }
}
