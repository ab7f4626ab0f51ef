//! redb on a [`DiskFile`], so that power is lost there too.

use crate::disk::DiskFile;
use std::io;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Backend {
    file: Arc<dyn DiskFile>,
    /// Nobody knows the file yet: who makes it syncs it once, as a whole.
    unknown: bool,
}

impl Backend {
    pub(super) fn new(file: Arc<dyn DiskFile>) -> Self {
        Self {
            file,
            unknown: false,
        }
    }

    pub(super) fn unknown(file: Arc<dyn DiskFile>) -> Self {
        Self {
            file,
            unknown: true,
        }
    }
}

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let read = self.file.read_at(offset, out)?;
        if read == out.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.unknown {
            true => Ok(()),
            false => self.file.sync_data(),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, data)
    }
}
