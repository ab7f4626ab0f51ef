//! Filters that no event passes, and those that every event passes.

use proptest::prelude::*;
use serde_json::{Value, json};
use tradewind_event::{Attribute, Event};
use tradewind_filter::compile;

fn filter(definition: &Value) -> std::sync::Arc<tradewind_filter::Filter> {
    compile(definition).unwrap_or_else(|refused| panic!("{definition}: {refused}"))
}

#[test]
fn contradictions_in_every_dialect() {
    for (definition, never) in [
        (
            json!({ "all": [{ "exact": { "type": "a" } }, { "exact": { "type": "b" } }] }),
            true,
        ),
        (
            json!({ "all": [{ "exact": { "type": "a" } }, { "exact": { "subject": "b" } }] }),
            false,
        ),
        (
            json!({ "any": [{ "exact": { "type": "a" } }, { "exact": { "type": "b" } }] }),
            false,
        ),
        (
            json!({ "all": [{ "prefix": { "type": "shop." } }, { "not": { "prefix": { "type": "sho" } } }] }),
            true,
        ),
        (
            json!({ "all": [{ "prefix": { "type": "sho" } }, { "not": { "prefix": { "type": "shop." } } }] }),
            false,
        ),
        (
            json!({ "all": [{ "suffix": { "type": ".a" } }, { "exact": { "type": "x.b" } }] }),
            true,
        ),
        (json!({ "not": { "sql": "type LIKE '%'" } }), true),
        (json!({ "not": { "sql": "subject LIKE '%'" } }), false),
        (json!({ "sql": "type = 'a' AND type = 'b'" }), true),
        (
            json!({ "sql": "type = 'a' AND (type = 'b' OR type LIKE 'c%')" }),
            true,
        ),
        (
            json!({ "sql": "type = 'a' AND (type = 'b' OR type LIKE 'a%')" }),
            false,
        ),
        (json!({ "sql": "NOT EXISTS type" }), true),
        (
            json!({ "sql": "NOT EXISTS subject AND subject = 'a'" }),
            true,
        ),
        (
            json!({ "event-bridge": { "source": ["a"], "detail": { "n": [{ "numeric": [">", 0] }] } } }),
            false,
        ),
        // The data may be an envelope with a source of its own.
        (
            json!({ "all": [{ "event-bridge": { "source": ["a", "b"] } }, { "exact": { "source": "c" } }] }),
            false,
        ),
        (
            json!({ "all": [{ "event-bridge": { "source": ["a", "b"] } }, { "exact": { "source": "b" } }] }),
            false,
        ),
        // Arrays: one element may be 1, another 2.
        (
            json!({ "all": [{ "event-bridge": { "detail": { "n": [1] } } }, { "event-bridge": { "detail": { "n": [2] } } }] }),
            false,
        ),
        (
            json!({ "event-grid": { "advancedFilters": [
                { "operatorType": "NumberLessThan", "key": "data.size", "value": 1 },
                { "operatorType": "NumberGreaterThan", "key": "data.size", "value": 2 },
            ] } }),
            true,
        ),
        (
            json!({ "event-grid": { "advancedFilters": [
                { "operatorType": "NumberLessThan", "key": "data.size", "value": 2 },
                { "operatorType": "NumberGreaterThan", "key": "data.size", "value": 1 },
            ] } }),
            false,
        ),
    ] {
        assert_eq!(filter(&definition).formula().never(), never, "{definition}");
    }
}

#[test]
fn what_every_event_passes() {
    for (definition, always) in [
        (Value::Null, true),
        (
            json!({ "event-bridge": { "source": [{ "prefix": "" }] } }),
            false,
        ),
        (json!({ "sql": "subject LIKE '%'" }), false),
        (json!({ "sql": "type LIKE '%'" }), true),
        (json!({ "sql": "EXISTS id" }), true),
        (
            json!({ "any": [{ "exact": { "type": "a" } }, { "not": { "exact": { "type": "a" } } }] }),
            true,
        ),
        (json!({ "exact": { "type": "a" } }), false),
    ] {
        assert_eq!(
            filter(&definition).formula().always(),
            always,
            "{definition}"
        );
    }
}

fn leaf() -> impl Strategy<Value = Value> {
    let attribute = prop::sample::select(vec!["type", "subject", "x"]);
    let text = "[aA5]{1,3}";
    (attribute, text, 0..8).prop_map(|(attribute, text, how)| match how {
        0 => json!({ "exact": { attribute: text } }),
        1 => json!({ "prefix": { attribute: text } }),
        2 => json!({ "suffix": { attribute: text } }),
        3 => json!({ "sql": format!("{attribute} LIKE '{text}%'") }),
        4 => json!({ "sql": format!("EXISTS {attribute}") }),
        5 => json!({ "event-grid": { "advancedFilters": [
            { "operatorType": "StringContains", "key": attribute, "values": [text] }] } }),
        6 => json!({ "event-grid": { "advancedFilters": [
            { "operatorType": "NumberGreaterThan", "key": "data.n", "value": text.len() }] } }),
        _ => json!({ "event-grid": { "advancedFilters": [
            { "operatorType": "NumberLessThan", "key": "data.n", "value": text.len() }] } }),
    })
}

fn definition() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| json!({ "all": all })),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|any| json!({ "any": any })),
            inner.prop_map(|not| json!({ "not": not })),
        ]
    })
}

fn events() -> Vec<Event> {
    let texts = ["a", "A", "5", "aa", "aA", "a5", "55", "AAA", "5a5", "aaaa"];
    let mut events = Vec::new();
    for ty in texts {
        for subject in [None, Some("a"), Some("5A"), Some("aAa")] {
            for x in [
                None,
                Some(Attribute::Integer(5)),
                Some(Attribute::String("A5")),
                Some(Attribute::Boolean(true)),
            ] {
                for n in ["{}", r#"{"n":1.5}"#, r#"{"n":3}"#, r#"{"n":"a"}"#] {
                    let mut event = Event::builder("1", "/s", ty);
                    if let Some(subject) = subject {
                        event = event.subject(subject);
                    }
                    if let Some(x) = &x {
                        event = event.extension("x", *x);
                    }
                    events.push(event.data("application/json", n).build().unwrap());
                }
            }
        }
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// What is called impossible is passed by none of 640 events, and what is called certain by all.
    #[test]
    fn never_and_always_are_certain(definition in definition()) {
        let filter = filter(&definition);
        let (never, always) = (filter.formula().never(), filter.formula().always());
        if never || always {
            for event in events() {
                prop_assert_eq!(filter.matches(&event), always, "{} {:?}", definition, event);
            }
        }
    }
}
