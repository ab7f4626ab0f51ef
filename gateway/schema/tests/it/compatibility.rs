//! What a new version owes the ones before it, for each language.

use tradewind_schema::{Action, Compatibility, Definition, Registered};

fn taken(format: &str, by: Compatibility, old: &str, new: &str) -> Result<(), String> {
    let mut schema = Registered::new(format, by, Action::Reject).unwrap();
    let definition = |text: &str| Definition {
        text: text.into(),
        ..Definition::default()
    };
    schema.add(definition(old), None).unwrap();
    schema.add(definition(new), None).map_err(|e| e.to_string())
}

/// Backward and forward, as each step is.
fn check(format: &str, old: &str, new: &str, backward: bool, forward: bool) {
    for (by, expected) in [
        (Compatibility::Backward, backward),
        (Compatibility::Forward, forward),
        (Compatibility::Full, backward && forward),
        (Compatibility::None, true),
    ] {
        let taken = taken(format, by, old, new);
        assert_eq!(taken.is_ok(), expected, "{by:?}: {old} to {new}: {taken:?}");
    }
}

#[test]
fn json_schema() {
    let open = r#"{"type": "object", "properties": {"a": {"type": "integer"}}}"#;
    let closed = |members: &str, required: &str| {
        format!(
            r#"{{"type": "object", "properties": {{{members}}}, "required": [{required}], "additionalProperties": false}}"#
        )
    };
    let a = r#""a": {"type": "integer"}"#;
    let ab = r#""a": {"type": "integer"}, "b": {"type": "string"}"#;
    for (old, new, backward, forward) in [
        (open.to_string(), open.to_string(), true, true),
        // A member more: in an open object it may have been there with another type.
        (closed(a, ""), closed(ab, ""), true, false),
        (closed(ab, ""), closed(a, ""), false, true),
        (
            open.into(),
            open.replace("}}", r#"}, "b": {"type": "string"}}"#),
            false,
            true,
        ),
        (closed(a, ""), closed(a, r#""a""#), false, true),
        (
            r#"{"type": "integer"}"#.into(),
            r#"{"type": "number"}"#.into(),
            true,
            false,
        ),
        (
            r#"{"type": "string"}"#.into(),
            r#"{"type": "integer"}"#.into(),
            false,
            false,
        ),
        (
            r#"{"enum": ["a"]}"#.into(),
            r#"{"enum": ["a", "b"]}"#.into(),
            true,
            false,
        ),
        (
            r#"{"type": "integer", "minimum": 5}"#.into(),
            r#"{"type": "integer", "minimum": 1}"#.into(),
            true,
            false,
        ),
        (
            r#"{"type": "string", "maxLength": 5}"#.into(),
            r#"{"type": "string", "maxLength": 4}"#.into(),
            false,
            true,
        ),
        (
            r#"{"type": "string"}"#.into(),
            r#"{"type": "string", "title": "name"}"#.into(),
            true,
            true,
        ),
    ] {
        check("json-schema", &old, &new, backward, forward);
    }
    let refused = taken(
        "json-schema",
        Compatibility::Backward,
        r#"{"type": "string"}"#,
        r#"{"type": "string", "maxLength": 3}"#,
    );
    let refused = refused.unwrap_err();
    assert!(
        refused.contains("version 1") && refused.contains(r#""minLength":4"#),
        "{refused}"
    );
}

#[test]
fn avro() {
    let record =
        |fields: &str| format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#);
    let a = r#"{"name": "a", "type": "int"}"#;
    for (old, new, backward, forward) in [
        (record(a), record(a), true, true),
        (
            record(a),
            record(&format!(r#"{a}, {{"name": "b", "type": "int"}}"#)),
            false,
            true,
        ),
        (
            record(a),
            record(&format!(
                r#"{a}, {{"name": "b", "type": "int", "default": 0}}"#
            )),
            true,
            true,
        ),
        (
            record(a),
            record(r#"{"name": "a", "type": "long"}"#),
            true,
            false,
        ),
        (
            record(a),
            record(r#"{"name": "a", "type": "string"}"#),
            false,
            false,
        ),
        (
            record(a),
            record(r#"{"name": "a", "type": ["null", "int"]}"#),
            true,
            false,
        ),
    ] {
        check("avro", &old, &new, backward, forward);
    }
}

#[test]
fn protobuf() {
    let message = |fields: &str| format!("syntax = \"proto3\"; message M {{ {fields} }}");
    for (old, new, backward, forward) in [
        ("string a = 1;", "string a = 1; string b = 2;", true, true),
        ("string a = 1;", "string renamed = 1;", true, true),
        ("int32 a = 1;", "int64 a = 1;", true, true),
        ("int32 a = 1;", "sint32 a = 1;", false, false),
        ("int32 a = 1;", "string a = 1;", false, false),
        ("string a = 1;", "bytes a = 1;", true, false),
        ("string a = 1;", "repeated string a = 1;", true, false),
        ("int32 a = 1;", "repeated int32 a = 1;", false, false),
        ("fixed32 a = 1;", "sfixed32 a = 1;", true, true),
        (
            "string a = 1; string b = 2;",
            "oneof x { string a = 1; string b = 2; }",
            false,
            true,
        ),
        (
            "string a = 1;",
            "oneof x { string a = 1; string b = 2; }",
            true,
            true,
        ),
        (
            "map<string, int32> a = 1;",
            "map<string, int64> a = 1;",
            true,
            true,
        ),
    ] {
        check("protobuf", &message(old), &message(new), backward, forward);
    }
}
