//! A simulated disk that loses power.
//!
//! What was written but not synced is kept per 512-byte sector, every version of it; what was
//! created, renamed or removed but not synced is kept per directory entry. [`SimDisk::crash`] then
//! decides each of them by the generator: an old version, a newer one, or none. A failed sync
//! behaves as on Linux: the pages read as written, but are neither durable nor written again.

mod node;

use super::{Disk, DiskFile, Medium, Open};
use fastrand::Rng;
use node::{Data, Entries, Node};
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What goes wrong at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The power goes: this call may happen in part, no later call succeeds until
    /// [`SimDisk::crash`].
    PowerCut,
    /// This call fails with EIO; a write may have happened in part.
    Io,
    /// This and every later call fail with EIO.
    IoForever,
    /// This call fails with ENOSPC, if it is one that needs room.
    Full,
    /// This and every later call that needs room fail with ENOSPC.
    FullForever,
    /// This call is interrupted before it does anything.
    Interrupted,
    /// This call finds no room; a write has happened in part.
    Short,
    /// As `Short`, and every later call that needs room fails with ENOSPC.
    ShortForever,
}

/// A disk in memory that can lose power and fail.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    nodes: HashMap<u64, Node>,
    next: u64,
    locks: HashSet<PathBuf>,
    calls: u64,
    fault: Option<(u64, Fault)>,
    failing: Option<Fault>,
    struck: bool,
    capacity: Option<u64>,
    used: u64,
    incarnation: u64,
    resynced: bool,
    rng: Option<Rng>,
}

impl SimDisk {
    /// An empty disk that works.
    pub fn new() -> Self {
        let disk = Self::default();
        disk.state().nodes.insert(0, Node::Dir(Entries::default()));
        disk.state().next = 1;
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of calls so far.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Lets the call that comes after `calls` more calls go wrong; `rng` decides how far it got.
    pub fn fail_after(&self, calls: u64, fault: Fault, rng: Rng) {
        let mut state = self.state();
        state.fault = Some((state.calls + calls + 1, fault));
        state.rng = Some(rng);
    }

    /// Ends whatever fault is planned or in force.
    pub fn heal(&self) {
        let mut state = self.state();
        state.fault = None;
        state.failing = None;
        state.struck = false;
    }

    /// Whether a planned fault has struck since the last [`SimDisk::heal`] or [`SimDisk::crash`].
    pub fn was_struck(&self) -> bool {
        self.state().struck
    }

    /// Whether a file was synced again through a descriptor of which a sync had failed. Linux may
    /// call that a success though the data is gone.
    pub fn was_synced_again(&self) -> bool {
        self.state().resynced
    }

    /// Sets the room for the content of all files, in bytes.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Bytes of content of all files.
    pub fn used(&self) -> u64 {
        self.state().used
    }

    /// Loses power and comes back: decides by `rng` what became of everything not synced. Files
    /// opened before are dead, locks are free.
    pub fn crash(&self, rng: &mut Rng) {
        let mut state = self.state();
        state.fault = None;
        state.failing = None;
        state.struck = false;
        state.locks.clear();
        state.incarnation += 1;
        let mut ids: Vec<_> = state.nodes.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            match state.nodes.get_mut(&id) {
                Some(Node::File(data)) => data.crash(rng),
                Some(Node::Dir(entries)) => entries.crash(rng),
                None => {}
            }
        }
        let mut reached = HashSet::from([0]);
        let mut todo = vec![0];
        while let Some(id) = todo.pop() {
            if let Some(Node::Dir(entries)) = state.nodes.get(&id) {
                todo.extend(entries.current.values().filter(|id| reached.insert(**id)));
            }
        }
        state.nodes.retain(|id, _| reached.contains(id));
        state.count();
    }

    /// Changes one bit of what a file holds, durably: damage. False when there is no such bit.
    pub fn flip(&self, path: &Path, bit: u64) -> bool {
        let mut state = self.state();
        let Ok(id) = state.find(path) else {
            return false;
        };
        let Some(Node::File(data)) = state.nodes.get_mut(&id) else {
            return false;
        };
        let (byte, mask) = ((bit / 8) as usize, 1 << (bit % 8));
        if byte >= data.current.len() {
            return false;
        }
        data.current[byte] ^= mask;
        if let Some(durable) = data.durable.get_mut(byte) {
            *durable ^= mask;
        }
        true
    }

    /// Cuts off what a file holds beyond `len`, durably: damage.
    pub fn cut(&self, path: &Path, len: u64) {
        let mut state = self.state();
        if let Ok(id) = state.find(path)
            && let Some(Node::File(data)) = state.nodes.get_mut(&id)
        {
            data.current.truncate(len as usize);
            data.durable.truncate(len as usize);
            state.count();
        }
    }

    /// All files with their lengths, in order.
    pub fn files(&self) -> Vec<(PathBuf, u64)> {
        let state = self.state();
        let (mut files, mut todo) = (Vec::new(), vec![(PathBuf::new(), 0)]);
        while let Some((path, id)) = todo.pop() {
            match state.nodes.get(&id) {
                Some(Node::Dir(entries)) => {
                    let below = entries.current.iter();
                    todo.extend(below.map(|(name, id)| (path.join(name), *id)));
                }
                Some(Node::File(data)) => files.push((path, data.current.len() as u64)),
                None => {}
            }
        }
        files.sort_unstable();
        files
    }

    /// A copy of the disk as it is, faults and locks left out.
    pub fn fork(&self) -> Self {
        let copy = Self::new();
        let state = self.state();
        let mut to = copy.state();
        to.next = state.next;
        to.used = state.used;
        for (id, node) in &state.nodes {
            let node = match node {
                Node::File(data) => Node::File(Data {
                    durable: data.durable.clone(),
                    current: data.current.clone(),
                    sectors: data.sectors.clone(),
                    lens: data.lens.clone(),
                }),
                Node::Dir(entries) => Node::Dir(Entries {
                    durable: entries.durable.clone(),
                    current: entries.current.clone(),
                    pending: entries.pending.clone(),
                }),
            };
            to.nodes.insert(*id, node);
        }
        drop(to);
        copy
    }
}

fn eio() -> io::Error {
    io::Error::other("simulated i/o error")
}

impl State {
    fn count(&mut self) {
        let lens = self.nodes.values().map(|node| match node {
            Node::File(data) => data.current.len() as u64,
            Node::Dir(_) => 0,
        });
        self.used = lens.sum();
    }

    /// Counts a call and lets it fail if it is its turn. `needs_room` is what it adds to the disk.
    fn call(&mut self, needs_room: Option<u64>) -> io::Result<()> {
        self.calls += 1;
        if let Some((at, fault)) = self.fault
            && self.calls >= at
        {
            self.fault = None;
            self.struck = true;
            match fault {
                Fault::Io => return Err(eio()),
                Fault::Interrupted => return Err(io::ErrorKind::Interrupted.into()),
                Fault::Full | Fault::Short if needs_room.is_some() => {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                Fault::Full | Fault::Short => {}
                fault => self.failing = Some(fault),
            }
        }
        match self.failing {
            Some(Fault::PowerCut | Fault::IoForever) => return Err(eio()),
            Some(Fault::FullForever | Fault::ShortForever) if needs_room.is_some() => {
                return Err(io::ErrorKind::StorageFull.into());
            }
            _ => {}
        }
        if let (Some(capacity), Some(more)) = (self.capacity, needs_room)
            && self.used + more > capacity
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn dir(&mut self, id: u64) -> io::Result<&mut Entries> {
        match self.nodes.get_mut(&id) {
            Some(Node::Dir(entries)) => Ok(entries),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn file(&mut self, id: u64) -> io::Result<&mut Data> {
        match self.nodes.get_mut(&id) {
            Some(Node::File(data)) => Ok(data),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn find(&mut self, path: &Path) -> io::Result<u64> {
        let mut id = 0;
        for part in path.components() {
            if let Component::Normal(name) = part {
                let entries = self.dir(id)?;
                id = *entries
                    .current
                    .get(&*name.to_string_lossy())
                    .ok_or(io::ErrorKind::NotFound)?;
            }
        }
        Ok(id)
    }

    fn parent(&mut self, path: &Path) -> io::Result<(u64, String)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let parent = self.find(path.parent().unwrap_or_else(|| Path::new("")))?;
        Ok((parent, name.to_string_lossy().into_owned()))
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<u64> {
        let (parent, name) = self.parent(path)?;
        let id = self.next;
        self.next += 1;
        self.dir(parent)?.change(Some((name, id)), None);
        self.nodes.insert(id, node);
        Ok(id)
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.call((how == Open::Empty).then_some(0))?;
        let node = match (state.find(path), how) {
            (Ok(id), Open::Existing) => id,
            (Ok(id), Open::Empty) => {
                let data = state.file(id)?;
                let freed = data.current.len() as u64;
                data.set_len(0);
                state.used = state.used.saturating_sub(freed);
                id
            }
            (Err(_), Open::Empty) => state.add(path, Node::File(Data::default()))?,
            (Err(error), Open::Existing) => return Err(error),
        };
        state.file(node)?;
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            node,
            incarnation: state.incarnation,
            unsynced: AtomicBool::new(false),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(Some(0))?;
        let node = state.find(from)?;
        let (from_dir, from) = state.parent(from)?;
        let (to_dir, to) = state.parent(to)?;
        if from_dir != to_dir {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        state.dir(to_dir)?.change(Some((to, node)), Some(from));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(None)?;
        let id = state.find(path)?;
        let freed = state.file(id)?.current.len() as u64;
        let (parent, name) = state.parent(path)?;
        state.dir(parent)?.change(None, Some(name));
        state.used = state.used.saturating_sub(freed);
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(Some(0))?;
        match state.find(path) {
            Ok(id) => state.dir(id).map(|_| ()),
            Err(_) => state.add(path, Node::Dir(Entries::default())).map(|_| ()),
        }
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(None)?;
        let id = state.find(path)?;
        if !state.dir(id)?.current.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        let (parent, name) = state.parent(path)?;
        state.dir(parent)?.change(None, Some(name));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.call(None)?;
        let id = state.find(path)?;
        Ok(state.dir(id)?.current.keys().cloned().collect())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(None)?;
        let id = state.find(path)?;
        state.dir(id)?.sync();
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let mut state = self.state();
        state.call(None)?;
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimLock {
            disk: self.clone(),
            path: path.to_owned(),
            incarnation: state.incarnation,
        }))
    }

    fn medium(&self, _path: &Path) -> io::Result<Medium> {
        Ok(Medium::Lasting)
    }
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    incarnation: u64,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.incarnation == self.incarnation {
            state.locks.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    node: u64,
    incarnation: u64,
    unsynced: AtomicBool,
}

impl SimFile {
    /// The state, unless this file was opened before the last loss of power.
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.incarnation == self.incarnation {
            Ok(state)
        } else {
            Err(eio())
        }
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state()?;
        state.call(None)?;
        let data = state.file(self.node)?;
        let from = data.current.len().min(offset as usize);
        let read = buf.len().min(data.current.len() - from);
        buf[..read].copy_from_slice(&data.current[from..from + read]);
        Ok(read)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state()?;
        let len = state.file(self.node)?.current.len() as u64;
        let more = (offset + data.len() as u64).saturating_sub(len);
        let already = state.failing.is_some();
        let struck = state.fault.map(|(_, fault)| fault);
        if let Err(error) = state.call((more > 0).then_some(more)) {
            // The call that is struck may have got some of the way.
            let partly = match error.kind() {
                io::ErrorKind::Interrupted => false,
                io::ErrorKind::StorageFull => {
                    state.fault.is_none()
                        && matches!(struck, Some(Fault::Short | Fault::ShortForever))
                }
                _ => true,
            };
            if !already && partly {
                let written = state
                    .rng
                    .as_mut()
                    .map_or(0, |rng| rng.usize(0..=data.len()));
                state
                    .file(self.node)?
                    .write(offset as usize, &data[..written]);
                state.count();
            }
            return Err(error);
        }
        state.file(self.node)?.write(offset as usize, data);
        state.used += more;
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state()?;
        let old = state.file(self.node)?.current.len() as u64;
        state.call((len > old).then(|| len - old))?;
        state.file(self.node)?.set_len(len as usize);
        state.used = (state.used + len).saturating_sub(old);
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        if len > self.len()? {
            self.set_len(len)
        } else {
            Ok(())
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state()?;
        if self.unsynced.load(Ordering::Relaxed) {
            state.resynced = true;
        }
        if let Err(error) = state.call(None) {
            if error.kind() == io::ErrorKind::Interrupted {
                return Err(error);
            }
            self.unsynced.store(true, Ordering::Relaxed);
            if state.failing != Some(Fault::PowerCut) {
                let data = state.file(self.node)?;
                data.sectors.clear();
                data.lens.clear();
            }
            return Err(error);
        }
        state.file(self.node)?.sync();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let mut state = self.state()?;
        state.call(None)?;
        Ok(state.file(self.node)?.current.len() as u64)
    }
}
