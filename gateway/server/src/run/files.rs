//! The files of a configuration, told apart by their contents and not by their inodes: safe with symbolic links that are
//! swapped.

use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use tradewind_config::{Env, System};

/// The same for the same files with the same contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of files as they are now.
    pub(super) fn now(files: &[PathBuf]) -> Self {
        Self::of(files, |path| std::fs::read(path).ok())
    }

    fn of(files: &[PathBuf], read: impl Fn(&Path) -> Option<Vec<u8>>) -> Self {
        let mut hasher = Sha256::new();
        for path in files {
            match read(path) {
                Some(content) => {
                    hasher.update([1]);
                    hasher.update((content.len() as u64).to_be_bytes());
                    hasher.update(&content);
                }
                None => hasher.update([0]),
            }
        }
        Self(hasher.finalize().into())
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The environment of the process, and what was read of it: a file may be another one a moment later.
#[derive(Debug, Default)]
pub(super) struct Noting(RefCell<HashMap<PathBuf, Option<String>>>);

impl Noting {
    /// Of files as they were read.
    pub(super) fn fingerprint(&self, files: &[PathBuf]) -> Fingerprint {
        let read = self.0.borrow();
        Fingerprint::of(files, |path| {
            let content = read.get(path)?.as_ref()?;
            Some(content.clone().into_bytes())
        })
    }
}

impl Env for Noting {
    fn var(&self, name: &str) -> Option<String> {
        System.var(name)
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let read = System.read(path);
        let noted = read.as_ref().ok().cloned();
        self.0.borrow_mut().insert(path.to_owned(), noted);
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_what_is_there_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a", "b", "missing"].map(|name| folder.path().join(name));
        std::fs::write(&files[0], "one").unwrap();
        std::fs::write(&files[1], "two").unwrap();
        let noting = Noting::default();
        for file in &files {
            noting.read(file).ok();
        }
        let read = noting.fingerprint(&files);
        assert_eq!(read, Fingerprint::now(&files));
        for (changed, content) in [(0, "other"), (2, "there now")] {
            let before = std::fs::read(&files[changed]).ok();
            std::fs::write(&files[changed], content).unwrap();
            assert_ne!(read, Fingerprint::now(&files), "{content}");
            match before {
                Some(before) => std::fs::write(&files[changed], before).unwrap(),
                None => std::fs::remove_file(&files[changed]).unwrap(),
            }
            assert_eq!(read, Fingerprint::now(&files), "{content}");
        }
    }
}
