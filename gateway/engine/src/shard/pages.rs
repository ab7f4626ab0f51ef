//! Stretches of log that were read lately: lanes at the same place share them.

use crate::hash::Hashes;
use crate::record::Stored;
use crate::routes::{Routed, Routes};
use std::collections::VecDeque;
use std::sync::Arc;
use tradewind_store::{Batch, Kind};

/// Most pages kept.
const PAGES: usize = 8;
/// Bytes of payload in one page, about.
pub(super) const PAGE_BYTES: usize = 256 << 10;

/// One event of a page.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) stored: Arc<Stored>,
    /// What the filters that there were made of it.
    pub(super) routed: Routed,
    pub(super) key: Option<u64>,
    /// Where the next item begins.
    pub(super) next: u64,
}

#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) from: u64,
    pub(super) next: u64,
    pub(super) lines: Vec<Line>,
    /// Offsets of events that could not be decoded.
    pub(super) unreadable: Vec<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Pages(VecDeque<Arc<Stretch>>);

impl Stretch {
    pub(super) fn parse(
        from: u64,
        batch: Batch,
        hashes: &Hashes,
        order_by: Option<&str>,
        routes: &Routes,
    ) -> Self {
        let nexts = batch
            .items
            .iter()
            .skip(1)
            .map(|item| item.position.offset)
            .chain([batch.next]);
        let mut stretch = Self {
            from,
            next: batch.next,
            lines: Vec::with_capacity(batch.items.len()),
            unreadable: Vec::new(),
        };
        for (item, next) in batch.items.iter().zip(nexts) {
            if item.kind != Kind::Event {
                continue;
            }
            match Stored::read(item) {
                Ok(stored) => stretch.lines.push(Line {
                    key: hashes.ordering(&stored.event, order_by),
                    stored,
                    routed: Routed::default(),
                    next,
                }),
                Err(_) => stretch.unreadable.push(item.position.offset),
            }
        }
        let mut router = routes.router();
        for line in &mut stretch.lines {
            line.routed = router.route(&line.stored.event);
        }
        stretch
    }

    /// The lines from `read` on.
    pub(super) fn lines_from(&self, read: u64) -> &[Line] {
        let at = self.lines.partition_point(|l| l.stored.offset < read);
        &self.lines[at..]
    }
}

impl Pages {
    pub(super) fn at(&self, read: u64) -> Option<Arc<Stretch>> {
        self.0
            .iter()
            .find(|p| p.from <= read && read < p.next)
            .cloned()
    }
    pub(super) fn keep(&mut self, page: Arc<Stretch>) {
        if self.0.len() >= PAGES {
            self.0.pop_front();
        }
        self.0.push_back(page);
    }
    /// An event, if a page holds it.
    pub(super) fn event(&self, offset: u64) -> Option<Arc<Stored>> {
        let page = self.at(offset)?;
        let line = page.lines_from(offset).first()?;
        (line.stored.offset == offset).then(|| Arc::clone(&line.stored))
    }
    /// Nothing before `start` exists any more.
    pub(super) fn forget_before(&mut self, start: u64) {
        self.0.retain(|p| p.next > start);
    }
    /// Nobody will read below `low`.
    pub(super) fn forget_read(&mut self, low: u64) {
        self.0.retain(|p| p.next > low);
    }
}
