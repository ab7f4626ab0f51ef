//! A log of what operators did, in which no byte changes unseen: every line carries the hash of itself and of
//! the line before.

mod files;
mod head;
mod log;
mod record;
mod verify;

pub use head::Head;
pub use log::{Log, Options};
pub use record::{Entry, Record};
pub use verify::{Fault, Report, read, verify};

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}: {source}", path.display())]
pub struct Error {
    what: &'static str,
    path: std::path::PathBuf,
    source: std::io::Error,
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        Self {
            what: "use",
            path: "the audit log".into(),
            source,
        }
    }
}

impl Error {
    /// What it is about is not there.
    fn is_gone(&self) -> bool {
        self.source.kind() == std::io::ErrorKind::NotFound
    }

    fn new<'a>(
        what: &'static str,
        path: &'a std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<'a> {
        move |source| Self {
            what,
            path: path.to_owned(),
            source,
        }
    }
}
