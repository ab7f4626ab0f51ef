//! The event format tests of the CloudEvents conformance repository: JSON and protobuf.

use crate::golden;
use bytes::Bytes;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tradewind_event::{Event, Limits, json, protobuf};

/// The conformance data, which is not part of the repository.
pub(crate) fn folder() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");
    let path = std::env::var_os("TRADEWIND_CONFORMANCE")
        .map_or_else(|| PathBuf::from(default), PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    println!(
        "SKIPPED: no conformance data at {} (set TRADEWIND_CONFORMANCE)",
        path.display()
    );
    None
}

/// A file of cases. Some begin with a byte-order mark.
fn cases(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let file: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    let default = file["testType"].clone();
    let mut cases = file["tests"].as_array().unwrap().clone();
    for case in &mut cases {
        if case["testType"].is_null() {
            case["testType"] = default.clone();
        }
    }
    cases
}

const FILES: [&str; 4] = [
    "valid-events",
    "invalid-events",
    "valid-batches",
    "invalid-batches",
];

fn same(found: &[Event], wanted: &[Event]) -> bool {
    let comparable = |events: &[Event]| events.iter().map(golden::comparable).collect::<Vec<_>>();
    comparable(found) == comparable(wanted)
}

fn report(format: &str, wanted: usize, failed: &[String], total: usize) {
    println!("{format} format tests: {}/{total}", total - failed.len());
    assert!(failed.is_empty(), "failed: {failed:?}");
    assert_eq!(
        total, wanted,
        "the conformance data is incomplete or has grown"
    );
}

#[test]
fn json_format() {
    let Some(folder) = folder() else { return };
    let (mut total, mut failed) = (0, Vec::new());
    for file in FILES {
        for case in cases(
            &folder
                .join("format-tests/json")
                .join(file)
                .with_extension("json"),
        ) {
            let id = case["id"].as_str().unwrap().to_owned();
            let sample = case["sampleId"].as_str().unwrap_or_default();
            let document = |member: &str| Bytes::from(case[member].to_string());
            let event = || json::decode(document("event"));
            let batch = || json::decode_batch(document("batch"), &Limits::default());
            let passed = match case["testType"].as_str().unwrap() {
                "ValidSingleEvent" => {
                    event().is_ok_and(|found| same(&[found], &[golden::event(sample, false)]))
                }
                "ValidBatch" => {
                    batch().is_ok_and(|found| same(&found, &golden::batch(sample, false)))
                }
                "InvalidSingleEvent" => event().is_err(),
                "InvalidBatch" => batch().is_err(),
                other => panic!("unknown test type {other}"),
            };
            total += 1;
            if !passed {
                failed.push(id);
            }
        }
    }
    report("JSON", 43, &failed, total);
}

#[test]
fn protobuf_format() {
    let Some(folder) = folder() else { return };
    let (mut total, mut failed) = (0, Vec::new());
    for file in FILES {
        for case in cases(
            &folder
                .join("format-tests/protobuf")
                .join(file)
                .with_extension("json"),
        ) {
            let id = case["id"].as_str().unwrap().to_owned();
            let sample = case["sampleId"].as_str().unwrap_or_default();
            let event = |member: &str| protobuf::decode(wire::event(&case[member]).into());
            let batch = |member: &str| {
                let message = wire::batch(&case[member]);
                protobuf::decode_batch(message.into(), &Limits::default())
            };
            let has = |member: &str| !case[member].is_null();
            let passed = if has("validSingle") {
                event("validSingle")
                    .is_ok_and(|found| same(&[found], &[golden::event(sample, true)]))
            } else if has("validBatch") {
                batch("validBatch").is_ok_and(|found| same(&found, &golden::batch(sample, true)))
            } else if has("invalidSingle") {
                event("invalidSingle").is_err()
            } else {
                batch("invalidBatch").is_err()
            };
            total += 1;
            if !passed {
                failed.push(id);
            }
        }
    }
    report("protobuf", 33, &failed, total);
}

/// Protobuf-JSON text to wire bytes, independent of the crate's own messages.
mod wire {
    use base64::Engine as _;
    use prost::encoding::{WireType, encode_key, encode_varint};
    use serde_json::Value;
    use tradewind_event::Timestamp;

    fn bytes(tag: u32, value: &[u8], out: &mut Vec<u8>) {
        encode_key(tag, WireType::LengthDelimited, out);
        encode_varint(value.len() as u64, out);
        out.extend_from_slice(value);
    }

    fn varint(tag: u32, value: i64, out: &mut Vec<u8>) {
        encode_key(tag, WireType::Varint, out);
        encode_varint(value as u64, out);
    }

    pub(super) fn event(json: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in json.as_object().unwrap() {
            match name.as_str() {
                "id" => bytes(1, value.as_str().unwrap().as_bytes(), &mut out),
                "source" => bytes(2, value.as_str().unwrap().as_bytes(), &mut out),
                "specVersion" => bytes(3, value.as_str().unwrap().as_bytes(), &mut out),
                "type" => bytes(4, value.as_str().unwrap().as_bytes(), &mut out),
                "text_data" => bytes(7, value.as_str().unwrap().as_bytes(), &mut out),
                "attributes" => {
                    for (name, value) in value.as_object().unwrap() {
                        let mut entry = Vec::new();
                        bytes(1, name.as_bytes(), &mut entry);
                        bytes(2, &attribute(value), &mut entry);
                        bytes(5, &entry, &mut out);
                    }
                }
                other => panic!("unknown field {other}"),
            }
        }
        out
    }

    fn attribute(json: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in json.as_object().unwrap() {
            let text = || value.as_str().unwrap();
            match name.as_str() {
                "ceBoolean" => varint(1, value.as_bool().unwrap().into(), &mut out),
                "ceInteger" => varint(2, value.as_i64().unwrap(), &mut out),
                "ceString" => bytes(3, text().as_bytes(), &mut out),
                "ceBytes" => {
                    let standard = base64::engine::general_purpose::STANDARD;
                    bytes(4, &standard.decode(text()).unwrap(), &mut out);
                }
                "ceUri" => bytes(5, text().as_bytes(), &mut out),
                "ceUriRef" => bytes(6, text().as_bytes(), &mut out),
                "ceTimestamp" => {
                    let mut instant = Vec::new();
                    varint(1, Timestamp::parse(text()).unwrap().seconds, &mut instant);
                    bytes(7, &instant, &mut out);
                }
                other => panic!("unknown type {other}"),
            }
        }
        out
    }

    pub(super) fn batch(json: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        for part in json["events"].as_array().unwrap() {
            bytes(1, &event(part), &mut out);
        }
        out
    }
}
