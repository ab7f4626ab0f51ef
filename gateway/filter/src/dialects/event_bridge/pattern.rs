//! A pattern as it was read.

use crate::Number;
use ipnet::IpNet;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Alternatives, one of which must hold: what `$or` makes of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern {
    pub(super) rules: Vec<Rule>,
}

/// Fields that must all hold, in the order of their joined names.
pub(super) type Rule = BTreeMap<String, Field>;

/// What a field may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    /// The way to it, outermost name first.
    pub(super) keys: Vec<String>,
    /// One of these must hold.
    pub(super) conditions: Vec<Condition>,
}

impl Field {
    /// `exists: false` is one of the conditions.
    pub(super) fn may_be_absent(&self) -> bool {
        self.conditions.contains(&Condition::Exists(false))
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(Match, String),
    Numeric(Numeric),
    AnythingBut(But),
    Exists(bool),
    Cidr(String, IpNet),
}

/// How a text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Exactly,
    Prefix,
    Suffix,
    IgnoreCase,
    PrefixIgnoreCase,
    SuffixIgnoreCase,
    Wildcard,
}

/// What `anything-but` excludes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum But {
    Texts(Match, Vec<String>),
    Numbers(Vec<serde_json::Number>),
}

/// A range of numbers, as written and as compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numeric {
    pub(super) written: Vec<Value>,
    pub(super) range: crate::Range,
}

/// The double that a number of a pattern is compared as; `None` where it has more digits than a
/// double tells apart, and is compared as it is written.
pub(super) fn comparable(number: &serde_json::Number) -> Option<Number> {
    let double = Number::new(number.as_f64()?)?;
    let whole = number.as_i64().map(i128::from);
    match whole.or_else(|| number.as_u64().map(i128::from)) {
        // The shortest decimal of the double must be the number.
        Some(whole) => (shortest(double.get()) == Some(whole)).then_some(double),
        None => Some(double),
    }
}

/// A whole double as the shortest decimal that leads back to it says it.
fn shortest(double: f64) -> Option<i128> {
    let (digits, exponent) = {
        let text = format!("{double:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let fraction = mantissa.split_once('.').map_or(0, |(_, f)| f.len());
        let digits: i128 = mantissa.replace('.', "").parse().ok()?;
        (digits, exponent.parse::<i32>().ok()? - fraction as i32)
    };
    digits.checked_mul(10_i128.checked_pow(exponent.try_into().ok()?)?)
}

impl Condition {
    /// The condition as it is written in a pattern.
    pub(super) fn written(&self) -> Value {
        match self {
            Condition::Null => Value::Null,
            Condition::Bool(value) => Value::Bool(*value),
            Condition::Number(number) => Value::Number(number.clone()),
            Condition::Text(Match::Exactly, text) => text.as_str().into(),
            Condition::Text(how, text) => wrapped(*how, text.as_str().into()),
            Condition::Numeric(numeric) => json!({ "numeric": numeric.written }),
            Condition::Exists(exists) => json!({ "exists": exists }),
            Condition::Cidr(written, _) => json!({ "cidr": written }),
            Condition::AnythingBut(But::Numbers(numbers)) => {
                json!({ "anything-but": single(numbers.iter().cloned().map(Value::Number)) })
            }
            Condition::AnythingBut(But::Texts(how, texts)) => {
                let texts = single(texts.iter().map(|text| text.as_str().into()));
                let texts = match how {
                    Match::Exactly => texts,
                    how => wrapped(*how, texts),
                };
                json!({ "anything-but": texts })
            }
        }
    }
}

fn single(values: impl Iterator<Item = Value>) -> Value {
    let mut values: Vec<_> = values.collect();
    match values.len() {
        1 => values.remove(0),
        _ => Value::Array(values),
    }
}

fn wrapped(how: Match, value: Value) -> Value {
    let one = |name: &str, value| Value::Object(Map::from_iter([(name.to_owned(), value)]));
    match how {
        Match::Exactly => one("exactly", value),
        Match::Prefix => one("prefix", value),
        Match::Suffix => one("suffix", value),
        Match::IgnoreCase => one("equals-ignore-case", value),
        Match::PrefixIgnoreCase => one("prefix", one("equals-ignore-case", value)),
        Match::SuffixIgnoreCase => one("suffix", one("equals-ignore-case", value)),
        Match::Wildcard => one("wildcard", value),
    }
}
