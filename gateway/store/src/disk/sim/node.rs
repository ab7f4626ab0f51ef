//! Files and directories, with what is durable of them and what is not.

use fastrand::Rng;
use std::collections::BTreeMap;

const SECTOR: usize = 512;

#[derive(Debug)]
pub(super) enum Node {
    File(Data),
    Dir(Entries),
}

#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) durable: Vec<u8>,
    pub(super) current: Vec<u8>,
    /// Unsynced versions of a sector, oldest first.
    pub(super) sectors: BTreeMap<usize, Vec<[u8; SECTOR]>>,
    /// Unsynced lengths, oldest first.
    pub(super) lens: Vec<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) durable: BTreeMap<String, u64>,
    pub(super) current: BTreeMap<String, u64>,
    /// Unsynced changes: what appears and what goes, as one.
    pub(super) pending: Vec<Change>,
}

/// What appears and what goes, together.
pub(super) type Change = (Option<(String, u64)>, Option<String>);

impl Data {
    pub(super) fn sector(&self, index: usize) -> [u8; SECTOR] {
        let mut sector = [0; SECTOR];
        let from = index * SECTOR;
        if from < self.current.len() {
            let to = self.current.len().min(from + SECTOR);
            sector[..to - from].copy_from_slice(&self.current[from..to]);
        }
        sector
    }

    pub(super) fn touch(&mut self, from: usize, to: usize) {
        for index in from / SECTOR..to.div_ceil(SECTOR) {
            let sector = self.sector(index);
            self.sectors.entry(index).or_default().push(sector);
        }
    }

    pub(super) fn write(&mut self, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        if end > self.current.len() {
            resize(&mut self.current, end);
            self.lens.push(end);
        }
        self.current[offset..end].copy_from_slice(data);
        self.touch(offset, end);
    }

    pub(super) fn set_len(&mut self, len: usize) {
        let old = self.current.len();
        resize(&mut self.current, len);
        self.lens.push(len);
        if len < old {
            // What was cut off must read as zero if the file grows again.
            self.touch(len, old);
        }
    }

    pub(super) fn sync(&mut self) {
        let sectors = std::mem::take(&mut self.sectors);
        self.lens.clear();
        let len = self.current.len();
        resize(&mut self.durable, len);
        for index in sectors.into_keys() {
            let from = index * SECTOR;
            let to = self.current.len().min(from + SECTOR);
            if from < to {
                self.durable[from..to].copy_from_slice(&self.current[from..to]);
            }
        }
    }

    pub(super) fn crash(&mut self, rng: &mut Rng) {
        let lens = std::mem::take(&mut self.lens);
        let choice = rng.usize(0..=lens.len());
        if choice > 0 {
            resize(&mut self.durable, lens[choice - 1]);
        }
        let mode = rng.u8(0..4);
        for (index, mut versions) in std::mem::take(&mut self.sectors) {
            // Some crashes lose all or keep all, so that long tails are met too.
            let choice = match mode {
                0 => 0,
                1 => versions.len(),
                _ => rng.usize(0..=versions.len()),
            };
            let from = index * SECTOR;
            let to = self.durable.len().min(from + SECTOR);
            if choice > 0 && from < to {
                let sector = versions.swap_remove(choice - 1);
                self.durable[from..to].copy_from_slice(&sector[..to - from]);
            }
        }
        self.current.clone_from(&self.durable);
    }
}

impl Entries {
    pub(super) fn change(&mut self, appears: Option<(String, u64)>, goes: Option<String>) {
        apply(&mut self.current, appears.clone(), goes.as_deref());
        self.pending.push((appears, goes));
    }

    pub(super) fn sync(&mut self) {
        self.pending.clear();
        self.durable.clone_from(&self.current);
    }

    pub(super) fn crash(&mut self, rng: &mut Rng) {
        for (appears, goes) in std::mem::take(&mut self.pending) {
            if rng.bool() {
                apply(&mut self.durable, appears, goes.as_deref());
            }
        }
        self.current.clone_from(&self.durable);
    }
}

pub(super) fn apply(
    entries: &mut BTreeMap<String, u64>,
    appears: Option<(String, u64)>,
    goes: Option<&str>,
) {
    if let Some(name) = goes {
        entries.remove(name);
    }
    if let Some((name, node)) = appears {
        entries.insert(name, node);
    }
}

/// `Vec::resize` with zeros, in two strides instead of byte by byte: unoptimised builds live on it.
fn resize(bytes: &mut Vec<u8>, len: usize) {
    if len > bytes.len() {
        let mut longer = vec![0; len];
        longer[..bytes.len()].copy_from_slice(bytes);
        *bytes = longer;
    } else {
        bytes.truncate(len);
    }
}
