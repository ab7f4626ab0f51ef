//! What table and index lack is taken from the log.

use crate::dedupe::{Again, Index, Slot};
use crate::finding::Finding;
use crate::log::{Body, Record, decode_ops};
use crate::table::{Checkpoint, Table};
use crate::{Error, Loss, Params};

/// Where records go that recovery shows.
pub(super) struct Replay<'a> {
    pub(super) params: &'a Params,
    pub(super) table: &'a Table,
    pub(super) index: &'a Index,
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) again: &'a [Again],
}

impl Replay<'_> {
    pub(super) fn see(&self, record: &Record) -> Result<(), Error> {
        match &record.body {
            Body::Entry {
                identity: Some(identity),
                ..
            } => {
                let slot = Slot {
                    content: identity.content,
                    offset: record.offset,
                    appended_ms: record.appended_ms,
                    window_ms: identity.window_ms,
                };
                let in_damaged = |again: &Again| (again.from..=again.to).contains(&record.offset);
                if record.offset >= self.checkpoint.flushed {
                    self.index.insert([(identity.id, slot)]);
                } else if self.again.iter().any(in_damaged) {
                    self.index.restore(identity.id, slot)?;
                }
            }
            Body::Ops(body) if record.offset >= self.checkpoint.applied => {
                let Some(ops) = decode_ops(body) else {
                    return Err(Error::Invalid(format!(
                        "the record at {} has operations that this version does not know: use a \
                         later version",
                        record.offset
                    )));
                };
                self.table.apply(ops);
                self.bound(record)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A table that is made again from all of the log goes to disk on the way. Only what is known to
    /// be durable: the table must not overtake the log.
    fn bound(&self, record: &Record) -> Result<(), Error> {
        let applied = record.offset + record.size as u64;
        if self.table.waiting() < 8 * self.params.overlay_bytes || applied > self.checkpoint.flushed
        {
            return Ok(());
        }
        self.table.freeze();
        self.table.persist(&Checkpoint {
            applied,
            ..self.checkpoint.clone()
        })
    }
}

/// A state table was damaged; `whole` if all of it could be made again.
pub(super) fn lost_table(why: &str, whole: bool) -> Finding {
    let (loss, rest) = match whole {
        true => (Loss::Nothing, "nothing of it is missing"),
        false => (
            Loss::Unclear,
            "retries, dead letters and pauses recorded before the log begins may be missing or out of \
             date",
        ),
    };
    Finding::new(
        loss,
        format!(
            "the state table was damaged ({why}), set aside as state.redb.damaged and made again \
             from what is whole of it and from the log; {rest}"
        ),
    )
}
