//! Data that was written by a schema, in the frames of Confluent's serializers.

mod avro;
mod hostile;
mod proto;

use proptest::prelude::*;
use tradewind_schema::confluent::{Frame, NotFramed, Schema, path_of};
use tradewind_schema::{Data, Definition, Form, Writer};

const MAX: usize = 1 << 20;

fn writer(format: &str, text: &str) -> Writer {
    let definition = Definition {
        text: text.into(),
        ..Definition::default()
    };
    Writer::new(format, &definition).unwrap()
}

/// The JSON, or why there is none.
fn json(writer: &Writer, body: &[u8]) -> String {
    match writer.read(body, Form::Json, MAX) {
        Ok(data) => String::from_utf8(data.bytes.into_owned()).unwrap(),
        Err(violation) => violation.to_string(),
    }
}

/// The bytes as they were written, or why they were not.
fn kept(writer: &Writer, body: &[u8]) -> Result<(Vec<u8>, &'static str, Option<String>), String> {
    let Data {
        bytes,
        media_type,
        message,
    } = writer
        .read(body, Form::Bytes, MAX)
        .map_err(|violation| violation.to_string())?;
    Ok((bytes.into_owned(), media_type, message))
}

#[test]
fn a_frame_is_a_zero_a_number_and_data() {
    let frame = Frame::read(b"\0\0\0\x01\x02data").unwrap();
    assert_eq!((frame.id, frame.body), (258, &b"data"[..]));
    let empty = Frame::read(b"\0\xff\xff\xff\xff").unwrap();
    assert_eq!((empty.id, empty.body), (u32::MAX, &b""[..]));
    assert_eq!(path_of(258), "/schemas/ids/258");
    for short in [&b""[..], b"\0", b"\0\0\0\0"] {
        assert_eq!(Frame::read(short), Err(NotFramed::Short(short.len())));
    }
    assert_eq!(Frame::read(b"{}"), Err(NotFramed::Magic(b'{')));
    assert_eq!(Frame::read(b"\x01234567"), Err(NotFramed::Magic(1)));
}

#[test]
fn what_a_registry_answers_is_read() {
    let answer = br#"{"schema":"\"int\""}"#;
    let schema = Schema::read(answer).unwrap();
    assert_eq!((schema.format(), &*schema.text), (Ok("avro"), "\"int\""));
    let answer = br#"{"schemaType":"PROTOBUF","schema":"x","references":[{"name":"n","subject":"s","version":3}],"more":1}"#;
    let schema = Schema::read(answer).unwrap();
    assert_eq!(schema.format(), Ok("protobuf"));
    assert_eq!(schema.references.unwrap()[0].version, 3);
    assert!(Schema::read(b"<html>").is_err());
}

#[test]
fn json_stays_what_it_is() {
    let writer = writer("json-schema", r#"{"type":"objekt"}"#);
    let odd = b"  {\"b\" : 1.0,\n \"a\":1e2}";
    for form in [Form::Json, Form::Bytes] {
        let data = writer.read(odd, form, MAX).unwrap();
        assert_eq!(&*data.bytes, odd);
        assert_eq!(data.media_type, "application/json");
    }
    assert_eq!(
        json(&writer, b"{\"secret\""),
        "data breaks `JSON`: found 9 bytes that are none"
    );
}

proptest! {
    #[test]
    fn every_frame_is_taken_apart(id: u32, body: Vec<u8>) {
        let framed = [&[0][..], &id.to_be_bytes(), &body].concat();
        prop_assert_eq!(Frame::read(&framed), Ok(Frame { id, body: &body }));
    }
}
