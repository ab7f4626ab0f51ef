use proptest::prelude::*;
use serde_json::{Value, json};
use tradewind_schema::infer;

#[test]
fn what_was_always_there_is_required_and_words_are_sets() {
    let samples: Vec<Value> = (0..20)
        .map(|n| {
            let mut sample = json!({"id": format!("order-{n}"), "state": if n % 2 == 0 { "new" } else { "paid" }, "total": n});
            if n > 10 {
                sample["note"] = json!(null);
                sample["total"] = json!(1.5);
            }
            sample
        })
        .collect();
    let expected = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["id", "state", "total"],
        "properties": {
            "id": {"type": "string"},
            "note": {"type": "null"},
            "state": {"type": "string", "enum": ["new", "paid"]},
            "total": {"type": "number"},
        },
    });
    assert_eq!(infer(&samples), expected);
}

/// A map within a map whose other members are records.
#[test]
fn members_of_a_map_and_of_records_are_told_together() {
    let many: serde_json::Map<String, Value> =
        (0..501).map(|n| (format!("m{n}"), json!(n))).collect();
    let mut outer: serde_json::Map<String, Value> = (0..500)
        .map(|n| (format!("o{n}"), json!({"name": "text"})))
        .collect();
    outer.insert("a".into(), many.into());
    outer.insert("z".into(), json!({"other": [true]}));
    let sample = Value::Object(outer);
    let text = infer([&sample]).to_string();
    let schemas = crate::schema("json-schema", &text, None).unwrap();
    let told = crate::said(&schemas, "application/json", sample.to_string().as_bytes());
    assert_eq!(told, "", "{text}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_sample_passes(samples in proptest::collection::vec(value(), 0..30)) {
        let text = infer(&samples).to_string();
        let schemas = crate::schema("json-schema", &text, None).unwrap();
        for sample in &samples {
            let told = crate::said(&schemas, "application/json", sample.to_string().as_bytes());
            prop_assert_eq!(told, "", "{} {}", text, sample);
        }
    }
}
