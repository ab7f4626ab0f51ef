//! Schemas that refer to others which came with them.

use crate::said;
use tradewind_schema::{
    Action, Binding, Compatibility, Definition, Pattern, REFERENCES_MAX, Reference, Registered,
    Schemas, confluent,
};

fn compiled(format: &str, text: &str, references: &[(&str, &str)]) -> Result<Schemas, String> {
    let mut registered = Registered::new(format, Compatibility::Full, Action::Reject).unwrap();
    let definition = Definition {
        text: text.into(),
        message: None,
        references: references
            .iter()
            .map(|(name, text)| Reference {
                name: (*name).into(),
                text: (*text).into(),
            })
            .collect(),
    };
    let added = registered.add(definition.clone(), None);
    added.map_err(|e| e.to_string())?;
    // It is compatible with itself, references and all.
    let added = registered.add(definition, None);
    added.map_err(|e| e.to_string())?;
    registered.bindings.push(Binding {
        ty: Pattern::read("t"),
        source: None,
        on_failure: Action::Reject,
    });
    Ok(Schemas::new([(&"s".to_string(), &registered)]))
}

fn told(schemas: &Schemas, content_type: &str, data: &[u8]) -> String {
    said(schemas, content_type, data).replace("schema s/2: ", "")
}

const MONEY: &str = r##"{"$id": "https://example.com/schemas/money.json",
    "type": "object", "properties": {"units": {"$ref": "#/definitions/whole"}, "tax": {"$ref": "#"}},
    "definitions": {"whole": {"type": "integer"}}, "required": ["units"]}"##;

#[test]
fn json_schemas_stand_on_one_shelf() {
    // By the name that is written, and by one beside the document's own address.
    for (id, target) in [
        ("", "money.json"),
        (
            "https://example.com/schemas/order.json",
            "https://example.com/schemas/money.json",
        ),
        ("https://example.com/schemas/order.json", "money.json"),
    ] {
        let text = format!(
            r#"{{"$schema": "http://json-schema.org/draft-07/schema#", "$id": "{id}", "type": "object",
                "properties": {{"total": {{"$ref": "{target}"}}, "unit": {{"$ref": "{target}#/properties/units"}}}},
                "default": {{"$ref": "money.json"}}}}"#
        );
        let text = text.replace(r#""$id": "", "#, "");
        let schemas = compiled("json-schema", &text, &[("money.json", MONEY)]).unwrap();
        let said = |data: &str| told(&schemas, "application/json", data.as_bytes());
        assert_eq!(
            said(r#"{"total": {"units": 1, "tax": {"units": 2}}, "unit": 3}"#),
            ""
        );
        assert!(said(r#"{"total": {"units": "x"}}"#).starts_with("/total/units breaks `type`"));
        assert!(
            said(r#"{"total": {"units": 1, "tax": {}}}"#)
                .starts_with("/total/tax breaks `required`")
        );
        assert!(said(r#"{"unit": 1.5}"#).starts_with("/unit breaks `type`"));
    }
}

#[test]
fn names_of_members_are_no_keywords_and_draft_4_has_ids_of_its_own() {
    let named = r#"{"properties": {"default": {"$ref": "money.json"}, "enum": {"items": {"$ref": "money.json"}}}}"#;
    let schemas = compiled("json-schema", named, &[("money.json", MONEY)]).unwrap();
    let said = |data: &str| told(&schemas, "application/json", data.as_bytes());
    assert_eq!(
        said(r#"{"default": {"units": 1}, "enum": [{"units": 1}]}"#),
        ""
    );
    assert!(said(r#"{"default": {"units": "x"}}"#).starts_with("/default/units breaks `type`"));
    assert!(said(r#"{"enum": [{}]}"#).starts_with("/enum/0 breaks `required`"));

    let old = MONEY.replace("$id", "id");
    for target in ["money.json", "https://example.com/schemas/money.json"] {
        let text = format!(
            r#"{{"$schema": "http://json-schema.org/draft-04/schema#", "id": "https://example.com/schemas/order.json",
                "properties": {{"total": {{"$ref": "{target}"}}}}}}"#
        );
        let schemas = compiled("json-schema", &text, &[("money.json", &old)]).unwrap();
        let said = |data: &str| told(&schemas, "application/json", data.as_bytes());
        assert_eq!(said(r#"{"total": {"units": 1, "tax": {"units": 2}}}"#), "");
        assert!(
            said(r#"{"total": {"units": 1, "tax": {}}}"#)
                .starts_with("/total/tax breaks `required`")
        );
    }
}

#[test]
fn json_schemas_that_cannot_stand_together_are_refused() {
    let draft = r#""$schema": "https://json-schema.org/draft/2020-12/schema""#;
    for (text, references, part) in [
        (
            r##"{"$ref": "a.json#anchor"}"##,
            vec![("a.json", "{}")],
            "names an anchor",
        ),
        (
            r#"{"$ref": "b.json"}"#,
            vec![("a.json", "{}")],
            "nothing is fetched",
        ),
        (
            r#"{"$ref": "a.json"}"#,
            vec![("a.json", "{")],
            "the reference `a.json` is not JSON",
        ),
        (
            r#"{"$defs": {"a.json": {}}, "$ref": "a.json"}"#,
            vec![("a.json", "{}")],
            "is called as something under `$defs`",
        ),
        (
            &format!(r#"{{{draft}, "$ref": "a.json"}}"#),
            vec![(
                "a.json",
                r#"{"$schema": "http://json-schema.org/draft-07/schema#"}"#,
            )],
            "is written in another draft",
        ),
        // They refer to each other for the same data.
        (
            r#"{"$ref": "a.json"}"#,
            vec![
                ("a.json", r#"{"$ref": "b.json"}"#),
                ("b.json", r#"{"$ref": "a.json"}"#),
            ],
            "refers to itself",
        ),
    ] {
        let refused = compiled("json-schema", text, &references).unwrap_err();
        assert!(refused.contains(part), "{text}: {refused}");
    }
    let many: Vec<(String, String)> = (0..=REFERENCES_MAX)
        .map(|n| (format!("{n}.json"), "{}".to_owned()))
        .collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let refused = compiled("json-schema", "{}", &many).unwrap_err();
    assert!(refused.contains("more than 32 documents"), "{refused}");
    let large = "x".repeat(256 << 10);
    let refused = compiled("json-schema", "{}", &[("x", &large)]).unwrap_err();
    assert!(
        refused.contains("with what it refers to, is larger"),
        "{refused}"
    );
}

#[test]
fn avro_names_are_defined_where_they_are_met_first() {
    let order = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "to", "type": "Address"}, {"name": "from", "type": ["null", "shop.Address"]},
        {"name": "all", "type": {"type": "array", "items": "geo.Land"}}]}"#;
    let address = r#"{"type": "record", "name": "Address", "namespace": "shop",
        "fields": [{"name": "land", "type": "geo.Land"}, {"name": "kind", "type": "Kind"}]}"#;
    let land = r#"{"type": "fixed", "name": "geo.Land", "size": 2}"#;
    // No namespace of its own: it must not take that of where it comes to stand.
    let kind = r#"{"type": "record", "name": "shop.Kinds", "fields": [
        {"name": "k", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}}]}"#;
    let references = [
        ("shop.Address", address),
        ("geo.Land", land),
        ("shop.Kinds", kind),
    ];
    let schemas = compiled("avro", order, &references).unwrap();
    let said = |data: &[u8]| told(&schemas, "application/avro", data);
    // to: land, kind; from: null; all: one land, end.
    assert_eq!(said(b"DE\x02\x00\x02FR\x00"), "");
    assert_ne!(said(b"DE\x04\x00\x02FR\x00"), "", "there is no third kind");
    let refused = compiled("avro", order, &references[..1]).unwrap_err();
    assert!(refused.contains("not an Avro schema"), "{refused}");
    // Records that contain each other end.
    let tree = r#"{"type": "record", "name": "Tree", "fields": [{"name": "l", "type": ["null", "Leaf"]}]}"#;
    let leaf = r#"{"type": "record", "name": "Leaf", "fields": [{"name": "t", "type": ["null", "Tree"]}]}"#;
    let schemas = compiled("avro", tree, &[("Leaf", leaf), ("Tree", tree)]).unwrap();
    assert_eq!(told(&schemas, "application/avro", b"\x02\x02\x00"), "");
}

#[test]
fn protobuf_imports_what_came_with_it() {
    let order = r#"syntax = "proto3"; package shop; import "money.proto"; message Order { Money total = 1; }"#;
    let money = r#"syntax = "proto3"; package shop; import "unit.proto"; message Money { Unit units = 1; }"#;
    let unit = r#"syntax = "proto3"; package shop; message Unit { int64 n = 1; }"#;
    let references = [("money.proto", money), ("unit.proto", unit)];
    let schemas = compiled("protobuf", order, &references).unwrap();
    assert_eq!(
        told(
            &schemas,
            "application/protobuf",
            b"\x0a\x04\x0a\x02\x08\x01"
        ),
        ""
    );
    assert_ne!(
        told(&schemas, "application/protobuf", b"\x0a\x04\x0a\x02\x08"),
        ""
    );
    let refused = compiled("protobuf", order, &references[..1]).unwrap_err();
    assert!(refused.contains("unit.proto"), "{refused}");
}

#[test]
fn answers_of_registries() {
    let read = |text: &str| confluent::Subject::read(text.as_bytes());
    let order = read(
        r#"{"subject": "order-value", "version": 2, "id": 7, "schema": "{}", "guid": "x",
            "references": [{"name": "a", "subject": "b", "version": 1}]}"#,
    )
    .unwrap();
    assert_eq!((order.version, order.schema.format()), (2, Ok("avro")));
    assert_eq!(order.schema.references.unwrap()[0].subject, "b");
    let json = read(r#"{"version": 1, "schemaType": "JSON", "schema": "{}", "references": null}"#);
    assert_eq!(json.unwrap().schema.format(), Ok("json-schema"));
    let other = read(r#"{"version": 1, "schemaType": "XML", "schema": ""}"#).unwrap();
    assert!(other.schema.format().unwrap_err().contains("`XML`"));
    for wrong in [
        "",
        "[]",
        r#"{"version": 1}"#,
        r#"{"version": -1, "schema": ""}"#,
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    assert_eq!(
        confluent::path("a/b:c ../é", Some(3)),
        "/subjects/a%2Fb%3Ac%20..%2F%C3%A9/versions/3"
    );
    assert_eq!(
        confluent::path("order-value", None),
        "/subjects/order-value/versions/latest"
    );
}

/// The name by which `serde_json` passes on text that it has not read, and each level of which it reads anew.
#[test]
fn no_name_in_a_schema_or_its_data_has_a_meaning() {
    let raw = |text: &str| serde_json::json!({"$serde_json::private::RawValue": text}).to_string();
    let integer = raw(r#"{"type": "integer"}"#);
    let int = raw(r#""int""#);
    let early = r#""$schema": "http://json-schema.org/draft-07/schema#""#;
    for (text, references, data) in [
        (integer.as_str(), vec![], r#""a""#.to_owned()),
        (
            r#"{"$ref": "a.json"}"#,
            vec![("a.json", integer.as_str())],
            r#""a""#.to_owned(),
        ),
        (
            &format!(r#"{{{early}, "contentMediaType": "application/json"}}"#),
            vec![],
            serde_json::Value::from(raw("{")).to_string(),
        ),
    ] {
        let schemas = compiled("json-schema", text, &references).unwrap();
        assert_eq!(
            told(&schemas, "application/json", data.as_bytes()),
            "",
            "{text}"
        );
    }
    let named = r#"{"type": "fixed", "name": "F", "size": 1}"#;
    for references in [vec![], vec![("F", named)]] {
        let refused = compiled("avro", &int, &references).unwrap_err();
        assert!(refused.contains("not an Avro schema"), "{refused}");
    }
}
