//! The predicate tree and its evaluation.

use crate::{Filter, Verdict};
use tradewind_event::Event;

/// A filter as a tree. Its depth and size were bounded when it was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Predicate {
    /// One attribute against one text.
    Attribute {
        name: String,
        comparison: Comparison,
        value: String,
    },
    /// Every member holds; an empty one holds.
    All(Vec<Predicate>),
    /// At least one member holds.
    Any(Vec<Predicate>),
    /// The member does not hold.
    Not(Box<Predicate>),
}

/// How the canonical text of an attribute is compared; case counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Exact,
    Prefix,
    Suffix,
}

impl Comparison {
    fn holds(self, actual: &str, value: &str) -> bool {
        match self {
            Comparison::Exact => actual == value,
            Comparison::Prefix => actual.starts_with(value),
            Comparison::Suffix => actual.ends_with(value),
        }
    }

    fn words(self, negated: bool) -> &'static str {
        match (self, negated) {
            (Comparison::Exact, false) => "=",
            (Comparison::Exact, true) => "!=",
            (Comparison::Prefix, false) => "starts with",
            (Comparison::Prefix, true) => "does not start with",
            (Comparison::Suffix, false) => "ends with",
            (Comparison::Suffix, true) => "does not end with",
        }
    }
}

impl Predicate {
    fn collect(&self, event: &Event, negated: bool, verdicts: &mut Vec<Verdict>) {
        match self {
            Predicate::Attribute {
                name,
                comparison,
                value,
            } => {
                let quoted = value.replace('\'', "''");
                verdicts.push(Verdict {
                    predicate: format!("{name} {} '{quoted}'", comparison.words(negated)),
                    actual: event
                        .attribute(name)
                        .map(|actual| actual.to_canonical().into_owned()),
                    holds: self.matches(event) != negated,
                });
            }
            Predicate::All(members) | Predicate::Any(members) => {
                for member in members {
                    member.collect(event, negated, verdicts);
                }
            }
            Predicate::Not(member) => member.collect(event, !negated, verdicts),
        }
    }
}

impl Filter for Predicate {
    fn matches(&self, event: &Event) -> bool {
        match self {
            // An absent attribute fails every comparison, hence passes its `not`.
            Predicate::Attribute {
                name,
                comparison,
                value,
            } => event
                .attribute(name)
                .is_some_and(|actual| comparison.holds(&actual.to_canonical(), value)),
            Predicate::All(members) => members.iter().all(|member| member.matches(event)),
            Predicate::Any(members) => members.iter().any(|member| member.matches(event)),
            Predicate::Not(member) => !member.matches(event),
        }
    }

    fn explain(&self, event: &Event) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        self.collect(event, false, &mut verdicts);
        verdicts
    }
}
