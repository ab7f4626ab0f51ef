//! A filter that ends in an error is counted, wherever the index looks for it.

use serde_json::json;
use tradewind_event::{Attribute, Event};
use tradewind_filter::{Filter, Formula, Limits, Scratch, Snapshot, View, compile};

/// Whether the filter ends in an error: on its own, in a set, and in a crowd of its like.
pub(crate) fn failed(filter: &Filter, event: &Event) -> bool {
    let (mut scratch, mut passed) = (Scratch::default(), Vec::new());
    let alone = View::new(event);
    let passes = filter.evaluate(&alone, &mut scratch);
    let mut snapshot = Snapshot::new(Limits::default());
    for like in [1, 60] {
        for id in 0..like {
            snapshot.add(id, filter.formula()).unwrap();
        }
        let all: Vec<u64> = (0..like).collect();
        let view = View::new(event);
        snapshot.matches(&view, &mut scratch, &mut passed);
        let (failed, formula) = (view.failed(), filter.formula());
        assert_eq!(passed == all, passes, "{formula:?}");
        assert_eq!(failed == all, alone.faults() == 1, "{formula:?}");
        assert!(failed == all || failed.is_empty(), "{failed:?}");
    }
    for id in 0..60 {
        snapshot.remove(id);
    }
    snapshot.matches(&View::new(event), &mut scratch, &mut passed);
    assert!(passed.is_empty());
    alone.faults() == 1
}

#[test]
fn errors_in_what_the_index_sees_are_counted() {
    let event = Event::builder("1", "/s", "t")
        .extension("hops", Attribute::Integer(3))
        .data(
            "application/json",
            r#"{"n":1,"text":"a","flag":true,"inner":{}}"#,
        )
        .build()
        .unwrap();
    for (definition, fails) in [
        (json!({ "sql": "subject = 'x'" }), true),
        (json!({ "sql": "subject != 'x' OR type = 't'" }), true),
        (json!({ "sql": "type = 't' OR subject != 'x'" }), false),
        (json!({ "sql": "type = 'u' AND subject = 'x'" }), false),
        (json!({ "sql": "type = 't' AND subject LIKE 'x%'" }), true),
        (json!({ "sql": "NOT (subject IN ('x', 'y'))" }), true),
        (json!({ "sql": "EXISTS subject AND subject = 'x'" }), false),
        (json!({ "sql": "INT(type) = 1 AND type = 'u'" }), true),
        (json!({ "sql": "type = 'u' AND INT(type) = 1" }), false),
        (json!({ "cel": "message.subject == 'x'" }), true),
        (
            json!({ "cel": "message.subject == 'x' || message.type == 't'" }),
            false,
        ),
        (json!({ "cel": "message.data.nothing == 1" }), true),
        (json!({ "cel": "message.data.text > 1" }), true),
        (json!({ "cel": "message.data.n.startsWith('a')" }), true),
        (json!({ "cel": "message.data.n == 'a'" }), false),
        (json!({ "cel": "message.data.flag" }), false),
        (json!({ "cel": "message.data.n" }), true),
        (json!({ "cel": "message.data.inner == 1" }), false),
        (
            json!({ "cel": "has(message.data.gone) && message.data.gone == 1" }),
            false,
        ),
        (
            json!({ "cel": "message.type == 'u' && message.data.gone == 1" }),
            false,
        ),
        (
            json!({ "cel": "message.data.flag ? message.data.gone == 1 : true" }),
            true,
        ),
        (
            json!({ "cel": "int(message.type) == 1 && message.type == 't'" }),
            true,
        ),
        (json!({ "not": { "cel": "message.subject == 'x'" } }), true),
        (
            json!([{ "exact": { "type": "u" } }, { "sql": "subject = 'x'" }]),
            false,
        ),
        (
            json!([{ "exact": { "type": "t" } }, { "sql": "subject = 'x'" }]),
            true,
        ),
        (
            json!({ "any": [{ "sql": "subject = 'x'" }, { "exact": { "type": "t" } }] }),
            true,
        ),
        (
            json!({ "any": [{ "exact": { "type": "t" } }, { "sql": "subject = 'x'" }] }),
            false,
        ),
        (json!({ "exact": { "subject": "x" } }), false),
    ] {
        let filter = compile(&definition).unwrap();
        assert_eq!(failed(&filter, &event), fails, "{definition}");
        if fails {
            assert!(!filter.explain(&event).errors.is_empty(), "{definition}");
        }
    }
}

#[test]
fn filters_that_may_fail_are_not_compared_with_every_event() {
    let mut snapshot = Snapshot::new(Limits::default());
    for (id, definition) in [
        json!({ "sql": "subject = 'x' AND hops != 1" }),
        json!({ "sql": "type = 'u' AND INT(subject) > 1" }),
        json!({ "cel": "message.data.n > 1 && message.data.text.startsWith('a')" }),
        json!({ "cel": "message.type == 'u' && message.data.n + 1 == 2" }),
        json!({ "cel": "message.data.flag || message.data.text != 'a'" }),
    ]
    .iter()
    .enumerate()
    {
        let filter = compile(definition).unwrap();
        let formula = filter.formula();
        snapshot.add(id as u64, &formula.faults()).unwrap();
        assert_eq!(snapshot.scanned(), 0, "{definition}");
    }
    assert_eq!(
        compile(&json!({ "exact": { "type": "t" } }))
            .unwrap()
            .formula()
            .faults(),
        Formula::no()
    );
}
