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
    for (levels, rule) in [(15, "schema"), (6, "anyOf")] {
        let told = said(&schemas, "application/json", nested(levels).as_bytes());
        let expected = format!("data breaks `{rule}`");
        assert!(told.starts_with(&expected), "{told}");
    }
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

/// Definitions of these numbers, each by its own.
fn defs(count: usize, define: impl Fn(usize) -> String) -> String {
    let all: Vec<String> = (0..count)
        .map(|n| format!(r#""d{n:04}": {}"#, define(n)))
        .collect();
    format!(
        r##"{{"$defs": {{{}}}, "$ref": "#/$defs/d0000"}}"##,
        all.join(", ")
    )
}

#[test]
fn schemas_that_lead_to_each_other_in_too_many_ways_are_refused() {
    let reference = |n: usize| format!(r##"{{"$ref": "#/$defs/d{n:04}"}}"##);
    // A ring of all, and more of them wherever it comes by.
    let ring = defs(480, |n| {
        let next = reference((n + 1) % 480);
        format!(r#"{{"properties": {{"a": {next}, "b{n}": {next}}}}}"#)
    });
    schema("json-schema", &ring, None).unwrap();
    // Each value meets all that come before, under as many names, and goes back to where it began.
    let back = defs(240, |n| match n {
        0 => r#"{"type": "object"}"#.into(),
        _ => format!(
            r#"{{"allOf": [{}], "properties": {{"p{n}": {}}}}}"#,
            reference(n - 1),
            reference(239)
        ),
    });
    // An anchor that depends on the way there may be any of its name.
    let vague = defs(600, |n| {
        let id = format!(r#""$id": "http://x.example/{n}""#);
        let way = r##""items": {"$dynamicRef": "#a"}"##;
        format!(r#"{{{id}, "$dynamicAnchor": "a", {way}}}"#)
    });
    for (text, part) in [(back, "a chain that is too long"), (vague, "bounded time")] {
        let refused = schema("json-schema", &text, None).unwrap_err();
        assert!(refused.contains(part), "{refused}");
    }
}

/// Definitions that double from one to the next, beside what else their schema says.
fn doubling(shelf: &str, rest: &str, within: &str) -> String {
    let defs: Vec<String> = (0..30)
        .map(|n| {
            let next = format!(r##"{{"$ref": "{within}/a{}"}}"##, n + 1);
            format!(r#""a{n}": {{"allOf": [{next}, {next}]}}"#)
        })
        .collect();
    let defs = defs.join(", ");
    format!(r#"{{{rest}, "{shelf}": {{{defs}, "a30": {{"minLength": 1}}}}}}"#)
}

/// Data would be checked 2^30 times.
#[test]
fn an_embedded_document_is_counted_as_the_validator_reads_it() {
    let here = "#/$defs";
    let id = r#""$id": "http://x.example/h""#;
    let early = r#""$schema": "http://json-schema.org/draft-07/schema#""#;
    let first = r#""$schema": "http://json-schema.org/draft-04/schema#""#;
    let own = doubling("$defs", &format!(r##"{id}, "$ref": "#/$defs/a0""##), here);
    let shelf = doubling("$defs", id, here);
    let older = |id: &str| {
        let shelf = doubling("definitions", id, "#/definitions");
        shelf.replace("http://x.example", "http://x.example/older")
    };
    for text in [
        format!(r#"{{"$ref": "http://x.example/h", "$defs": {{"h": {own}}}}}"#),
        format!(r#"{{"$ref": "http://x.example/h#/$defs/a0", "$defs": {{"h": {shelf}}}}}"#),
        format!(
            r#"{{"$id": "http://x.example/", "$ref": "h#/$defs/a0", "$defs": {{"h": {shelf}}}}}"#
        ),
        format!(r##"{{"$ref": "#/$defs/h/$defs/a0", "$defs": {{"h": {shelf}}}}}"##),
        format!(r#"{{"properties": {{"p": {own}}}}}"#),
        format!(
            r#"{{{early}, "allOf": [{{"$ref": "http://x.example/older/h#/definitions/a0"}}], "definitions": {{"h": {}}}}}"#,
            older(id)
        ),
        format!(
            r#"{{{first}, "allOf": [{{"$ref": "http://x.example/older/h#/definitions/a0"}}], "definitions": {{"h": {}}}}}"#,
            older(&id.replace("$id", "id"))
        ),
        // The root has a definition of the same name, which costs nothing.
        format!(r#"{{"$ref": "http://x.example/h", "$defs": {{"h": {own}, "a0": {{}}}}}}"#),
        // No keyword makes it a schema, and the base stays that of the document.
        format!(r##"{{"$ref": "#/$defs/default", "$defs": {{"default": {{"allOf": [{own}]}}}}}}"##),
    ] {
        let refused = schema("json-schema", &text, None).unwrap_err();
        assert!(
            refused.contains("more than 1000 times"),
            "{text}: {refused}"
        );
    }
    // What cannot be counted is not taken.
    for (text, part) in [
        (
            r##"{"$ref": "#/const", "const": {"minLength": 1}}"##,
            "no schema",
        ),
        (
            r##"{"$ref": "#/properties", "properties": {"not": {}}}"##,
            "no schema",
        ),
        (r##"{"$ref": "#/$defs/none"}"##, "nothing is fetched"),
        (
            r##"{"items": {"$id": "http://x.example/", "$ref": "#/$defs/a"}, "$defs": {"a": {}}}"##,
            "nothing is fetched",
        ),
    ] {
        let refused = schema("json-schema", text, None).unwrap_err();
        assert!(refused.contains(part), "{text}: {refused}");
    }
    // Documents may call theirs alike, and refer to each other.
    let alike = format!(
        r##"{{"$ref": "#/$defs/a", "$defs": {{"a": {{"$ref": "http://x.example/h"}},
            "h": {{{id}, "$ref": "#/$defs/a", "$defs": {{"a": {{"type": "integer"}}}}}}}}}}"##
    );
    let schemas = schema("json-schema", &alike, None).unwrap();
    assert_eq!(said(&schemas, "application/json", b"1"), "");
    assert_ne!(said(&schemas, "application/json", b"[]"), "");
}

/// A published schema leads back to whatever has its dynamic anchor.
#[test]
fn recursion_through_a_published_schema_is_counted() {
    let meta = r#"{"$ref": "https://json-schema.org/draft/2020-12/schema"}"#;
    let text = format!(
        r#"{{"$id": "http://x.example/", "$dynamicAnchor": "meta", "allOf": [{meta}, {meta}]}}"#
    );
    let schemas = schema("json-schema", &text, None).unwrap();
    let deep = format!("{}{{}}{}", r#"{"not": "#.repeat(20), "}".repeat(20));
    let told = said(&schemas, "application/json", deep.as_bytes());
    assert!(told.contains("breaks `nesting`"), "{told}");
}

#[test]
fn options_that_are_compared_one_by_one_count() {
    let options = |count: usize| {
        (0..count)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let few = format!(r#"{{"items": {{"enum": [{}]}}}}"#, options(500));
    schema("json-schema", &few, None).unwrap();
    let many = format!(r#"{{"items": {{"enum": [{}]}}}}"#, options(20_000));
    let refused = schema("json-schema", &many, None).unwrap_err();
    assert!(refused.contains("more than 1000 times"), "{refused}");
}

/// More levels than a stack has room for.
#[test]
fn depth_does_not_end_the_process() {
    let levels = 20_000;
    for (format, text) in [
        ("protobuf", "message M {".repeat(levels)),
        (
            "protobuf",
            format!("syntax = 'proto3'; option (a) = {}", "{a:".repeat(levels)),
        ),
        (
            "protobuf",
            format!("message M {{ map<string, {}", "map<string, ".repeat(levels)),
        ),
        ("protobuf", format!("option (a) = {}", "[".repeat(levels))),
        ("avro", "[".repeat(levels)),
        ("avro", r#"{"type":"array","items":"#.repeat(levels)),
        ("json-schema", r#"{"not":"#.repeat(levels)),
        (
            "json-schema",
            format!(r#"{{"pattern":"{}"}}"#, "(".repeat(8000)),
        ),
    ] {
        assert!(schema(format, &text, None).is_err(), "{format} {text:.40}");
    }
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

/// Checks multiply from each level of data to the next, though nothing comes back to itself.
#[test]
fn checks_that_multiply_with_each_level_are_counted() {
    let levels = |count: usize, begin: &str, end: &str| {
        defs(count + 1, |n| {
            let next = format!(r##"{begin}{{"$ref": "#/$defs/d{:04}"}}{end}"##, n + 1);
            match n == count {
                true => r#"{"type": "integer"}"#.into(),
                false => format!(r#"{{"allOf": [{next}, {next}]}}"#),
            }
        })
    };
    let items = |count: usize| levels(count, r#"{"items": "#, "}");
    schema("json-schema", &items(10), None).unwrap();
    // As members, and out of a recursion that goes one way.
    let ring = r##""properties": {"a": {"$ref": "#"}, "b": {"$ref": "#/$defs/d0000"}}"##;
    for text in [
        items(50),
        levels(50, r#"{"properties": {"a": "#, "}}"),
        items(50).replace(r##""$ref": "#/$defs/d0000""##, ring),
    ] {
        let refused = schema("json-schema", &text, None).unwrap_err();
        assert!(refused.contains("more than 10000 times"), "{refused}");
    }
}

/// Millions of violations, of which eight are told.
#[test]
fn what_is_wrong_with_large_data_is_not_collected() {
    let item =
        r#"{"type": "object", "required": ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]}"#;
    let all = format!(r#"{{"items": {item}}}"#);
    let either = format!(r#"{{"anyOf": [{all}, {{"type": "string"}}]}}"#);
    let data = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
    for (text, few, many) in [
        (
            &all,
            "/0 breaks `required`: expected a member \"a\", found",
            "/0 breaks `required`: expected a member \"a\", found",
        ),
        (
            &either,
            "data breaks `anyOf`: found a list of 10 items",
            "data breaks `schema`: expected what it describes",
        ),
    ] {
        let schemas = schema("json-schema", text, None).unwrap();
        let told = |count: usize| said(&schemas, "application/json", data(count).as_bytes());
        assert!(told(10).starts_with(few), "{}", told(10));
        let told = told(300_000);
        assert!(told.starts_with(many), "{told}");
        assert_eq!(told.matches("breaks").count(), 1);
    }
    let schemas = schema("json-schema", &all, None).unwrap();
    let told = said(&schemas, "application/json", data(10).as_bytes());
    assert_eq!(
        told.matches("breaks").count(),
        tradewind_schema::VIOLATIONS_MAX
    );
}

/// A schema of many members, and alternatives for the items of a list.
#[test]
fn usual_data_keeps_the_place_of_what_is_wrong() {
    let joined = |count: usize, each: &dyn Fn(usize) -> String| {
        (0..count).map(each).collect::<Vec<_>>().join(", ")
    };
    let text = |n: usize| format!(r#""f{n}": {{"type": "string", "minLength": 1}}"#);
    let kinds = joined(5, &|n| {
        format!(
            r#""k{n}": {{"type": "object", "additionalProperties": false, "required": ["kind", "f0", "f1", "f2"],
                "properties": {{"kind": {{"const": "k{n}"}}, {}}}}}"#,
            joined(7, &text)
        )
    });
    let refs = joined(5, &|n| format!(r##"{{"$ref": "#/$defs/k{n}"}}"##));
    let schema_text = format!(
        r##"{{"$defs": {{{kinds}}}, "type": "object", "required": ["f0"], "properties": {{
            "lines": {{"type": "array", "items": {{"oneOf": [{refs}]}}}}, {}}}}}"##,
        joined(40, &text)
    );
    let schemas = schema("json-schema", &schema_text, None).unwrap();
    let data = |lines: usize| {
        let fields = joined(7, &|n| format!(r#""f{n}": "of a usual length""#));
        let lines = joined(lines, &|n| {
            let kind = if n == 3 { "none" } else { "k1" };
            format!(r#"{{"kind": "{kind}", {fields}}}"#)
        });
        format!(r#"{{"f0": "a", "lines": [{lines}]}}"#)
    };
    // Some 4 KB, 40 KB and 4 MB.
    for (lines, place) in [(20, "/lines/3 "), (200, "/lines/3 "), (20_000, "")] {
        let told = said(&schemas, "application/json", data(lines).as_bytes());
        let expected = match place {
            "" => "data breaks `schema`: ".into(),
            place => format!("{place}breaks `oneOf`: "),
        };
        assert!(told.starts_with(&expected), "{lines}: {told}");
    }
}

/// A violation that is kept keeps what it is about, and its place.
#[test]
fn violations_of_what_is_large_count_for_more() {
    let required = (0..1_000).map(|n| format!(r#""r{n}""#));
    let required = required.collect::<Vec<_>>().join(", ");
    let text = format!(r#"{{"type": "object", "required": [{required}]}}"#);
    let either = |schema: &str| format!(r#"{{"anyOf": [{schema}, {{"type": "string"}}]}}"#);
    let names: Vec<String> = (0..2_000).map(|n| format!(r#""N{n}": 1"#)).collect();
    let names = format!("{{{}}}", names.join(","));
    let long = format!(
        r#"{{"{}": [{}]}}"#,
        "n".repeat(1 << 20),
        vec!["1"; 1_000].join(",")
    );
    let falses = vec!["false"; 20_000].join(",");
    for (schema_text, data, told) in [
        (text.clone(), names.as_str(), "data breaks `required`"),
        (either(&text), "{}", "data breaks `anyOf`"),
        (either(&text), &names, "data breaks `schema`"),
        (
            either(r#"{"propertyNames": {"pattern": "^[a-z]"}}"#),
            &names,
            "data breaks `schema`",
        ),
        (
            format!(r#"{{"items": {{"anyOf": [{{"allOf": [{falses}]}}]}}}}"#),
            "[1, 1, 1, 1, 1, 1, 1, 1]",
            "data breaks `schema`",
        ),
        (
            either(r#"{"additionalProperties": {"items": {"type": "string"}}}"#),
            &long,
            "data breaks `schema`",
        ),
    ] {
        let schemas = schema("json-schema", &schema_text, None).unwrap();
        let found = said(&schemas, "application/json", data.as_bytes());
        assert!(found.starts_with(told), "{schema_text:.100}: {found:.200}");
    }
}
