//! Formulas that no event passes.
//!
//! A search for a set of predicates that could all hold; where every way leads to two that cannot, there is none. What
//! is not understood could hold, so that "never" is certain and its contrary is not.

use super::{
    Arrays, Field, Formula, How, Number, Path, Predicate, Range, Scalar, Test, Text, Wildcard,
    folded,
};
use std::borrow::Cow;
use std::net::IpAddr;

/// Steps of the search; beyond them nothing is certain.
const STEPS_MAX: usize = 20_000;
/// Attributes that every event has.
const ALWAYS: [&str; 4] = ["id", "source", "specversion", "type"];

impl Formula {
    /// Whether no event can pass: certain where it is true. Where it is false, one may or may not.
    pub fn never(&self) -> bool {
        let mut search = Search {
            held: Vec::new(),
            steps: 0,
        };
        !search.possible(vec![(self, true)])
    }

    /// Whether every event passes: certain where it is true.
    pub fn always(&self) -> bool {
        Formula::Not(Box::new(self.clone())).never()
    }
}

/// A predicate, and whether it must hold.
type Literal<'f> = (Cow<'f, Predicate>, bool);

struct Search<'f> {
    held: Vec<Literal<'f>>,
    steps: usize,
}

impl<'f> Search<'f> {
    /// Whether these could hold, or not hold, together with what must hold already.
    fn possible(&mut self, mut open: Vec<(&'f Formula, bool)>) -> bool {
        let before = self.held.len();
        let possible = loop {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                break true;
            }
            let Some((formula, wanted)) = open.pop() else {
                break true;
            };
            match (formula, wanted) {
                (Formula::All(members), true) | (Formula::Any(members), false) => {
                    open.extend(members.iter().rev().map(|member| (member, wanted)));
                }
                (Formula::Any(members), true) | (Formula::All(members), false) => {
                    break members.iter().any(|member| {
                        let mut open = open.clone();
                        open.push((member, wanted));
                        self.possible(open)
                    });
                }
                (Formula::Not(member), _) => open.push((member, !wanted)),
                (Formula::Told(_, member), _) => open.push((member, wanted)),
                (Formula::Test(predicate), _) => {
                    if !self.hold(Cow::Borrowed(predicate), wanted) {
                        break false;
                    }
                }
                (Formula::Together(fields), true) => break self.together(fields, open),
                (Formula::Together(_) | Formula::Opaque(_), _) => {}
            }
        };
        self.held.truncate(before);
        possible
    }

    /// Of each field one test holds. Only attributes have one value for sure.
    fn together(&mut self, fields: &'f [Field], open: Vec<(&'f Formula, bool)>) -> bool {
        let Some((field, rest)) = fields.split_first() else {
            return self.possible(open);
        };
        self.steps += 1;
        if self.steps > STEPS_MAX || !single(&field.path) {
            return match self.steps > STEPS_MAX {
                true => true,
                false => self.together(rest, open),
            };
        }
        field.tests.iter().any(|test| {
            let before = self.held.len();
            let predicate = Predicate {
                path: field.path.clone(),
                test: test.clone(),
            };
            let possible =
                self.hold(Cow::Owned(predicate), true) && self.together(rest, open.clone());
            self.held.truncate(before);
            possible
        })
    }

    /// Takes a predicate to those that must hold, or not; false where that cannot be.
    fn hold(&mut self, predicate: Cow<'f, Predicate>, wanted: bool) -> bool {
        self.steps += self.held.len();
        let alone = match wanted {
            true => !empty(&predicate.test),
            false => !certain(&predicate),
        };
        let fits = alone
            && self.held.iter().all(|(held, must)| {
                held.path != predicate.path
                    || match (*must, wanted) {
                        (true, true) => !excludes(&held.path, &held.test, &predicate.test),
                        (true, false) => !implies(&held.test, &predicate.test),
                        (false, true) => !implies(&predicate.test, &held.test),
                        (false, false) => true,
                    }
            });
        if fits {
            self.held.push((predicate, wanted));
        }
        fits
    }
}

/// Whether the path leads to one value at most.
fn single(path: &Path) -> bool {
    match path {
        Path::Attribute(_) => true,
        Path::Data { arrays, .. } => *arrays == Arrays::Never,
    }
}

/// Whether no value passes.
fn empty(test: &Test) -> bool {
    matches!(test, Test::Number(range) if nothing_between(range))
}

/// Whether the predicate holds for every event.
fn certain(predicate: &Predicate) -> bool {
    let Path::Attribute(name) = &predicate.path else {
        return false;
    };
    ALWAYS.contains(&&**name)
        && match &predicate.test {
            Test::Exists => true,
            Test::Text(text) => text.how != How::Exact && text.text.is_empty(),
            Test::Wildcard(pattern) => {
                pattern.parts.len() > 1 && pattern.parts.iter().all(|part| part.is_empty())
            }
            _ => false,
        }
}

/// Whether a value that passes the first passes the second, for sure.
fn implies(first: &Test, second: &Test) -> bool {
    if first == second {
        return true;
    }
    match (first, second) {
        (Test::Composite, _) | (_, Test::Composite) => false,
        (_, Test::Exists) => true,
        (Test::Number(inner), Test::Number(outer)) => within(inner, outer),
        (Test::Text(text), _) if text.how == How::Exact && !text.fold => {
            of_text(second) && second.holds(&Scalar::Text(Cow::Borrowed(&text.text)))
        }
        (Test::Text(a), Test::Text(b)) => {
            let a_text = match (a.fold, b.fold) {
                (true, false) => return false,
                (false, true) => folded(&a.text),
                _ => Cow::Borrowed(&*a.text),
            };
            match (a.how, b.how) {
                (How::Exact, _) => Text::holds(b, &a_text),
                (How::Prefix, How::Prefix) => a_text.starts_with(&*b.text),
                (How::Suffix, How::Suffix) => a_text.ends_with(&*b.text),
                (_, How::Contains) => a_text.contains(&*b.text),
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether no value passes both, and there is one value only.
fn excludes(path: &Path, first: &Test, second: &Test) -> bool {
    if !single(path) {
        return false;
    }
    // Attributes that are numbers are texts, too.
    let data = matches!(path, Path::Data { .. });
    if data && kind(first).zip(kind(second)).is_some_and(|(a, b)| a != b) {
        return true;
    }
    let (composite, other) = match (first, second) {
        (Test::Composite, other) | (other, Test::Composite) => (true, other),
        _ => (false, second),
    };
    if composite {
        return *other != Test::Composite;
    }
    match (first, second) {
        (Test::Bool(a), Test::Bool(b)) => a != b,
        (Test::Number(a), Test::Number(b)) => apart(a, b),
        (Test::Literal(a), Test::Literal(b)) => a != b,
        (Test::Literal(literal), Test::Number(range))
        | (Test::Number(range), Test::Literal(literal)) => {
            let value = literal.parse().ok().and_then(Number::new);
            value.is_some_and(|value| !range.contains(value))
        }
        (Test::Text(a), Test::Text(b)) => texts_exclude(a, b),
        (Test::Text(text), Test::Wildcard(pattern))
        | (Test::Wildcard(pattern), Test::Text(text)) => text_excludes(text, pattern),
        (Test::Wildcard(a), Test::Wildcard(b)) => {
            let ends = |pattern: &Wildcard| match &*pattern.parts {
                [first, .., last] => Some((first.clone(), last.clone())),
                _ => None,
            };
            let Some((a, b)) = ends(a).zip(ends(b)) else {
                return false;
            };
            let begins = a.0.starts_with(&*b.0) || b.0.starts_with(&*a.0);
            let ends = a.1.ends_with(&*b.1) || b.1.ends_with(&*a.1);
            !begins || !ends
        }
        (Test::Text(text), Test::Cidr(network)) | (Test::Cidr(network), Test::Text(text))
            if text.how == How::Exact && !text.fold =>
        {
            let address = text.text.parse::<IpAddr>();
            !address.is_ok_and(|address| network.contains(&address))
        }
        (Test::Text(text), Test::NoneOf(tests)) | (Test::NoneOf(tests), Test::Text(text))
            if text.how == How::Exact && !text.fold =>
        {
            let value = Scalar::Text(Cow::Borrowed(&text.text));
            tests.iter().any(|test| of_text(test) && test.holds(&value))
        }
        _ => false,
    }
}

/// What values a test is about, where it is about one kind.
fn kind(test: &Test) -> Option<u8> {
    match test {
        Test::Text(_) | Test::Wildcard(_) | Test::Cidr(_) => Some(0),
        Test::Number(_) | Test::Literal(_) => Some(1),
        Test::Bool(_) => Some(2),
        Test::Null => Some(3),
        Test::Composite => Some(4),
        Test::Exists | Test::NoneOf(_) => None,
    }
}

fn of_text(test: &Test) -> bool {
    kind(test) == Some(0)
}

fn texts_exclude(a: &Text, b: &Text) -> bool {
    // Lower case is made character by character, so that what begins, ends or contains goes on to do so.
    let fold = a.fold || b.fold;
    let seen = |text: &'_ str| match fold {
        true => folded(text).into_owned(),
        false => text.to_owned(),
    };
    let (a, a_text, b, b_text) = (a, seen(&a.text), b, seen(&b.text));
    let fits = |how: How, whole: &str, text: &str| match how {
        How::Exact => whole == text,
        How::Prefix => whole.starts_with(text),
        How::Suffix => whole.ends_with(text),
        How::Contains => whole.contains(text),
    };
    match (a.how, b.how) {
        (How::Exact, how) => !fits(how, &a_text, &b_text),
        (how, How::Exact) => !fits(how, &b_text, &a_text),
        (How::Prefix, How::Prefix) => !a_text.starts_with(&b_text) && !b_text.starts_with(&a_text),
        (How::Suffix, How::Suffix) => !a_text.ends_with(&b_text) && !b_text.ends_with(&a_text),
        _ => false,
    }
}

fn text_excludes(text: &Text, pattern: &Wildcard) -> bool {
    let [first, .., last] = &*pattern.parts else {
        return false;
    };
    match text.how {
        _ if text.fold => false,
        How::Exact => !pattern.matches(&text.text),
        How::Prefix => !first.starts_with(&*text.text) && !text.text.starts_with(&**first),
        How::Suffix => !last.ends_with(&*text.text) && !text.text.ends_with(&**last),
        How::Contains => false,
    }
}

fn nothing_between(range: &Range) -> bool {
    match (range.low, range.high) {
        (Some(low), Some(high)) => {
            low.at > high.at || low.at == high.at && !(low.inclusive && high.inclusive)
        }
        _ => false,
    }
}

fn apart(a: &Range, b: &Range) -> bool {
    let between = |low: &Range, high: &Range| {
        nothing_between(&Range {
            low: low.low,
            high: high.high,
        })
    };
    between(a, b) || between(b, a)
}

fn within(inner: &Range, outer: &Range) -> bool {
    let low = outer.low.is_none_or(|outer| {
        inner.low.is_some_and(|inner| {
            inner.at > outer.at || inner.at == outer.at && (outer.inclusive || !inner.inclusive)
        })
    });
    low && outer.high.is_none_or(|outer| {
        inner.high.is_some_and(|inner| {
            inner.at < outer.at || inner.at == outer.at && (outer.inclusive || !inner.inclusive)
        })
    })
}
