use crate::{said, schema};
use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "string"},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
        {"name": "sku", "type": {"type": "fixed", "name": "Sku", "size": 4}},
        {"name": "count", "type": "int"}]}}},
    {"name": "note", "type": ["null", "string"]},
    {"name": "parent", "type": ["null", "Order"]},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}}]}"#;

/// Id "1", one line of 3 `ABCD`, no note, no parent, PAID.
const PAID: &[u8] = b"\x021\x02ABCD\x06\x00\x00\x00\x02";

#[test]
fn a_datum_is_walked_to_its_end() {
    let schemas = schema("avro", ORDER, None).unwrap();
    let cut = &PAID[..PAID.len() - 1];
    let cases: [(&[u8], &str); 8] = [
        (PAID, ""),
        (cut, "state breaks `enum`: found the end of the data"),
        (
            &[PAID, b"x"].concat(),
            "data breaks `end`: found 1 bytes after it",
        ),
        (
            b"\x02\xff",
            "id breaks `string`: found bytes that are not UTF-8",
        ),
        (b"\x01", "id breaks `string`: found a negative length"),
        (
            b"\x021\x02ABCD\xfe\xff\xff\xff\x7f",
            "lines.[].count breaks `int`: found a number of more than 32 bits",
        ),
        (
            b"\x021\x00\x06",
            "note breaks `union`: expected one of 2 branches, found another branch",
        ),
        (
            b"\x021\x00\x00\x00\x06",
            "state breaks `enum`: expected one of 2 symbols, found another one",
        ),
    ];
    for (data, expected) in cases {
        assert_eq!(
            said(&schemas, "application/avro", data),
            expected,
            "{data:x?}"
        );
    }
    let told = said(&schemas, "application/json", PAID);
    assert!(told.contains("datacontenttype"), "{told}");
}

#[test]
fn schemas_that_say_nothing_are_refused() {
    for text in [
        "{",
        r#""order""#,
        r#"{"type": "array", "items": "Missing"}"#,
        r#"{"type": "enum", "name": "E", "symbols": [1]}"#,
    ] {
        assert!(schema("avro", text, None).is_err(), "{text}");
    }
}

fn value() -> impl Strategy<Value = (String, Value)> {
    let leaf = prop_oneof![
        Just((r#""null""#.to_string(), Value::Null)),
        any::<bool>().prop_map(|v| (r#""boolean""#.into(), Value::Boolean(v))),
        any::<i32>().prop_map(|v| (r#""int""#.into(), Value::Int(v))),
        any::<i64>().prop_map(|v| (r#""long""#.into(), Value::Long(v))),
        any::<f64>().prop_map(|v| (r#""double""#.into(), Value::Double(v))),
        ".{0,8}".prop_map(|v| (r#""string""#.into(), Value::String(v))),
        any::<Vec<u8>>().prop_map(|v| (r#""bytes""#.into(), Value::Bytes(v))),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let list = (inner.clone(), 0_usize..4).prop_map(|((schema, value), n)| {
            (
                format!(r#"{{"type": "array", "items": {schema}}}"#),
                Value::Array(vec![value; n]),
            )
        });
        let map = (inner, 0_usize..4).prop_map(|((schema, value), n)| {
            let values = (0..n).map(|i| (i.to_string(), value.clone())).collect();
            (
                format!(r#"{{"type": "map", "values": {schema}}}"#),
                Value::Map(values),
            )
        });
        prop_oneof![list, map]
    })
}

proptest! {
    /// What the library writes is taken whole, and no beginning of it is.
    #[test]
    fn what_is_written_is_taken((text, value) in value()) {
        let written = Schema::parse_str(&text).unwrap();
        let written = GenericDatumWriter::builder(&written).build().unwrap().write_value_to_vec(value).unwrap();
        let schemas = schema("avro", &text, None).unwrap();
        prop_assert_eq!(said(&schemas, "application/avro", &written), "");
        for end in 0..written.len() {
            prop_assert_ne!(said(&schemas, "application/avro", &written[..end]), "");
        }
    }
}
