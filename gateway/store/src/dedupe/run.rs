//! Run files: identities in order, in pages with a checksum each.

use super::bloom::Bloom;
use super::{RunInfo, Slot};
use crate::disk::{Disk, DiskFile, Open};
use crate::log::checksum;
use crate::stream::later;
use bytes::{Buf, BufMut};
use std::io;
use std::path::Path;
use std::sync::Arc;

const PAGE: usize = 4096;
const ENTRY: usize = 56;
const PER_PAGE: usize = (PAGE - 4) / ENTRY;
/// Bytes written at once.
const CHUNK: usize = 64 * PAGE;
const MAGIC: [u8; 6] = *b"TWrun\0";
const VERSION: u16 = 1;

/// A run file, open.
#[derive(Debug)]
pub(super) struct Run {
    info: RunInfo,
    salt: u64,
    pages: usize,
    file: Arc<dyn DiskFile>,
    /// First id of each page, and the filter; only while it takes part in deduplication.
    guide: Option<(Vec<u128>, Bloom)>,
}

impl Run {
    /// Writes a run; `slots` are in order of id. Its content is durable, its name is not.
    pub(super) fn write(
        disk: &dyn Disk,
        dir: &Path,
        salt: u64,
        number: u64,
        slots: &[(&u128, &Slot)],
    ) -> io::Result<Self> {
        let info = RunInfo {
            number,
            entries: slots.len() as u64,
            last: slots
                .iter()
                .map(|(_, slot)| slot.offset)
                .max()
                .unwrap_or_default(),
            expires_ms: slots
                .iter()
                .map(|(_, slot)| slot.expires_ms())
                .max()
                .unwrap_or_default(),
            evicted: false,
        };
        let salt = salt ^ number.rotate_left(32);
        let mut bloom = Bloom::new(slots.len());
        let mut firsts = Vec::new();
        let file = disk.open(&dir.join(info.file()), Open::Empty)?;
        let mut written = 0;
        let mut out = Vec::with_capacity(CHUNK + PAGE);
        out.put_slice(&MAGIC);
        out.put_u16_le(VERSION);
        out.put_u64_le(number);
        out.put_u64_le(info.entries);
        out.resize(PAGE - 4, 0);
        out.put_u32_le(checksum(salt, 0, &out));
        for (index, page) in slots.chunks(PER_PAGE).enumerate() {
            if out.len() >= CHUNK {
                file.write_at(written, &out)?;
                written += out.len() as u64;
                out.clear();
            }
            let start = out.len();
            firsts.push(*page[0].0);
            for (id, slot) in page {
                bloom.add(**id);
                out.put_u128_le(**id);
                out.put_u128_le(slot.content);
                out.put_u64_le(slot.offset);
                out.put_u64_le(slot.appended_ms);
                out.put_u64_le(slot.window_ms);
            }
            out.resize(start + PAGE - 4, 0);
            let crc = checksum(salt, index as u64 + 1, &out[start..]);
            out.put_u32_le(crc);
        }
        let start = out.len();
        firsts.iter().for_each(|first| out.put_u128_le(*first));
        bloom.words().iter().for_each(|word| out.put_u64_le(*word));
        let crc = checksum(salt, u64::MAX, &out[start..]);
        out.put_u32_le(crc);
        file.write_at(written, &out)?;
        file.sync_data()?;
        Ok(Self {
            info,
            salt,
            pages: firsts.len(),
            file,
            guide: Some((firsts, bloom)),
        })
    }

    /// Opens a run; `live` if it is to take part in deduplication.
    pub(super) fn open(
        disk: &dyn Disk,
        dir: &Path,
        salt: u64,
        info: &RunInfo,
        live: bool,
    ) -> io::Result<Self> {
        let file = disk.open(&dir.join(info.file()), Open::Existing)?;
        let pages = (info.entries as usize).div_ceil(PER_PAGE);
        let salt = salt ^ info.number.rotate_left(32);
        let mut run = Self {
            info: info.clone(),
            salt,
            pages,
            file,
            guide: None,
        };
        let head = run.page(0)?;
        let mut at = &head[6..];
        let version = at.get_u16_le();
        if version > VERSION {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                later(&info.file(), version.into(), VERSION.into()).to_string(),
            ));
        }
        if head[..6] != MAGIC || at.get_u64_le() != info.number || at.get_u64_le() != info.entries {
            return Err(damaged("is not the run that it should be"));
        }
        if live {
            run.guide = Some(run.load_guide()?);
        }
        Ok(run)
    }

    /// The same run, if all its pages are whole.
    pub(super) fn verify(self) -> io::Result<Self> {
        for index in 1..=self.pages {
            self.page(index)?;
        }
        Ok(self)
    }

    fn load_guide(&self) -> io::Result<(Vec<u128>, Bloom)> {
        let from = (PAGE * (self.pages + 1)) as u64;
        let mut bytes = vec![0; self.file.len()?.saturating_sub(from) as usize];
        let read = self.file.read_at(from, &mut bytes)?;
        bytes.truncate(read);
        let Some((content, crc)) = bytes.split_last_chunk::<4>() else {
            return Err(damaged("is cut short"));
        };
        let words = content
            .len()
            .checked_sub(self.pages * 16)
            .filter(|len| len.is_multiple_of(8));
        let (Some(words), true) = (
            words,
            checksum(self.salt, u64::MAX, content).to_le_bytes() == *crc,
        ) else {
            return Err(damaged("has a damaged filter"));
        };
        let mut at = content;
        let firsts = (0..self.pages).map(|_| at.get_u128_le()).collect();
        let words = (0..words / 8).map(|_| at.get_u64_le()).collect();
        let bloom = Bloom::from_words(words).ok_or_else(|| damaged("has no filter"))?;
        Ok((firsts, bloom))
    }

    pub(super) fn info(&self) -> RunInfo {
        self.info.clone()
    }

    /// The same run, out of deduplication.
    pub(super) fn retired(&self, info: &RunInfo) -> Self {
        Self {
            info: info.clone(),
            salt: self.salt,
            pages: self.pages,
            file: Arc::clone(&self.file),
            guide: None,
        }
    }

    /// Whether it takes part in deduplication and may hold the id.
    pub(super) fn may_hold(&self, id: u128) -> bool {
        self.guide
            .as_ref()
            .is_some_and(|(_, bloom)| bloom.may_hold(id))
    }

    /// Whether memory alone can tell that it does not hold the id.
    pub(super) fn lacks(&self, id: u128) -> bool {
        let guide = self.guide.as_ref();
        guide.is_some_and(|(_, bloom)| !bloom.may_hold(id))
    }

    pub(super) fn get(&self, id: u128) -> io::Result<Option<Slot>> {
        let after = match &self.guide {
            Some((_, bloom)) if !bloom.may_hold(id) => return Ok(None),
            Some((firsts, _)) => firsts.partition_point(|first| *first <= id),
            None => {
                let (mut low, mut high) = (0, self.pages);
                while low < high {
                    let middle = low + (high - low) / 2;
                    if (&self.page(middle + 1)?[..]).get_u128_le() <= id {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }
                low
            }
        };
        if after == 0 {
            return Ok(None);
        }
        let page = self.page(after)?;
        let left = self.info.entries as usize - (after - 1) * PER_PAGE;
        let entries = &page[..left.min(PER_PAGE) * ENTRY];
        let slot = entries.chunks_exact(ENTRY).find_map(|mut entry| {
            (entry.get_u128_le() == id).then(|| Slot {
                content: entry.get_u128_le(),
                offset: entry.get_u64_le(),
                appended_ms: entry.get_u64_le(),
                window_ms: entry.get_u64_le(),
            })
        });
        Ok(slot)
    }

    fn page(&self, index: usize) -> io::Result<Box<[u8; PAGE]>> {
        let mut page = Box::new([0; PAGE]);
        let read = self.file.read_at((index * PAGE) as u64, &mut page[..])?;
        let crc = checksum(self.salt, index as u64, &page[..PAGE - 4]);
        if read < PAGE || crc.to_le_bytes() != page[PAGE - 4..] {
            return Err(damaged(format!("page {index} is damaged")));
        }
        Ok(page)
    }
}

fn damaged(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
