//! Filter definitions, and what they say of events.

use crate::Target;
use crate::input::Cut;
use bytes::Bytes;
use serde_json::Value;
use tradewind_event::{Attribute, Event, json};
use tradewind_filter::{DEPTH_MAX, compile};

/// A definition on the first line, an event in JSON below.
pub(super) const FILTER: Target = Target {
    words: &[
        "{\"exact\":{\"type\":\"t\"}}",
        "\"prefix\":",
        "\"suffix\":",
        "\"all\":[",
        "\"any\":[",
        "\"not\":",
        "\"subject\":\"a\"",
        "\"sql\":",
        "\"cesql\":",
        "true",
        "-1",
        "null",
    ],
    growth: 512,
    ..Target::new("filter", filter)
};

fn filter(input: &[u8]) {
    let mut input = Cut(input);
    let Ok(definition) = serde_json::from_str::<Value>(input.line()) else {
        return;
    };
    let event = json::decode(Bytes::copy_from_slice(input.rest())).unwrap_or_else(|_| {
        Event::builder("a", "/s", "t")
            .subject("ab")
            .extension("flag", Attribute::Boolean(true))
            .extension("number", Attribute::Integer(-1))
            .build()
            .unwrap()
    });
    match compile(&definition) {
        Ok(filter) => {
            assert!(nesting(&definition) <= DEPTH_MAX);
            let verdict = filter.matches(&event);
            if let Some(wanted) = holds(&definition, &event) {
                assert_eq!(verdict, wanted);
            }
            for verdict in filter.explain(&event).verdicts {
                assert!(!verdict.predicate.is_empty());
            }
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(error.pointer.is_empty() || definition.pointer(&error.pointer).is_some());
        }
    }
}

/// How many `all`, `any` and `not` stand within each other.
fn nesting(definition: &Value) -> usize {
    match definition {
        Value::Array(members) => members.iter().map(nesting).max().unwrap_or_default(),
        Value::Object(map) => {
            let joined = |name: &String| matches!(name.as_str(), "all" | "any" | "not");
            map.iter()
                .filter(|(name, _)| joined(name))
                .map(|(_, below)| 1 + nesting(below))
                .max()
                .unwrap_or_default()
        }
        _ => 0,
    }
}

/// The definition read as it stands; `None` for dialects that are not known here.
fn holds(definition: &Value, event: &Event) -> Option<bool> {
    let members = |members: &Value| -> Option<Vec<bool>> {
        members
            .as_array()?
            .iter()
            .map(|member| holds(member, event))
            .collect()
    };
    let compare = |map: &Value, test: fn(&str, &str) -> bool| -> Option<bool> {
        Some(map.as_object()?.iter().all(|(name, wanted)| {
            let wanted = wanted
                .as_str()
                .map_or_else(|| wanted.to_string(), str::to_owned);
            let actual = event.attribute(name).map(|v| v.to_canonical().into_owned());
            actual.is_some_and(|actual| test(&actual, &wanted))
        }))
    };
    let Value::Object(map) = definition else {
        return match definition {
            Value::Array(_) => Some(!members(definition)?.contains(&false)),
            _ => Some(true),
        };
    };
    let (name, body) = map.iter().next()?;
    match name.as_str() {
        "exact" => compare(body, |a, w| a == w),
        "prefix" => compare(body, |a, w| a.starts_with(w)),
        "suffix" => compare(body, |a, w| a.ends_with(w)),
        "all" => Some(!members(body)?.contains(&false)),
        "any" => Some(members(body)?.contains(&true)),
        "not" => Some(!holds(body, event)?),
        _ => None,
    }
}
