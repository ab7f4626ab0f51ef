//! Events by id, position or delivery.

use super::stream::StreamHandle;
use super::{Error, Inner};
use crate::Journey;
use crate::record::Envelope;
use crate::shard::Command;
use std::collections::BTreeMap;
use std::sync::Arc;
use tradewind_event::Event;
use tradewind_store::{Item, Kind, Position};

/// Bytes of each shard's log that a search by id goes through, from the newest back.
const SEARCHED: u64 = 256 << 20;
/// Bytes read at once.
const PAGE: usize = 1 << 20;
/// Most journeys in one answer.
const JOURNEYS: usize = 20;
/// Shortest prefix of an id.
const PREFIX_MIN: usize = 8;
/// Most bytes of events that are told of at once.
const RECENT_BYTES: usize = 16 << 20;

impl Inner {
    pub(super) async fn position(
        &self,
        stream: &str,
        source: &str,
        id: &str,
    ) -> Result<Option<String>, Error> {
        let handle = self.streams.load().get(stream).map(Arc::clone);
        let handle = handle.ok_or_else(|| Error::NotFound(format!("no stream `{stream}`")))?;
        let identity = handle.hashes.identity(source, id);
        let position = handle.log.find(identity).await?;
        Ok(position.map(|position| position.to_string()))
    }

    pub(super) async fn explain(
        &self,
        query: &str,
        sees: impl Fn(&str) -> bool,
    ) -> Result<Vec<Journey>, Error> {
        // Before the search: what lies in others must not take up room among what is found.
        let mut streams = BTreeMap::clone(&self.streams.load());
        streams.retain(|name, _| sees(name));
        let mut journeys = Vec::new();
        for (stream, position) in places(&streams, query).await? {
            journeys.extend(self.journey(&stream, position).await?);
        }
        if journeys.is_empty() {
            let mut none = format!(
                "no event `{query}`; give an id, its first {PREFIX_MIN} characters or more, \
                 `stream@shard/offset`, or a delivery id"
            );
            for handle in streams.values() {
                if let Some(elsewhere) = handle.not_here().await {
                    none.push_str(&format!("; {elsewhere}"));
                }
            }
            return Err(Error::NotFound(none));
        }
        Ok(journeys)
    }

    async fn journey(
        &self,
        stream: &StreamHandle,
        position: Position,
    ) -> Result<Option<Journey>, Error> {
        match stream.shard(position.shard).await? {
            Some(shard) => {
                shard
                    .ask(|answer| Command::Explain(position.offset, answer))
                    .await
            }
            None => Ok(None),
        }
    }

    pub(super) async fn event(&self, stream: &str, position: &str) -> Result<Event, Error> {
        let handle = self.stream(stream)?;
        let at: Position = position
            .parse()
            .map_err(|e: tradewind_store::Error| Error::Invalid(e.to_string()))?;
        let none = || Error::NotFound(format!("no event at {position} of stream `{stream}`"));
        let shard = handle.shard(at.shard).await?.ok_or_else(none)?;
        shard
            .ask(|answer| Command::Event(at.offset, answer))
            .await?
            .ok_or_else(none)
    }

    pub(super) async fn recent<T>(
        &self,
        stream: &str,
        since_ms: u64,
        most: usize,
        tell: impl Fn(&Event) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let handle = self.stream(stream)?;
        let mut newest = BTreeMap::new();
        let mut bytes = 0;
        for shard in 0..handle.log.shards() {
            let since = match handle.log.seek(shard, since_ms).await {
                // Its owner tells of what lies there.
                Err(tradewind_store::Error::Elsewhere(_)) => continue,
                since => since?,
            };
            walk(&handle, shard, since, |item, event| {
                let Some(told) = tell(event) else { return };
                let size = item.payload.len();
                bytes += size;
                newest.insert((item.appended_ms, item.position), (size, told));
                while newest.len() > most || bytes > RECENT_BYTES {
                    let Some((_, (size, _))) = newest.pop_first() else {
                        break;
                    };
                    bytes -= size;
                }
            })
            .await?;
        }
        Ok(newest.into_values().map(|(_, told)| told).collect())
    }

    pub(super) fn stream(&self, name: &str) -> Result<Arc<StreamHandle>, Error> {
        let handle = self.streams.load().get(name).map(Arc::clone);
        handle.ok_or_else(|| Error::NotFound(format!("no stream `{name}`")))
    }
}

/// Where the events lie that a query names.
async fn places(
    streams: &BTreeMap<String, Arc<StreamHandle>>,
    query: &str,
) -> Result<Vec<(Arc<StreamHandle>, Position)>, Error> {
    if let Some((stream, position)) = query.split_once('@')
        && let (Some(handle), Ok(position)) = (streams.get(stream), position.parse())
    {
        return Ok(vec![(Arc::clone(handle), position)]);
    }
    for handle in streams.values() {
        if let Some(position) = in_delivery_id(&handle.name, query) {
            return Ok(vec![(Arc::clone(handle), position)]);
        }
    }
    let mut found = Vec::new();
    for handle in streams.values() {
        for shard in 0..handle.log.shards() {
            search(handle, shard, query, &mut found).await?;
        }
    }
    // The newest is what people mean.
    let excess = found.len().saturating_sub(JOURNEYS);
    Ok(found.split_off(excess))
}

/// `<stream>-<shard>-<offset>-<subscription>`
fn in_delivery_id(stream: &str, query: &str) -> Option<Position> {
    let mut parts = query
        .strip_prefix(stream)?
        .strip_prefix('-')?
        .splitn(3, '-');
    let position = Position {
        shard: parts.next()?.parse().ok()?,
        offset: parts.next()?.parse().ok()?,
    };
    parts.next().map(|_| position)
}

/// Positions of events with this id, or that begins so.
async fn search(
    handle: &Arc<StreamHandle>,
    shard: u16,
    query: &str,
    found: &mut Vec<(Arc<StreamHandle>, Position)>,
) -> Result<(), Error> {
    walk(handle, shard, 0, |item, event| {
        let begins = query.len() >= PREFIX_MIN && event.id().starts_with(query);
        if event.id() == query || begins {
            found.push((Arc::clone(handle), item.position));
        }
    })
    .await
}

/// Looks at the events of a shard that lie at `since` or behind it, as far back as a search goes.
async fn walk(
    handle: &StreamHandle,
    shard: u16,
    since: u64,
    mut see: impl FnMut(&Item, &Event),
) -> Result<(), Error> {
    let log = &handle.log;
    let bounds = log.bounds(shard);
    let oldest = bounds.start.max(bounds.end.saturating_sub(SEARCHED));
    let mut at = since.max(oldest);
    loop {
        let batch = match log.read(shard, at, PAGE).await {
            // Its owner finds what lies there.
            Err(tradewind_store::Error::Elsewhere(_)) => return Ok(()),
            batch => batch?,
        };
        for item in batch.items.iter().filter(|i| i.kind == Kind::Event) {
            if let Ok((_, event)) = Envelope::decode(&item.payload) {
                see(item, &event);
            }
        }
        if batch.next == at {
            return Ok(());
        }
        at = batch.next;
    }
}
