//! The published GitHub payloads, held against the document.

use crate::document::expected;
use crate::github::{headers, seen};
use bytes::Bytes;
use std::io::Write;
use std::path::PathBuf;
use tradewind_event::Timestamp;
use tradewind_formats::github;

pub(crate) fn folder() -> PathBuf {
    std::env::var_os("TRADEWIND_CONFORMANCE").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../../shared/conformance"
            ))
        },
        PathBuf::from,
    )
}

#[test]
fn become_the_events_of_the_document() {
    let path = folder().join("provider-events/github");
    let Ok(files) = std::fs::read_dir(&path) else {
        // Past the capture of the test runner: nobody should take this for a pass.
        let note = format!(
            "SKIPPED: no conformance data at {} (set TRADEWIND_CONFORMANCE)",
            path.display()
        );
        writeln!(std::io::stderr(), "{note}").unwrap();
        return;
    };
    let mut count = 0;
    for file in files.map(|file| file.unwrap()) {
        let name = file.file_name().into_string().unwrap();
        let Some((event, _)) = name.split_once("__") else {
            continue;
        };
        let body = Bytes::from(std::fs::read(file.path()).unwrap());
        let payload = serde_json::from_slice(&body).unwrap();
        let decoded = github::decode(&headers(event, "application/json"), body.clone()).unwrap();
        decoded.validate().unwrap();
        assert_eq!(decoded.data().unwrap().bytes, body, "{name}");
        let mut expected = expected(event, &payload);
        // Some installations carry seconds since the epoch, where the document expects a timestamp.
        let seconds = expected.time.as_ref().and_then(|time| time.parse().ok());
        if let Some(seconds) = seconds {
            expected.time = Some(Timestamp { seconds, nanos: 0 }.to_string());
        }
        assert_eq!(seen(&decoded), expected, "{name}");
        count += 1;
    }
    assert!(count >= 132, "only {count} payloads in {}", path.display());
}
