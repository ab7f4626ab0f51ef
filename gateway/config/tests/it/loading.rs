//! What a good file gives.

use crate::adapters::{fake, registry};
use std::time::Duration;
use tradewind_config::{Checked, Pauses, load_str};

const SHOP: &str = r#"
listen: 0.0.0.0:9000
api-keys:
  shop: { sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }
streams:
  orders: { order-by: subject, retention: 30d }
sources:
  github:
    kind: hook
    path: /in/github
    secrets: ["${env:HOOK_SECRET}", "${file:secrets/hook}"]
  api:
    kind: door
    path: /events
    auth: { api-keys: [shop] }
    stream: orders
  jobs: { kind: queue, queue: "orders" }
subscriptions:
  charge:
    owner: shop
    stream: orders
    start: oldest
    sink: { kind: post, url: "${env:URL}" }
    concurrency: ${env:WORKERS}
    retry: { preset: event-bridge, max-attempts: 50 }
  batches:
    owner: shop
    sink: { kind: pile }
    batch: { max: 100, wait: 2s }
"#;

pub(crate) fn load(text: &str) -> Checked {
    load_str("tradewind.yaml", text, &registry(), &fake())
        .unwrap_or_else(|e| panic!("{}", e.render(false)))
}

#[test]
fn a_whole_file() {
    let checked = load(SHOP);
    assert_eq!(checked.config.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(checked.sources.len(), 3);
    let charge = &checked.subscriptions["charge"];
    assert_eq!(charge.policy.concurrency, 12);
    assert_eq!(charge.policy.retry.max_attempts, 50);
    assert_eq!(
        charge.policy.retry.pauses,
        Pauses::Exponential {
            initial: Duration::from_secs(1),
            factor: 2.0,
            max: Duration::from_secs(900)
        }
    );
    assert_eq!(checked.subscriptions["batches"].policy.batch_max, 100);
    assert_eq!(checked.warnings.len(), 0, "{}", checked.warnings);
    assert_eq!(
        checked.streams["orders"].order_by.as_deref(),
        Some("subject")
    );
    assert!(checked.streams.contains_key("default"));
    let files: Vec<_> = checked.files.iter().map(|f| f.to_str().unwrap()).collect();
    assert_eq!(files, ["tradewind.yaml", "secrets/hook"]);
}

#[test]
fn print_schema() {
    println!("{:#}", tradewind_config::schema(&registry()));
}
