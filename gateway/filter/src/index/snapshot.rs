//! A rule set at one moment: immutable where it is shared, changed where it is not.

use super::access::{Access, Kind, cell, hash};
use super::plan::{Known, Plan};
use super::segments::Segments;
use super::{Limits, Refused};
use crate::eval::{Asked, Check, PathId, Paths, Scratch, Slots, View};
use crate::ir::{Formula, Number, Scalar, folded};
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

/// Values of an event above which a key is not looked at twice.
const FEW: usize = 32;

/// A set of filters that is matched in one pass over an event.
///
/// A clone shares everything; a change of one of two clones copies the little that it touches.
#[derive(Debug, Clone)]
pub struct Snapshot {
    limits: Limits,
    state: foldhash::fast::RandomState,
    paths: Arc<Paths>,
    plans: Arc<Vec<PathPlan>>,
    keys: Segments<Keyed>,
    asked: Segments<Arc<Asked>>,
    filters: Segments<Filed>,
    /// Filters that no key leads to.
    scanned: Arc<Vec<Entry>>,
    bytes: usize,
    /// Filters removed since `asked` was begun anew.
    removed: usize,
}

/// The filters under a key.
#[derive(Debug, Clone)]
struct Keyed {
    path: PathId,
    kind: Kind,
    bytes: Box<[u8]>,
    entries: SmallVec<[Entry; 1]>,
}

#[derive(Debug, Clone)]
struct Entry {
    id: u64,
    check: Check,
}

/// Where a filter is.
#[derive(Debug, Clone)]
struct Filed {
    id: u64,
    bytes: u32,
    places: Box<[Place]>,
}

#[derive(Debug, Clone)]
enum Place {
    Key {
        hash: u64,
        path: PathId,
        kind: Kind,
        len: u16,
        level: i16,
    },
    From(PathId, Number),
    To(PathId, Number),
    Scanned,
}

/// What is filed under a path.
#[derive(Debug, Clone, Default)]
struct PathPlan {
    kinds: [u32; Kind::COUNT],
    /// Lengths of affixes, by kind, and how many keys have them.
    lengths: Vec<(Kind, u16, u32)>,
    levels: Vec<(i16, u32)>,
    from: Arc<BTreeMap<(Number, u64), Check>>,
    to: Arc<BTreeMap<(Number, u64), Check>>,
}

impl Snapshot {
    /// An empty set.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: foldhash::fast::RandomState::default(),
            paths: Arc::default(),
            plans: Arc::default(),
            keys: Segments::new(),
            asked: Segments::new(),
            filters: Segments::new(),
            scanned: Arc::default(),
            bytes: 0,
            removed: 0,
        }
    }

    /// How many filters there are.
    pub fn len(&self) -> usize {
        self.filters.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many filters are looked at for every event, because nothing leads to them.
    pub fn scanned(&self) -> usize {
        self.scanned.len()
    }

    /// What the set takes in memory, about, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a filter under a number of the caller's; one that has it already is replaced. A set that
    /// would exceed its limits stays as it is.
    pub fn add(&mut self, id: u64, formula: &Formula) -> Result<(), Refused> {
        let replaced = self
            .filters
            .find(self.hash_of(id), |filed| filed.id == id)
            .is_some();
        if !replaced && self.len() >= self.limits.filters {
            return Err(Refused::Filters(self.limits.filters));
        }
        let paths = formula.paths();
        let new = paths
            .iter()
            .filter(|path| !self.paths.contains(path))
            .count();
        if self.paths.len() + new > self.limits.paths {
            return Err(Refused::Paths(self.limits.paths));
        }
        let plan = Plan::new(formula, self);
        let ways = match plan.cover {
            Some(cover) => cover.ways,
            None if self.scanned.len() >= self.limits.scanned => {
                return Err(Refused::Scanned(self.limits.scanned));
            }
            None => {
                let check = plan.into_check();
                let bytes = check.bytes() + size_of::<(Entry, Filed, Place)>();
                self.afford(bytes)?;
                self.remove(id);
                Arc::make_mut(&mut self.scanned).push(Entry { id, check });
                self.file(id, bytes, vec![Place::Scanned]);
                return Ok(());
            }
        };
        let bytes = size_of::<Filed>() + ways.iter().map(of_way).sum::<usize>();
        self.afford(bytes)?;
        self.remove(id);
        let places = ways
            .into_iter()
            .map(|(way, check)| self.place(way, Entry { id, check }))
            .collect();
        self.file(id, bytes, places);
        Ok(())
    }

    /// Removes a filter; false where there is none of this number.
    pub fn remove(&mut self, id: u64) -> bool {
        let hash = self.hash_of(id);
        let Some(filed) = self.filters.remove(hash, |filed| filed.id == id) else {
            return false;
        };
        self.bytes = self.bytes.saturating_sub(filed.bytes as usize);
        for place in filed.places {
            self.unplace(id, &place);
        }
        // Predicates that nobody asks any more go with the list of those that are shared.
        self.removed += 1;
        if self.removed > self.len() + 1024 {
            self.asked = Segments::new();
            self.removed = 0;
        }
        true
    }

    /// The numbers of the filters that the event passes, in order, each once. The view keeps which
    /// filters ended in an error.
    pub fn matches(&self, view: &View<'_>, scratch: &mut Scratch, out: &mut Vec<u64>) {
        out.clear();
        let slots = Slots::read(&self.paths, view, scratch);
        let mut seen = Seen {
            keys: (slots.found.len() > FEW).then(HashSet::default),
        };
        for found in &slots.found {
            if let Some(plan) = self.plans.get(found.path as usize) {
                self.probe(found.path, plan, &found.value, &slots, &mut seen, out);
            }
        }
        take(self.scanned.iter(), &slots, out);
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
    }

    fn probe(
        &self,
        path: PathId,
        plan: &PathPlan,
        value: &Scalar<'_>,
        slots: &Slots<'_, '_>,
        seen: &mut Seen,
        out: &mut Vec<u64>,
    ) {
        let mut key = |kind: Kind, bytes: &[u8]| {
            if plan.kinds[kind as usize] == 0 {
                return;
            }
            let hash = hash(&self.state, path, kind, bytes);
            let found = self.keys.find(hash, |keyed| {
                keyed.path == path && keyed.kind == kind && *keyed.bytes == *bytes
            });
            if let Some(keyed) = found
                && seen.is_new(keyed)
            {
                take(keyed.entries.iter(), slots, out);
            }
        };
        if *value == Scalar::Composite {
            return key(Kind::Composite, b"");
        }
        key(Kind::Exists, b"");
        if let Some(text) = value.as_text() {
            key(Kind::Exact, text.as_bytes());
            let folds = [Kind::FoldedExact, Kind::FoldedPrefix, Kind::FoldedSuffix];
            let lower = folds
                .iter()
                .any(|kind| plan.kinds[*kind as usize] > 0)
                .then(|| folded(text));
            if let Some(lower) = &lower {
                key(Kind::FoldedExact, lower.as_bytes());
            }
            for (kind, len, _) in &plan.lengths {
                let bytes = match (kind, &lower) {
                    (Kind::Prefix | Kind::Suffix, _) => text.as_bytes(),
                    (_, Some(lower)) => lower.as_bytes(),
                    (_, None) => continue,
                };
                let Some(rest) = bytes.len().checked_sub(usize::from(*len)) else {
                    continue;
                };
                match kind {
                    Kind::Prefix | Kind::FoldedPrefix => key(*kind, &bytes[..usize::from(*len)]),
                    _ => key(*kind, &bytes[rest..]),
                }
            }
        }
        match value {
            Scalar::Number { text, value, .. } => {
                key(Kind::Literal, text.as_bytes());
                let Some(number) = Number::new(*value) else {
                    return;
                };
                key(Kind::Number, &number.get().to_bits().to_be_bytes());
                for (level, _) in &plan.levels {
                    key(Kind::Cell, &cell(number.get(), *level));
                }
                for ((_, id), check) in plan.from.range(..=(number, u64::MAX)) {
                    push(*id, check, slots, out);
                }
                for ((_, id), check) in plan.to.range((number, 0)..) {
                    push(*id, check, slots, out);
                }
            }
            Scalar::Bool { value, .. } => key(Kind::Bool, &[u8::from(*value)]),
            Scalar::Null => key(Kind::Null, b""),
            Scalar::Text(_) | Scalar::Composite => {}
        }
    }

    fn place(&mut self, way: Access, entry: Entry) -> Place {
        match way {
            Access::From { path, at } => {
                let from = &mut self.plan(path).from;
                Arc::make_mut(from).insert((at, entry.id), entry.check);
                Place::From(path, at)
            }
            Access::To { path, at } => {
                let to = &mut self.plan(path).to;
                Arc::make_mut(to).insert((at, entry.id), entry.check);
                Place::To(path, at)
            }
            Access::Key {
                path,
                kind,
                bytes,
                level,
                ..
            } => {
                let hash = hash(&self.state, path, kind, &bytes);
                let len = bytes.len() as u16;
                let same = |keyed: &Keyed| {
                    keyed.path == path && keyed.kind == kind && *keyed.bytes == *bytes
                };
                match self.keys.find_mut(hash, same) {
                    Some(keyed) => keyed.entries.push(entry),
                    None => {
                        let keyed = Keyed {
                            path,
                            kind,
                            bytes: bytes.into(),
                            entries: SmallVec::from_iter([entry]),
                        };
                        self.keys.insert(hash, keyed);
                    }
                }
                self.plan(path).count(kind, len, level);
                Place::Key {
                    hash,
                    path,
                    kind,
                    len,
                    level,
                }
            }
        }
    }

    fn unplace(&mut self, id: u64, place: &Place) {
        match *place {
            Place::From(path, at) => {
                Arc::make_mut(&mut self.plan(path).from).remove(&(at, id));
            }
            Place::To(path, at) => {
                Arc::make_mut(&mut self.plan(path).to).remove(&(at, id));
            }
            Place::Scanned => Arc::make_mut(&mut self.scanned).retain(|entry| entry.id != id),
            Place::Key {
                hash,
                path,
                kind,
                len,
                level,
            } => {
                let has = |keyed: &Keyed| {
                    keyed.path == path
                        && keyed.kind == kind
                        && keyed.entries.iter().any(|entry| entry.id == id)
                };
                let Some(keyed) = self.keys.find_mut(hash, has) else {
                    return;
                };
                let mut removed = false;
                keyed.entries.retain(|entry| {
                    let this = entry.id == id && !removed;
                    removed |= this;
                    !this
                });
                if keyed.entries.is_empty() {
                    let empty = |keyed: &Keyed| keyed.entries.is_empty();
                    self.keys.remove(hash, empty);
                }
                self.plan(path).uncount(kind, len, level);
            }
        }
    }

    fn plan(&mut self, path: PathId) -> &mut PathPlan {
        let plans = Arc::make_mut(&mut self.plans);
        if plans.len() <= path as usize {
            plans.resize_with(path as usize + 1, PathPlan::default);
        }
        &mut plans[path as usize]
    }

    fn file(&mut self, id: u64, bytes: usize, places: Vec<Place>) {
        self.bytes += bytes;
        let filed = Filed {
            id,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            places: places.into(),
        };
        self.filters.insert(self.hash_of(id), filed);
    }

    fn afford(&self, bytes: usize) -> Result<(), Refused> {
        match self.bytes + bytes > self.limits.bytes {
            true => Err(Refused::Bytes(self.limits.bytes)),
            false => Ok(()),
        }
    }

    fn hash_of(&self, id: u64) -> u64 {
        self.state.hash_one(id)
    }
}

impl Known for Snapshot {
    fn paths(&mut self) -> &mut Paths {
        Arc::make_mut(&mut self.paths)
    }

    fn intern(&mut self, asked: Asked) -> Arc<Asked> {
        let hash = self.state.hash_one(&asked);
        if let Some(known) = self.asked.find(hash, |known| **known == asked) {
            return Arc::clone(known);
        }
        let asked = Arc::new(asked);
        self.asked.insert(hash, Arc::clone(&asked));
        asked
    }

    fn cost(&self, access: &Access) -> usize {
        let plan = |path: &PathId| self.plans.get(*path as usize);
        match access {
            Access::From { path, .. } => plan(path).map_or(0, |p| p.from.len()) / 2 + 8,
            Access::To { path, .. } => plan(path).map_or(0, |p| p.to.len()) / 2 + 8,
            Access::Key {
                path, kind, bytes, ..
            } => {
                let hash = hash(&self.state, *path, *kind, bytes);
                let found = self.keys.find(hash, |keyed| {
                    keyed.path == *path && keyed.kind == *kind && *keyed.bytes == **bytes
                });
                let bias = match kind {
                    Kind::Exact | Kind::FoldedExact | Kind::Literal | Kind::Number => 0,
                    Kind::Exists | Kind::Composite => 64,
                    Kind::Bool | Kind::Null => 16,
                    _ => 4,
                };
                bias + found.map_or(0, |keyed| keyed.entries.len())
            }
        }
    }
}

impl PathPlan {
    fn count(&mut self, kind: Kind, len: u16, level: i16) {
        self.kinds[kind as usize] += 1;
        match kind {
            Kind::Prefix | Kind::Suffix | Kind::FoldedPrefix | Kind::FoldedSuffix => {
                let known = self
                    .lengths
                    .iter_mut()
                    .find(|(k, l, _)| *k == kind && *l == len);
                match known {
                    Some((_, _, count)) => *count += 1,
                    None => self.lengths.push((kind, len, 1)),
                }
            }
            Kind::Cell => match self.levels.iter_mut().find(|(known, _)| *known == level) {
                Some((_, count)) => *count += 1,
                None => self.levels.push((level, 1)),
            },
            _ => {}
        }
    }

    fn uncount(&mut self, kind: Kind, len: u16, level: i16) {
        self.kinds[kind as usize] -= 1;
        self.lengths.retain_mut(|(k, l, count)| {
            *count -= u32::from(*k == kind && *l == len);
            *count > 0
        });
        if kind == Kind::Cell {
            self.levels.retain_mut(|(known, count)| {
                *count -= u32::from(*known == level);
                *count > 0
            });
        }
    }
}

/// Keys that the event has met, where it has many values.
struct Seen {
    keys: Option<HashSet<usize, foldhash::fast::RandomState>>,
}

impl Seen {
    #[inline]
    fn is_new(&mut self, keyed: &Keyed) -> bool {
        match &mut self.keys {
            Some(keys) => keys.insert(std::ptr::from_ref(keyed) as usize),
            None => true,
        }
    }
}

#[inline]
fn take<'e>(entries: impl Iterator<Item = &'e Entry>, slots: &Slots<'_, '_>, out: &mut Vec<u64>) {
    for entry in entries {
        push(entry.id, &entry.check, slots, out);
    }
}

#[inline]
fn push(id: u64, check: &Check, slots: &Slots<'_, '_>, out: &mut Vec<u64>) {
    if slots.view.on_behalf_of(id, || check.holds(slots)) {
        out.push(id);
    }
}

fn of_way((way, check): &(Access, Check)) -> usize {
    let key = match way {
        Access::Key { bytes, .. } => bytes.len() + size_of::<Keyed>(),
        _ => size_of::<(Number, u64)>(),
    };
    key + size_of::<Place>() + size_of::<Entry>() + check.bytes()
}
