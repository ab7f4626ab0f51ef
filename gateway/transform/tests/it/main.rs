//! Transforms against tables, hostile templates and random input.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod attributes;
mod event_bridge;
mod hostile;
mod properties;
mod refusals;
mod templates;

use serde_json::Value;
use tradewind_event::Event;
use tradewind_transform::{About, Failed, compile};

/// Runs a definition on an event.
fn run(definition: Value, event: &Event) -> Result<Event, Failed> {
    let about = About {
        stream: "default",
        subscription: "example",
        appended_ms: 1_447_277_394_000,
    };
    compile(&definition).unwrap().apply(event, &about)
}

/// An event with JSON as its `data`.
fn order() -> Event {
    Event::builder("1", "/shop", "order.placed")
        .subject("o-7")
        .data_schema("https://example.com/order")
        .extension("traceid", tradewind_event::Attribute::String("abc"))
        .data(
            "application/json",
            r#"{"id": "o-7", "total": 12.5, "items": [{"sku": "a", "n": 2}, {"sku": "b", "n": 1}],
                "note": "\",\"admin\":true,\"x\":\"", "none": null}"#,
        )
        .build()
        .unwrap()
}

fn data(event: &Event) -> &str {
    std::str::from_utf8(&event.data().unwrap().bytes).unwrap()
}
