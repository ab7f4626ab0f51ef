//! A formula made ready for evaluation over slots.

use super::paths::{PathId, Paths};
use super::slots::{Found, NONE, Slots, Step};
use crate::ir::{Field, Formula, Opaque, Predicate, Test};
use std::sync::Arc;

/// A formula whose paths are numbers, and whose negations are at its leaves.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    /// Holds.
    Yes,
    All(Box<[Check]>),
    Any(Box<[Check]>),
    Not(Box<Check>),
    Test(Arc<Asked>),
    Together(Together),
    Opaque(Arc<Opaque>),
    /// Shared by several.
    Shared(Arc<Check>),
    /// What led here already, and has to be checked nevertheless.
    Spent(Box<Check>),
}

/// A predicate whose path is a number.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) path: PathId,
    pub(crate) test: Test,
}

/// Fields from the same elements of arrays.
#[derive(Debug, Clone)]
pub(crate) struct Together {
    pub(crate) fields: Arc<[Wanted]>,
    /// The fields that led here already, one bit each; what has more fields than bits, leads nowhere else.
    spent: u64,
}

/// A field whose path is a number.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) path: PathId,
    pub(crate) tests: Box<[Test]>,
}

impl Together {
    pub(crate) fn is_spent(&self, field: usize) -> bool {
        self.spent == u64::MAX || field < 64 && self.spent >> field & 1 == 1
    }

    /// The same after this field has led somewhere.
    pub(crate) fn spending(&self, field: usize) -> Self {
        let spent = match self.fields.len() {
            0..64 => self.spent | 1 << field,
            _ => u64::MAX,
        };
        Self {
            fields: Arc::clone(&self.fields),
            spent,
        }
    }
}

impl Check {
    /// Prepares a formula; `intern` may know equal predicates already.
    pub(crate) fn new(
        formula: &Formula,
        paths: &mut Paths,
        intern: &mut impl FnMut(Asked) -> Arc<Asked>,
    ) -> Self {
        Self::read(formula, false, paths, intern)
    }

    fn read(
        formula: &Formula,
        negated: bool,
        paths: &mut Paths,
        intern: &mut impl FnMut(Asked) -> Arc<Asked>,
    ) -> Self {
        let leaf = match formula {
            Formula::All(members) | Formula::Any(members) => {
                let members = members
                    .iter()
                    .map(|member| Check::read(member, negated, paths, intern));
                let mut members: Vec<Check> = members.collect();
                if matches!(formula, Formula::All(_)) == negated {
                    return Check::any(members);
                }
                // Of all attributes `type` tells the fewest events apart: it leads to a filter last.
                let last = paths.attribute("type");
                members.sort_by_key(|member| match member {
                    Check::Test(asked) => Some(asked.path) == last,
                    _ => false,
                });
                return Check::all(members);
            }
            Formula::Not(member) => return Check::read(member, !negated, paths, intern),
            Formula::Told(_, member) => return Check::read(member, negated, paths, intern),
            Formula::Test(Predicate { path, test }) => Check::Test(intern(Asked {
                path: paths.intern(path),
                test: test.clone(),
            })),
            Formula::Together(fields) => {
                let wanted = |field: &Field| Wanted {
                    path: paths.intern(&field.path),
                    tests: field.tests.clone().into(),
                };
                Check::Together(Together {
                    fields: fields.iter().map(wanted).collect(),
                    spent: 0,
                })
            }
            Formula::Opaque(opaque) => Check::Opaque(Arc::new(opaque.clone())),
        };
        if negated {
            Check::Not(Box::new(leaf))
        } else {
            leaf
        }
    }

    /// All of these; flat, and without what holds anyway.
    pub(crate) fn all(checks: Vec<Check>) -> Self {
        let mut flat = Vec::with_capacity(checks.len());
        for check in checks {
            match check {
                Check::Yes => {}
                Check::All(members) => flat.extend(members),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Check::Yes,
            1 => flat.remove(0),
            _ => Check::All(flat.into()),
        }
    }

    /// One of these; flat.
    pub(crate) fn any(checks: Vec<Check>) -> Self {
        let mut flat = Vec::with_capacity(checks.len());
        for check in checks {
            match check {
                Check::Yes => return Check::Yes,
                Check::Any(members) => flat.extend(members),
                other => flat.push(other),
            }
        }
        match flat.len() {
            1 => flat.remove(0),
            _ => Check::Any(flat.into()),
        }
    }

    /// Whether it holds for the event in `slots`.
    pub(crate) fn holds(&self, slots: &Slots<'_, '_>) -> bool {
        match self {
            Check::Yes => true,
            Check::All(members) => members.iter().all(|member| member.holds(slots)),
            Check::Any(members) => members.iter().any(|member| member.holds(slots)),
            Check::Not(member) => !member.holds(slots),
            Check::Test(asked) => asked.holds(slots),
            Check::Together(together) => self::together(&together.fields, slots),
            Check::Opaque(opaque) => opaque.expression.evaluate(slots.view) == Ok(opaque.wanted),
            Check::Shared(check) => check.holds(slots),
            Check::Spent(check) => check.holds(slots),
        }
    }
}

impl Check {
    /// What it takes in memory beside itself, about; what is shared is counted where it is not.
    pub(crate) fn bytes(&self) -> usize {
        let each = |members: &[Check]| members.iter().map(|m| size_of::<Check>() + m.bytes()).sum();
        match self {
            Check::Yes | Check::Shared(_) => 0,
            Check::Test(asked) => size_of::<Asked>() / Arc::strong_count(asked).max(1),
            Check::All(members) | Check::Any(members) => each(members),
            Check::Not(member) | Check::Spent(member) => size_of::<Check>() + member.bytes(),
            Check::Together(together) => {
                let tests = together
                    .fields
                    .iter()
                    .map(|field| field.tests.len() * size_of::<Test>());
                together.fields.len() * size_of::<Wanted>() + tests.sum::<usize>()
            }
            Check::Opaque(opaque) => 4 * opaque.expression.text().len(),
        }
    }
}

impl Asked {
    #[inline]
    pub(crate) fn holds(&self, slots: &Slots<'_, '_>) -> bool {
        slots
            .at(self.path)
            .any(|found| self.test.holds(&found.value))
    }
}

impl Wanted {
    fn holds(&self, found: &Found<'_>) -> bool {
        self.tests.iter().any(|test| test.holds(&found.value))
    }
}

fn together(fields: &[Wanted], slots: &Slots<'_, '_>) -> bool {
    if slots.steps.is_empty() {
        return fields
            .iter()
            .all(|field| slots.at(field.path).any(|found| field.holds(found)));
    }
    // The ways of those values that pass, outermost array first.
    let mut ways: Vec<Vec<Vec<Step>>> = Vec::with_capacity(fields.len());
    for field in fields {
        let passing = slots.at(field.path).filter(|found| field.holds(found));
        ways.push(passing.map(|found| way(found.step, &slots.steps)).collect());
    }
    let all: Vec<Vec<&[Step]>> = ways
        .iter()
        .map(|field| field.iter().map(Vec::as_slice).collect())
        .collect();
    chosen(&all)
}

fn way(mut step: u32, steps: &[Step]) -> Vec<Step> {
    let mut way = Vec::new();
    while step != NONE {
        let at = steps[step as usize];
        way.push(at);
        step = at.outer;
    }
    way.reverse();
    way
}

/// Whether one element can be chosen in each array so that every field keeps a value. Under a given
/// choice a path leads to one value or into one array, so the fields fall apart by array, and each
/// array can be decided alone.
fn chosen(fields: &[Vec<&[Step]>]) -> bool {
    let mut open: Vec<&Vec<&[Step]>> = Vec::with_capacity(fields.len());
    for ways in fields {
        if ways.is_empty() {
            return false;
        }
        if !ways.iter().any(|way| way.is_empty()) {
            open.push(ways);
        }
    }
    while let Some(first) = open.last() {
        let array = first[0][0].array;
        let (mut group, rest): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|ways| ways[0][0].array == array);
        open = rest;
        // The field with the fewest values names the elements that are worth a look.
        group.sort_by_key(|ways| ways.len());
        let mut last = None;
        let found = group[0].iter().any(|way| {
            let index = way[0].index;
            if last.replace(index) == Some(index) {
                return false;
            }
            let inner: Vec<Vec<&[Step]>> = group.iter().map(|ways| within(ways, index)).collect();
            chosen(&inner)
        });
        if !found {
            return false;
        }
    }
    true
}

/// The rests of those ways that lead through the element. Ways are in the order of the document.
fn within<'w>(ways: &[&'w [Step]], index: u32) -> Vec<&'w [Step]> {
    let from = ways.partition_point(|way| way[0].index < index);
    let to = ways.partition_point(|way| way[0].index <= index);
    ways[from..to].iter().map(|way| &way[1..]).collect()
}
