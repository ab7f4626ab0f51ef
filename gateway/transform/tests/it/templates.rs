//! `template`.

use super::{data, order, run};
use serde_json::json;
use tradewind_event::{DataKind, Event};

#[test]
fn data_is_made_of_the_event() {
    let table = [
        (
            r#"{"id": {{ data.id }}, "of": {{ event.type }}}"#,
            r#"{"id": "o-7", "of": "order.placed"}"#,
        ),
        ("  {{ data.total * 2 }}\n", "25.0"),
        (
            "{{ data.items | map(attribute='sku') | list }}",
            r#"["a","b"]"#,
        ),
        // JSON already, and again by hand.
        (
            "[{{ data.id | tojson }}, {{ data.none }}]",
            r#"["o-7", null]"#,
        ),
        // Members keep their order.
        ("{{ data.items[0] }}", r#"{"sku":"a","n":2}"#),
        (
            "[{% for i in data.items if i.n > 1 %}{{ i.sku }}{% endfor %}]",
            r#"["a"]"#,
        ),
        ("{{ data.nowhere | default('x') }}", r#""x""#),
        (
            "{{ 'yes' if data.nowhere is defined else 'no' }}",
            r#""no""#,
        ),
        ("{{ event.traceid ~ '-' ~ event.subject }}", r#""abc-o-7""#),
        // A value cannot become members.
        (
            r#"{"note": {{ data.note }}}"#,
            r#"{"note": "\",\"admin\":true,\"x\":\""}"#,
        ),
    ];
    for (template, expected) in table {
        let event = run(json!({"template": template}), &order()).unwrap();
        assert_eq!(data(&event), expected, "{template}");
        assert_eq!(event.data_content_type(), Some("application/json"));
        assert_eq!(event.data().unwrap().kind, DataKind::Json);
        // It described what is not there any more.
        assert_eq!(event.data_schema(), None);
        assert_eq!(event.subject(), Some("o-7"));
    }
}

#[test]
fn other_content_types_are_text() {
    let definition = json!({"template": {"text": "{{ data.id }} costs {{ data.total }}", "content-type": "text/plain"}});
    let event = run(definition, &order()).unwrap();
    assert_eq!(data(&event), "o-7 costs 12.5");
    assert_eq!(event.data_content_type(), Some("text/plain"));
    assert_eq!(event.data().unwrap().kind, DataKind::Text);
}

#[test]
fn text_is_read_as_text() {
    let event = Event::builder("1", "/", "t")
        .data("text/plain", "a \"b\"")
        .build()
        .unwrap();
    let out = run(json!({"template": "{{ data }}"}), &event).unwrap();
    assert_eq!(data(&out), r#""a \"b\"""#);
}

#[test]
fn failures_say_why() {
    let binary = Event::builder("1", "/", "t")
        .data("image/png", vec![0, 255])
        .build()
        .unwrap();
    let broken = Event::builder("1", "/", "t")
        .data("application/json", "{")
        .build()
        .unwrap();
    let none = Event::builder("1", "/", "t").build().unwrap();
    let table = [
        (
            "{{ data.nowhere }}",
            order(),
            "undefined value: `data.nowhere`",
        ),
        ("\n{{ data.id + 1 }}", order(), "invalid operation"),
        (
            "{{ event.nosuch }}",
            order(),
            "undefined value: `event.nosuch`",
        ),
        ("{{ data.id + 1 }}", order(), ": `data.id + 1`"),
        ("{{ data }}", none, "undefined value"),
        ("{{ data }}", binary, "`data` is neither JSON nor text"),
        ("{{ data }}", broken, "`data` is not well-formed JSON"),
        (
            r#"{"id": "{{ data.id }}"}"#,
            order(),
            "the output is not JSON",
        ),
        (
            "{{ data.id }} {{ data.id }}",
            order(),
            "the output is not JSON",
        ),
        ("", order(), "the output is not JSON"),
    ];
    for (template, event, expected) in table {
        let failed = run(json!({"template": template}), &event)
            .unwrap_err()
            .to_string();
        assert!(failed.starts_with("`template`: "), "{failed}");
        assert!(failed.contains(expected), "{template}: {failed}");
    }
}

/// A reference to a secret is resolved before the template is read.
#[test]
fn failures_do_not_show_what_stands_in_quotes() {
    for template in ["{{ data.total + 'swordfish' }}", "{{ \"swordfish\" / 2 }}"] {
        let transform = tradewind_transform::compile(&json!({"template": template})).unwrap();
        let failed = transform.apply(&order(), &Default::default()).unwrap_err();
        let told = format!("{failed} {failed:?} {transform:?}");
        assert!(!told.contains("swordfish"), "{told}");
    }
}

#[test]
fn steps_see_what_the_steps_before_made() {
    let definition = json!([
        {"template": r#"{"key": {{ data.id }}}"#},
        {"set": {"subject": "{{ data.key }}!", "type": "x.{{ event.type }}"}},
        {"remove": ["traceid"]},
    ]);
    let event = run(definition, &order()).unwrap();
    assert_eq!(
        (event.subject(), event.ty()),
        (Some("o-7!"), "x.order.placed")
    );
    assert_eq!(event.attribute("traceid"), None);

    let definition = json!([{"remove": ["traceid"]}, {"set": {"subject": "{{ event.traceid }}"}}]);
    let failed = run(definition, &order()).unwrap_err();
    assert_eq!(failed.step, Some(2));
    assert_eq!(
        failed.to_string(),
        "step 2, `set`: `subject`: undefined value: `event.traceid` is undefined"
    );
}
