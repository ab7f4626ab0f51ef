//! What a publish takes of its space.

use super::Inner;
use super::stream::StreamHandle;
use crate::spaces::Space;
use crate::{Charge, Exceeded, SpaceView};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Inner {
    pub(super) fn room(&self, stream: &str) -> Result<(), Exceeded> {
        let Some(space) = self.space_of(stream) else {
            return Ok(());
        };
        space.room(|| self.queued(&space), || self.time.now())
    }

    pub(super) fn charge(
        &self,
        stream: &str,
        events: usize,
        bytes: usize,
    ) -> Result<Charge, Exceeded> {
        self.charge_to(&self.owner_of(stream), events, bytes)
    }

    pub(super) fn charge_to(
        &self,
        space: &str,
        events: usize,
        bytes: usize,
    ) -> Result<Charge, Exceeded> {
        let space = self.spaces.of(space);
        let (queued, now) = (|| self.queued(&space), || self.time.now());
        space.charge(events, bytes, queued, now)
    }

    pub(super) fn owe(&self, stream: &str, events: usize, bytes: usize) -> Charge {
        self.owe_by(&self.owner_of(stream), events, bytes)
    }

    pub(super) fn owe_by(&self, space: &str, events: usize, bytes: usize) -> Charge {
        let now = || self.time.now();
        self.spaces.of(space).owe(events, bytes, now)
    }

    fn space_of(&self, stream: &str) -> Option<Arc<Space>> {
        let streams = self.streams.load();
        Some(self.spaces.of(&streams.get(stream)?.space()))
    }

    /// Bytes in the streams of a space that its subscriptions have still to settle.
    fn queued(&self, space: &Space) -> u64 {
        let streams = self.streams.load();
        let own = streams.values().filter(|s| s.space() == space.name);
        own.map(|stream| stream.queued()).sum()
    }

    pub(super) fn space_views(&self) -> BTreeMap<String, SpaceView> {
        let spaces = self.spaces.all();
        let views = spaces.iter();
        views
            .map(|(name, space)| (name.clone(), space.view(|| self.queued(space))))
            .collect()
    }
}

impl StreamHandle {
    pub(crate) fn space(&self) -> Arc<str> {
        Arc::clone(&self.plan.load().space)
    }

    fn queued(&self) -> u64 {
        let shards = (0u16..).zip(&self.shards);
        shards
            .map(|(shard, handle)| handle.backlog.bytes(self.log.bounds(shard).end))
            .sum()
    }
}
