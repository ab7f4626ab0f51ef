//! What lies where in a data directory.
//!
//! ```text
//! LOCK                                 held by the process that has it
//! FORMAT                               version of everything below
//! reserve                              room set aside
//! RESTORING                            only while all this is being made of a backup
//! streams/<space>/<stream>/stream.json settings and secrets; a stream exists once this does
//! streams/<space>/<stream>/stream.copy the same again: without its secrets a log cannot be read
//! streams/<space>/<stream>/<shard>/    segments, state table, runs
//! ```

use super::meta::{Broken, FORMAT, repaired, seal, unseal};
use crate::disk::{Disk, Open, read_all, replace};
use crate::finding::Finding;
use crate::log::{failed, refused};
use crate::{Durability, Error, Random, Settings, Shard, Standing, is_absent};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

const STREAM: &str = "stream.json";
const COPY: &str = "stream.copy";
/// There while a directory is being made of a backup.
pub(crate) const MARKER: &str = "RESTORING";

/// A data directory.
#[derive(Debug)]
pub(crate) struct Dirs {
    root: PathBuf,
    /// What was wrong with the directory itself.
    pub(super) finding: Option<Finding>,
}

/// What a stream keeps for life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) key: [u8; 16],
    pub(super) salt: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Format {
    format: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StreamFile {
    format: u64,
    shards: Shard,
    /// Key of identity hashes, and salt of checksums: hexadecimal.
    hash_key: String,
    salt: String,
    durability: String,
    retention_ms: u64,
    retention_bytes: Option<u64>,
    dedupe_max: u64,
    #[serde(default, skip_serializing_if = "Standing::is_here")]
    standing: Standing,
}

/// A stream that is made: what it is otherwise given by chance.
#[derive(Debug)]
pub(super) struct Birth {
    pub(super) key: [u8; 16],
    pub(super) standing: Standing,
}

impl Dirs {
    /// Opens a data directory and locks it.
    pub(super) fn open(
        disk: &dyn Disk,
        root: &Path,
    ) -> Result<(Self, Box<dyn Send + Sync>), Error> {
        let mut dirs = Self {
            root: root.to_owned(),
            finding: None,
        };
        let make = |e: io::Error| {
            Error::Invalid(format!(
                "cannot make the data directory {}: {e}",
                root.display()
            ))
        };
        if !root.as_os_str().is_empty() {
            disk.create_dir(root).map_err(make)?;
        }
        let lock = lock(disk, root)?;
        let unclear = |e: io::Error| failed("open the data directory", &e);
        let names = disk.list(root).map_err(unclear)?;
        if names.iter().any(|name| name == MARKER) {
            return Err(Error::Invalid(format!(
                "a restore into {} did not end: empty it and restore again",
                root.display()
            )));
        }
        dirs.finding = if names.iter().any(|name| name == "FORMAT") {
            let content = read_all(disk, &root.join("FORMAT")).map_err(unclear)?;
            match unseal::<Format>(&content) {
                Ok(_) => None,
                Err(later @ Broken::Later(_)) => return Err(later.error("FORMAT")),
                // Every file below carries its version too.
                Err(Broken::Damaged) => Some(repaired("FORMAT", "as this version knows it")),
            }
        } else {
            None
        };
        if !names.iter().any(|name| name == "FORMAT") || dirs.finding.is_some() {
            let content = seal(&Format { format: FORMAT })
                .map_err(|e| failed("open the data directory", &e.into()))?;
            replace(disk, root, "FORMAT", &content).map_err(unclear)?;
        }
        disk.create_dir(&root.join("streams")).map_err(unclear)?;
        sync(disk, root).map_err(unclear)?;
        Ok((dirs, lock))
    }

    /// Begins to make a data directory of a backup: locked, and marked as not to be opened.
    pub(crate) fn restoring(disk: &dyn Disk, root: &Path) -> Result<Box<dyn Send + Sync>, Error> {
        let unclear = |e: io::Error| refused("begin a data directory", &e);
        if !root.as_os_str().is_empty() {
            disk.create_dir(root).map_err(unclear)?;
        }
        let lock = lock(disk, root)?;
        replace(disk, root, MARKER, b"").map_err(unclear)?;
        let content = seal(&Format { format: FORMAT })
            .map_err(|e| failed("begin a data directory", &e.into()))?;
        replace(disk, root, "FORMAT", &content).map_err(unclear)?;
        disk.create_dir(&root.join("streams")).map_err(unclear)?;
        sync(disk, root).map_err(unclear)?;
        Ok(lock)
    }

    /// Puts the settings of a stream back.
    pub(crate) fn restored(
        disk: &dyn Disk,
        root: &Path,
        name: &str,
        settings: &[u8],
    ) -> Result<(), Error> {
        unseal::<StreamFile>(settings).map_err(|why| why.error(&called(name)))?;
        let dir = root.join("streams").join(name);
        let write = || {
            let streams = root.join("streams");
            let space = dir.parent().unwrap_or(&streams);
            disk.create_dir(space)?;
            disk.sync_dir(&streams)?;
            disk.create_dir(&dir)?;
            disk.sync_dir(space)?;
            [STREAM, COPY]
                .iter()
                .try_for_each(|file| replace(disk, &dir, file, settings))
        };
        write().map_err(|e| refused("make the stream", &e))
    }

    /// Content of a stream's settings file, as it is written anew at each opening.
    pub(super) fn content(&self, disk: &dyn Disk, name: &str) -> Result<Vec<u8>, Error> {
        read_all(disk, &self.dir(name).join(STREAM))
            .map_err(|e| failed("read the settings of the stream", &e))
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.root.join("streams").join(name)
    }

    /// Identity of a stream, which is made if it does not exist, as `birth` says. Remembers changed settings.
    pub(super) fn stream(
        &self,
        disk: &dyn Disk,
        random: &dyn Random,
        name: &str,
        settings: &Settings,
        birth: Option<Birth>,
    ) -> Result<(Identity, Option<Finding>), Error> {
        let dir = self.dir(name);
        let unclear = |e: io::Error| refused("open the stream", &e);
        let kept = read_stream(disk, &dir, name)?;
        let (identity, before, finding) = if let Some(Kept { file, finding }) = kept {
            let identity = Identity {
                key: u128::from_str_radix(&file.hash_key, 16)
                    .map_err(|_| Broken::Damaged.error(&called(name)))?
                    .to_be_bytes(),
                salt: u64::from_str_radix(&file.salt, 16)
                    .map_err(|_| Broken::Damaged.error(&called(name)))?,
            };
            (identity, Some(file), finding)
        } else {
            // Left over from a creation or removal that was cut short: nobody was promised anything.
            remove_all(disk, &dir).map_err(unclear)?;
            let mut key = [0; 16];
            let mut salt = [0; 8];
            random
                .fill(&mut key)
                .and_then(|()| random.fill(&mut salt))
                .map_err(unclear)?;
            (
                Identity {
                    key: birth.as_ref().map_or(key, |birth| birth.key),
                    salt: u64::from_be_bytes(salt),
                },
                None,
                None,
            )
        };
        if let Some(before) = &before
            && before.shards != settings.shards
        {
            return Err(other_shards(name, before.shards, settings.shards));
        }
        let file = StreamFile {
            format: FORMAT,
            shards: settings.shards,
            hash_key: format!("{:032x}", u128::from_be_bytes(identity.key)),
            salt: format!("{:016x}", identity.salt),
            durability: match settings.durability {
                Durability::Fsync => "fsync",
                Durability::Os => "os",
                Durability::Ephemeral => "ephemeral",
            }
            .into(),
            retention_ms: settings
                .retention
                .as_millis()
                .try_into()
                .unwrap_or(u64::MAX),
            retention_bytes: settings.retention_bytes,
            dedupe_max: settings.dedupe_max,
            standing: match (&before, birth) {
                (Some(before), _) => before.standing.clone(),
                (None, Some(birth)) => birth.standing,
                (None, None) => Standing::Here,
            },
        };
        let content = seal(&file).map_err(|e| failed("open the stream", &e.into()))?;
        let write = || {
            if before.is_none() {
                let streams = self.root.join("streams");
                let space = dir.parent().unwrap_or(&streams);
                disk.create_dir(space)?;
                disk.sync_dir(&streams)?;
                disk.create_dir(&dir)?;
                disk.sync_dir(space)?;
            }
            write_stream(disk, &dir, &content)
        };
        write().map_err(unclear)?;
        Ok((identity, finding))
    }

    /// How a stream stands, if it exists.
    pub(super) fn standing(&self, disk: &dyn Disk, name: &str) -> Result<Option<Standing>, Error> {
        let kept = read_stream(disk, &self.dir(name), name)?;
        Ok(kept.map(|kept| kept.file.standing))
    }

    /// Says how a stream stands.
    pub(super) fn stand(
        &self,
        disk: &dyn Disk,
        name: &str,
        standing: Standing,
    ) -> Result<(), Error> {
        let dir = self.dir(name);
        let Some(Kept { file, .. }) = read_stream(disk, &dir, name)? else {
            return Err(is_absent(name));
        };
        let file = StreamFile { standing, ..file };
        let content = seal(&file).map_err(|e| failed("write how the stream stands", &e.into()))?;
        write_stream(disk, &dir, &content).map_err(|e| refused("write how the stream stands", &e))
    }

    /// Settings of a stream as it was opened last.
    pub(super) fn settings(&self, disk: &dyn Disk, name: &str) -> Result<Option<Settings>, Error> {
        let kept = read_stream(disk, &self.dir(name), name)?;
        Ok(kept.map(|Kept { file, .. }| Settings {
            shards: file.shards,
            durability: match file.durability.as_str() {
                "os" => Durability::Os,
                "ephemeral" => Durability::Ephemeral,
                _ => Durability::Fsync,
            },
            retention: Duration::from_millis(file.retention_ms),
            retention_bytes: file.retention_bytes,
            dedupe_max: file.dedupe_max,
        }))
    }

    /// Directory of a shard, which is made if it does not exist.
    pub(super) fn shard(
        &self,
        disk: &dyn Disk,
        name: &str,
        shard: Shard,
    ) -> Result<PathBuf, Error> {
        let stream = self.dir(name);
        let dir = stream.join(format!("{shard:04}"));
        let made = disk.create_dir(&dir).and_then(|()| disk.sync_dir(&stream));
        made.map_err(|e| refused("make the directory of a shard", &e))?;
        Ok(dir)
    }

    /// Names of all streams.
    pub(super) fn list(&self, disk: &dyn Disk) -> Result<Vec<String>, Error> {
        let unclear = |e: io::Error| failed("list the streams", &e);
        let streams = self.root.join("streams");
        let mut names = Vec::new();
        for space in disk.list(&streams).map_err(unclear)? {
            for stream in disk.list(&streams.join(&space)).map_err(unclear)? {
                let name = format!("{space}/{stream}");
                if exists(disk, &self.dir(&name)).map_err(unclear)? {
                    names.push(name);
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Removes a stream: it is gone once its settings are.
    pub(super) fn delete(&self, disk: &dyn Disk, name: &str) -> Result<(), Error> {
        let dir = self.dir(name);
        if !exists(disk, &dir).map_err(|e| failed("delete the stream", &e))? {
            return Ok(());
        }
        let remove = |name: &str| match disk.open(&dir.join(name), Open::Existing) {
            Ok(_) => disk.remove(&dir.join(name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        let gone = remove(STREAM)
            .and_then(|()| remove(COPY))
            .and_then(|()| disk.sync_dir(&dir))
            .and_then(|()| remove_all(disk, &dir));
        gone.map_err(|e| failed("delete the stream", &e))
    }
}

/// Writes both copies of what a stream keeps, where they are not so already.
fn write_stream(disk: &dyn Disk, dir: &Path, content: &[u8]) -> io::Result<()> {
    for name in [STREAM, COPY] {
        if read_all(disk, &dir.join(name)).ok().as_deref() != Some(content) {
            replace(disk, dir, name, content)?;
        }
    }
    Ok(())
}

/// Makes durable what a data directory holds, and that it is there.
fn sync(disk: &dyn Disk, root: &Path) -> io::Result<()> {
    disk.sync_dir(root)?;
    disk.sync_dir(match root.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => root,
    })
}

/// Locks a data directory for this process.
fn lock(disk: &dyn Disk, root: &Path) -> Result<Box<dyn Send + Sync>, Error> {
    disk.lock(&root.join("LOCK")).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Error::Invalid(format!(
            "data directory {} is in use by another process: stop it, or name another directory",
            root.display()
        )),
        _ => failed("lock the data directory", &error),
    })
}

pub(super) fn other_shards(name: &str, has: Shard, asked: Shard) -> Error {
    Error::Invalid(format!(
        "stream `{name}` has {has} shard(s), not {asked}: the number is fixed when a stream is \
         created"
    ))
}

struct Kept {
    file: StreamFile,
    /// Its first copy is damaged.
    finding: Option<Finding>,
}

/// What a stream keeps, if it exists: the first of its two copies that is whole.
fn read_stream(disk: &dyn Disk, dir: &Path, name: &str) -> Result<Option<Kept>, Error> {
    let mut broken = None;
    for copy in [STREAM, COPY] {
        let content = match read_all(disk, &dir.join(copy)) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed("read the settings of the stream", &error)),
        };
        match unseal(&content) {
            Ok(file) => {
                let what = called(name);
                let finding = (copy == COPY).then(|| repaired(&what, "from its copy"));
                return Ok(Some(Kept { file, finding }));
            }
            Err(why) => broken = broken.or(Some(why)),
        }
    }
    broken.map_or(Ok(None), |why| Err(why.error(&called(name))))
}

fn called(name: &str) -> String {
    format!("{STREAM} of stream `{name}`")
}

fn exists(disk: &dyn Disk, dir: &Path) -> io::Result<bool> {
    for name in [STREAM, COPY] {
        match disk.open(&dir.join(name), Open::Existing) {
            Ok(_) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Removes a directory of files and of directories of files, if it exists.
fn remove_all(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let names = match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        names => names?,
    };
    for name in names {
        let path = dir.join(name);
        if disk.list(&path).is_ok() {
            remove_all(disk, &path)?;
        } else {
            disk.remove(&path)?;
        }
    }
    disk.remove_dir(dir)
}
