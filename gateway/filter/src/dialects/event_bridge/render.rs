//! From a formula back to a pattern.

use super::parse::COMBINATIONS_MAX;
use crate::dialects::render::{Said, Target};
use crate::ir::{Arrays, Field, How, Path, Predicate, Range, Test, Text};
use crate::{Bound, Number};
use ipnet::IpNet;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::Ipv6Addr;

/// Rules of fields, one of which must hold: what `$or` can say.
pub(super) struct Patterns;

/// Fields by their way, each with its conditions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    fields: BTreeMap<Vec<String>, Vec<Value>>,
    /// Fields of arrays, which a pattern takes from the same elements.
    through: bool,
}

impl Target for Patterns {
    type Part = Vec<Rule>;

    fn predicate(&self, predicate: &Predicate, negated: bool) -> Said<Self::Part> {
        let Some(keys) = keys(&predicate.path) else {
            return Said::no(format!(
                "`{}`, which an envelope does not have",
                predicate.path
            ));
        };
        let conditions = match negated {
            false => conditions(&predicate.test),
            true => contrary(&predicate.test),
        };
        let Some(conditions) = conditions else {
            let words = predicate.test.words(negated);
            return Said::no(format!("{} {words}", predicate.path));
        };
        let arrays = match &predicate.path {
            Path::Attribute(_) => None,
            Path::Data { arrays, .. } => Some(*arrays),
        };
        let rule = Rule {
            fields: BTreeMap::from([(keys, conditions)]),
            through: arrays == Some(Arrays::Through),
        };
        match arrays {
            // A pattern sees what the path does not, and would keep the event.
            Some(Arrays::Never | Arrays::Last) if negated => Said::no(format!(
                "that {} {}, whatever arrays hold",
                predicate.path,
                predicate.test.words(true)
            )),
            // An array passes where one of its elements does.
            Some(Arrays::Never) => Said::weaker(
                vec![rule],
                format!("that {} is not in an array", predicate.path),
            ),
            Some(Arrays::Last) => Said::weaker(
                vec![rule],
                format!("that {} is not behind an array", predicate.path),
            ),
            Some(Arrays::Through) if negated && !matches!(predicate.test, Test::Exists) => {
                Said::weaker(
                    vec![rule],
                    format!(
                        "that no element of an array is otherwise in {}",
                        predicate.path
                    ),
                )
            }
            _ => Said::exactly(vec![rule]),
        }
    }

    fn together(&self, fields: &[Field]) -> Said<Self::Part> {
        let mut rule = Rule {
            fields: BTreeMap::new(),
            through: true,
        };
        for field in fields {
            let written: Option<Vec<_>> = field.tests.iter().map(conditions).collect();
            let (Some(keys), Some(written)) = (keys(&field.path), written) else {
                return Said::no(format!("the conditions on {}", field.path));
            };
            let written = written.into_iter().flatten().collect();
            if rule.fields.insert(keys, written).is_some() {
                return Said::no(format!("two conditions on {}", field.path));
            }
        }
        Said::exactly(vec![rule])
    }

    fn all(&self, parts: Vec<Self::Part>) -> Result<Self::Part, String> {
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            if all.len().saturating_mul(part.len()) > COMBINATIONS_MAX {
                return Err(format!("more than {COMBINATIONS_MAX} combinations"));
            }
            let both = all
                .iter()
                .flat_map(|one| part.iter().map(move |other| merged(one, other)))
                .collect::<Result<_, _>>()?;
            all = both;
        }
        Ok(all)
    }

    fn any(&self, parts: Vec<Self::Part>) -> Result<Self::Part, String> {
        let mut any: Vec<Rule> = Vec::new();
        for rule in parts.into_iter().flatten() {
            // Values of one field go into one list.
            let same = |known: &&mut Rule| {
                known.fields.len() == 1
                    && rule.fields.len() == 1
                    && known.fields.keys().eq(rule.fields.keys())
            };
            match any.iter_mut().find(same) {
                Some(known) => {
                    for (keys, conditions) in rule.fields {
                        known.fields.entry(keys).or_default().extend(conditions);
                    }
                }
                None => any.push(rule),
            }
        }
        match any.len() > COMBINATIONS_MAX {
            true => Err(format!("more than {COMBINATIONS_MAX} combinations")),
            false => Ok(any),
        }
    }

    fn whole(&self, part: Option<Self::Part>) -> Value {
        // A pattern cannot be empty; every event has a source.
        let Some(mut rules) = part else {
            return json!({ "source": [{ "exists": true }] });
        };
        match rules.len() {
            1 => object(rules.remove(0)),
            _ => json!({ "$or": rules.into_iter().map(object).collect::<Vec<_>>() }),
        }
    }
}

fn merged(one: &Rule, other: &Rule) -> Result<Rule, String> {
    if one.through && other.through {
        return Err("that members of arrays may come from different elements".into());
    }
    let mut rule = one.clone();
    rule.through |= other.through;
    for (keys, conditions) in &other.fields {
        let clash = |known: &Vec<String>| known.starts_with(keys) || keys.starts_with(known);
        if rule.fields.keys().any(clash) {
            return Err(format!("two conditions on {}", keys.join(".")));
        }
        rule.fields.insert(keys.clone(), conditions.clone());
    }
    Ok(rule)
}

fn object(rule: Rule) -> Value {
    let mut whole = Value::Object(Map::new());
    for (keys, conditions) in rule.fields {
        let mut at = &mut whole;
        for key in &keys {
            // What is not there yet is made.
            at = &mut at[key.as_str()];
        }
        *at = Value::Array(conditions);
    }
    whole
}

/// Where the envelope has it.
fn keys(path: &Path) -> Option<Vec<String>> {
    match path {
        Path::Attribute(name) => match &**name {
            "type" => Some(vec!["detail-type".into()]),
            "subject" => Some(vec!["resources".into()]),
            "detail" | "version" | "resources" | "specversion" => None,
            other => Some(vec![other.into()]),
        },
        // A pattern takes a dot for a step.
        Path::Data { keys, .. } if keys.iter().any(|key| &**key == "$or" || key.contains('.')) => {
            None
        }
        Path::Data { keys, .. } => {
            let detail = std::iter::once("detail".to_owned());
            Some(
                detail
                    .chain(keys.iter().map(|key| key.to_string()))
                    .collect(),
            )
        }
    }
}

fn conditions(test: &Test) -> Option<Vec<Value>> {
    let one = |value| Some(vec![value]);
    match test {
        Test::Exists => one(json!({ "exists": true })),
        Test::Null => one(Value::Null),
        Test::Bool(value) => one(Value::Bool(*value)),
        Test::Literal(text) => one(serde_json::from_str(text).ok()?),
        Test::Number(range) => one(numeric(range)?),
        Test::Text(text) => one(compared(text)?),
        Test::Wildcard(pattern) => {
            let last = pattern.parts.len().saturating_sub(1);
            let parts: Vec<_> = (pattern.parts.iter().enumerate())
                // Two stars in a row are one.
                .filter(|(at, part)| *at == 0 || *at == last || !part.is_empty())
                .map(|(_, part)| escaped(part))
                .collect();
            one(json!({ "wildcard": parts.join("*") }))
        }
        Test::Cidr(network) if network.prefix_len() == network.max_prefix_len() => match network {
            IpNet::V6(host) => one(host.addr().to_string().into()),
            IpNet::V4(_) => None,
        },
        Test::Cidr(network) => one(json!({ "cidr": network.to_string() })),
        Test::NoneOf(tests) => one(json!({ "anything-but": but(tests)? })),
        Test::Composite => None,
    }
}

/// Absent, or there and other.
fn contrary(test: &Test) -> Option<Vec<Value>> {
    let absent = json!({ "exists": false });
    match test {
        Test::Exists => Some(vec![absent]),
        Test::NoneOf(tests) => {
            let mut any = vec![absent];
            for test in tests.iter() {
                any.extend(conditions(test)?);
            }
            Some(any)
        }
        other => Some(vec![
            absent,
            json!({ "anything-but": but(std::slice::from_ref(other))? }),
        ]),
    }
}

/// What `anything-but` excludes, where it can exclude all of these.
fn but(tests: &[Test]) -> Option<Value> {
    let written: Option<Vec<Vec<Value>>> = tests.iter().map(conditions).collect();
    let written: Vec<Value> = written?.into_iter().flatten().collect();
    let all = |test: fn(&Value) -> bool| written.iter().all(test);
    if all(Value::is_string) || all(Value::is_number) {
        return Some(Value::Array(written));
    }
    for name in ["prefix", "suffix", "equals-ignore-case", "wildcard"] {
        let texts: Option<Vec<Value>> = written
            .iter()
            .map(|value| value.get(name).filter(|text| text.is_string()).cloned())
            .collect();
        if let Some(texts) = texts {
            let empty = |text: &Value| text.as_str().is_some_and(str::is_empty);
            if matches!(name, "prefix" | "suffix") && texts.iter().any(empty) {
                return None;
            }
            let one = Map::from_iter([(name.to_owned(), Value::Array(texts))]);
            return Some(Value::Object(one));
        }
    }
    None
}

fn number(number: Number) -> Value {
    let double = number.get();
    match double.fract() == 0.0 && double.abs() < 9e15 {
        true => json!(double as i64),
        false => json!(double),
    }
}

fn numeric(range: &Range) -> Option<Value> {
    let end = |bound: Bound, strict: &str, closed: &str| {
        let operator = if bound.inclusive { closed } else { strict };
        [json!(operator), number(bound.at)]
    };
    match (range.low, range.high) {
        (Some(low), Some(high)) if low.at == high.at => {
            (low.inclusive && high.inclusive).then(|| number(low.at))
        }
        (Some(low), Some(high)) if low.at > high.at => None,
        (None, None) => None,
        (low, high) => {
            let low = low.map(|low| end(low, ">", ">="));
            let high = high.map(|high| end(high, "<", "<="));
            let both: Vec<_> = [low, high].into_iter().flatten().flatten().collect();
            Some(json!({ "numeric": both }))
        }
    }
}

fn compared(text: &Text) -> Option<Value> {
    let it = &*text.text;
    Some(match (text.how, text.fold) {
        // A pattern takes it for an address.
        (How::Exact, false) if it.parse::<Ipv6Addr>().is_ok() && !it.contains('.') => return None,
        (How::Exact, false) => it.into(),
        (How::Exact, true) => json!({ "equals-ignore-case": it }),
        (How::Prefix, false) => json!({ "prefix": it }),
        (How::Prefix, true) => json!({ "prefix": { "equals-ignore-case": it } }),
        (How::Suffix, false) => json!({ "suffix": it }),
        (How::Suffix, true) => json!({ "suffix": { "equals-ignore-case": it } }),
        (How::Contains, false) if it.is_empty() => json!({ "prefix": "" }),
        (How::Contains, false) => json!({ "wildcard": format!("*{}*", escaped(it)) }),
        (How::Contains, true) => return None,
    })
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('*', "\\*")
}
