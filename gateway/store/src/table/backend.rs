//! redb on a [`DiskFile`], so that power is lost there too.

use crate::disk::DiskFile;
use std::io;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Backend(Arc<dyn DiskFile>);

impl Backend {
    pub(super) fn new(file: Arc<dyn DiskFile>) -> Self {
        Self(file)
    }
}

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let read = self.0.read_at(offset, out)?;
        if read == out.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }
}
