//! By the "JSON Encoding" of the specification of Avro 1.12.

use super::{json, kept, writer};
use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use serde_json::json as j;

const ALL: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "string"},
    {"name": "open", "type": "boolean"},
    {"name": "weight", "type": "float"},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
        {"name": "sku", "type": {"type": "fixed", "name": "Sku", "size": 2}}]}}},
    {"name": "note", "type": ["null", "string"]},
    {"name": "parent", "type": ["null", "Order"]},
    {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, "Sku"]},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
    {"name": "labels", "type": {"type": "map", "values": "int"}}]}"#;

#[test]
fn the_examples_of_the_specification() {
    for (schema, datum, expected) in [
        (
            r#"{"type":"record","name":"test","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]}"#,
            &b"\x36\x06foo"[..],
            r#"{"a":27,"b":"foo"}"#,
        ),
        (
            r#"{"type":"enum","name":"Foo","symbols":["A","B","C","D"]}"#,
            b"\x06",
            r#""D""#,
        ),
        (
            r#"{"type":"array","items":"long"}"#,
            b"\x04\x06\x36\0",
            "[3,27]",
        ),
        (r#"["null","string"]"#, b"\0", "null"),
        (r#"["null","string"]"#, b"\x02\x02a", r#"{"string":"a"}"#),
        (
            r#"["null","string",{"type":"record","name":"Foo","fields":[]}]"#,
            b"\x04",
            r#"{"Foo":{}}"#,
        ),
        (r#""bytes""#, b"\x02\xff", "\"\u{ff}\""),
        (
            r#"{"type":"map","values":"long"}"#,
            b"\x02\x02a\x02\0",
            r#"{"a":1}"#,
        ),
        (r#""null""#, b"", "null"),
    ] {
        assert_eq!(json(&writer("avro", schema), datum), expected, "{schema}");
    }
}

#[test]
fn every_kind_of_value_is_written() {
    let writer = writer("avro", ALL);
    let datum = [
        &b"\x04\"1\x01\0\0\0\x3f"[..],
        b"\x02A\xff\0",
        b"\x02\x02\n\0",
        b"\x02\x04\x01\x00",
        b"\x02\x02\x02\x02k\x03\0",
    ]
    .concat();
    let text = json(&writer, &datum);
    assert_eq!(
        text,
        "{\"id\":\"\\\"1\",\"open\":true,\"weight\":0.5,\"lines\":[{\"sku\":\"A\u{ff}\"}],\"note\":{\"string\":\"\\n\"},\
         \"parent\":null,\"price\":{\"bytes\":\"\\u0001\\u0000\"},\"at\":1,\"state\":\"PAID\",\"labels\":{\"k\":-2}}"
    );
    let (bytes, media_type, message) = kept(&writer, &datum).unwrap();
    assert_eq!((bytes, media_type), (datum.clone(), "application/avro"));
    assert_eq!(message, None);
    // It is checked in both forms.
    let cut = &datum[..datum.len() - 1];
    let told = "labels breaks `block`: found the end of the data";
    assert_eq!(json(&writer, cut), told);
    assert_eq!(kept(&writer, cut), Err(told.to_owned()));
}

#[test]
fn branches_of_unions_have_full_names() {
    let schema = r#"{"type":"record","name":"O","namespace":"a","fields":[{"name":"u","type":[
        {"type":"fixed","name":"F","size":1}, {"type":"fixed","name":"b.F","size":1},
        {"type":"array","items":"int"}, {"type":"map","values":"F"}, "double"]}]}"#;
    let writer = writer("avro", schema);
    let nan = [b"\x08", &f64::NAN.to_le_bytes()[..]].concat();
    for (datum, expected) in [
        (&b"\0x"[..], r#"{"u":{"a.F":"x"}}"#),
        (b"\x02x", r#"{"u":{"b.F":"x"}}"#),
        (b"\x04\0", r#"{"u":{"array":[]}}"#),
        (b"\x06\x02\x02kx\0", r#"{"u":{"map":{"k":"x"}}}"#),
        (&nan, r#"{"u":{"double":"NaN"}}"#),
    ] {
        assert_eq!(json(&writer, datum), expected);
    }
}

type Case = (String, Value, serde_json::Value);

/// A schema, a value of it, and its JSON by the words of the specification. `n` makes names that differ.
fn case() -> impl Strategy<Value = Case> {
    let latin = |bytes: &[u8]| -> String { bytes.iter().copied().map(char::from).collect() };
    let leaf = prop_oneof![
        Just((r#""null""#.into(), Value::Null, j!(null))),
        any::<bool>().prop_map(|v| (r#""boolean""#.into(), Value::Boolean(v), j!(v))),
        any::<i32>().prop_map(|v| (r#""int""#.into(), Value::Int(v), j!(v))),
        any::<i64>().prop_map(|v| (r#""long""#.into(), Value::Long(v), j!(v))),
        any::<i32>().prop_map(|v| {
            let v = f64::from(v) / 8.0;
            (r#""double""#.into(), Value::Double(v), j!(v))
        }),
        "\\PC{0,8}".prop_map(|v| (r#""string""#.into(), Value::String(v.clone()), j!(v))),
        any::<Vec<u8>>().prop_map(move |v| (
            r#""bytes""#.into(),
            Value::Bytes(v.clone()),
            j!(latin(&v))
        )),
        any::<u32>().prop_map(|n| {
            let schema = format!(r#"{{"type":"enum","name":"E{n}","symbols":["A","B"]}}"#);
            (schema, Value::Enum(1, "B".into()), j!("B"))
        }),
        any::<(u32, [u8; 3])>().prop_map(move |(n, v)| {
            let schema = format!(r#"{{"type":"fixed","name":"F{n}","size":3}}"#);
            (schema, Value::Fixed(3, v.into()), j!(latin(&v)))
        }),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let list = inner.clone().prop_map(|(schema, value, json)| {
            (
                format!(r#"{{"type":"array","items":{schema}}}"#),
                Value::Array(vec![value.clone(), value]),
                j!([json, json]),
            )
        });
        let map = (inner.clone(), "[a-z\"]{0,4}").prop_map(|((schema, value, json), key)| {
            (
                format!(r#"{{"type":"map","values":{schema}}}"#),
                Value::Map([(key.clone(), value)].into()),
                j!({ key: json }),
            )
        });
        let record = (inner, any::<u32>()).prop_map(|((schema, value, json), n)| {
            let word: serde_json::Value = serde_json::from_str(&schema).unwrap();
            let name = ["name", "type"].iter().find_map(|key| word.get(key).cloned()).unwrap_or(word);
            let name = name.as_str().unwrap().to_owned();
            // A union holds no other one, and null only once.
            let (union, json_of_union, branch) = match name.as_str() {
                "null" => (r#"["null"]"#.to_owned(), json, 0),
                _ => (format!(r#"["null",{schema}]"#), j!({ name: json }), 1),
            };
            let schema = format!(
                r#"{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":{union}}},{{"name":"b","type":["null","int"]}}]}}"#
            );
            let value = Value::Record(vec![
                ("a".into(), Value::Union(branch, Box::new(value))),
                ("b".into(), Value::Union(0, Box::new(Value::Null))),
            ]);
            (schema, value, j!({ "a": json_of_union, "b": null }))
        });
        prop_oneof![list, map, record]
    })
}

proptest! {
    /// What the library writes is read as the specification has it in JSON, and no beginning of it is read.
    #[test]
    fn what_is_written_is_read((text, value, expected) in case()) {
        // Names that come twice, which chance brings.
        let Ok(schema) = Schema::parse_str(&text) else { return Ok(()) };
        let datum = GenericDatumWriter::builder(&schema).build().unwrap().write_value_to_vec(value).unwrap();
        let writer = writer("avro", &text);
        let read = json(&writer, &datum);
        let found: serde_json::Value = serde_json::from_str(&read).map_err(|e| TestCaseError::fail(format!("{e}: {read}")))?;
        prop_assert_eq!(found, expected);
        for end in 0..datum.len() {
            prop_assert!(kept(&writer, &datum[..end]).is_err());
        }
    }
}
