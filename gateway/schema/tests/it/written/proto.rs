//! By "ProtoJSON Format" of protobuf.dev.

use super::{json, kept, writer};
use proptest::prelude::*;
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MapKey, MessageDescriptor, Value};
use tradewind_schema::{Definition, Form, Reference, Writer};

/// Messages at `[0]`, `[1]`, `[1, 0]` and `[1, 0, 0]`; the map is one, too, which counts for nobody.
const SHOP: &str = r#"syntax = "proto3"; package shop;
import "google/protobuf/any.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
enum State { NEW = 0; PAID = 1; }
message Order {
    string id = 1; int64 total = 2; repeated int32 counts = 3; map<string, double> prices = 4; State state = 5;
    bytes raw = 6; optional string note_text = 7; oneof how { bool cash = 8; uint64 card = 9; }
    google.protobuf.Timestamp at = 10; google.protobuf.Int64Value most = 11; google.protobuf.Any more = 12;
    google.protobuf.Struct free = 13; Order parent = 14; float weight = 15; map<int32, Order> by_number = 16;
}
message Outer {
    map<string, string> labels = 1;
    message Inner { int32 n = 1; message Inmost { int32 n = 1; } }
    enum Kind { NONE = 0; }
}"#;

fn shop() -> (Writer, MessageDescriptor) {
    let folder = std::collections::HashMap::from([("schema.proto", SHOP)]);
    struct Only(std::collections::HashMap<&'static str, &'static str>);
    impl protox::file::FileResolver for Only {
        fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
            let text = self
                .0
                .get(name)
                .ok_or_else(|| protox::Error::file_not_found(name))?;
            protox::file::File::from_source(name, text)
        }
    }
    let mut files = protox::file::ChainFileResolver::new();
    files.add(protox::file::GoogleFileResolver::new());
    files.add(Only(folder));
    let mut compiler = protox::Compiler::with_file_resolver(files);
    compiler.open_file("schema.proto").unwrap();
    let pool: DescriptorPool = compiler.descriptor_pool();
    let order = pool.get_message_by_name("shop.Order").unwrap();
    (writer("protobuf", SHOP), order)
}

fn framed(message: &DynamicMessage) -> Vec<u8> {
    [vec![0], message.encode_to_vec()].concat()
}

#[test]
fn indexes_lead_to_the_message() {
    let (writer, _) = shop();
    // Zig-zag: 1 is 02, 2 is 04, -1 is 01.
    for (body, message) in [
        (&b"\0"[..], "shop.Order"),
        (b"\x02\0", "shop.Order"),
        (b"\x02\x02", "shop.Outer"),
        (b"\x04\x02\0", "shop.Outer.Inner"),
        (b"\x06\x02\0\0", "shop.Outer.Inner.Inmost"),
    ] {
        let (bytes, media_type, found) = kept(&writer, body).unwrap();
        assert_eq!((&*bytes, media_type), (&b""[..], "application/protobuf"));
        assert_eq!(found.as_deref(), Some(message), "{body:x?}");
    }
    let (bytes, ..) = kept(&writer, b"\x04\x02\0\x08\x05").unwrap();
    assert_eq!(bytes, b"\x08\x05");
    assert_eq!(json(&writer, b"\x04\x02\0\x08\x05"), r#"{"n":5}"#);
    let endless = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    let most = b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\0";
    for (body, told) in [
        (&b""[..], "the end of the data"),
        (b"\x02", "the end of the data"),
        (b"\x04\0", "the end of the data"),
        (b"\x02\x04", "one that no message has"),
        (b"\x02\x01", "one that no message has"),
        (b"\x04\x02\x02", "one that no message has"),
        (b"\x01\0", "less than none"),
        (endless, "the end of the data"),
        (most, "the end of the data"),
    ] {
        let found = format!("data breaks `message indexes`: found {told}");
        assert_eq!(json(&writer, body), found, "{body:x?}");
    }
}

#[test]
fn every_kind_of_value_is_written() {
    let (writer, order) = shop();
    let text = r#"{"id":"o\n1","total":"9007199254740993","counts":[1,-2],"prices":{"a":0.5,"b":"NaN"},"state":"PAID","raw":"/w==","noteText":"","card":"0","at":"2024-02-29T12:00:00.500Z","most":"0","more":{"@type":"type.googleapis.com/shop.Outer.Inner","n":3},"free":{"x":[1.0,null,"y"]},"parent":{"id":"p"},"weight":0.1,"byNumber":{"-1":{},"2":{"id":"q"},"10":{}}}"#;
    let mut reader = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize(order, &mut reader).unwrap();
    assert_eq!(json(&writer, &framed(&message)), text);
    for (bytes, expected) in [
        (&b""[..], "{}"),
        // A symbol that the schema does not have, a field that it does not have, and an empty `Any`.
        (b"\x28\x07", r#"{"state":7}"#),
        (b"\xa0\x06\x01", "{}"),
        (b"\x62\0", r#"{"more":{}}"#),
        (
            b"\x62\x2d\x0a\x29type.googleapis.com/google.protobuf.Empty\x12\0",
            "data breaks `google.protobuf.Any`: found a type that the schema does not have",
        ),
        (
            b"\x52\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x10\0",
            "data breaks `google.protobuf.Timestamp`: found a value that has no JSON",
        ),
        (
            b"\x0a\x02a",
            "id breaks `wire type`: found the end of the data",
        ),
    ] {
        let body = [b"\0", bytes].concat();
        assert_eq!(json(&writer, &body), expected, "{bytes:x?}");
    }
}

#[test]
fn imports_are_followed() {
    let definition = Definition {
        text: r#"syntax = "proto3"; import "unit.proto"; message Stock { shop.Unit units = 1; }"#
            .into(),
        references: vec![Reference {
            name: "unit.proto".into(),
            text: r#"syntax = "proto3"; package shop; message Unit { int64 n = 1; }"#.into(),
        }],
        ..Definition::default()
    };
    let writer = Writer::new("protobuf", &definition).unwrap();
    let read = writer.read(b"\0\x0a\x02\x08\x02", Form::Json, 100).unwrap();
    assert_eq!(&*read.bytes, br#"{"units":{"n":"2"}}"#);
    assert_eq!(read.message.as_deref(), Some("Stock"));
}

/// As Confluent's client for Python registers a file, and some registries give it back: compiled, in base64.
#[test]
fn a_compiled_file_is_read() {
    // package shop; message Outer { message Inner { int32 some_n = 1; } }
    let compiled = "CgdvLnByb3RvEgRzaG9wIiAKBU91dGVyGhcKBUlubmVyEg4KBnNvbWVfbhgBIAEoBWIGcHJvdG8z";
    let alone = writer("protobuf", compiled);
    assert_eq!(json(&alone, b"\x04\0\0\x08\x05"), r#"{"someN":5}"#);
    let definition = Definition {
        text:
            r#"syntax = "proto3"; import "o.proto"; message Stock { shop.Outer.Inner inner = 1; }"#
                .into(),
        references: vec![Reference {
            name: "o.proto".into(),
            text: compiled.into(),
        }],
        ..Definition::default()
    };
    let referring = Writer::new("protobuf", &definition).unwrap();
    assert_eq!(
        json(&referring, b"\0\x0a\x02\x08\x05"),
        r#"{"inner":{"someN":5}}"#
    );
    for broken in ["CgdvLnBy", "AAAA"] {
        let definition = Definition {
            text: broken.into(),
            ..Definition::default()
        };
        let told = Writer::new("protobuf", &definition)
            .unwrap_err()
            .to_string();
        assert!(told.contains("not a Protobuf definition"), "{told}");
    }
}

fn message() -> impl Strategy<Value = DynamicMessage> {
    let (_, order) = shop();
    let small = move |(id, total, counts, state, raw): (String, i64, Vec<i32>, i32, Vec<u8>)| {
        let mut message = DynamicMessage::new(order.clone());
        message.set_field_by_name("id", Value::String(id));
        message.set_field_by_name("total", Value::I64(total));
        let counts = counts.into_iter().map(Value::I32);
        message.set_field_by_name("counts", Value::List(counts.collect()));
        message.set_field_by_name("state", Value::EnumNumber(state));
        message.set_field_by_name("raw", Value::Bytes(raw.into()));
        message
    };
    let leaf = any::<(String, i64, Vec<i32>, i32, Vec<u8>)>().prop_map(small);
    leaf.prop_recursive(4, 16, 3, |inner| {
        let around = (
            inner.clone(),
            proptest::collection::hash_map(any::<i32>(), inner, 0..3),
            any::<f32>(),
        );
        around.prop_map(|(mut message, entries, weight)| {
            let parent = message.clone();
            message.set_field_by_name("parent", Value::Message(parent));
            message.set_field_by_name("weight", Value::F32(weight));
            let entries = entries.into_iter();
            let entries = entries.map(|(key, value)| (MapKey::I32(key), Value::Message(value)));
            message.set_field_by_name("by_number", Value::Map(entries.collect()));
            message
        })
    })
}

proptest! {
    /// What the library writes is read as the library has it in JSON, the same way each time.
    #[test]
    fn what_is_written_is_read(message in message()) {
        let writer = writer("protobuf", SHOP);
        let body = framed(&message);
        let read = json(&writer, &body);
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text);
        let found = parse(&read).map_err(|e| TestCaseError::fail(format!("{e}: {read}")))?;
        prop_assert_eq!(found, parse(&serde_json::to_string(&message).unwrap()).unwrap());
        prop_assert_eq!(json(&writer, &body), read);
        let (bytes, ..) = kept(&writer, &body).unwrap();
        prop_assert_eq!(&bytes, &body[1..]);
    }
}
