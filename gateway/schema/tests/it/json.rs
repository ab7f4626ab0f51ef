use crate::{said, schema};
use tradewind_event::Event;

#[test]
fn violations_tell_path_rule_and_shape_and_no_value() {
    let cases = [
        (
            r#"{"type": "object"}"#,
            r#"["secret"]"#,
            "data breaks `type`: expected object, found a list of 1 item",
        ),
        (
            r#"{"properties": {"a": {"minimum": 0.5}}}"#,
            r#"{"a": -7}"#,
            "/a breaks `minimum`: expected at least 0.5, found an integer",
        ),
        (
            r#"{"required": ["a"]}"#,
            r#"{"b": 1}"#,
            "data breaks `required`: expected a member \"a\", found an object of 1 member",
        ),
        (
            r#"{"items": {"maxLength": 2}}"#,
            r#"["ab", "secret"]"#,
            "/1 breaks `maxLength`: expected at most 2 characters, found a text of 6 characters",
        ),
        (
            r#"{"items": {"enum": ["x", 1]}}"#,
            r#"["secret"]"#,
            "/0 breaks `enum`: expected one of [\"x\",1], found a text of 6 characters",
        ),
        (
            r#"{"pattern": "^a+$"}"#,
            r#""secret""#,
            "data breaks `pattern`: expected a text like ^a+$, found a text of 6 characters",
        ),
        (
            r#"{"properties": {"a": {}}, "additionalProperties": false}"#,
            r#"{"a": 1, "b": 2}"#,
            "data breaks `additionalProperties`: expected no other members than those named, not `b`, found an object of 2 members",
        ),
        (
            r#"{"anyOf": [{"type": "null"}, {"minimum": 5}]}"#,
            "1",
            "data breaks `anyOf`: found an integer",
        ),
        (
            r#"{"type": ["null", "string"]}"#,
            "1.5",
            "data breaks `type`: expected null or string, found a fractional number",
        ),
        (
            r#"{"$schema": "http://json-schema.org/draft-07/schema#", "format": "date-time"}"#,
            r#""secret""#,
            "data breaks `format`: expected date-time, found a text of 6 characters",
        ),
        ("false", "1", "data breaks `falseSchema`: found an integer"),
        ("true", "1", ""),
        (
            r##"{"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"}"##,
            r#"{"next": {"next": {"next": 1}}}"#,
            "/next/next/next breaks `type`: expected object, found an integer",
        ),
    ];
    for (text, data, expected) in cases {
        let schemas = schema("json-schema", text, None).unwrap();
        let told = said(&schemas, "application/json", data.as_bytes());
        assert_eq!(told, expected, "{text} {data}");
        assert!(!told.contains("secret"));
    }
}

#[test]
fn data_must_be_json() {
    let schemas = schema("json-schema", "{}", None).unwrap();
    for (ty, data, expected) in [
        (
            "application/json",
            "{",
            "data breaks `data`: expected JSON, found 1 bytes of application/json",
        ),
        (
            "text/plain",
            "{}",
            "data breaks `data`: expected JSON, found 2 bytes of text/plain",
        ),
        ("application/vnd.shop+json", "{}", ""),
    ] {
        assert_eq!(said(&schemas, ty, data.as_bytes()), expected);
    }
    let none = Event::builder("1", "/s", "t").build().unwrap();
    let told = schemas.judge(&none).unwrap().to_string();
    assert_eq!(
        told,
        "schema s/1: data breaks `data`: expected JSON, found none"
    );
}

#[test]
fn what_does_not_compile_is_refused_with_the_reason() {
    for (text, part) in [
        ("{", "the schema is not JSON"),
        ("[]", "a JSON Schema is an object, found a list of 0 items"),
        (r#"{"type": "objekt"}"#, "/type"),
        (
            r#"{"$ref": "https://example.com/other.json"}"#,
            "nothing is fetched",
        ),
        (r#"{"$ref": "file:///etc/passwd"}"#, "nothing is fetched"),
        (r##"{"$ref": "#/$defs/missing"}"##, "missing"),
        (r#"{"pattern": "(?=a)b"}"#, "look-around"),
        (r#"{"pattern": "(a)\\1"}"#, "back-references"),
        (r#"{"patternProperties": {"(?<!a)b": {}}}"#, "look-around"),
        (r#"{"pattern": "((a{1,100}){1,100}){1,100}"}"#, "256 KiB"),
    ] {
        let refused = schema("json-schema", text, None).unwrap_err();
        assert!(refused.contains(part), "{text}: {refused}");
    }
}

/// Where it happened stands in an attribute of the event, and these are in no string of CloudEvents.
#[test]
fn names_are_told_without_what_no_attribute_holds() {
    let schemas = schema(
        "json-schema",
        r#"{"additionalProperties": {"type": "string"}}"#,
        None,
    )
    .unwrap();
    for c in [
        '\n',
        '\u{7f}',
        '\u{85}',
        '\u{fdd0}',
        '\u{fdef}',
        '\u{fffe}',
        '\u{ffff}',
        '\u{1fffe}',
        '\u{10ffff}',
    ] {
        let data = serde_json::json!({format!("a{c}b"): 1}).to_string();
        let told = said(&schemas, "application/json", data.as_bytes());
        assert!(told.starts_with("/a?b breaks"), "{told}");
    }
}
