//! What no serializer wrote: told of, in bounded time and memory, without a value.

use super::{MAX, json, writer};
use proptest::prelude::*;
use tradewind_schema::{Form, Writer};

const TREE: &str = r#"{"type":"record","name":"Tree","fields":[{"name":"next","type":["null","Tree"]},
    {"name":"all","type":{"type":"array","items":"Tree"}}, {"name":"named","type":{"type":"map","values":"long"}}]}"#;
const NESTED: &str = r#"syntax = "proto3"; import "google/protobuf/any.proto"; import "google/protobuf/struct.proto";
message M { M m = 1; google.protobuf.Any any = 2; repeated M all = 3; google.protobuf.Value value = 4;
    map<string, M> named = 5; }"#;

#[test]
fn depth_is_bounded() {
    let deep = json(&writer("avro", TREE), &[2; 100_000]);
    assert!(
        deep.ends_with("breaks `nesting`: expected at most 64 levels, found more"),
        "{deep}"
    );
    let mut message = Vec::new();
    for _ in 0..1000 {
        message = [&b"\x0a"[..], &length(message.len()), &message].concat();
    }
    let deep = json(&writer("protobuf", NESTED), &[vec![0], message].concat());
    assert!(deep.contains("breaks `nesting`"), "{deep}");
}

#[test]
fn depth_is_bounded_through_what_is_packed() {
    let mut message = Vec::new();
    for _ in 0..2000 {
        let any = [&b"\x0a\x03a/M\x12"[..], &length(message.len()), &message].concat();
        message = [&b"\x12"[..], &length(any.len()), &any].concat();
    }
    let deep = json(&writer("protobuf", NESTED), &[vec![0], message].concat());
    assert_eq!(
        deep,
        "data breaks `nesting`: expected at most 64 levels, found more"
    );
}

#[test]
fn counts_and_lengths_are_bounded() {
    let endless = b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    for (schema, told) in [
        (
            r#"{"type":"array","items":"null"}"#,
            "[] breaks `size`: expected at most 1048576 bytes of JSON",
        ),
        (
            r#"{"type":"array","items":{"type":"record","name":"R","fields":[]}}"#,
            "[] breaks `size`",
        ),
        (
            r#""string""#,
            "data breaks `string`: found the end of the data",
        ),
        (
            r#"{"type":"map","values":"null"}"#,
            "{} breaks `string`: found the end of the data",
        ),
    ] {
        let found = json(&writer("avro", schema), endless);
        assert!(found.starts_with(told), "{found}");
    }
    // What is not written as JSON is counted, too.
    let writer = writer("avro", r#"{"type":"array","items":"null"}"#);
    let found = writer
        .read(endless, Form::Bytes, MAX)
        .unwrap_err()
        .to_string();
    assert!(found.contains("at most 1000000 values"), "{found}");
}

#[test]
fn neither_data_nor_json_is_larger_than_it_may_be() {
    let writer = writer("avro", r#""bytes""#);
    let datum = [&b"\x28"[..], &[0; 20]].concat();
    // Six bytes of JSON for each control character.
    for (max, told) in [
        (122, ""),
        (
            121,
            "data breaks `size`: expected at most 121 bytes of JSON, found more",
        ),
        (
            20,
            "data breaks `size`: expected at most 20 bytes, found 21 bytes",
        ),
    ] {
        let read = writer.read(&datum, Form::Json, max);
        let found = read.map_or_else(|violation| violation.to_string(), |_| String::new());
        assert_eq!(found, told);
    }
}

#[test]
fn messages_are_bounded() {
    let writer = writer("protobuf", NESTED);
    let many = |n: usize| [vec![0], b"\x1a\0".repeat(n)].concat();
    assert!(json(&writer, &many(90_000)).starts_with("{\"all\":[{},"));
    let found = json(&writer, &many(100_000));
    assert_eq!(
        found,
        "all breaks `size`: found more messages than can be read"
    );
    // Packed ones are of the same number.
    let packed = b"\x1a\0".repeat(60_000);
    let any = [&b"\x0a\x03a/M\x12"[..], &length(packed.len()), &packed].concat();
    let field = [&b"\x12"[..], &length(any.len()), &any].concat();
    let found = json(&writer, &[many(60_000), field].concat());
    assert!(
        found.ends_with("found more messages than can be read"),
        "{found}"
    );
}

#[test]
fn a_key_that_comes_twice_is_refused() {
    let writer = writer("avro", r#"{"type":"map","values":"int"}"#);
    let found = json(&writer, b"\x04\x02k\x02\x02k\x04\0");
    assert_eq!(found, "{} breaks `map`: found one key twice");
}

fn length(mut n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while n > 0x7f {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

fn writers() -> [Writer; 2] {
    [writer("avro", TREE), writer("protobuf", NESTED)]
}

proptest! {
    /// Bytes that nobody chose: JSON, or a reason.
    #[test]
    fn nothing_makes_it_panic(body in proptest::collection::vec(prop_oneof![0_u8..0x30, any::<u8>()], 0..200)) {
        for writer in writers() {
            if let Ok(read) = writer.read(&body, Form::Json, MAX) {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&read.bytes).is_ok());
            }
        }
    }
}
