//! Transforms, and what they make of events.

use crate::Target;
use crate::input::Cut;
use bytes::Bytes;
use serde_json::Value;
use tradewind_event::{DataKind, Event, json};
use tradewind_transform::{About, OUTPUT_MAX, compile};

/// A definition on the first line, an event in JSON below.
pub(super) const TRANSFORM: Target = Target {
    words: &[
        "{\"set\":{\"type\":\"t\"}}",
        "{\"template\":\"{{ data }}\"}",
        "{\"remove\":[\"subject\"]}",
        "{\"input-path\":\"$.detail\"}",
        "\"InputPathsMap\":{\"a\":\"$.detail.a[*]\"}",
        "\"InputTemplate\":\"<a>\"",
        "<aws.events.event.json>",
        "{% for x in data %}",
        "{% endfor %}",
        "{{ event.subject | default('x') }}",
        " | tojson",
        "loop(",
        "range(9999)",
        " * 99999",
    ],
    // What the work of a template can pay for.
    memory: 48 << 20,
    ..Target::new("transform", transform)
};

fn transform(input: &[u8]) {
    let mut input = Cut(input);
    let Ok(definition) = serde_json::from_str::<Value>(input.line()) else {
        return;
    };
    let event = json::decode(Bytes::copy_from_slice(input.rest())).unwrap_or_else(|_| {
        Event::builder("a", "/s", "t")
            .subject("ab")
            .data(
                "application/json",
                r#"{"a": [1.10, {"b": "c"}], "detail": {}}"#,
            )
            .build()
            .unwrap()
    });
    let transform = match compile(&definition) {
        Ok(transform) => transform,
        Err(invalid) => {
            assert!(!invalid.reason.is_empty());
            let place = definition.pointer(&invalid.pointer).unwrap();
            if let Some(offset) = invalid.offset {
                assert!(place.as_str().unwrap().is_char_boundary(offset));
            }
            return;
        }
    };
    let before = event.clone();
    let result = transform.apply(&event, &About::default());
    assert_eq!(event, before);
    assert_eq!(transform.apply(&event, &About::default()), result);
    match result {
        Ok(out) => {
            out.validate().unwrap();
            if out.data() == event.data() {
                return;
            }
            let data = out.data().unwrap();
            assert!(data.bytes.len() <= OUTPUT_MAX);
            if data.kind == DataKind::Json {
                serde_json::from_slice::<serde::de::IgnoredAny>(&data.bytes).unwrap();
            }
        }
        Err(failed) => assert!(!failed.reason.is_empty()),
    }
}
