//! The log of one segment as it lies on disk, read a piece at a time: recovery takes no more memory
//! for a large segment than for a small one.

use super::group::GROUP;
use super::reader::find_group;
use super::segment::{DATA, Segment};
use super::writer::failed;
use crate::Error;
use bytes::Bytes;
use std::ops::Range;

/// Bytes that are read at once.
#[cfg(not(test))]
const PIECE: usize = 1 << 20;
/// Small, so that what tests write spans several.
#[cfg(test)]
const PIECE: usize = 256;

/// Places in it count from the first byte of the segment's log.
#[derive(Debug)]
pub(super) struct Content<'a> {
    segment: &'a Segment,
    len: usize,
    from: usize,
    piece: Bytes,
}

impl<'a> Content<'a> {
    /// All that the file has.
    pub(super) fn of(segment: &'a Segment) -> Result<Self, Error> {
        let len = segment.file.len();
        let len = len.map_err(|e| failed("read the length of a segment", &e))?;
        Ok(Self::up_to(
            segment,
            segment.base + len.saturating_sub(DATA),
        ))
    }

    /// What lies below the offset `end`. A file that is shorter than it should be reads as zeros.
    pub(super) fn up_to(segment: &'a Segment, end: u64) -> Self {
        Self {
            segment,
            len: end.saturating_sub(segment.base) as usize,
            from: 0,
            piece: Bytes::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What lies at `at`: at least `len` bytes, fewer only at the end.
    pub(super) fn get(&mut self, at: usize, len: usize) -> Result<Bytes, Error> {
        let len = len.min(self.len.saturating_sub(at));
        if let Some(skip) = at.checked_sub(self.from)
            && skip + len <= self.piece.len()
        {
            return Ok(self.piece.slice(skip..));
        }
        let mut piece = vec![0; len.max(PIECE).min(self.len.saturating_sub(at))];
        self.segment
            .file
            .read_at(DATA + at as u64, &mut piece)
            .map_err(|e| failed("read a segment", &e))?;
        self.from = at;
        self.piece = piece.into();
        Ok(self.piece.clone())
    }

    /// Shows a stretch piece by piece.
    pub(super) fn each(
        &mut self,
        stretch: Range<usize>,
        mut see: impl FnMut(usize, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut at = stretch.start;
        while at < stretch.end.min(self.len) {
            let mut piece = self.get(at, 1)?;
            piece.truncate(stretch.end - at);
            see(at, &piece)?;
            at += piece.len();
        }
        Ok(())
    }

    /// The place of the first valid group header at or after `at`.
    pub(super) fn find(&mut self, mut at: usize, salt: u64) -> Result<Option<usize>, Error> {
        while at + GROUP <= self.len {
            let piece = self.get(at, GROUP)?;
            if let Some(skip) = find_group(&piece, salt, self.segment.base + at as u64) {
                return Ok(Some(at + skip));
            }
            at += piece.len() - GROUP + 1;
        }
        Ok(None)
    }

    /// After the last byte from `at` on that is not zero; `None` if all are.
    pub(super) fn end_from(&mut self, at: usize) -> Result<Option<usize>, Error> {
        let mut end = None;
        self.each(at..self.len, |at, piece| {
            if let Some(last) = piece.iter().rposition(|byte| *byte != 0) {
                end = Some(at + last + 1);
            }
            Ok(())
        })?;
        Ok(end)
    }
}
