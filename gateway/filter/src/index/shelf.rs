//! Filters under keys. A key that many share has a shelf of its own, where what is left to check of
//! each leads on, so that what is common to many tells nobody apart but is looked up once.

use super::access::{Access, Kind, cell, hash};
use super::plan::cover;
use super::segments::Segments;
use crate::eval::{Check, Found, PathId, Slots};
use crate::ir::{Number, Scalar, folded};
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

/// Filters under a key above which it gets a shelf of its own, if most of them lead on.
const CROWD: usize = 8;
/// Pieces of the tables of such a shelf.
const PIECES: usize = 16;
/// Values of an event above which a key is not looked at twice.
const FEW: usize = 32;

/// Under each of the ways what is left to check there; without any, what is checked of every event.
pub(super) type Ways = Result<Vec<(Access, Check)>, Check>;
type State = foldhash::fast::RandomState;
/// Filters by an end of a range; there is none where nobody has one.
type Ends = Option<Arc<BTreeMap<(Number, u64), Check>>>;

#[derive(Debug, Clone)]
pub(super) struct Shelf {
    state: State,
    plans: Arc<HashMap<PathId, PathPlan, State>>,
    keys: Segments<Keyed>,
    filed: Segments<Filed>,
    /// Filters that no key leads to.
    scanned: Arc<Vec<Entry>>,
    /// Paths where the lack of a value leads to some.
    lacks: Arc<Vec<PathId>>,
}

/// The filters under a key.
#[derive(Debug, Clone)]
struct Keyed {
    path: PathId,
    kind: Kind,
    bytes: SmallVec<[u8; 16]>,
    under: Under,
}

#[derive(Debug, Clone)]
enum Under {
    Few(SmallVec<[Entry; 1]>),
    Crowd(Arc<Shelf>),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    id: u64,
    check: Check,
}

/// Where a filter is.
#[derive(Debug, Clone)]
struct Filed {
    id: u64,
    bytes: u32,
    places: SmallVec<[Place; 1]>,
}

#[derive(Debug, Clone, Copy)]
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
    lengths: SmallVec<[(Kind, u16, u32); 4]>,
    levels: SmallVec<[(i16, u32); 2]>,
    from: Ends,
    to: Ends,
}

/// What an event has met.
pub(super) struct Seen {
    keys: Option<HashSet<usize, State>>,
    crowds: SmallVec<[usize; 16]>,
}

impl Shelf {
    pub(super) fn new(state: State, pieces: usize) -> Self {
        Self {
            plans: Arc::new(HashMap::with_hasher(state.clone())),
            state,
            keys: Segments::new(pieces),
            filed: Segments::new(pieces),
            scanned: Arc::default(),
            lacks: Arc::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.filed.len()
    }

    pub(super) fn scanned(&self) -> usize {
        self.scanned.len()
    }

    pub(super) fn contains(&self, id: u64) -> bool {
        let found = self
            .filed
            .find(self.state.hash_one(id), |filed| filed.id == id);
        found.is_some()
    }

    /// The cheapest ways to what is checked.
    pub(super) fn ways(&self, check: Check) -> Ways {
        let cover = cover(&check, &|way| self.cost(way));
        cover.map(|cover| cover.ways).ok_or(check)
    }

    /// Files a filter.
    pub(super) fn add(&mut self, id: u64, bytes: usize, ways: Ways) {
        let places = match ways {
            Ok(ways) => ways
                .into_iter()
                .map(|(way, check)| self.place(way, Entry { id, check }))
                .collect(),
            Err(check) => {
                Arc::make_mut(&mut self.scanned).push(Entry { id, check });
                SmallVec::from_iter([Place::Scanned])
            }
        };
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.filed
            .insert(self.state.hash_one(id), Filed { id, bytes, places });
    }

    /// Takes a filter away; its bytes, if it was there.
    pub(super) fn remove(&mut self, id: u64) -> Option<usize> {
        let filed = self
            .filed
            .remove(self.state.hash_one(id), |filed| filed.id == id)?;
        for place in filed.places {
            self.unplace(id, place);
        }
        Some(filed.bytes as usize)
    }

    /// About how many candidates a way leads to.
    pub(super) fn cost(&self, way: &Access) -> usize {
        let ordered = |path: &PathId, of: fn(&PathPlan) -> &Ends| {
            let map = self.plans.get(path).and_then(|plan| of(plan).as_ref());
            map.map_or(0, |map| map.len()) / 2 + 8
        };
        match way {
            Access::From { path, .. } => ordered(path, |plan| &plan.from),
            Access::To { path, .. } => ordered(path, |plan| &plan.to),
            Access::Key {
                path, kind, bytes, ..
            } => {
                let hash = hash(&self.state, *path, *kind, bytes);
                let found = self.keys.find(hash, |keyed| keyed.is(*path, *kind, bytes));
                let bias = match kind {
                    Kind::Exact | Kind::FoldedExact | Kind::Literal | Kind::Number => 0,
                    Kind::Exists | Kind::Composite | Kind::Absent => 64,
                    Kind::Bool | Kind::Null => 16,
                    Kind::NoNumber | Kind::NoText | Kind::NoBool => 16,
                    _ => 4,
                };
                bias + found.map_or(0, |keyed| match &keyed.under {
                    Under::Few(entries) => entries.len(),
                    Under::Crowd(shelf) => CROWD + shelf.len() / 64,
                })
            }
        }
    }

    fn place(&mut self, way: Access, entry: Entry) -> Place {
        match way {
            Access::From { path, at } => {
                let from = self.plan(path).from.get_or_insert_default();
                Arc::make_mut(from).insert((at, entry.id), entry.check);
                Place::From(path, at)
            }
            Access::To { path, at } => {
                let to = self.plan(path).to.get_or_insert_default();
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
                match self
                    .keys
                    .find_mut(hash, |keyed| keyed.is(path, kind, &bytes))
                {
                    Some(keyed) => keyed.under.add(entry, &self.state),
                    None => {
                        let under = Under::Few(SmallVec::from_iter([entry]));
                        let bytes = SmallVec::from_slice(&bytes);
                        self.keys.insert(
                            hash,
                            Keyed {
                                path,
                                kind,
                                bytes,
                                under,
                            },
                        );
                    }
                }
                let first = self.plan(path).count(kind, len, level);
                if first && kind == Kind::Absent {
                    Arc::make_mut(&mut self.lacks).push(path);
                }
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

    fn unplace(&mut self, id: u64, place: Place) {
        match place {
            Place::From(path, at) => {
                if let Some(from) = &mut self.plan(path).from {
                    Arc::make_mut(from).remove(&(at, id));
                }
            }
            Place::To(path, at) => {
                if let Some(to) = &mut self.plan(path).to {
                    Arc::make_mut(to).remove(&(at, id));
                }
            }
            Place::Scanned => Arc::make_mut(&mut self.scanned).retain(|entry| entry.id != id),
            Place::Key {
                hash,
                path,
                kind,
                len,
                level,
            } => {
                let has =
                    |keyed: &Keyed| keyed.path == path && keyed.kind == kind && keyed.under.has(id);
                if let Some(keyed) = self.keys.find_mut(hash, has) {
                    keyed.under.remove(id);
                    if keyed.under.is_empty() {
                        self.keys.remove(hash, |keyed| keyed.under.is_empty());
                    }
                }
                let last = self.plan(path).uncount(kind, len, level);
                if last && kind == Kind::Absent {
                    Arc::make_mut(&mut self.lacks).retain(|lack| *lack != path);
                }
            }
        }
    }

    fn plan(&mut self, path: PathId) -> &mut PathPlan {
        Arc::make_mut(&mut self.plans).entry(path).or_default()
    }

    /// Adds the filters that the event passes.
    pub(super) fn visit(&self, slots: &Slots<'_, '_>, seen: &mut Seen, out: &mut Vec<u64>) {
        if self.plans.len() < slots.found.len() {
            for (path, plan) in self.plans.iter() {
                for found in slots.at(*path) {
                    self.probe(found, plan, slots, seen, out);
                }
            }
        } else {
            for found in &slots.found {
                if let Some(plan) = self.plans.get(&found.path) {
                    self.probe(found, plan, slots, seen, out);
                }
            }
        }
        for path in &*self.lacks {
            if slots.at(*path).next().is_none() {
                self.meet((*path, Kind::Absent, b""), slots, seen, out);
            }
        }
        take(&self.scanned, slots, out);
    }

    /// Adds what lies under a key.
    #[inline]
    fn meet(
        &self,
        (path, kind, bytes): (PathId, Kind, &[u8]),
        slots: &Slots<'_, '_>,
        seen: &mut Seen,
        out: &mut Vec<u64>,
    ) {
        let hash = hash(&self.state, path, kind, bytes);
        if let Some(keyed) = self.keys.find(hash, |keyed| keyed.is(path, kind, bytes))
            && seen.is_new(keyed)
        {
            match &keyed.under {
                Under::Few(entries) => take(entries, slots, out),
                Under::Crowd(shelf) if seen.is_new_crowd(shelf) => shelf.visit(slots, seen, out),
                Under::Crowd(_) => {}
            }
        }
    }

    fn probe(
        &self,
        found: &Found<'_>,
        plan: &PathPlan,
        slots: &Slots<'_, '_>,
        seen: &mut Seen,
        out: &mut Vec<u64>,
    ) {
        let (path, value) = (found.path, &found.value);
        let mut key = |kind: Kind, bytes: &[u8]| {
            if plan.kinds[kind as usize] > 0 {
                self.meet((path, kind, bytes), slots, seen, out);
            }
        };
        if !matches!(value, Scalar::Number { .. }) {
            key(Kind::NoNumber, b"");
        }
        if !matches!(value, Scalar::Bool { .. }) {
            key(Kind::NoBool, b"");
        }
        if value.as_text().is_none() {
            key(Kind::NoText, b"");
        }
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
                for ((_, id), check) in plan
                    .from
                    .iter()
                    .flat_map(|map| map.range(..=(number, u64::MAX)))
                {
                    push(*id, check, slots, out);
                }
                for ((_, id), check) in plan.to.iter().flat_map(|map| map.range((number, 0)..)) {
                    push(*id, check, slots, out);
                }
            }
            Scalar::Bool { value, .. } => key(Kind::Bool, &[u8::from(*value)]),
            Scalar::Null => key(Kind::Null, b""),
            Scalar::Text(_) | Scalar::Composite => {}
        }
    }
}

impl Keyed {
    #[inline]
    fn is(&self, path: PathId, kind: Kind, bytes: &[u8]) -> bool {
        self.path == path && self.kind == kind && *self.bytes == *bytes
    }
}

impl Under {
    fn add(&mut self, entry: Entry, state: &State) {
        match self {
            Under::Crowd(shelf) => Arc::make_mut(shelf).take_in(entry),
            Under::Few(entries) => {
                entries.push(entry);
                // Where most do not lead on, it is tried again when there are twice as many.
                let crowds = entries.len() / CROWD;
                if entries.len() % CROWD != 0 || !crowds.is_power_of_two() {
                    return;
                }
                let leads = entries
                    .iter()
                    .filter(|entry| cover(&entry.check, &|_| 0).is_some());
                if 2 * leads.count() >= entries.len() {
                    let mut shelf = Shelf::new(state.clone(), PIECES);
                    entries.drain(..).for_each(|entry| shelf.take_in(entry));
                    *self = Under::Crowd(Arc::new(shelf));
                }
            }
        }
    }

    fn has(&self, id: u64) -> bool {
        match self {
            Under::Few(entries) => entries.iter().any(|entry| entry.id == id),
            Under::Crowd(shelf) => shelf.contains(id),
        }
    }

    fn remove(&mut self, id: u64) {
        match self {
            Under::Few(entries) => entries.retain(|entry| entry.id != id),
            Under::Crowd(shelf) => {
                Arc::make_mut(shelf).remove(id);
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Under::Few(entries) => entries.is_empty(),
            Under::Crowd(shelf) => shelf.len() == 0,
        }
    }
}

impl Shelf {
    fn take_in(&mut self, Entry { id, check }: Entry) {
        self.add(id, 0, self.ways(check));
    }
}

impl PathPlan {
    /// Whether it is the first of its kind.
    fn count(&mut self, kind: Kind, len: u16, level: i16) -> bool {
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
        self.kinds[kind as usize] == 1
    }

    /// Whether it was the last of its kind.
    fn uncount(&mut self, kind: Kind, len: u16, level: i16) -> bool {
        self.kinds[kind as usize] -= 1;
        self.lengths.retain(|(k, l, count)| {
            *count -= u32::from(*k == kind && *l == len);
            *count > 0
        });
        if kind == Kind::Cell {
            self.levels.retain(|(known, count)| {
                *count -= u32::from(*known == level);
                *count > 0
            });
        }
        self.kinds[kind as usize] == 0
    }
}

impl Seen {
    pub(super) fn new(values: usize) -> Self {
        Self {
            keys: (values > FEW).then(HashSet::default),
            crowds: SmallVec::new(),
        }
    }

    #[inline]
    fn is_new(&mut self, keyed: &Keyed) -> bool {
        match &mut self.keys {
            Some(keys) => keys.insert(std::ptr::from_ref(keyed) as usize),
            None => true,
        }
    }

    /// A shelf says the same whichever value led to it.
    fn is_new_crowd(&mut self, shelf: &Arc<Shelf>) -> bool {
        let shelf = Arc::as_ptr(shelf) as usize;
        let new = self.keys.is_some() || !self.crowds.contains(&shelf);
        if new {
            self.crowds.push(shelf);
        }
        new
    }
}

#[inline]
fn take(entries: &[Entry], slots: &Slots<'_, '_>, out: &mut Vec<u64>) {
    for entry in entries {
        push(entry.id, &entry.check, slots, out);
    }
}

#[inline]
fn push(id: u64, check: &Check, slots: &Slots<'_, '_>, out: &mut Vec<u64>) {
    if check.holds(slots) {
        out.push(id);
    }
}

/// What a filter takes, about, in bytes.
pub(super) fn of_ways(ways: &Ways) -> usize {
    let filed = size_of::<Filed>();
    match ways {
        Ok(ways) => filed + ways.iter().map(of_way).sum::<usize>(),
        Err(check) => filed + check.bytes() + size_of::<(Entry, Place)>(),
    }
}

/// What a filter takes under a way, about, in bytes; a shelf of its own included.
fn of_way((way, check): &(Access, Check)) -> usize {
    let key = match way {
        Access::Key { bytes, .. } => bytes.len() + size_of::<Keyed>(),
        _ => size_of::<(Number, u64)>(),
    };
    let crowded = match check {
        Check::Yes => 0,
        _ => size_of::<Keyed>() + size_of::<Filed>(),
    };
    key + crowded + size_of::<Place>() + size_of::<Entry>() + check.bytes()
}
