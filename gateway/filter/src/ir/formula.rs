//! Formulas over predicates.

use super::{Path, Test};
use crate::{Teller, View};
use std::fmt;
use std::sync::Arc;

/// Most members of which one deciding hides an error of a later one.
const TURNS: usize = 64;

/// A filter, whatever dialect it was written in.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    /// Every member holds; an empty one holds.
    All(Vec<Formula>),
    /// At least one member holds; an empty one does not.
    Any(Vec<Formula>),
    /// The member does not hold.
    Not(Box<Formula>),
    /// Some value at a path passes a test. Nothing there: it does not hold.
    Test(Predicate),
    /// Every field has a value that passes one of its tests, and where they lead through the same
    /// array, from the same element of it.
    Together(Vec<Field>),
    /// What only a dialect's own evaluator can tell.
    Opaque(Opaque),
    /// The formula, which its dialect explains in its own words.
    Told(Teller, Box<Formula>),
}

/// Some value at `path` passes `test`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Predicate {
    /// Where.
    pub path: Path,
    /// What.
    pub test: Test,
}

/// A member of [`Formula::Together`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// Where.
    pub path: Path,
    /// One of these must pass.
    pub tests: Vec<Test>,
}

/// An expression, and the answer that is asked of it: holds where it evaluates to `wanted` without
/// an error.
#[derive(Debug, Clone)]
pub struct Opaque {
    /// The expression.
    pub expression: Arc<dyn Expression>,
    /// The answer.
    pub wanted: bool,
}

/// An evaluator of its own behind a leaf. Pure: the answer depends on the event alone.
pub trait Expression: fmt::Debug + Send + Sync {
    /// Name of the dialect.
    fn dialect(&self) -> &'static str;
    /// The expression, printed. With the dialect, its identity.
    fn text(&self) -> &str;
    /// Evaluates it. An error is told, counted, and no match.
    fn evaluate(&self, view: &View<'_>) -> Result<bool, Fault>;
}

/// Why an expression has no answer for an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// An error of a member, or, where evaluation goes on after it, of one of those that follow.
fn in_turn(members: &[Formula], goes_on: fn(&Formula) -> Formula) -> Formula {
    let (mut depth, mut rest) = (0, Formula::no());
    for member in members.iter().rev() {
        if rest != Formula::no() && depth < TURNS {
            depth += 1;
            rest = goes_on(member).and(rest);
        }
        rest = member.faults().or(rest);
    }
    rest
}

impl Opaque {
    /// Neither answer comes.
    pub(crate) fn fails(&self) -> Formula {
        let other = |wanted| {
            let expression = Arc::clone(&self.expression);
            Formula::Opaque(Opaque { expression, wanted }).negated()
        };
        Formula::All(vec![other(true), other(false)])
    }
}

impl PartialEq for Opaque {
    fn eq(&self, other: &Self) -> bool {
        let identity = |opaque: &Opaque| (opaque.expression.dialect(), opaque.wanted);
        identity(self) == identity(other) && self.expression.text() == other.expression.text()
    }
}

impl Formula {
    /// A predicate as a formula.
    pub fn test(path: Path, test: Test) -> Self {
        Formula::Test(Predicate { path, test })
    }

    /// Holds always.
    pub fn yes() -> Self {
        Formula::All(Vec::new())
    }

    /// Holds never.
    pub fn no() -> Self {
        Formula::Any(Vec::new())
    }

    /// The contrary.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Formula::Not(member) => *member,
            other => Formula::Not(Box::new(other)),
        }
    }

    /// All of these; a single one stays itself.
    pub fn all(mut members: Vec<Formula>) -> Self {
        match members.len() {
            1 => members.remove(0),
            _ => Formula::All(members),
        }
    }

    /// One of these; a single one stays itself.
    pub fn any(mut members: Vec<Formula>) -> Self {
        match members.len() {
            1 => members.remove(0),
            _ => Formula::Any(members),
        }
    }

    /// Both of these, without what holds anyway; flat.
    pub(crate) fn and(self, other: Formula) -> Self {
        match (self, other) {
            (Formula::Any(any), _) | (_, Formula::Any(any)) if any.is_empty() => Formula::no(),
            (Formula::All(mut all), Formula::All(more)) => {
                all.extend(more);
                Formula::all(all)
            }
            (Formula::All(mut all), one) => {
                all.push(one);
                Formula::all(all)
            }
            (one, Formula::All(mut all)) => {
                all.insert(0, one);
                Formula::all(all)
            }
            (left, right) => Formula::All(vec![left, right]),
        }
    }

    /// One of these, without what never holds; flat.
    pub(crate) fn or(self, other: Formula) -> Self {
        match (self, other) {
            (Formula::All(all), _) | (_, Formula::All(all)) if all.is_empty() => Formula::yes(),
            (Formula::Any(mut any), Formula::Any(more)) => {
                any.extend(more);
                Formula::any(any)
            }
            (Formula::Any(mut any), one) => {
                any.push(one);
                Formula::any(any)
            }
            (one, Formula::Any(mut any)) => {
                any.insert(0, one);
                Formula::any(any)
            }
            (left, right) => Formula::Any(vec![left, right]),
        }
    }

    /// The contrary; of what always holds, what never does.
    pub(crate) fn contrary(self) -> Self {
        match self {
            Formula::All(members) if members.is_empty() => Formula::no(),
            Formula::Any(members) if members.is_empty() => Formula::yes(),
            other => other.negated(),
        }
    }

    /// The same without the words of its dialect.
    #[must_use]
    pub fn plain(&self) -> Formula {
        match self {
            Formula::All(members) => Formula::All(members.iter().map(Formula::plain).collect()),
            Formula::Any(members) => Formula::Any(members.iter().map(Formula::plain).collect()),
            Formula::Not(member) => Formula::Not(Box::new(member.plain())),
            Formula::Told(_, member) => member.plain(),
            leaf => leaf.clone(),
        }
    }

    /// Where an expression in it ends in an error, before a member that was written earlier decided.
    #[must_use]
    pub fn faults(&self) -> Formula {
        match self {
            Formula::All(members) => in_turn(members, Formula::clone),
            Formula::Any(members) => in_turn(members, |member| member.clone().negated()),
            Formula::Not(member) => member.faults(),
            Formula::Told(teller, member) => teller.0.faults(member),
            Formula::Test(_) | Formula::Together(_) => Formula::no(),
            Formula::Opaque(opaque) => opaque.fails(),
        }
    }

    /// Every path that a predicate looks at, in the order of writing.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Formula::All(members) | Formula::Any(members) => {
                members.iter().flat_map(Formula::paths).collect()
            }
            Formula::Not(member) | Formula::Told(_, member) => member.paths(),
            Formula::Test(predicate) => vec![&predicate.path],
            Formula::Together(fields) => fields.iter().map(|field| &field.path).collect(),
            Formula::Opaque(_) => Vec::new(),
        }
    }
}
