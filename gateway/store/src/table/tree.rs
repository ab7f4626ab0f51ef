//! The tree on disk.

use crate::Error;
use redb::Database;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A database that may have panicked before: then it would again when it is dropped, in whoever drops it last.
#[derive(Debug)]
pub(super) struct Tree(Option<Database>);

impl Tree {
    pub(super) fn new(db: Database) -> Self {
        Self(Some(db))
    }

    pub(super) fn get(&self) -> Result<&Database, Error> {
        self.0.as_ref().ok_or(Error::Closed)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let db = self.0.take();
        // What was written durably is there; the log has the rest.
        catch_unwind(AssertUnwindSafe(|| drop(db))).ok();
    }
}
