//! What the conformance client of the Functions Framework wants a function to do: write down what it got.
//!
//! ```console
//! cargo build -p tradewind --example functions_framework
//! PORT=8080 FUNCTION_TARGET=f FUNCTION_SIGNATURE_TYPE=cloudevent \
//!     client -buildpacks=false -cmd=target/debug/examples/functions_framework -type=cloudevent -validate-mapping=true
//! ```
//!
//! The client is built from github.com/GoogleCloudPlatform/functions-framework-conformance. With `FUNCTION=typed` the
//! function answers as a typed one, with `FUNCTION=slow` it takes a second, for `-validate-concurrency=true`.

use serde_json::{Value, json};
use std::time::Duration;
use tradewind::{Error, Event, Reply, event};

#[tradewind::handler]
async fn function(event: Event) -> Result<Reply, Error> {
    let data = event.data_json().unwrap_or_default();
    let request = event.ty() == "http.request";
    let content = if request { data["body"].clone() } else { data };
    match std::env::var("FUNCTION").as_deref() {
        Ok("typed") => return Ok(Reply::event("typed", json!({ "payload": content }))),
        Ok("slow") => tokio::time::sleep(Duration::from_secs(1)).await,
        _ => {}
    }
    let output = match content {
        Value::String(text) if request => text.into_bytes(),
        content if request => content.to_string().into_bytes(),
        _ => event::json::encode(&event).to_vec(),
    };
    std::fs::write("function_output.json", output)?;
    Ok(Reply::ack())
}

fn main() -> tradewind::Exit {
    tradewind::run(function)
}
