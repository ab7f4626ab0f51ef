//! `set` and `remove`.

use super::{order, run};
use serde_json::json;
use tradewind_event::{Attribute, Event};

#[test]
fn data_keeps_its_bytes_and_kind() {
    let bytes = "{ \"a\" : 1.10,\n\"a\": 2 }";
    let with_type = Event::builder("1", "/", "t")
        .data("application/json", bytes)
        .build()
        .unwrap();
    // JSON without a content type, as the JSON format allows.
    let document = format!(
        r#"{{"specversion":"1.0","id":"1","source":"/","type":"t","x":"y","data":{bytes}}}"#
    );
    let without_type = tradewind_event::json::decode(document.into()).unwrap();
    for event in [with_type, without_type] {
        let definition =
            json!([{"set": {"tier": 3, "hot": true, "type": "u"}}, {"remove": ["x", "nothere"]}]);
        let out = run(definition, &event).unwrap();
        assert_eq!(out.data(), event.data());
        assert_eq!(out.data_content_type(), event.data_content_type());
        assert_eq!(out.attribute("tier"), Some(Attribute::Integer(3)));
        assert_eq!(out.attribute("hot"), Some(Attribute::Boolean(true)));
        assert_eq!((out.ty(), out.attribute("x")), ("u", None));
        out.validate().unwrap();
    }
}

#[test]
fn all_are_set_from_the_event_before() {
    let definition = json!({"set": {"subject": "{{ event.type }}", "type": "{{ event.subject }}"}});
    let out = run(definition, &order()).unwrap();
    assert_eq!((out.subject(), out.ty()), (Some("order.placed"), "o-7"));
}

#[test]
fn identities_may_follow_from_the_event() {
    let definition = json!({"set": {"id": "{{ event.id }}-{{ data.id }}", "source": "/public"}});
    let out = run(definition, &order()).unwrap();
    assert_eq!((out.id(), out.source()), ("1-o-7", "/public"));
}

#[test]
fn results_are_valid_or_failures() {
    let table = [
        (json!({"time": "{{ data.id }}"}), "attribute `time`"),
        (
            json!({"id": "{{ data.nowhere | default('') }}"}),
            "attribute `id`",
        ),
        (
            json!({"dataschema": "{{ data.note }}"}),
            "attribute `dataschema`",
        ),
        (
            json!({"note": "{{ '\u{0}' ~ data.id }}"}),
            "attribute `note`",
        ),
        (
            json!({"note": "{{ data.id * 9999 }}"}),
            "`note`: the output has more than 8 KiB",
        ),
    ];
    for (set, expected) in table {
        let failed = run(json!({"set": set}), &order()).unwrap_err().to_string();
        assert!(failed.contains(expected), "{failed}");
    }
}
