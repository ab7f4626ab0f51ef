//! From a formula back to an expression.
//!
//! A formula has no failures, an expression has. As `&&` and `||` let what settles the matter count, a
//! failure is as good as false where nothing turns it round; under a `not`, absence and other types are
//! asked for first.

use super::lex::quoted;
use super::lower::ALWAYS;
use crate::dialects::render::{Said, Target};
use crate::ir::{Arrays, How, Number, Opaque, Path, Predicate, Range, Test};
use serde_json::Value;

/// Most bytes of an expression that is made.
const LENGTH_MAX: usize = 16 << 10;
/// Whole numbers below this are told apart by doubles too.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// CEL.
pub(super) struct Expressions;

/// An expression, and whether it needs brackets beside another operator.
type Written = (String, bool);

impl Target for Expressions {
    type Part = Written;

    fn predicate(&self, predicate: &Predicate, negated: bool) -> Said<Written> {
        let place = match Place::of(&predicate.path) {
            Ok(place) => place,
            Err(reason) => return Said::no(reason),
        };
        let words = || format!("{} {}", predicate.path, predicate.test.words(negated));
        if let (Test::Literal(number), false) = (&predicate.test, negated)
            && !place.attribute
            && number.parse().is_ok_and(|value: f64| value.abs() < EXACT)
        {
            return Said::weaker((format!("{} == {number}", place.text), true), words());
        }
        let said = match negated {
            false => place.anywhere(&predicate.test, false),
            true => place.anywhere(&predicate.test, true).map(|test| {
                let mut ways = place.absent.clone();
                ways.push((not(test), false));
                joined(ways, " || ")
            }),
        };
        match said {
            Some(said) => Said::exactly(said),
            None => Said::no(words()),
        }
    }

    fn opaque(&self, opaque: &Opaque, negated: bool) -> Said<Written> {
        let text = opaque.expression.text();
        match (opaque.expression.dialect(), negated) {
            ("cel", false) if opaque.wanted => Said::exactly((text.to_owned(), true)),
            ("cel", false) => Said::exactly((format!("!({text})"), false)),
            _ => Said::no(format!("`{text}`, which only its own dialect evaluates")),
        }
    }

    fn all(&self, parts: Vec<Written>) -> Result<Written, String> {
        bounded(joined(parts, " && "))
    }

    fn any(&self, parts: Vec<Written>) -> Result<Written, String> {
        bounded(joined(parts, " || "))
    }

    fn whole(&self, part: Option<Written>) -> Value {
        part.map_or_else(|| "true".into(), |(text, _)| text).into()
    }
}

fn bounded(written: Written) -> Result<Written, String> {
    match written.0.len() > LENGTH_MAX {
        true => Err("the expression would be too long".into()),
        false => Ok(written),
    }
}

/// Where a test looks.
struct Place {
    text: String,
    attribute: bool,
    /// One array at the end is looked into.
    last: bool,
    /// One of these is true where nothing is there.
    absent: Vec<Written>,
}

impl Place {
    fn of(path: &Path) -> Result<Self, String> {
        let (keys, arrays) = match path {
            Path::Attribute(name) => {
                let text = format!("message.{name}");
                let absent = match ALWAYS.contains(&&**name) {
                    true => Vec::new(),
                    false => vec![(format!("!has({text})"), false)],
                };
                return Ok(Self {
                    text,
                    attribute: true,
                    last: false,
                    absent,
                });
            }
            Path::Data { keys, arrays } => (keys, arrays),
        };
        if *arrays == Arrays::Through {
            return Err(format!(
                "{path}: that each element of an array on the way counts"
            ));
        }
        let mut text = "message.data".to_owned();
        let mut absent = vec![(format!("!has({text})"), false)];
        for key in keys.iter() {
            let mut chars = key.chars();
            let word = chars
                .next()
                .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !matches!(&**key, "true" | "false" | "null" | "in");
            absent.push((format!("type({text}) != map"), true));
            if word {
                text = format!("{text}.{key}");
                absent.push((format!("!has({text})"), false));
            } else {
                absent.push((format!("!({} in {text})", quoted(key)), false));
                text = format!("{text}[{}]", quoted(key));
            }
        }
        Ok(Self {
            text,
            attribute: false,
            last: *arrays == Arrays::Last,
            absent,
        })
    }

    /// That some value there passes. `total`: false, and no failure, where one of another type is there.
    fn anywhere(&self, test: &Test, total: bool) -> Option<Written> {
        if !self.last {
            return self.test(&self.text, test, total);
        }
        let (text, (each, _)) = (&self.text, self.test("e", test, true)?);
        let (one, _) = self.test(text, test, true)?;
        Some((
            format!("type({text}) == list ? {text}.exists(e, {each}) : {one}"),
            true,
        ))
    }

    fn test(&self, at: &str, test: &Test, total: bool) -> Option<Written> {
        let guarded = |kind: &str, said: Written| match total && !self.attribute {
            true => joined(vec![(format!("type({at}) {kind}"), true), said], " && "),
            false => said,
        };
        if self.attribute && at == "message.time" && *test != Test::Exists {
            return None;
        }
        Some(match test {
            Test::Exists if self.attribute && self.absent.is_empty() => ("true".into(), false),
            Test::Exists if self.attribute => (format!("has({at})"), false),
            Test::Exists => (format!("!(type({at}) in [list, map])"), false),
            Test::Text(text) if !text.fold => {
                let literal = quoted(&text.text);
                let call = match text.how {
                    How::Exact => return Some((format!("{at} == {literal}"), true)),
                    How::Prefix => "startsWith",
                    How::Suffix => "endsWith",
                    How::Contains => "contains",
                };
                guarded("== string", (format!("{at}.{call}({literal})"), false))
            }
            Test::Wildcard(pattern) => {
                let parts: Vec<_> = pattern
                    .parts
                    .iter()
                    .map(|part| regex::escape(part))
                    .collect();
                let pattern = quoted(&format!("^(?s:{})$", parts.join(".*")));
                guarded("== string", (format!("{at}.matches({pattern})"), false))
            }
            Test::NoneOf(tests) => {
                let mut all = vec![self.test(at, &Test::Exists, total)?];
                all.retain(|(text, _)| text != "true");
                for test in tests.iter() {
                    all.push((not(self.test(at, test, true)?), false));
                }
                if all.is_empty() {
                    ("true".into(), false)
                } else {
                    joined(all, " && ")
                }
            }
            _ if self.attribute => return None,
            Test::Composite => (format!("type({at}) in [list, map]"), true),
            Test::Null => (format!("{at} == null"), true),
            Test::Bool(value) => (format!("{at} == {value}"), true),
            Test::Number(range) => guarded("in [int, uint, double]", within(at, range)?),
            Test::Text(_) | Test::Literal(_) | Test::Cidr(_) => return None,
        })
    }
}

fn within(at: &str, range: &Range) -> Option<Written> {
    let (low, high) = match (range.low, range.high) {
        (Some(low), Some(high)) if low == high && low.inclusive => {
            return Some((format!("{at} == {}", number(low.at)?), true));
        }
        (None, None) => return Some((format!("type({at}) in [int, uint, double]"), true)),
        ends => ends,
    };
    let mut all = Vec::new();
    if let Some(low) = low {
        let mark = if low.inclusive { ">=" } else { ">" };
        all.push((format!("{at} {mark} {}", number(low.at)?), true));
    }
    if let Some(high) = high {
        let mark = if high.inclusive { "<=" } else { "<" };
        all.push((format!("{at} {mark} {}", number(high.at)?), true));
    }
    Some(joined(all, " && "))
}

fn number(at: Number) -> Option<String> {
    let value = at.get();
    match value.fract() == 0.0 {
        _ if value.abs() >= EXACT => None,
        true => Some(format!("{value}")),
        false => Some(format!("{value:e}")),
    }
}

fn not((text, compound): Written) -> String {
    match compound {
        true => format!("!({text})"),
        false => format!("!{text}"),
    }
}

fn joined(mut parts: Vec<Written>, operator: &str) -> Written {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    // Comparisons bind tighter, what is joined already does not.
    let loose = |text: &str| ["&&", "||", " ? "].iter().any(|mark| text.contains(mark));
    let wrapped = |(text, compound): Written| match compound && loose(&text) {
        true => format!("({text})"),
        false => text,
    };
    let parts: Vec<_> = parts.into_iter().map(wrapped).collect();
    (parts.join(operator), true)
}
