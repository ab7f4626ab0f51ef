//! Writing a formula in another dialect, as far as it can say it.

use crate::Rendering;
use crate::ir::{Field, Formula, Opaque, Predicate};
use serde_json::Value;

/// What a dialect makes of the parts of a formula. An error is the reason why it cannot.
pub(crate) trait Target {
    /// A part in this dialect.
    type Part: Clone;

    /// A predicate, or its contrary.
    fn predicate(&self, predicate: &Predicate, negated: bool) -> Said<Self::Part>;

    /// Fields from the same array elements.
    fn together(&self, fields: &[Field]) -> Said<Self::Part> {
        let paths: Vec<_> = fields.iter().map(|field| field.path.to_string()).collect();
        Said::no(format!(
            "that {} come from the same element of an array",
            paths.join(" and ")
        ))
    }

    /// A part that only the evaluator of its dialect knows.
    fn opaque(&self, opaque: &Opaque, negated: bool) -> Said<Self::Part> {
        let _ = negated;
        let text = opaque.expression.text();
        Said::no(format!("`{text}`, which only its own dialect evaluates"))
    }

    /// All of these.
    fn all(&self, parts: Vec<Self::Part>) -> Result<Self::Part, String>;

    /// One of these.
    fn any(&self, parts: Vec<Self::Part>) -> Result<Self::Part, String>;

    /// The whole definition; `None` is the filter that takes everything.
    fn whole(&self, part: Option<Self::Part>) -> Value;
}

/// A part, and what it lets through beyond what was asked.
pub(crate) struct Said<P> {
    /// `None` where nothing useful can be said.
    pub(crate) part: Option<P>,
    /// What could not be said. With a part, it is weaker; without, this is why.
    pub(crate) missing: Vec<String>,
}

impl<P> Said<P> {
    pub(crate) fn exactly(part: P) -> Self {
        Self {
            part: Some(part),
            missing: Vec::new(),
        }
    }

    pub(crate) fn weaker(part: P, missing: impl Into<String>) -> Self {
        Self {
            part: Some(part),
            missing: vec![missing.into()],
        }
    }

    pub(crate) fn no(missing: impl Into<String>) -> Self {
        Self {
            part: None,
            missing: vec![missing.into()],
        }
    }
}

/// The formula in the words of `target`, for events that are no EventBridge envelope.
pub(crate) fn render<T: Target>(target: &T, formula: &Formula) -> Rendering {
    let formula = simple(formula);
    if formula == Formula::no() {
        return Rendering::impossible("a filter that takes nothing");
    }
    if formula == Formula::yes() {
        return Rendering::Exact(target.whole(None));
    }
    let said = say(target, &formula, false);
    let mut reasons = said.missing;
    reasons.dedup();
    match said.part {
        Some(part) if reasons.is_empty() => Rendering::Exact(target.whole(Some(part))),
        Some(part) => Rendering::Superset {
            definition: target.whole(Some(part)),
            reasons,
        },
        None => Rendering::Impossible { reasons },
    }
}

fn say<T: Target>(target: &T, formula: &Formula, negated: bool) -> Said<T::Part> {
    match formula {
        Formula::Told(_, member) => say(target, member, negated),
        Formula::Not(member) => say(target, member, !negated),
        Formula::Test(predicate) => target.predicate(predicate, negated),
        Formula::Together(fields) if !negated => target.together(fields),
        Formula::Together(_) => Said::no("that no element of an array has several members"),
        Formula::Opaque(opaque) => target.opaque(opaque, negated),
        Formula::All(members) if !negated => all(target, members, negated),
        Formula::Any(members) if negated => all(target, members, negated),
        Formula::Any(members) | Formula::All(members) => any(target, members, negated),
    }
}

/// What cannot be said is left out: that is weaker.
fn all<T: Target>(target: &T, members: &[Formula], negated: bool) -> Said<T::Part> {
    let mut part: Option<T::Part> = None;
    let mut missing = Vec::new();
    for member in members {
        let said = say(target, member, negated);
        missing.extend(said.missing);
        let Some(next) = said.part else { continue };
        // One by one, so that only what does not fit is left out.
        part = Some(match part {
            None => next,
            Some(before) => target
                .all(vec![before.clone(), next])
                .unwrap_or_else(|reason| {
                    missing.push(reason);
                    before
                }),
        });
    }
    Said { part, missing }
}

fn any<T: Target>(target: &T, members: &[Formula], negated: bool) -> Said<T::Part> {
    let mut parts = Vec::new();
    let mut missing = Vec::new();
    for member in members {
        let said = say(target, member, negated);
        missing.extend(said.missing);
        match said.part {
            Some(part) => parts.push(part),
            None => {
                return Said {
                    part: None,
                    missing,
                };
            }
        }
    }
    match target.any(parts) {
        Ok(part) => Said {
            part: Some(part),
            missing,
        },
        Err(reason) => {
            missing.push(reason);
            Said {
                part: None,
                missing,
            }
        }
    }
}

/// Without the words of dialects, without what always or never holds, and for events that are no
/// EventBridge envelope.
fn simple(formula: &Formula) -> Formula {
    match formula {
        Formula::Told(_, member) => simple(member),
        Formula::Not(member) => match simple(member) {
            yes if yes == Formula::yes() => Formula::no(),
            no if no == Formula::no() => Formula::yes(),
            other => other.negated(),
        },
        Formula::All(members) => {
            let mut all: Vec<_> = members.iter().map(simple).collect();
            if all.contains(&Formula::no()) {
                return Formula::no();
            }
            all.retain(|member| *member != Formula::yes());
            Formula::all(all)
        }
        Formula::Any(members) => {
            let mut any: Vec<_> = members.iter().map(simple).collect();
            if any.contains(&Formula::yes()) {
                return Formula::yes();
            }
            any.retain(|member| *member != Formula::no());
            Formula::any(any)
        }
        Formula::Test(predicate) if super::event_bridge::asks_for_envelope(predicate) => {
            Formula::no()
        }
        other => other.clone(),
    }
}
