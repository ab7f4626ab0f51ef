//! `event-grid`: the filter of an Azure Event Grid subscription.

mod advanced;
mod render;

use crate::ir::{Arrays, Formula, How, Path, Test, Text};
use crate::read::kind;
use crate::{Dialect, InvalidFilter, Reader, Rendering};
use serde_json::Value;

/// Subject, event types and advanced filters; all of them must hold.
#[derive(Debug)]
pub(super) struct EventGrid;

const KEYS: [&str; 6] = [
    "subjectBeginsWith",
    "subjectEndsWith",
    "isSubjectCaseSensitive",
    "includedEventTypes",
    "enableAdvancedFilteringOnArrays",
    "advancedFilters",
];

impl Dialect for EventGrid {
    fn name(&self) -> &'static str {
        "event-grid"
    }

    fn parse(&self, body: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
        super::text::json(body, reader, definition)
    }

    fn render(&self, formula: &Formula) -> Rendering {
        super::render::render(&render::Filters, formula)
    }
}

fn definition(body: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
    let Value::Object(map) = body else {
        return reader.refuse(format!(
            "an Event Grid filter is a map, found {}",
            kind(body)
        ));
    };
    if let Some(unknown) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return reader.at(unknown, |reader| {
            reader.refuse_key(format!(
                "unknown key `{unknown}` (there are: {})",
                KEYS.join(", ")
            ))
        });
    }
    let flag = |key: &str, reader: &mut Reader<'_>| match map.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(other) => reader.at(key, |reader| {
            reader.refuse(format!("`{key}` is true or false, found {}", kind(other)))
        }),
    };
    let case = flag("isSubjectCaseSensitive", reader)?;
    let arrays = match flag("enableAdvancedFilteringOnArrays", reader)? {
        true => Arrays::Last,
        false => Arrays::Never,
    };
    let mut all = Vec::new();
    for (key, how) in [
        ("subjectBeginsWith", How::Prefix),
        ("subjectEndsWith", How::Suffix),
    ] {
        match map.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => {
                reader.count(1)?;
                let text = match case {
                    true => Text::new(how, text.as_str()),
                    false => Text::folding(how, text),
                };
                all.push(Formula::test(Path::attribute("subject"), Test::Text(text)));
            }
            Some(other) => {
                return reader.at(key, |reader| {
                    reader.refuse(format!("`{key}` is a text, found {}", kind(other)))
                });
            }
        }
    }
    if let Some(types) = map.get("includedEventTypes") {
        all.extend(reader.at("includedEventTypes", |reader| included(types, reader))?);
    }
    match map.get("advancedFilters") {
        None | Some(Value::Null) => {}
        Some(Value::Array(filters)) => {
            for (index, filter) in filters.iter().enumerate() {
                let read = |reader: &mut Reader<'_>| {
                    reader.at(index, |reader| advanced::filter(filter, arrays, reader))
                };
                all.push(reader.at("advancedFilters", read)?);
            }
        }
        Some(other) => {
            return reader.at("advancedFilters", |reader| {
                reader.refuse(format!(
                    "a list of filters belongs here, found {}",
                    kind(other)
                ))
            });
        }
    }
    Ok(Formula::all(all))
}

/// The types that pass; `None` where all do.
fn included(types: &Value, reader: &mut Reader<'_>) -> Result<Option<Formula>, InvalidFilter> {
    let types = match types {
        Value::Null => return Ok(None),
        Value::Array(types) if !types.is_empty() => types,
        _ => return reader.refuse("a list of event types belongs here; leave it out to take all"),
    };
    let mut any = Vec::with_capacity(types.len());
    for (index, kind_of_event) in types.iter().enumerate() {
        reader.at(index, |reader| {
            let Value::String(text) = kind_of_event else {
                return reader.refuse(format!(
                    "an event type is a text, found {}",
                    kind(kind_of_event)
                ));
            };
            reader.count(1)?;
            any.push(Formula::test(
                Path::attribute("type"),
                Test::exact(text.as_str()),
            ));
            Ok(())
        })?;
    }
    let all = types.iter().any(|one| one == "All");
    Ok((!all).then(|| Formula::any(any)))
}
