use serde_json::json;
use tradewind_schema::xregistry::{
    Entry, View, export, groups, import, meta, registry, schema, version,
};
use tradewind_schema::{Action, Binding, Compatibility, Definition, Pattern, Registered};

#[test]
fn schemas_and_messages_become_configuration() {
    let document = json!({
        "specversion": "1.0-rc4",
        "schemagroups": {"shop": {"schemas": {
            "Order.Placed": {
                "meta": {"compatibility": "backward"},
                "versions": {
                    "v10": {"format": "JsonSchema/draft-07", "schema": {"title": "third"}},
                    "v2": {"format": "JsonSchema/draft-07", "schema": {"title": "second"}},
                    "v1": {"format": "JsonSchema/draft-07", "schema": {"title": "first"}},
                    "v3": {"format": "JsonSchema/draft-07", "schemaurl": "https://example.com/x"},
                },
            },
            "legacy": {"format": "XSD/1.1", "schema": "<xs/>"},
            "mixed": {"versions": {
                "1": {"format": "JsonSchema/draft-07", "schema": {"title": "json"}},
                "2": {"format": "Avro/1.11.0", "schema": {"type": "string"}},
            }},
        }}},
        "messagegroups": {"shop": {"messages": {
            "placed": {
                "envelope": "CloudEvents/1.0",
                "envelopemetadata": {"type": {"value": "shop.order.placed"}, "source": {"value": "/shops/{shop}"}},
                "dataschemaxid": "/schemagroups/shop/schemas/Order.Placed/versions/v2",
            },
            "paid": {
                "envelopemetadata": {"type": {"value": "shop.order.paid"}},
                "dataschemaformat": "Avro/1.11.0",
                "dataschema": {"type": "string"},
            },
            "lost": {"envelopemetadata": {"type": {"value": "lost"}}, "dataschemauri": "https://example.com/s"},
            "mute": {"envelopemetadata": {"type": {"value": "mute"}}},
            "untyped": {"dataschema": {}},
            "any": {"envelopemetadata": {"type": {"value": "{type}"}}, "dataschemaxid": "/schemagroups/shop/schemas/mixed"},
        }}},
    });
    let imported = import(&document).unwrap();
    let expected = json!({
        "order-placed": {
            "format": "json-schema",
            "compatibility": "backward",
            "versions": [{"schema": {"title": "first"}}, {"schema": {"title": "second"}}, {"schema": {"title": "third"}}],
            "events": [{"type": "shop.order.placed", "source": "/shops/*"}],
        },
        "mixed": {"format": "json-schema", "compatibility": "none", "versions": [{"schema": {"title": "json"}}]},
        "paid": {"format": "avro", "versions": [{"schema": {"type": "string"}}], "events": [{"type": "shop.order.paid"}]},
    });
    assert_eq!(serde_json::to_value(&imported.schemas).unwrap(), expected);
    let reasons = imported.left_out.join("\n");
    for part in [
        "/schemagroups/shop/schemas/Order.Placed v3: its text is not in the document",
        "`XSD/1.1` is none of the languages",
        "/messagegroups/shop/messages/lost: its schema `https://example.com/s` is not in the document",
        "/schemagroups/shop/schemas/mixed 2: it is avro, and those before it are json-schema",
        "/messagegroups/shop/messages/any: its `type` begins with a variable",
        "/messagegroups/shop/messages/untyped: its `envelopemetadata` has no `type`",
    ] {
        assert!(reasons.contains(part), "{part}\n{reasons}");
    }
    assert_eq!(imported.left_out.len(), 6);
    assert!(import(&json!({"a": 1})).is_err());
}

fn registered(format: &str, texts: &[(&str, Option<&str>, Option<&str>)]) -> Registered {
    let mut schema = Registered::new(format, Compatibility::None, Action::DeadLetter).unwrap();
    for (text, message, dataschema) in texts {
        let definition = Definition {
            text: (*text).into(),
            message: message.map(str::to_owned),
            ..Definition::default()
        };
        schema
            .add(definition, dataschema.map(str::to_owned))
            .unwrap();
    }
    schema
}

fn entry<'r>(group: &str, name: &'r str, registered: &'r Registered) -> Entry<'r> {
    Entry {
        group: group.into(),
        name,
        registered,
        owner: Some("shop"),
        why: None,
        created: vec!["2026-01-01T00:00:00Z".into(); registered.versions.len()],
        modified: "2026-01-02T00:00:00Z".into(),
        epoch: 2,
        deprecated: None,
        readonly: false,
    }
}

#[test]
fn what_is_exported_is_imported_as_it_was() {
    let mut order = registered(
        "json-schema",
        &[
            (r#"{"type":"object"}"#, None, Some("urn:order:1")),
            // Numbers that a reader would change are kept as they are written.
            (r#"{"minimum": 12345678901234567890.10}"#, None, None),
            ("false", None, None),
        ],
    );
    order.compatibility = Compatibility::Full;
    order.bindings.push(Binding {
        ty: Pattern::read("shop.*"),
        source: Some(Pattern::read("/eu")),
        on_failure: Action::Off,
    });
    order.bindings.push(Binding {
        ty: Pattern::read("shop.order"),
        source: None,
        on_failure: Action::DeadLetter,
    });
    let mut word = registered("avro", &[(r#""string""#, None, None)]);
    word.space = Some("shop".into());
    let proto = "syntax = \"proto3\";\nmessage A {}\nmessage B {}\n";
    let message = registered("protobuf", &[(proto, Some("B"), None)]);
    let entries = [
        entry("_gateway", "order", &order),
        entry("_gateway", "word", &message),
        entry("shop", "word", &word),
    ];
    let document = export("g", &entries, "2026-01-01T00:00:00Z");
    let imported = import(&document).unwrap();
    assert_eq!(imported.left_out, Vec::<String>::new());
    let expected = json!({
        "order": {
            "owner": "shop",
            "format": "json-schema",
            "compatibility": "full",
            "versions": [
                {"schema": {"type": "object"}, "dataschema": "urn:order:1"},
                {"schema": r#"{"minimum": 12345678901234567890.10}"#},
                {"schema": false},
            ],
            "events": [
                {"type": "shop.*", "source": "/eu", "on-failure": "off"},
                {"type": "shop.order"},
            ],
            "on-failure": "dead-letter",
        },
        "word": {
            "owner": "shop",
            "format": "protobuf",
            "compatibility": "none",
            "versions": [{"schema": proto, "message": "B"}],
            "events": [],
            "on-failure": "dead-letter",
        },
        "shop-word": {
            "owner": "shop",
            "space": "shop",
            "format": "avro",
            "compatibility": "none",
            "versions": [{"schema": r#""string""#}],
            "events": [],
            "on-failure": "dead-letter",
        },
    });
    assert_eq!(serde_json::to_value(&imported.schemas).unwrap(), expected);
}

#[test]
fn entities_have_what_the_specification_asks_for() {
    let order = registered("json-schema", &[("{}", None, None), ("{}", None, None)]);
    let entries = [entry("_gateway", "order", &order)];
    let view = View::Api("http://localhost/xregistry");
    let root = registry(view, "g", &entries, "2026-01-01T00:00:00Z");
    assert_eq!(root["specversion"], "1.0-rc4");
    assert_eq!(root["schemagroupscount"], 1);
    assert_eq!(root["self"], "http://localhost/xregistry/");
    let of = "/schemagroups/_gateway/schemas/order";
    let newest = schema(view, &entries[0]);
    assert_eq!(newest["versionid"], "2");
    assert_eq!(newest["isdefault"], true);
    assert_eq!(newest["xid"], of);
    assert_eq!(
        newest["self"],
        format!("http://localhost/xregistry{of}$details")
    );
    assert_eq!(newest["versionscount"], 2);
    assert!(newest.get("schema").is_none(), "only on demand");
    let first = version(view, &entries[0], 1).unwrap();
    assert_eq!(
        (&first["isdefault"], &first["ancestorid"]),
        (&json!(false), &json!("1"))
    );
    assert_eq!(first["format"], "JsonSchema/draft/2020-12");
    assert_eq!(first["xid"], format!("{of}/versions/1"));
    assert_eq!(version(view, &entries[0], 2).unwrap()["ancestorid"], "1");
    assert!(version(view, &entries[0], 3).is_none());
    let meta = meta(view, &entries[0]);
    assert_eq!(meta["defaultversionid"], "2");
    assert!(meta.get("compatibility").is_none(), "nothing is stated");
    assert_eq!(groups(view, &entries)["_gateway"]["schemascount"], 1);
    let document = export("g", &entries, "2026-01-01T00:00:00Z");
    let shown = &document["schemagroups"]["_gateway"]["schemas"]["order"];
    assert_eq!(shown["self"], format!("#{of}"));
    assert!(shown.get("versionid").is_none(), "a document says it once");
    assert_eq!(shown["versions"]["1"]["schema"], json!({}));
}
