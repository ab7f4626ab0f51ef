//! `knative`: `filter` and `filters` of a Knative Trigger.

mod render;

use crate::ir::{Formula, Path, Test};
use crate::read::{check_name, kind, text_of};
use crate::{Dialect, InvalidFilter, Reader, Rendering};
use serde_json::Value;

/// The two keys of a Trigger. Where `filters` is there, `filter` does not count, as in Knative.
#[derive(Debug)]
pub(super) struct Knative;

impl Dialect for Knative {
    fn name(&self) -> &'static str {
        "knative"
    }

    fn parse(&self, body: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
        let Value::Object(map) = body else {
            return reader.refuse(format!(
                "`knative` takes a map with `filter` or `filters`, found {}",
                kind(body)
            ));
        };
        let known = |key: &&String| matches!(key.as_str(), "filter" | "filters");
        if let Some(other) = map.keys().find(|key| !known(key)) {
            return reader.at(other, |reader| {
                reader.refuse_key(format!(
                    "unknown key `{other}` (there are: filter, filters)"
                ))
            });
        }
        let attributes = match map.get("filter") {
            None | Some(Value::Null) => Formula::yes(),
            Some(filter) => reader.at("filter", |reader| attributes(filter, reader))?,
        };
        match map.get("filters") {
            None | Some(Value::Null) => Ok(attributes),
            Some(Value::Array(members)) if members.is_empty() => Ok(attributes),
            Some(Value::Array(list)) => {
                let all = reader.at("filters", |reader| members(list, reader))?;
                Ok(Formula::all(all))
            }
            Some(other) => reader.at("filters", |reader| {
                reader.refuse(format!(
                    "a list of filters belongs here, found {}",
                    kind(other)
                ))
            }),
        }
    }

    fn render(&self, formula: &Formula) -> Rendering {
        super::render::render(&render::Filters, formula)
    }
}

/// An empty value asks for the attribute, whatever it is.
fn attributes(filter: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
    let Some(Value::Object(map)) = filter.get("attributes") else {
        return reader.refuse("`filter` is a map with `attributes`, a map of attribute to value");
    };
    let one = |name: &String, value: &Value, reader: &mut Reader<'_>| {
        if let Err(reason) = check_name(name) {
            return reader.refuse_key(reason);
        }
        reader.count(1)?;
        let test = match text_of(value) {
            Some(text) if text.is_empty() => Test::Exists,
            Some(text) => Test::exact(text),
            None => return reader.refuse(format!("a value is a text, found {}", kind(value))),
        };
        Ok(Formula::test(Path::attribute(name.as_str()), test))
    };
    let all: Result<Vec<_>, _> = reader.at("attributes", |reader| {
        map.iter()
            .map(|(name, value)| reader.at(name, |reader| one(name, value, reader)))
            .collect()
    });
    Ok(Formula::all(all?))
}

fn members(list: &[Value], reader: &mut Reader<'_>) -> Result<Vec<Formula>, InvalidFilter> {
    list.iter()
        .enumerate()
        .map(|(index, one)| reader.at(index, |reader| member(one, reader)))
        .collect()
}

/// One of the dialects that Knative knows; `cesql` is our `sql`.
fn member(one: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
    let single = one.as_object().filter(|map| map.len() == 1);
    let Some((name, body)) = single.and_then(|map| map.iter().next()) else {
        return reader.refuse("a filter is a map that names one dialect");
    };
    reader.at(name, |reader| match (name.as_str(), body) {
        ("cesql", body) => reader.in_dialect("sql", body),
        ("exact" | "prefix" | "suffix", body) => reader.in_dialect(name, body),
        ("not", body) => reader.nested(|reader| Ok(member(body, reader)?.negated())),
        ("all" | "any", Value::Array(list)) if !list.is_empty() => reader.nested(|reader| {
            let members = members(list, reader)?;
            Ok(match name.as_str() {
                "any" => Formula::any(members),
                _ => Formula::all(members),
            })
        }),
        ("all" | "any", _) => reader.refuse(format!("`{name}` takes a list of filters")),
        _ => reader.refuse_key(format!(
            "unknown dialect `{name}` (Knative has: exact, prefix, suffix, all, any, not, cesql)"
        )),
    })
}
