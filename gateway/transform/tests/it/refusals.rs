//! What is refused at load, where, and with which hint.

use serde_json::{Value, json};
use tradewind_transform::compile;

/// Definition, pointer, the text from the offset on, what the message holds.
fn table() -> Vec<(Value, &'static str, &'static str, &'static str)> {
    let transformer = |paths: Value, template: &str| json!({"input-transformer": {"InputPathsMap": paths, "InputTemplate": template}});
    vec![
        (json!([]), "", "", "needs a step"),
        (json!("set"), "", "", "expected a map, found a text"),
        (json!({"set": {}, "remove": []}), "", "", "one key"),
        (
            json!({"templte": "x"}),
            "/templte",
            "",
            "did you mean `template`?",
        ),
        (
            json!([{"set": {"a": "b"}}, {"x": 1}]),
            "/1/x",
            "",
            "kind of step",
        ),
        (
            json!({"template": "{{ data.a"}),
            "/template",
            "",
            "syntax error",
        ),
        (
            json!({"template": "a {{ dta.id }}"}),
            "/template",
            "dta.id }}",
            "did you mean `data`?",
        ),
        (
            json!({"template": "{{ env }}"}),
            "/template",
            "env }}",
            "unknown variable `env`",
        ),
        (
            json!({"template": "{{ event.Type }}"}),
            "/template",
            "Type }}",
            "no event has an attribute",
        ),
        (
            json!({"template": "{{ data.a | tojsn }}"}),
            "/template",
            "tojsn",
            "unknown filter",
        ),
        (
            json!({"template": "{% include 'x' %}"}),
            "/template",
            "",
            "syntax error",
        ),
        (
            json!({"template": "{{ debug() }}"}),
            "/template",
            "debug()",
            "unknown variable",
        ),
        (
            json!({"template": {"content-type": "text/plain"}}),
            "/template",
            "",
            "missing key `text`",
        ),
        (
            json!({"template": {"text": "x", "typ": 1}}),
            "/template/typ",
            "",
            "unknown key `typ`",
        ),
        (
            json!({"template": {"text": "x", "content-type": "x"}}),
            "/template/content-type",
            "",
            "media type",
        ),
        (
            json!({"set": {"Type": "x"}}),
            "/set/Type",
            "",
            "attribute `Type`",
        ),
        (json!({"set": {"id": "x"}}), "/set/id", "", "the same `id`"),
        (
            json!({"set": {"specversion": "1.1"}}),
            "/set/specversion",
            "",
            "always 1.0",
        ),
        (
            json!({"set": {"datacontenttype": "x"}}),
            "/set/datacontenttype",
            "",
            "content-type",
        ),
        (
            json!({"set": {"time": "noon"}}),
            "/set/time",
            "",
            "attribute `time`",
        ),
        (json!({"set": {"n": 1.5}}), "/set/n", "", "whole numbers"),
        (
            json!({"set": {"subject": "{{ data.x"}}),
            "/set/subject",
            "",
            "syntax error",
        ),
        (json!({"remove": "x"}), "/remove", "", "a list"),
        (
            json!({"remove": ["source"]}),
            "/remove/0",
            "",
            "every event needs",
        ),
        (
            json!({"remove": ["a", "B"]}),
            "/remove/1",
            "",
            "attribute `B`",
        ),
        (
            json!({"input-path": "detail"}),
            "/input-path",
            "detail",
            "begins with `$`",
        ),
        (
            json!({"input-path": "$.detail['a']"}),
            "/input-path",
            "['a']",
            "not understood",
        ),
        (
            json!({"input-path": "$.a..b"}),
            "/input-path",
            "..b",
            "not understood",
        ),
        (
            json!({"input-path": "$.a[x]"}),
            "/input-path",
            "[x]",
            "not understood",
        ),
        (
            json!({"input-path": "$.a["}),
            "/input-path",
            "[",
            "not understood",
        ),
        (
            transformer(json!({"a": "$.b"}), r#""x <b>""#),
            "/input-transformer/InputTemplate",
            "<b>\"",
            "placeholder `b`",
        ),
        (
            transformer(json!({"a": "b"}), r#""x""#),
            "/input-transformer/InputPathsMap/a",
            "b",
            "begins with `$`",
        ),
        (
            transformer(json!({"aws.x": "$.b"}), r#""x""#),
            "/input-transformer/InputPathsMap/aws.x",
            "",
            "name of a variable",
        ),
        (
            transformer(json!({"a": "$.b"}), "<a> is"),
            "/input-transformer/InputTemplate",
            "is",
            "not JSON",
        ),
        (
            transformer(json!({"a": "$.b"}), r#"{"x": <a>,}"#),
            "/input-transformer/InputTemplate",
            "}",
            "not JSON",
        ),
        (
            transformer(json!({"a": "$.b"}), r#"{"<a>": 1}"#),
            "/input-transformer/InputTemplate",
            "<a>\"",
            "name of a member",
        ),
        (
            transformer(json!({}), r#""x <aws.events.event>""#),
            "/input-transformer/InputTemplate",
            "<aws.events.event>\"",
            "inside a text",
        ),
        (
            transformer(json!({}), " "),
            "/input-transformer/InputTemplate",
            "",
            "empty",
        ),
        (
            transformer(json!({}), "1 2"),
            "/input-transformer/InputTemplate",
            "",
            "several JSON values",
        ),
        (
            json!({"input-transformer": {}}),
            "/input-transformer",
            "",
            "missing key `InputTemplate`",
        ),
    ]
}

#[test]
fn mistakes_are_found_at_load() {
    for (definition, pointer, from, message) in table() {
        let invalid = compile(&definition).unwrap_err();
        assert_eq!(invalid.pointer, pointer, "{definition}: {invalid}");
        assert!(
            invalid.to_string().contains(message),
            "{definition}: {invalid}"
        );
        if !from.is_empty() {
            let text = definition.pointer(pointer).unwrap().as_str().unwrap();
            let place = text.get(invalid.offset.unwrap()..).unwrap();
            assert!(place.starts_with(from), "{definition}: {place}");
        }
    }
}
