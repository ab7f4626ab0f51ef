use serde_json::json;
use tradewind_schema::xregistry::import;

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
        "paid": {"format": "avro", "versions": [{"schema": {"type": "string"}}], "events": [{"type": "shop.order.paid"}]},
    });
    assert_eq!(serde_json::to_value(&imported.schemas).unwrap(), expected);
    let reasons = imported.left_out.join("\n");
    for part in [
        "/schemagroups/shop/schemas/Order.Placed v3: its text is not in the document",
        "`XSD/1.1` is none of the languages",
        "/messagegroups/shop/messages/lost: its schema `https://example.com/s` is not in the document",
        "/messagegroups/shop/messages/untyped: its `envelopemetadata` has no `type`",
    ] {
        assert!(reasons.contains(part), "{part}\n{reasons}");
    }
    assert_eq!(imported.left_out.len(), 4);
    assert!(import(&json!({"a": 1})).is_err());
}
