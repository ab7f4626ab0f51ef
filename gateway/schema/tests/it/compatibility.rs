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
fn avro_names_are_resolved() {
    let record = |fields: &str| {
        format!(r#"{{"type": "record", "name": "R", "namespace": "a.b", "fields": [{fields}]}}"#)
    };
    let x = |of: &str| {
        format!(r#"{{"type": "record", "name": "X", "fields": [{{"name": "p", "type": "{of}"}}]}}"#)
    };
    let field = |name: &str, ty: &str| format!(r#"{{"name": "{name}", "type": {ty}}}"#);
    let optional = |name: &str, ty: &str| {
        format!(r#"{{"name": "{name}", "type": ["null", {ty}], "default": null}}"#)
    };
    let b = field("b", r#""X""#);
    let old = record(&format!("{}, {b}", field("a", &x("int"))));
    for (new, backward, forward) in [
        // What stands behind a name is another one.
        (
            record(&format!("{}, {b}", optional("c", &x("string")))),
            false,
            false,
        ),
        (
            record(&format!("{}, {b}", optional("c", &x("long")))),
            true,
            false,
        ),
        // Only one of them has the definition here.
        (record(&field("b", &x("int"))), true, false),
        (
            record(
                &format!("{b}, {}", field("a", &x("int")))
                    .replace(r#""X""#, r#""a.b.X""#)
                    .replacen(r#""a.b.X""#, &x("int"), 1)
                    .replace(&field("a", &x("int")), &field("a", r#""a.b.X""#)),
            ),
            true,
            true,
        ),
        (
            old.replace(r#""X""#, r#""Y""#)
                .replace(r#""name": "Y","#, r#""name": "Y", "aliases": ["X"],"#),
            true,
            false,
        ),
    ] {
        check("avro", &old, &new, backward, forward);
    }
    // Lists that contain themselves, one of which holds what the other cannot.
    let list = |value: &str| {
        format!(
            r#"{{"type": "record", "name": "L", "fields": [{{"name": "v", "type": "{value}"}}, {{"name": "next", "type": ["null", "L"]}}]}}"#
        )
    };
    check("avro", &list("int"), &list("int"), true, true);
    check("avro", &list("int"), &list("long"), true, false);
    check("avro", &list("int"), &list("string"), false, false);
}

#[test]
fn avro_logical_types_are_the_bytes_that_they_are() {
    let fixed = |size: u32, more: &str| {
        format!(r#"{{"type": "fixed", "name": "F", "size": {size}{more}}}"#)
    };
    let decimal = r#", "logicalType": "decimal", "precision": 4, "scale": 2"#;
    let bytes = format!(r#"{{"type": "bytes"{decimal}}}"#);
    let uuid = r#"{"type": "string", "logicalType": "uuid"}"#;
    let millis = r#"{"type": "long", "logicalType": "timestamp-millis"}"#;
    for (old, new, backward, forward) in [
        (fixed(8, decimal), fixed(8, decimal), true, true),
        (fixed(8, decimal), fixed(16, decimal), false, false),
        (fixed(8, decimal), fixed(8, ""), true, true),
        (fixed(8, decimal), bytes.clone(), false, false),
        (bytes.clone(), bytes.replace("4", "5"), false, false),
        (bytes, r#""bytes""#.into(), true, true),
        (
            uuid.into(),
            fixed(16, r#", "logicalType": "uuid""#),
            false,
            false,
        ),
        (uuid.into(), r#""string""#.into(), true, true),
        (millis.into(), r#""long""#.into(), true, true),
        (r#""int""#.into(), millis.into(), true, false),
        (r#""string""#.into(), r#""bytes""#.into(), true, true),
        (
            r#"["null", "int"]"#.into(),
            r#"["null", "int", "string"]"#.into(),
            true,
            false,
        ),
        (
            r#"{"type": "array", "items": "int"}"#.into(),
            r#"{"type": "map", "values": "int"}"#.into(),
            false,
            false,
        ),
        (
            r#"{"type": "array", "items": "int"}"#.into(),
            r#"{"type": "array", "items": "long"}"#.into(),
            true,
            false,
        ),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#.into(),
            r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#.into(),
            true,
            false,
        ),
    ] {
        check("avro", &old, &new, backward, forward);
    }
}

#[test]
fn an_avro_comparison_is_bounded_in_time_and_words() {
    // A chain of names, which is met at its end first.
    let field =
        |n: usize, ty: &str| format!(r#"{{"name": "f{n}", "type": {ty}, "default": null}}"#);
    let chain: Vec<String> = (0..1_000)
        .map(|n| {
            let next = match n {
                0 => r#""null""#.to_owned(),
                n => format!(r#"["null", "R{}"]"#, n - 1),
            };
            let record = format!(
                r#"{{"type": "record", "name": "R{n}", "fields": [{}]}}"#,
                field(0, &next)
            );
            field(n, &format!(r#"["null", {record}]"#))
        })
        .collect();
    let record =
        |fields: &str| format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#);
    let end = r#"{"name": "end", "type": "R999"}"#;
    let old = record(&format!(
        "{}, {end}",
        chain.join(", ").replace(r#""name": "f"#, r#""name": "g"#)
    ));
    let new = record(&format!(
        "{}, {end}",
        chain.join(", ").replace(
            r#""name": "f0", "type": ["null", "R"#,
            r#""name": "g0", "type": ["null", "R"#
        )
    ));
    let refused = taken("avro", Compatibility::Backward, &old, &new).unwrap_err();
    assert!(refused.contains("bounded time"), "{refused}");
    let long = "x".repeat(100_000);
    let old = record(&format!(r#"{{"name": "{long}", "type": "int"}}"#));
    let refused = taken(
        "avro",
        Compatibility::Backward,
        &old,
        &old.replace("int", "string"),
    )
    .unwrap_err();
    assert!(refused.len() < 1_000, "{}", refused.len());
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
        // Of what was in no oneof, or in two, both may be there.
        (
            "string a = 1; oneof x { string b = 2; string c = 3; }",
            "oneof x { string a = 1; string b = 2; string c = 3; }",
            false,
            true,
        ),
        (
            "oneof x { string a = 1; string b = 2; } oneof y { string c = 3; string d = 4; }",
            "oneof z { string a = 1; string b = 2; string c = 3; string d = 4; }",
            false,
            true,
        ),
        (
            "oneof x { string a = 1; string b = 2; }",
            "oneof y { string b = 2; string a = 1; string c = 3; }",
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

/// What looks like an embedded document and is none, and a document that refers to itself by name.
#[test]
fn references_are_followed_where_they_can_be() {
    for old in [
        r##"{"$defs": {"m": {"type": "integer"}}, "properties": {"id": {"type": "string"}, "total": {"$ref": "#/$defs/m"}}, "examples": [{"id": "o-1", "total": 3}]}"##,
        r#"{"$id": "https://x.example/order.json", "$defs": {"m": {"type": "integer"}}, "properties": {"total": {"$ref": "order.json#/$defs/m"}}}"#,
    ] {
        check(
            "json-schema",
            old,
            &old.replace("integer", "number"),
            true,
            false,
        );
    }
}
