//! Random definitions and events, against an evaluator that reads the definition as it stands.

use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tradewind_event::{Attribute, Event};
use tradewind_filter::compile;

type Attributes = BTreeMap<&'static str, String>;

fn holds(definition: &Value, event: &Attributes) -> bool {
    let compare = |map: &Value, test: fn(&str, &str) -> bool| {
        map.as_object().unwrap().iter().all(|(name, value)| {
            let wanted = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            event
                .get(name.as_str())
                .is_some_and(|actual| test(actual, &wanted))
        })
    };
    let members = |list: &Value| -> Vec<bool> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|m| holds(m, event))
            .collect()
    };
    match definition {
        Value::Array(_) => !members(definition).contains(&false),
        Value::Object(map) => match map.iter().next().unwrap() {
            (name, map) if name == "exact" => compare(map, |a, w| a == w),
            (name, map) if name == "prefix" => compare(map, |a, w| a.starts_with(w)),
            (name, map) if name == "suffix" => compare(map, |a, w| a.ends_with(w)),
            (name, list) if name == "all" => !members(list).contains(&false),
            (name, list) if name == "any" => members(list).contains(&true),
            (_, member) => !holds(member, event),
        },
        _ => true,
    }
}

/// Few names and short values, so that both answers are common.
fn text() -> impl Strategy<Value = String> {
    "[ab]{1,2}"
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text().prop_map(Value::from),
        1 => (-1..2i32).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
    ]
}

fn definition() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(&["id", "subject", "flag", "number", "absent"][..]);
    let dialect = prop::sample::select(&["exact", "prefix", "suffix"][..]);
    let comparison = (dialect, prop::collection::btree_map(name, scalar(), 1..3))
        .prop_map(|(dialect, map)| json!({ dialect: map }));
    let filter = comparison.prop_recursive(4, 24, 3, |inner| {
        let members = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            members.clone().prop_map(|m| json!({ "all": m })),
            members.prop_map(|m| json!({ "any": m })),
            inner.prop_map(|m| json!({ "not": m })),
        ]
    });
    prop_oneof![
        4 => filter.clone(),
        1 => prop::collection::vec(filter, 0..4).prop_map(Value::from),
    ]
}

fn leaves(definition: &Value) -> usize {
    match definition {
        Value::Array(list) => list.iter().map(leaves).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(name, body)| match name.as_str() {
                "exact" | "prefix" | "suffix" => body.as_object().unwrap().len(),
                _ => leaves(body),
            })
            .sum(),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn agrees_with_the_reference(
        definition in definition(),
        id in text(),
        subject in prop::option::of(text()),
        number in prop::option::of(-1..2i32),
        flag in prop::option::of(any::<bool>()),
    ) {
        let mut attributes = Attributes::from([("id", id.clone())]);
        let mut event = Event::builder(id, "/s", "t");
        if let Some(subject) = subject {
            attributes.insert("subject", subject.clone());
            event = event.subject(subject);
        }
        if let Some(number) = number {
            attributes.insert("number", number.to_string());
            event = event.extension("number", Attribute::Integer(number));
        }
        if let Some(flag) = flag {
            attributes.insert("flag", flag.to_string());
            event = event.extension("flag", Attribute::Boolean(flag));
        }
        let event = event.build().unwrap();
        let filter = compile(&definition).unwrap();
        prop_assert_eq!(filter.matches(&event), holds(&definition, &attributes));

        // Explaining never stops early, and tells the value that was met.
        let verdicts = filter.explain(&event).verdicts;
        prop_assert_eq!(verdicts.len(), leaves(&definition));
        for verdict in &verdicts {
            let name = verdict.predicate.split(' ').next().unwrap();
            prop_assert_eq!(verdict.actual.as_ref(), attributes.get(name));
        }

        // Under a `not` the whole and every predicate turn round.
        if definition.is_object() {
            let inverse = compile(&json!({ "not": definition })).unwrap();
            prop_assert_ne!(inverse.matches(&event), filter.matches(&event));
            for (one, other) in inverse.explain(&event).verdicts.iter().zip(&verdicts) {
                prop_assert_ne!(one.holds, other.holds);
                prop_assert_ne!(&one.predicate, &other.predicate);
            }
        }
    }
}
