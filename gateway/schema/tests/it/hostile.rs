//! Schemas and data that are made to cost.

use crate::{said, schema};
use proptest::prelude::*;

/// So many levels of `{"a": ...}` around a value.
fn nested(levels: usize) -> String {
    format!("{}1{}", r#"{"a": "#.repeat(levels), "}".repeat(levels))
}

#[test]
fn a_reference_to_itself_for_the_same_value_is_refused() {
    for text in [
        r##"{"$ref": "#"}"##,
        r##"{"allOf": [{"$ref": "#"}]}"##,
        r##"{"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}"##,
        r##"{"$id": "https://x.example/s", "if": {"$ref": "https://x.example/s"}}"##,
        r##"{"dependentSchemas": {"a": {"$ref": "#"}}}"##,
    ] {
        let refused = schema("json-schema", text, None).unwrap_err();
        assert!(
            refused.contains("refers to itself for the same data"),
            "{text}: {refused}"
        );
    }
}

#[test]
fn a_chain_of_doubling_alternatives_is_refused() {
    let mut defs = String::from(r#""d0": {"type": "integer"}"#);
    for n in 1..30 {
        let below = format!(r##"{{"$ref": "#/$defs/d{}"}}"##, n - 1);
        defs += &format!(r#", "d{n}": {{"anyOf": [{below}, {below}]}}"#);
    }
    let text = format!(r##"{{"$defs": {{{defs}}}, "$ref": "#/$defs/d29"}}"##);
    let refused = schema("json-schema", &text, None).unwrap_err();
    assert!(refused.contains("more than 1000 times"), "{refused}");
}

#[test]
fn recursion_in_several_ways_bounds_the_depth_of_data() {
    let twice = r##"{"anyOf": [
        {"properties": {"kind": {"const": 1}, "a": {"$ref": "#"}}, "required": ["kind"]},
        {"properties": {"kind": {"const": 2}, "a": {"$ref": "#"}}, "required": ["kind"]},
        {"type": "integer"}]}"##;
    let schemas = schema("json-schema", twice, None).unwrap();
    let told = said(&schemas, "application/json", nested(20).as_bytes());
    assert_eq!(
        told,
        "data breaks `nesting`: expected at most 16 levels, for this schema, found more"
    );
    let told = said(&schemas, "application/json", nested(15).as_bytes());
    assert!(told.starts_with("data breaks `anyOf`"), "{told}");
    // One way back is no growth.
    let once = r##"{"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}}"##;
    let schemas = schema("json-schema", once, None).unwrap();
    assert_eq!(
        said(&schemas, "application/json", nested(100).as_bytes()),
        ""
    );
    let ways = vec![r##"{"properties": {"a": {"$ref": "#"}}}"##; 60].join(", ");
    let refused = schema("json-schema", &format!(r#"{{"oneOf": [{ways}]}}"#), None).unwrap_err();
    assert!(refused.contains("60 ways"), "{refused}");
}

#[test]
fn blocks_that_promise_more_than_there_is_cost_nothing() {
    let nulls = r#"{"type": "array", "items": {"type": "array", "items": "null"}}"#;
    let schemas = schema("avro", nulls, None).unwrap();
    // 2^60 lists of 2^60 nothings.
    let huge = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
    let told = said(
        &schemas,
        "application/avro",
        &[&huge[..], &huge, &[0, 0]].concat(),
    );
    assert_eq!(
        told,
        "[].[] breaks `size`: expected at most 1000000 values, found more"
    );
    let endless = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "R"}, {"name": "b", "type": "R"}]}"#;
    let schemas = schema("avro", endless, None).unwrap();
    assert!(said(&schemas, "application/avro", b"").contains("`nesting`"));
}

proptest! {
    #[test]
    fn no_bytes_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        let record = r#"{"type": "record", "name": "R", "fields": [
            {"name": "a", "type": {"type": "map", "values": ["null", "R", "string"]}},
            {"name": "b", "type": {"type": "enum", "name": "E", "symbols": ["X"]}}]}"#;
        said(&schema("avro", record, None).unwrap(), "application/avro", &data);
        let proto = "syntax = 'proto3'; message M { repeated M m = 1; string s = 2; repeated int32 n = 3; }";
        said(&schema("protobuf", proto, None).unwrap(), "application/protobuf", &data);
        said(&schema("json-schema", r#"{"type": "object"}"#, None).unwrap(), "application/json", &data);
    }

    #[test]
    fn no_text_of_a_schema_panics(text in "[ -~\\n]{0,200}") {
        for format in tradewind_schema::FORMATS {
            drop(schema(format, &text, None));
        }
    }
}
