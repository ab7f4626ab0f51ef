//! What an event holds at the paths that somebody looks at.

use super::json;
use super::paths::{PathId, Paths};
use super::scan;
use crate::ir::Scalar;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use tradewind_event::{Attribute, Event};

/// Ends a list.
pub(crate) const NONE: u32 = u32::MAX;

/// An event as evaluators of their own see it. `data` is parsed at most once.
#[derive(Debug)]
pub struct View<'e> {
    event: &'e Event,
    data: OnceCell<Option<serde_json::Value>>,
    faults: Cell<u32>,
    failed: RefCell<Vec<u64>>,
}

impl<'e> View<'e> {
    /// Of this event.
    pub fn new(event: &'e Event) -> Self {
        Self {
            event,
            data: OnceCell::new(),
            faults: Cell::new(0),
            failed: RefCell::default(),
        }
    }

    /// The event.
    pub fn event(&self) -> &'e Event {
        self.event
    }

    /// JSON `data`; `None` without data or where it is not JSON.
    pub fn data(&self) -> Option<&serde_json::Value> {
        self.data.get_or_init(|| json::value(self.event)).as_ref()
    }

    /// How many evaluations of single filters met an error of an expression.
    pub fn faults(&self) -> u32 {
        self.faults.get()
    }

    /// The numbers of those filters of a set whose expressions ended in an error, each once.
    pub fn failed(&self) -> Vec<u64> {
        let mut failed = self.failed.take();
        failed.sort_unstable();
        failed.dedup();
        failed
    }

    pub(crate) fn fail(&self, filters: &[u64]) {
        self.failed.borrow_mut().extend(filters);
    }

    pub(crate) fn fault(&self) {
        self.faults.set(self.faults.get().saturating_add(1));
    }
}

/// A value that was found.
#[derive(Debug)]
pub(crate) struct Found<'e> {
    pub(crate) value: Scalar<'e>,
    pub(crate) path: PathId,
    /// The element of the innermost array that it lies in.
    pub(crate) step: u32,
    /// The next value of the same path.
    next: u32,
}

/// An element of an array that a path led through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) array: u32,
    pub(crate) index: u32,
    pub(crate) outer: u32,
}

/// Memory that evaluations use one after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    heads: Vec<u32>,
}

/// The values of one event by path.
#[derive(Debug)]
pub(crate) struct Slots<'e, 's> {
    pub(crate) view: &'s View<'e>,
    pub(crate) found: SmallVec<[Found<'e>; 12]>,
    pub(crate) steps: Vec<Step>,
    scratch: &'s mut Scratch,
}

impl<'e, 's> Slots<'e, 's> {
    /// Reads what `paths` names: attributes always, `data` only where a path leads into it.
    pub(crate) fn read(paths: &Paths, view: &'s View<'e>, scratch: &'s mut Scratch) -> Self {
        let event = view.event();
        let mut slots = Self {
            view,
            found: SmallVec::new(),
            steps: Vec::new(),
            scratch,
        };
        let mut put = |path: PathId, value: Attribute<'e>| {
            slots
                .found
                .push(Found::new(path, of_attribute(value), NONE));
        };
        match paths.few_attributes() {
            Some(few) => few.iter().for_each(|(name, path)| {
                if let Some(value) = event.attribute(name) {
                    put(*path, value);
                }
            }),
            None => event.attributes().for_each(|(name, value)| {
                if let Some(path) = paths.attribute(name) {
                    put(path, value);
                }
            }),
        }
        if paths.reads_data() {
            scan::data(paths, event, &mut slots);
        }
        slots.link(paths.len());
        slots
    }

    /// The values at a path.
    #[inline]
    pub(crate) fn at(&self, path: PathId) -> impl Iterator<Item = &Found<'e>> {
        let mut next = self
            .scratch
            .heads
            .get(path as usize)
            .copied()
            .unwrap_or(NONE);
        std::iter::from_fn(move || {
            let found = self.found.get(next as usize)?;
            next = found.next;
            Some(found)
        })
    }

    /// Chains the values of each path, in their order.
    fn link(&mut self, paths: usize) {
        let heads = &mut self.scratch.heads;
        if heads.len() < paths {
            heads.resize(paths, NONE);
        }
        for at in (0..self.found.len()).rev() {
            let found = &mut self.found[at];
            // What a later member of the same name replaced has no path.
            if let Some(head) = heads.get_mut(found.path as usize) {
                found.next = *head;
                *head = at as u32;
            }
        }
    }
}

impl Drop for Slots<'_, '_> {
    fn drop(&mut self) {
        for found in &self.found {
            if let Some(head) = self.scratch.heads.get_mut(found.path as usize) {
                *head = NONE;
            }
        }
    }
}

impl<'e> Found<'e> {
    pub(crate) fn new(path: PathId, value: Scalar<'e>, step: u32) -> Self {
        Self {
            value,
            path,
            step,
            next: NONE,
        }
    }
}

fn of_attribute(value: Attribute<'_>) -> Scalar<'_> {
    match value {
        Attribute::Boolean(value) => Scalar::Bool {
            value,
            attribute: true,
        },
        Attribute::Integer(n) => Scalar::Number {
            text: Cow::Owned(n.to_string()),
            value: f64::from(n),
            attribute: true,
        },
        Attribute::String(text)
        | Attribute::Binary(text)
        | Attribute::Uri(text)
        | Attribute::UriReference(text)
        | Attribute::Timestamp(text) => Scalar::Text(Cow::Borrowed(text)),
    }
}
