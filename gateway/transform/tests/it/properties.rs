//! Whatever the definition and the event: no panic, and results within bounds.

use proptest::prelude::*;
use serde_json::{Value, json};
use tradewind_event::Event;
use tradewind_transform::{About, OUTPUT_MAX, compile};

fn template() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("{{ data }}".to_owned()),
        Just("{{ data.a.b }}".to_owned()),
        Just("{{ data | tojson | upper }}".to_owned()),
        Just("{{ event.subject | default('x') }}".to_owned()),
        Just("{% for x in data %}{{ x }},{% endfor %}".to_owned()),
        Just("{{ data.a * 99999 }}".to_owned()),
        Just("<a>".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just("{{".to_owned()),
        Just("%}".to_owned()),
        ".{0,12}",
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab]|detail|detail-type", inner, 0..4)
                .prop_map(|map| json!(map)),
        ]
    })
}

fn step() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        Just("$".to_owned()),
        Just("$.detail.a".to_owned()),
        Just("$.detail[*]".to_owned()),
        Just("$.*.*".to_owned()),
        r"\$[.a\[\]0*é-]{0,8}",
    ];
    prop_oneof![
        template().prop_map(|t| json!({"template": t})),
        template().prop_map(|t| json!({"template": {"text": t, "content-type": "text/plain"}})),
        ("[a-z]{1,6}|subject|time|id", template()).prop_map(|(n, t)| json!({"set": {n: t}})),
        path.clone().prop_map(|p| json!({"input-path": p})),
        (path, template()).prop_map(|(p, t)| {
            json!({"input-transformer": {"InputPathsMap": {"a": p}, "InputTemplate": format!("\"{t}\"")}})
        }),
        (template()).prop_map(|t| {
            json!({"input-transformer": {"InputPathsMap": {"a": "$.detail"}, "InputTemplate": t}})
        }),
        Just(json!({"input-transformer": {"InputPathsMap": {"a": "$.detail.a"},
            "InputTemplate": "{\"x\": <a>, \"y\": \"<a> <aws.events.rule-arn>\", \"z\": <aws.events.event>}"}})),
        value(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_panic_and_results_are_valid(
        steps in prop::collection::vec(step(), 1..3),
        data in value(),
    ) {
        let Ok(transform) = compile(&Value::from(steps)) else { return Ok(()) };
        let event = Event::builder("1", "/", "t")
            .data("application/json", data.to_string())
            .build()
            .unwrap();
        let Ok(out) = transform.apply(&event, &About::default()) else { return Ok(()) };
        out.validate().unwrap();
        let bytes = &out.data().unwrap().bytes;
        prop_assert!(bytes.len() <= OUTPUT_MAX);
        if out.data_content_type() == Some("application/json") {
            prop_assert!(serde_json::from_slice::<Value>(bytes).is_ok(), "{bytes:?}");
        }
        // The same again.
        prop_assert_eq!(transform.apply(&event, &About::default()).unwrap(), out);
    }
}
