//! What a handler logs tells what it was about.
//!
//! A process of its own: `tracing` remembers for each place in the code whether anybody listens, and a
//! test on another thread that passes there first, with no subscriber, would be remembered for all.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;
use tradewind::{Context, Event, Host, testing};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tradewind::handler]
async fn charge(_event: Event, _cx: Context) {
    tokio::task::yield_now().await;
    tracing::info!(cents = 42, "charged");
}

#[tokio::test]
async fn a_line_of_a_handlers_log_carries_the_delivery_wherever_it_runs() {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(written.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut event = json!({ "specversion": "1.0", "id": "7", "source": "/shop", "type": "placed" });
    event["traceparent"] = TRACE.into();
    let event = tradewind::event::json::decode(event.to_string().into()).unwrap();
    for host in Host::ALL {
        written.0.lock().unwrap().clear();
        let ways = testing::on(host, charge).send(&event).await;
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|line: &Value| line["fields"]["message"] == "charged")
            .collect();
        assert_eq!(lines.len(), ways.len(), "{host}");
        for line in lines {
            assert_eq!(line["fields"]["cents"], 42);
            let span = &line["span"];
            assert_eq!(span["handler"], "charge", "{line}");
            assert_eq!(span["host"], host.name(), "{line}");
            assert_eq!(
                (&span["event.id"], &span["attempt"]),
                (&json!("7"), &json!(1))
            );
            assert_eq!(span["traceparent"], TRACE);
            assert!(span["delivery"].is_string(), "{line}");
        }
    }
}
