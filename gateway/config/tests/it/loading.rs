//! What a good file gives.

use crate::adapters::{Fake, fake, registry, with_examples};
use std::collections::BTreeMap;
use std::time::Duration;
use tradewind_config::{
    Breaker, Checked, LoadedStream, Moment, Pauses, Policy, Retry, System, load, load_str,
};

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

pub(crate) fn loaded(text: &str) -> Checked {
    load_str("tradewind.yaml", text, &registry(), &fake())
        .unwrap_or_else(|e| panic!("{}", e.render(false)))
}

#[test]
fn a_whole_file() {
    let checked = loaded(SHOP);
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
            max: Duration::from_secs(600)
        }
    );
    assert_eq!(checked.subscriptions["batches"].policy.batch_max, 100);
    let codes: Vec<_> = checked.warnings.iter().map(|one| one.code).collect();
    assert_eq!(codes, ["plain-listener", "no-limit", "wildcard-filter"]);
    assert_eq!(
        checked.streams["orders"].order_by.as_deref(),
        Some("subject")
    );
    assert!(checked.streams.contains_key("default"));
    let files: Vec<_> = checked.files.iter().map(|f| f.to_str().unwrap()).collect();
    assert_eq!(files, ["tradewind.yaml", "secrets/hook"]);
}

#[test]
fn the_example_is_whole() {
    let text = include_str!("../../example.yaml");
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let env = Fake {
        vars: BTreeMap::from([
            ("SHOP_KEY_SHA256", digest),
            ("GITHUB_SECRET", "swordfish-7731"),
            ("CHARGE_TOKEN", "hunter2"),
        ]),
        files: BTreeMap::from([(
            "secrets/deploy.whsec",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
        )]),
    };
    let checked = load_str("example.yaml", text, &with_examples(), &env)
        .unwrap_or_else(|e| panic!("{}", e.render(false)));
    assert!(
        checked.warnings.is_empty(),
        "{}",
        checked.warnings.render(false)
    );
    assert_eq!(checked.config.api_keys["shop"].sha256, [digest]);
    assert_eq!(checked.subscriptions["charge"].start, Moment::Oldest);
    assert!(checked.subscriptions["charge"].policy.park);
    // What it calls a default is one.
    let plain = loaded("subscriptions: { plain: { sink: { kind: pile } } }");
    assert_eq!(
        checked.subscriptions["deploy"].policy,
        plain.subscriptions["plain"].policy
    );
    assert_eq!(checked.config.limits, plain.config.limits);
    assert_eq!(checked.config.log, plain.config.log);
}

#[test]
fn toml_says_the_same_as_yaml() {
    let yaml = loaded(SHOP);
    let text = r#"
listen = "0.0.0.0:9000"
api-keys.shop.sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
[streams.orders]
order-by = "subject"
retention = "30d"
[sources.github]
kind = "hook"
path = "/in/github"
secrets = ["${env:HOOK_SECRET}", "${file:secrets/hook}"]
[sources.api]
kind = "door"
path = "/events"
auth = { api-keys = ["shop"] }
stream = "orders"
[sources.jobs]
kind = "queue"
queue = "orders"
[subscriptions.charge]
owner = "shop"
stream = "orders"
start = "oldest"
sink = { kind = "post", url = "${env:URL}" }
concurrency = "${env:WORKERS}"
retry = { preset = "event-bridge", max-attempts = 50 }
[subscriptions.batches]
owner = "shop"
sink = { kind = "pile" }
batch = { max = 100, wait = "2s" }
"#;
    let toml = load_str("tradewind.toml", text, &registry(), &fake())
        .unwrap_or_else(|e| panic!("{}", e.render(false)));
    assert_eq!(toml.config, yaml.config);
    assert_eq!(toml.streams, yaml.streams);
    for (name, subscription) in &toml.subscriptions {
        assert_eq!(subscription.policy, yaml.subscriptions[name].policy);
    }
    assert!(tradewind_config::diff(&yaml, &toml).is_empty());
}

#[test]
fn a_preset_may_outlast_the_default_age() {
    let checked = loaded(
        "subscriptions: { a: { owner: x, sink: { kind: pile }, retry: { preset: standard-webhooks } } }",
    );
    let policy = &checked.subscriptions["a"].policy;
    assert_eq!(policy.max_age, policy.retry.max_age);
    assert_eq!(policy.retry.max_attempts, 10);
    assert!(checked.warnings.is_empty());
}

#[test]
fn files_are_read_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.yaml");
    std::fs::write(folder.path().join("hook"), "open-sesame-9\r\n").unwrap();
    let text = "sources: { a: { kind: hook, path: /a, secrets: [\"${file:hook}\"] } }";
    std::fs::write(&path, text).unwrap();
    let checked = load(&path, &registry(), &System).unwrap();
    assert_eq!(checked.files, [path.clone(), folder.path().join("hook")]);

    std::fs::write(&path, [b'#', 0xff]).unwrap();
    let refused = load(&path, &registry(), &System).unwrap_err().to_string();
    assert!(refused.contains("valid utf-8"), "{refused}");
    for nothing in ["", " \n", "---\n# all of it\n"] {
        std::fs::write(&path, nothing).unwrap();
        let empty = load(&path, &registry(), &System).unwrap_err();
        assert_eq!(empty.iter().next().unwrap().code, "empty-file");
    }
    let missing = load(&folder.path().join("none.yaml"), &registry(), &System).unwrap_err();
    assert_eq!(missing.iter().next().unwrap().code, "unreadable-file");
}

#[test]
fn start_is_a_time() {
    let at = |start: &str| {
        let text = format!("subscriptions: {{ a: {{ sink: {{ kind: pile }}, start: {start} }} }}");
        loaded(&text).subscriptions["a"].start
    };
    assert_eq!(at("1970-01-01T00:00:01.5Z"), Moment::Time(1500));
    assert_eq!(
        at("\"2026-05-01T02:00:00+02:00\""),
        Moment::Time(1_777_593_600_000)
    );
    assert_eq!(at("tip"), Moment::Tip);
}

/// What the engine documents as its defaults.
#[test]
fn every_default_of_a_policy() {
    let checked = loaded("subscriptions: { plain: { sink: { kind: pile } } }");
    let seconds = Duration::from_secs;
    let expected = Policy {
        concurrency: 32,
        rate_per_second: None,
        timeout: seconds(15),
        retry: Retry {
            max_attempts: 30,
            max_age: seconds(24 * 3600),
            pauses: Pauses::Exponential {
                initial: seconds(1),
                factor: 2.0,
                max: seconds(600),
            },
            full_jitter: true,
            retry_after_max: seconds(3600),
        },
        breaker: Breaker {
            failures: 5,
            cooldown: seconds(10),
            cooldown_max: seconds(300),
        },
        max_age: seconds(24 * 3600),
        backlog_max: None,
        batch_max: 1,
        batch_wait: Duration::ZERO,
        delay: Duration::ZERO,
        park: false,
        parked_bytes_max: 64 << 20,
        hops_max: 16,
        reply_to: None,
        dead_letter_retention: seconds(30 * 24 * 3600),
        dead_letter_bytes_max: None,
    };
    let plain = &checked.subscriptions["plain"];
    assert_eq!(plain.policy, expected);
    assert_eq!(plain.start, Moment::Tip);
    assert!(plain.definition.is_null());
    assert_eq!(checked.streams["default"], LoadedStream::default());
}

#[test]
fn a_refusal_tells_the_errors_and_check_tells_all() {
    let text = "durability: os\nstreams: { Orders: {} }\n";
    let found = load_str("a.yaml", text, &registry(), &fake()).unwrap_err();
    let (refusal, all) = (found.render(false), found.render_all(false));
    assert!(
        refusal.contains("bad-name") && !refusal.contains("weak-durability"),
        "{refusal}"
    );
    assert!(
        all.contains("bad-name") && all.contains("weak-durability"),
        "{all}"
    );
    let warned = load_str("a.yaml", "durability: os", &registry(), &fake()).unwrap();
    assert!(warned.warnings.render(false).contains("weak-durability"));
}
