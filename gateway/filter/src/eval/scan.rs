//! One pass over JSON `data` that takes what the paths name and skips the rest.

use super::paths::Paths;
use super::slots::{Found, NONE, Slots, Step};
use crate::ir::Scalar;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use tradewind_event::Event;
use tradewind_event::json::{Next, Reader};

/// Adds the values of `data`. What is not well-formed JSON has none; of a member that is there twice
/// the last counts.
pub(super) fn data<'e>(paths: &Paths, event: &'e Event, slots: &mut Slots<'e, '_>) {
    let before = slots.found.len();
    let mut arrays = 0;
    let whole = Reader::of(event).and_then(|reader| {
        let mut scan = Scan {
            paths,
            reader,
            slots,
            arrays: &mut arrays,
        };
        scan.value(0, Place::TOP)?;
        scan.reader.end()
    });
    if whole.is_none() {
        slots.found.truncate(before);
        slots.steps.clear();
    }
}

struct Scan<'e, 'p, 'v, 's> {
    paths: &'p Paths,
    reader: Reader<'e>,
    slots: &'v mut Slots<'e, 's>,
    /// Arrays entered so far.
    arrays: &'v mut u32,
}

/// How the walk came to a node.
#[derive(Clone, Copy)]
struct Place {
    /// The element of the innermost array.
    step: u32,
    /// An array lies above the node.
    outer: bool,
    /// Arrays opened at the node.
    here: u32,
}

impl Place {
    const TOP: Place = Place {
        step: NONE,
        outer: false,
        here: 0,
    };
}

impl<'e> Scan<'e, '_, '_, '_> {
    fn value(&mut self, node: u32, place: Place) -> Option<()> {
        match self.reader.peek()? {
            Next::Object => {
                self.put(node, place, Scalar::Composite);
                if self.paths.node(node).is_leaf() {
                    return self.reader.skip();
                }
                self.object(node, place)
            }
            Next::Array => self.array(node, place),
            Next::Text => {
                let text = self.reader.text()?;
                self.put(node, place, Scalar::Text(text));
                Some(())
            }
            Next::Word => {
                let value = match self.reader.word()? {
                    "null" => Scalar::Null,
                    word @ ("true" | "false") => Scalar::Bool {
                        value: word == "true",
                        attribute: false,
                    },
                    number => Scalar::Number {
                        text: Cow::Borrowed(number),
                        value: double(number)?,
                        attribute: false,
                    },
                };
                self.put(node, place, value);
                Some(())
            }
        }
    }

    fn object(&mut self, node: u32, place: Place) -> Option<()> {
        let inside = Place {
            step: place.step,
            outer: place.outer || place.here > 0,
            here: 0,
        };
        let paths = self.paths;
        let plan = paths.node(node);
        let named = |key: &[u8]| match plan.child(key) {
            Some(child) => Some((child, false)),
            None => paths.along(node, key).map(|child| (child, true)),
        };
        let mut seen = Seen::default();
        self.reader.open()?;
        let mut first = true;
        while let Some((child, dotted)) = self.reader.member_of(first, named)? {
            first = false;
            if dotted {
                // Only paths through arrays take a name with dots for the way of its parts.
                let outer = true;
                self.value(child, Place { outer, ..inside })?;
                continue;
            }
            let start = self.slots.found.len();
            self.value(child, inside)?;
            let values = start..self.slots.found.len();
            for earlier in seen.replace(child, values).into_iter().flatten() {
                self.slots.found[earlier].path = NONE;
            }
        }
        Some(())
    }

    fn array(&mut self, node: u32, place: Place) -> Option<()> {
        let plan = self.paths.node(node);
        if !place.outer && place.here <= 1 {
            let closed = [
                plan.never.filter(|_| place.here == 0),
                plan.last.filter(|_| place.here == 1),
            ];
            for path in closed.into_iter().flatten() {
                let found = Found::new(path, Scalar::Composite, place.step);
                self.slots.found.push(found);
            }
        }
        if !plan.enters {
            return self.reader.skip();
        }
        let array = *self.arrays;
        *self.arrays += 1;
        self.reader.open()?;
        let mut index = 0;
        while self.reader.element(index == 0)? {
            let step = self.slots.steps.len() as u32;
            self.slots.steps.push(Step {
                array,
                index,
                outer: place.step,
            });
            let element = Place {
                step,
                here: place.here + 1,
                ..place
            };
            self.value(node, element)?;
            index += 1;
        }
        Some(())
    }

    #[inline]
    fn put(&mut self, node: u32, place: Place, value: Scalar<'e>) {
        let plan = self.paths.node(node);
        let paths = [
            plan.through,
            plan.last.filter(|_| !place.outer && place.here <= 1),
            plan.never.filter(|_| !place.outer && place.here == 0),
        ];
        for path in paths.into_iter().flatten() {
            let found = Found::new(path, value.clone(), place.step);
            self.slots.found.push(found);
        }
    }
}

/// The nearest double; beyond them all, the last one.
pub(super) fn double(number: &str) -> Option<f64> {
    let value: f64 = number.parse().ok()?;
    Some(value.clamp(f64::MIN, f64::MAX))
}

/// The children of a node that an object had already, and which values came from them.
#[derive(Default)]
struct Seen {
    few: SmallVec<[(u32, Range<usize>); 4]>,
    many: Option<HashMap<u32, Range<usize>, foldhash::fast::RandomState>>,
}

impl Seen {
    const FEW: usize = 16;

    /// Keeps where the values of a child are, and returns where those of an earlier one are.
    fn replace(&mut self, child: u32, values: Range<usize>) -> Option<Range<usize>> {
        if let Some((_, earlier)) = self.few.iter_mut().find(|(known, _)| *known == child) {
            return Some(std::mem::replace(earlier, values));
        }
        if self.few.len() == Self::FEW {
            return self.many.get_or_insert_default().insert(child, values);
        }
        self.few.push((child, values));
        None
    }
}
