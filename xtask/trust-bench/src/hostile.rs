//! Schemas that are made to cost: each compiles within its time, or is refused within it.

use serde_json::{Value, json};
use tradewind_schema::{Action, Compatibility, Definition, Registered, TEXT_MAX};

/// Those that cost most; with what they are.
pub(crate) fn all() -> Vec<(String, &'static str, String)> {
    let mut all = Vec::new();
    for pattern in [
        "(a{1,1000}){1,1000}",
        "((a{0,100}){0,100}){0,100}",
        "(a*)*(a*)*(a*)*$",
        "(x+x+)+y",
        r"\p{L}{1000}",
        r"(\p{L}|\p{N}|\w){0,500}",
        r"[\p{L}--\p{Lu}]{300}",
        "(?:a|b|ab)*?(?:c|d){999}",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(?i)(ſ|k|K){0,2000}",
        r".{0,9999}\d{0,9999}",
        "(a|aa|aaa|aaaa){1,250}z",
    ] {
        let schema = json!({ "type": "string", "pattern": pattern });
        all.push((
            format!("pattern {pattern}"),
            "json-schema",
            schema.to_string(),
        ));
    }
    // As many of the largest as there is room for, alone and together.
    let large = r"\p{L}{40}";
    let many: Vec<Value> = (0..1900)
        .map(|n| json!({ "pattern": format!("{large}{n}") }))
        .collect();
    let long = format!("({})", vec!["ab?c*[d-f]"; TEXT_MAX / 12].join("|"));
    let names: serde_json::Map<String, Value> = (0..1900)
        .map(|n| (format!("^{large}{n}$"), json!({})))
        .collect();
    let texts: Vec<String> = (0..20_000).map(|n| format!("{n:08}")).collect();
    let nested = |levels: usize| {
        (0..levels).fold(
            json!({}),
            |inner, _| json!({ "properties": { "a": inner }, "not": { "const": 1 } }),
        )
    };
    for (what, schema) in [
        ("1,900 patterns", json!({ "allOf": many })),
        ("one long pattern", json!({ "pattern": long })),
        (
            "1,900 patterns of names",
            json!({ "patternProperties": names }),
        ),
        ("20,000 texts to choose from", json!({ "enum": texts })),
        ("60 levels", nested(60)),
        ("1,000 levels", nested(1000)),
    ] {
        all.push((what.into(), "json-schema", schema.to_string()));
    }
    let fields: Vec<Value> = (0..4000)
        .map(|n| json!({ "name": format!("f{n}"), "type": ["null", "string", { "type": "array", "items": "long" }] }))
        .collect();
    let record = json!({ "type": "record", "name": "R", "fields": fields });
    all.push((
        "a record of 4,000 fields".into(),
        "avro",
        record.to_string(),
    ));
    let unions = (0..60).fold(json!("string"), |inner, _| json!({ "type": "array", "items": ["null", { "type": "map", "values": inner }] }));
    all.push((
        "120 levels of lists and maps".into(),
        "avro",
        unions.to_string(),
    ));
    let message: String = (1..8000)
        .map(|n| format!("optional string f{n} = {n};"))
        .collect();
    all.push((
        "a message of 8,000 fields".into(),
        "protobuf",
        format!("syntax = \"proto3\"; message M {{ {message} }}"),
    ));
    let within = (0..90).fold(String::new(), |inner, n| {
        format!("message M{n} {{ {inner} }}")
    });
    all.push((
        "90 messages within each other".into(),
        "protobuf",
        format!("syntax = \"proto3\"; {within}"),
    ));
    all
}

/// Whether it is taken.
pub(crate) fn compile(format: &str, text: &str) -> Result<bool, String> {
    let mut registered = Registered::new(format, Compatibility::None, Action::Reject)
        .map_err(|wrong| wrong.to_string())?;
    let definition = Definition {
        text: text.to_owned(),
        ..Definition::default()
    };
    Ok(registered.add(definition, None).is_ok())
}
