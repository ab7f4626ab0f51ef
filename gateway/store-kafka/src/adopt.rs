//! What another store holds, as records of this one.

use crate::cluster::RECORD_MAX;
use crate::frame::{self, ENTRIES_MAX};
use crate::own::Own;
use crate::send::arrived;
use crate::stream::KafkaStream;
use std::collections::HashMap;
use tradewind_store::{Entry, Error, Identity, Item, Shard};

/// Bytes of a record that more is put into.
const RECORD_FULL: usize = RECORD_MAX / 16;

/// A record that is put together: all of it has one time.
struct Draft {
    ms: u64,
    bytes: usize,
    entries: Vec<Entry>,
}

impl Draft {
    fn takes(&self, item: &Item) -> bool {
        self.ms == item.appended_ms
            && self.entries.len() < ENTRIES_MAX
            && self.bytes + item.payload.len() < RECORD_FULL
    }
}

/// Which identities were met in one call, with their contents and until when a repetition is recognised.
type Met = HashMap<u128, (u128, u64)>;

/// Whether this store would take an event for the repetition of one before it. Where it comes from, that was decided
/// otherwise, and somebody was told.
fn repeats(own: &Own, met: &Met, identity: &Identity, ms: u64) -> bool {
    let known = met.get(&identity.id).copied().or_else(|| {
        let seen = own.identities(|index| index.get(identity.id))?;
        Some((seen.content, seen.until))
    });
    known.is_some_and(|(content, until)| content == identity.content && until > ms)
}

impl KafkaStream {
    pub(crate) async fn take_in(&self, shard: Shard, items: Vec<Item>) -> Result<Vec<u64>, Error> {
        let own = self.own(shard)?;
        let mut met = Met::new();
        let mut drafts: Vec<Draft> = Vec::new();
        for item in items {
            let ms = item.appended_ms;
            // Without its identity it is nobody's repetition.
            let identity = item
                .identity
                .filter(|identity| !repeats(&own, &met, identity, ms));
            if let Some(identity) = &identity {
                let until = ms.saturating_add(identity.window_ms);
                met.insert(identity.id, (identity.content, until));
            }
            if !drafts.last().is_some_and(|draft| draft.takes(&item)) {
                let (bytes, entries) = (0, Vec::new());
                drafts.push(Draft { ms, bytes, entries });
            }
            if let Some(draft) = drafts.last_mut() {
                draft.bytes += item.payload.len() + frame::ENTRY;
                draft.entries.push(Entry {
                    shard_key: shard.into(),
                    identity,
                    kind: item.kind,
                    payload: item.payload,
                    decoded: None,
                });
            }
        }
        let mut sent = Vec::with_capacity(drafts.len());
        for draft in &drafts {
            let entries: Vec<&Entry> = draft.entries.iter().collect();
            sent.push((self.common.send(shard, &entries, draft.ms)?, entries.len()));
        }
        let mut places = Vec::new();
        let mut end = 0;
        for (delivery, count) in sent {
            let record = arrived(delivery).await?;
            places.extend((0..count).map(|number| frame::place(record, number)));
            end = record + 1;
        }
        own.decided(end).await?;
        Ok(places)
    }
}
