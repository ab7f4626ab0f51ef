//! Decodes and validates a structured event of 1 KiB, here and with the official SDK, in turns, and
//! prints one line of JSON: nanoseconds per event (median of the rounds) and the ratio.
//!
//! `cargo run --release -p tradewind-event --features cloudevents-sdk --example event_bench`
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures time and prints it"
)]

use bytes::Bytes;
use std::hint::black_box;
use std::time::Instant;
use tradewind_event::json;

/// Many short rounds: most of them fit between two interruptions of a busy machine.
const ROUNDS: usize = 201;
const EVENTS: u32 = 200;
const SIZE: usize = 1024;

/// Ten attributes and a nested object, filled up to 1 KiB.
fn document() -> String {
    let head = r#"{"specversion":"1.0","id":"6f1c2a34-9a8e-4b7d-8f1e-2d3c4b5a6978","source":"https://storage.example.com/projects/acme/buckets/invoices","type":"com.example.storage.object.finalized","subject":"invoices/2026/11/22/invoice-004711.pdf","time":"2026-11-22T05:30:12.345678Z","datacontenttype":"application/json","dataschema":"https://schemas.example.com/storage/object/1.0","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","partitionkey":"acme","data":{"bucket":{"name":"invoices","region":"europe-west1","versioned":true},"object":{"key":"invoices/2026/11/22/invoice-004711.pdf","size":183042,"etag":"9b2cf535f27731c974343645a3985328","storageClass":"STANDARD","metadata":{"customer":"4711","currency":"EUR","total":"1289.90"}},"labels":["finance","invoice","q4"],"sequence":18231,"ratio":0.75,"deleted":null,"note":""#;
    let tail = r#""}}"#;
    let filler = "lorem ipsum dolor sit amet ".chars().cycle();
    let missing = SIZE.saturating_sub(head.len() + tail.len());
    head.chars()
        .chain(filler.take(missing))
        .chain(tail.chars())
        .collect()
}

fn nanos_per_event(mut decode: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..EVENTS {
        decode();
    }
    start.elapsed().as_nanos() as f64 / f64::from(EVENTS)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let document = Bytes::from(document());
    json::decode(document.clone())?.validate()?;
    let _: cloudevents::Event = serde_json::from_slice(&document)?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let own = nanos_per_event(|| drop(black_box(json::decode(black_box(document.clone())))));
        let sdk = nanos_per_event(|| {
            drop(black_box(serde_json::from_slice::<cloudevents::Event>(
                black_box(&document),
            )));
        });
        ours.push(own);
        theirs.push(sdk);
        ratios.push(sdk / own);
    }
    println!(
        r#"{{"bench":"event","bytes":{},"tradewind_ns":{:.0},"cloudevents_sdk_ns":{:.0},"ratio":{:.2}}}"#,
        document.len(),
        median(ours),
        median(theirs),
        median(ratios)
    );
    Ok(())
}
