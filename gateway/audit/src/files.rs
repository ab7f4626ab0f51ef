//! The files of the log, named by the number of their first line.

use crate::Error;
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".ndjson";

/// A file of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) first: u64,
    pub(crate) path: PathBuf,
}

impl Part {
    pub(crate) fn new(dir: &Path, first: u64) -> Self {
        Self {
            first,
            path: dir.join(format!("{first:020}{SUFFIX}")),
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("{:020}{SUFFIX}", self.first)
    }
}

/// All files, oldest first; none where there is no directory.
pub(crate) fn list(dir: &Path) -> Result<Vec<Part>, Error> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::new("read", dir)(error)),
    };
    let mut parts = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::new("read", dir))?;
        let name = entry.file_name();
        let first = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        if let Some(first) = first.and_then(|digits| digits.parse().ok()) {
            let part = Part::new(dir, first);
            if part.name().as_str() == name {
                parts.push(part);
            }
        }
    }
    parts.sort_by_key(|part| part.first);
    Ok(parts)
}
