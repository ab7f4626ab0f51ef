use crate::{said, schema};

const ORDER: &str = r#"
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
message Order {
  string id = 1;
  repeated Line lines = 2;
  repeated int32 codes = 3;
  google.protobuf.Timestamp at = 4;
  map<string, sint64> counts = 5;
  fixed32 sum = 6;
}
message Line { string sku = 1; Order within = 2; }
"#;

#[test]
fn a_message_is_walked_to_its_end() {
    let schemas = schema("protobuf", ORDER, Some("shop.Order")).unwrap();
    let cases: [(&[u8], &str); 13] = [
        (b"", ""),
        (b"\x0a\x011\x12\x03\x0a\x01s\x1a\x02\x01\x02\x18\x05", ""),
        (b"\x2a\x05\x0a\x01a\x10\x03", ""),
        (b"\x35abcd", ""),
        (b"\x7a\x01?", ""),
        (
            b"\x0a\x02\xff\xff",
            "id breaks `string`: found bytes that are not UTF-8",
        ),
        (
            b"\x08\x01",
            "id breaks `wire type`: expected 2, for string, found wire type 0",
        ),
        (
            b"\x0a\x05ab",
            "id breaks `wire type`: found the end of the data",
        ),
        (
            b"\x12\x02\x0a\x05",
            "lines.sku breaks `wire type`: found the end of the data",
        ),
        (
            b"\x1a\x01\x80",
            "codes breaks `packed`: found no number of at most 64 bits",
        ),
        (
            b"\x0b",
            "id breaks `wire type`: found a group, which the language gave up",
        ),
        (b"\x00", "data breaks `tag`: found no field number"),
        (
            b"\x35abc",
            "sum breaks `wire type`: found the end of the data",
        ),
    ];
    for (data, expected) in cases {
        assert_eq!(
            said(&schemas, "application/protobuf", data),
            expected,
            "{data:x?}"
        );
    }
    let told = said(&schemas, "application/json", b"{}");
    assert!(told.contains("datacontenttype"), "{told}");
}

#[test]
fn deep_messages_end() {
    let schemas = schema("protobuf", ORDER, Some("shop.Order")).unwrap();
    let mut data = Vec::new();
    for _ in 0..300 {
        // `lines` in an order and `within` in a line have the same number.
        let length = u32::try_from(data.len()).unwrap();
        let (low, high) = (
            u8::try_from(length % 128).unwrap() | 0x80,
            u8::try_from(length / 128).unwrap(),
        );
        data = [&[0x12, low, high][..], &data].concat();
    }
    let told = said(&schemas, "application/protobuf", &data);
    assert!(told.contains("`nesting`"), "{told}");
}

#[test]
fn a_required_field_must_be_there() {
    let text = r#"syntax = "proto2"; message M { required string a = 1; optional string b = 2; }"#;
    let schemas = schema("protobuf", text, None).unwrap();
    assert_eq!(said(&schemas, "application/protobuf", b"\x0a\x00"), "");
    let told = said(&schemas, "application/protobuf", b"\x12\x00");
    assert_eq!(
        told,
        "data breaks `required`: expected a field `a`, found none"
    );
}

#[test]
fn what_does_not_compile_is_refused_with_the_reason() {
    for (text, message, part) in [
        ("message M {", None, "not a Protobuf definition"),
        (
            "syntax = \"proto3\"; import \"other.proto\"; message M {}",
            None,
            "imports nothing but",
        ),
        (
            "syntax = \"proto3\"; import \"/etc/passwd\"; message M {}",
            None,
            "imports nothing but",
        ),
        (
            ORDER,
            None,
            "say which one with `message`: shop.Order, shop.Line",
        ),
        (ORDER, Some("Order"), "there are: shop.Order, shop.Line"),
        ("syntax = \"proto3\";", None, "it has 0 messages"),
    ] {
        let refused = schema("protobuf", text, message).unwrap_err();
        assert!(refused.contains(part), "{text}: {refused}");
    }
}
