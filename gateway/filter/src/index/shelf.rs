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
const CROWD: usize = 24;
/// Pieces of the tables of such a shelf.
const PIECES: usize = 16;
/// Values of an event above which a key is not looked at twice.
const FEW: usize = 32;

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

    /// Files under each of the ways what is left to check there, or, without any, for every event.
    pub(super) fn add(&mut self, id: u64, bytes: usize, ways: Result<Vec<(Access, Check)>, Check>) {
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
                    Kind::Exists | Kind::Composite => 64,
                    Kind::Bool | Kind::Null => 16,
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
                self.plan(path).uncount(kind, len, level);
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
        take(&self.scanned, slots, out);
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
            if plan.kinds[kind as usize] == 0 {
                return;
            }
            let hash = hash(&self.state, path, kind, bytes);
            if let Some(keyed) = self.keys.find(hash, |keyed| keyed.is(path, kind, bytes))
                && seen.is_new(keyed)
            {
                match &keyed.under {
                    Under::Few(entries) => take(entries, slots, out),
                    Under::Crowd(shelf) if seen.is_new_crowd(shelf) => {
                        shelf.visit(slots, seen, out)
                    }
                    Under::Crowd(_) => {}
                }
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
        let cover = cover(&check, &|way| self.cost(way));
        self.add(id, 0, cover.map(|cover| cover.ways).ok_or(check));
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
    if slots.view.on_behalf_of(id, || check.holds(slots)) {
        out.push(id);
    }
}

/// What a filter takes under a way, about, in bytes; a shelf of its own included.
pub(super) fn of_way((way, check): &(Access, Check)) -> usize {
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

/// What a filter takes that every event is compared with.
pub(super) fn of_scanned(check: &Check) -> usize {
    check.bytes() + size_of::<(Entry, Filed, Place)>()
}

/// What a filter takes wherever it is filed.
pub(super) const FILED: usize = size_of::<Filed>();
