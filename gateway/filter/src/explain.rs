//! Why an event passes, or does not.

use crate::Scratch;
use crate::eval::{Check, Paths, Slots, View};
use crate::ir::{Field, Formula, Opaque, Path, Test};
use std::fmt;
use std::sync::Arc;

/// Most characters of a value that an explanation shows.
const SHOWN: usize = 200;
/// Most values of a path that an explanation shows.
const VALUES: usize = 5;

/// What one predicate said of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The predicate in the words of its dialect, for instance `subject = 'refs/heads/main'`.
    pub predicate: String,
    /// The value in the event; `None` where there is none. An error of an expression stands here too.
    pub actual: Option<String>,
    /// Whether it held.
    pub holds: bool,
}

/// What a filter said of one event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explanation {
    /// Whether the event passes.
    pub holds: bool,
    /// Every predicate, in the order of writing. Under a `not` it is written, and holds, the other
    /// way round.
    pub verdicts: Vec<Verdict>,
    /// Which of them decided first.
    pub decisive: Option<usize>,
    /// Errors of expressions that were evaluated.
    pub errors: Vec<String>,
}

/// A part of a filter in the words of its dialect.
pub trait Clause: fmt::Debug + Send + Sync {
    /// Explains `seen.formula` over the event: what each predicate of it said.
    fn explain(&self, seen: &Seen<'_>) -> Explanation;
    /// Where the clause, which lowered to `formula`, ends in an error.
    fn faults(&self, formula: &Formula) -> Formula {
        formula.faults()
    }
    /// The dialect and the definition that the clause was read from, where it is kept.
    fn source(&self) -> Option<(&'static str, String)> {
        None
    }
}

/// What a [`Clause`] explains.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The event.
    pub view: &'a View<'a>,
    /// What the clause lowered to.
    pub formula: &'a Formula,
    /// The clause stands under an odd number of `not`: its verdicts are to be turned round.
    pub negated: bool,
}

impl Seen<'_> {
    /// Whether the formula holds for the event, before any `not` above it.
    pub fn holds(&self) -> bool {
        holds(self.formula, self.view)
    }

    /// The values of the event at the paths of the formula.
    pub fn actual(&self) -> Option<String> {
        actual(&self.formula.paths(), self.view)
    }
}

/// A clause that is one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What it says.
    pub text: String,
    /// What its contrary says.
    pub negated: String,
}

impl Words {
    /// The formula, told as `text`; under a `not` it is `not (text)`.
    pub fn told(text: impl Into<String>, formula: Formula) -> Formula {
        let text = text.into();
        let negated = format!("not ({text})");
        Formula::Told(Teller(Arc::new(Words { text, negated })), Box::new(formula))
    }
}

impl Clause for Words {
    fn explain(&self, seen: &Seen<'_>) -> Explanation {
        let holds = seen.holds() != seen.negated;
        let text = if seen.negated {
            &self.negated
        } else {
            &self.text
        };
        Explanation::of(text.clone(), seen.actual(), holds)
    }
}

/// The clause of a [`Formula::Told`]. It is no part of what the formula means: all are equal.
#[derive(Debug, Clone)]
pub struct Teller(pub Arc<dyn Clause>);

impl PartialEq for Teller {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Explanation {
    /// One predicate.
    pub fn of(predicate: String, actual: Option<String>, holds: bool) -> Self {
        Self {
            holds,
            verdicts: vec![Verdict {
                predicate,
                actual,
                holds,
            }],
            decisive: Some(0),
            errors: Vec::new(),
        }
    }

    /// The members joined by AND, or by OR.
    pub(crate) fn joined(members: impl Iterator<Item = Explanation>, all: bool) -> Self {
        let mut whole = Explanation {
            holds: all,
            ..Explanation::default()
        };
        for member in members {
            let before = whole.verdicts.len();
            let decides = member.holds != all && whole.holds == all;
            if whole.decisive.is_none() || decides {
                whole.decisive = member.decisive.map(|at| before + at);
            }
            whole.holds = if all {
                whole.holds && member.holds
            } else {
                whole.holds || member.holds
            };
            whole.verdicts.extend(member.verdicts);
            whole.errors.extend(member.errors);
        }
        whole
    }
}

/// Explains a formula in the words of its dialects. `negated`: it stands under an odd number of `not`.
pub(crate) fn explain(formula: &Formula, view: &View<'_>, negated: bool) -> Explanation {
    match formula {
        Formula::All(members) => {
            let members = members.iter().map(|m| explain(m, view, negated));
            Explanation::joined(members, !negated)
        }
        Formula::Any(members) => {
            let members = members.iter().map(|m| explain(m, view, negated));
            Explanation::joined(members, negated)
        }
        Formula::Not(member) => explain(member, view, !negated),
        Formula::Told(teller, member) => teller.0.explain(&Seen {
            view,
            formula: member,
            negated,
        }),
        Formula::Test(predicate) => {
            let words = format!("{} {}", predicate.path, predicate.test.words(negated));
            let holds = holds(formula, view) != negated;
            Explanation::of(words, actual(&[&predicate.path], view), holds)
        }
        Formula::Together(fields) => {
            let paths: Vec<_> = fields.iter().map(|field| &field.path).collect();
            let fields: Vec<_> = fields.iter().map(field).collect();
            let words = fields.join(" and ");
            let words = if negated {
                format!("not ({words})")
            } else {
                words
            };
            let holds = holds(formula, view) != negated;
            Explanation::of(words, actual(&paths, view), holds)
        }
        Formula::Opaque(opaque) => of_opaque(opaque, view, negated),
    }
}

fn field(field: &Field) -> String {
    let tests: Vec<_> = field
        .tests
        .iter()
        .map(|test: &Test| test.words(false))
        .collect();
    format!("{} {}", field.path, tests.join(" or "))
}

fn of_opaque(opaque: &Opaque, view: &View<'_>, negated: bool) -> Explanation {
    let evaluated = opaque.expression.evaluate(view);
    let held = evaluated
        .as_ref()
        .is_ok_and(|value| *value == opaque.wanted);
    let words = match opaque.wanted != negated {
        true => opaque.expression.text().to_owned(),
        false => format!("not ({})", opaque.expression.text()),
    };
    let errors: Vec<_> = evaluated.err().map(|fault| fault.0).into_iter().collect();
    Explanation {
        errors: errors.clone(),
        ..Explanation::of(words, errors.into_iter().next(), held != negated)
    }
}

fn holds(formula: &Formula, view: &View<'_>) -> bool {
    let mut paths = Paths::default();
    let check = Check::new(formula, &mut paths, &mut Arc::new);
    check.holds(&Slots::read(&paths, view, &mut Scratch::default()))
}

fn actual(paths: &[&Path], view: &View<'_>) -> Option<String> {
    let mut interned = Paths::default();
    let ids: Vec<_> = paths.iter().map(|path| interned.intern(path)).collect();
    let mut scratch = Scratch::default();
    let slots = Slots::read(&interned, view, &mut scratch);
    let mut seen = Vec::new();
    for id in ids {
        if !seen.contains(&id) {
            seen.push(id);
        }
    }
    let mut values = seen.iter().flat_map(|id| slots.at(*id));
    let mut texts: Vec<String> = values
        .by_ref()
        .take(VALUES)
        .map(|found| short(found.value.shown()))
        .collect();
    if values.next().is_some() {
        texts.push("…".into());
    }
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
