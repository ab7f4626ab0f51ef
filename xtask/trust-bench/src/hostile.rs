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
    // Small each, and many; classes of hundreds of ranges, and both cases of them.
    let medium: Vec<Value> = (0..1900)
        .map(|n| json!({ "pattern": format!(r"^\w{{20}}\p{{L}}{n}$") }))
        .collect();
    let dates: Vec<Value> = (0..1900)
        .map(|n| json!({ "pattern": format!(r"^\d{{4}}-\d{{2}}-\d{{2}}T{n}$") }))
        .collect();
    let classes = r"\p{L}".repeat(TEXT_MAX / 64);
    let folded = format!("(?i){}", r"\p{L}".repeat(1000));
    let reference = |n: usize| json!({ "$ref": format!("#/$defs/d{n:04}") });
    let defs = |count: usize, define: &dyn Fn(usize) -> Value| {
        let all: serde_json::Map<String, Value> = (0..count)
            .map(|n| (format!("d{n:04}"), define(n)))
            .collect();
        json!({ "$defs": all, "$ref": "#/$defs/d0000" })
    };
    let ring = defs(480, &|n| {
        let next = reference((n + 1) % 480);
        json!({ "properties": { "a": next, format!("b{n}"): next } })
    });
    let back = defs(240, &|n| match n {
        0 => json!({}),
        _ => {
            json!({ "allOf": [reference(n - 1)], "properties": { format!("p{n}"): reference(239) } })
        }
    });
    let vague = defs(
        600,
        &|n| json!({ "$anchor": format!("a{n}"), "items": { "$ref": "#nowhere" } }),
    );
    let numbers: Vec<Value> = (0..30_000).map(|n| json!(n)).collect();
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
        ("1,900 patterns of classes", json!({ "allOf": medium })),
        ("1,900 patterns of dates", json!({ "allOf": dates })),
        ("thousands of classes", json!({ "pattern": classes })),
        ("classes in both cases", json!({ "pattern": folded })),
        ("480 definitions in a ring", ring),
        ("240 that all lead back", back),
        ("600 references to any of 600", vague),
        ("30,000 numbers to choose from", json!({ "enum": numbers })),
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

/// Pairs of versions that cost most to compare, with what they are.
pub(crate) fn pairs() -> Vec<(&'static str, String, String)> {
    let unions = |add: usize| {
        let all: Vec<Value> = (0..40)
            .map(|n| json!({ "anyOf": [{ "required": [format!("a{n}")] }, { "maxProperties": n + add }, { "properties": { format!("b{n}"): { "type": "string" } } }] }))
            .collect();
        json!({ "type": "object", "allOf": all })
    };
    let choices = |add: usize| {
        let all: Vec<Value> = (0..200)
            .map(|n| json!({ "type": "object", "required": ["kind"], "properties": { "kind": { "const": n }, "of": { "minimum": n + add } } }))
            .collect();
        json!({ "oneOf": all })
    };
    let members = |count: usize, add: usize| {
        let all: serde_json::Map<String, Value> = (0..count)
            .map(|n| {
                (
                    format!("p{n}"),
                    json!({ "type": ["string", "null"], "maxLength": n + add }),
                )
            })
            .collect();
        json!({ "type": "object", "properties": all })
    };
    let texts = |count: usize, add: usize| {
        let all: Vec<String> = (add..count + add).map(|n| format!("{n:08}")).collect();
        json!({ "enum": all })
    };
    let negated = |add: usize| {
        (0..20).fold(json!({ "minimum": add }), |inner, n| {
            json!({ "not": { "anyOf": [inner, { "properties": { "a": { "minLength": n + add } } }] } })
        })
    };
    let patterns = |add: usize| {
        let all: Vec<Value> = (0..40)
            .map(|n| json!({ "pattern": format!("^[a-z]{{{}}}(x|y)*$", n + add + 1) }))
            .collect();
        json!({ "anyOf": all })
    };
    let pair = |make: &dyn Fn(usize) -> Value| (make(0).to_string(), make(1).to_string());
    [
        ("40 alternatives at once", pair(&unions)),
        ("200 exclusive alternatives", pair(&choices)),
        ("900 members", pair(&|add| members(900, add))),
        ("500 members", pair(&|add| members(500, add))),
        ("20,000 texts", pair(&|add| texts(20_000, add))),
        ("4,000 texts", pair(&|add| texts(4_000, add))),
        ("20 negations", pair(&negated)),
        ("40 patterns", pair(&patterns)),
    ]
    .into_iter()
    .map(|(what, (one, other))| (what, one, other))
    .collect()
}

/// Whether one version owes the other nothing; `None` where one of them is refused.
pub(crate) fn compare(earlier: &str, later: &str) -> Option<impl Fn() -> bool> {
    let text = |text: &str| Definition {
        text: text.to_owned(),
        ..Definition::default()
    };
    let mut registered =
        Registered::new("json-schema", Compatibility::Full, Action::Reject).ok()?;
    registered.add(text(earlier), None).ok()?;
    let later = text(later);
    registered.compiles(&later).ok()?;
    Some(move || registered.violations(&later).is_empty())
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
