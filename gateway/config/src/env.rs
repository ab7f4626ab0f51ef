//! Where references are looked up.

use std::io::{self, Read};
use std::path::Path;

/// What the loader may read. Injected, so that tests need neither environment nor disk.
pub trait Env {
    /// An environment variable.
    fn var(&self, name: &str) -> Option<String>;
    /// A file as text, at most [`FILE_MAX`] bytes.
    fn read(&self, path: &Path) -> io::Result<String>;
}

/// Largest file that is read, in bytes: configuration and referenced files alike.
pub const FILE_MAX: u64 = 4 << 20;

/// The environment and files of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Env for System {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
    fn read(&self, path: &Path) -> io::Result<String> {
        let mut text = String::new();
        let mut file = std::fs::File::open(path)?.take(FILE_MAX + 1);
        file.read_to_string(&mut text)?;
        if text.len() as u64 > FILE_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("larger than {} MiB", FILE_MAX >> 20),
            ));
        }
        Ok(text)
    }
}
