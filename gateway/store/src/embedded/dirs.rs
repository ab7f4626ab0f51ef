//! What lies where in a data directory.
//!
//! ```text
//! LOCK                                 held by the process that has it
//! FORMAT                               version of everything below
//! reserve                              room set aside
//! streams/<space>/<stream>/stream.json settings and secrets; a stream exists once this does
//! streams/<space>/<stream>/<shard>/    segments, state table, runs
//! ```

use crate::disk::{Disk, Open, read_all, replace};
use crate::log::{failed, refused};
use crate::{Durability, Error, Random, Settings, Shard};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Version of the layout and of every file in it.
const FORMAT: u32 = 1;
const STREAM: &str = "stream.json";

/// A data directory.
#[derive(Debug)]
pub(super) struct Dirs {
    root: PathBuf,
}

/// What a stream keeps for life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) key: [u8; 16],
    pub(super) salt: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Format {
    format: u32,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StreamFile {
    format: u32,
    shards: Shard,
    /// Key of identity hashes, and salt of checksums: hexadecimal.
    hash_key: String,
    salt: String,
    durability: String,
    retention_ms: u64,
    retention_bytes: Option<u64>,
    dedupe_max: u64,
}

impl Dirs {
    /// Opens a data directory and locks it.
    pub(super) fn open(
        disk: &dyn Disk,
        root: &Path,
    ) -> Result<(Self, Box<dyn Send + Sync>), Error> {
        let dirs = Self {
            root: root.to_owned(),
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
        let lock = disk.lock(&root.join("LOCK")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Error::Invalid(format!(
                "data directory {} is in use by another process: stop it, or name another directory",
                root.display()
            )),
            _ => failed("lock the data directory", &error),
        })?;
        let unclear = |e: io::Error| failed("open the data directory", &e);
        if disk
            .list(root)
            .map_err(unclear)?
            .iter()
            .any(|name| name == "FORMAT")
        {
            let content = read_all(disk, &root.join("FORMAT")).map_err(unclear)?;
            check_format(
                "FORMAT",
                serde_json::from_slice(&content)
                    .map(|f: Format| f.format)
                    .ok(),
            )?;
        } else {
            let content = format!("{{\"format\":{FORMAT}}}\n");
            replace(disk, root, "FORMAT", content.as_bytes()).map_err(unclear)?;
        }
        disk.create_dir(&root.join("streams")).map_err(unclear)?;
        disk.sync_dir(root).map_err(unclear)?;
        let parent = match root.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => root,
        };
        disk.sync_dir(parent).map_err(unclear)?;
        Ok((dirs, lock))
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

    /// Identity of a stream, which is made if it does not exist. Remembers changed settings.
    pub(super) fn stream(
        &self,
        disk: &dyn Disk,
        random: &dyn Random,
        name: &str,
        settings: &Settings,
    ) -> Result<Identity, Error> {
        let dir = self.dir(name);
        let unclear = |e: io::Error| refused("open the stream", &e);
        let exists = exists(disk, &dir);
        let (identity, before) = if exists {
            let content = read_all(disk, &dir.join(STREAM)).map_err(unclear)?;
            let file: Option<StreamFile> = serde_json::from_slice(&content).ok();
            let what = format!("{STREAM} of stream `{name}`");
            check_format(&what, file.as_ref().map(|file| file.format))?;
            let identity = file.as_ref().and_then(|file| {
                Some(Identity {
                    key: u128::from_str_radix(&file.hash_key, 16).ok()?.to_be_bytes(),
                    salt: u64::from_str_radix(&file.salt, 16).ok()?,
                })
            });
            let damaged = || Error::Failed(format!("{what} is damaged"));
            (identity.ok_or_else(damaged)?, file)
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
                    key,
                    salt: u64::from_be_bytes(salt),
                },
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
        };
        if before.as_ref() != Some(&file) {
            let write = || {
                let streams = self.root.join("streams");
                let space = dir.parent().unwrap_or(&streams);
                disk.create_dir(space)?;
                disk.sync_dir(&streams)?;
                disk.create_dir(&dir)?;
                disk.sync_dir(space)?;
                let content = serde_json::to_vec_pretty(&file).map_err(io::Error::other)?;
                replace(disk, &dir, STREAM, &content)
            };
            write().map_err(unclear)?;
        }
        Ok(identity)
    }

    /// Settings of a stream as it was opened last.
    pub(super) fn settings(&self, disk: &dyn Disk, name: &str) -> Result<Option<Settings>, Error> {
        let dir = self.dir(name);
        if !exists(disk, &dir) {
            return Ok(None);
        }
        let content = read_all(disk, &dir.join(STREAM)).map_err(|e| failed("read settings", &e))?;
        let file: Option<StreamFile> = serde_json::from_slice(&content).ok();
        check_format(
            &format!("{STREAM} of stream `{name}`"),
            file.as_ref().map(|file| file.format),
        )?;
        Ok(file.map(|file| Settings {
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
                if exists(disk, &self.dir(&name)) {
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
        if !exists(disk, &dir) {
            return Ok(());
        }
        let gone = disk
            .remove(&dir.join(STREAM))
            .and_then(|()| disk.sync_dir(&dir))
            .and_then(|()| remove_all(disk, &dir));
        gone.map_err(|e| failed("delete the stream", &e))
    }
}

pub(super) fn other_shards(name: &str, has: Shard, asked: Shard) -> Error {
    Error::Invalid(format!(
        "stream `{name}` has {has} shard(s), not {asked}: the number is fixed when a stream is \
         created"
    ))
}

fn check_format(what: &str, format: Option<u32>) -> Result<(), Error> {
    match format {
        Some(FORMAT) => Ok(()),
        Some(later) if later > FORMAT => Err(Error::Invalid(format!(
            "{what} has format {later}, this version knows up to {FORMAT}: use a later version"
        ))),
        _ => Err(Error::Failed(format!("{what} is damaged"))),
    }
}

fn exists(disk: &dyn Disk, dir: &Path) -> bool {
    disk.open(&dir.join(STREAM), Open::Existing).is_ok()
}

/// Removes a directory of files and of directories of files, if it exists.
fn remove_all(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let Ok(names) = disk.list(dir) else {
        return Ok(());
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
