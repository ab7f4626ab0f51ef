//! Dependencies point one way (ARCHITECTURE.md, "Arrows"): checked over `cargo metadata`.

use crate::shell;
use serde_json::Value;

/// Folder of a crate, and the folders that its crates may name.
const ALLOWED: &[(&str, &[&str])] = &[
    ("sdk/event", &[]),
    ("sdk/formats", &["sdk/event"]),
    ("sdk/macros", &[]),
    ("sdk/cargo-tradewind", &[]),
    ("sdk/handler", &["sdk/event", "sdk/formats", "sdk/macros"]),
    ("sdk/workers/", &["sdk/handler"]),
    ("adapters/api", &["sdk/event", "sdk/formats"]),
    ("adapters/signatures", &["adapters/api", "sdk/event"]),
    ("adapters/identity", &["adapters/api"]),
    ("adapters/keys", &["adapters/api"]),
    (
        "adapters/functions",
        &["adapters/api", "adapters/http", "adapters/identity"],
    ),
    (
        "adapters/",
        &[
            "adapters/api",
            "adapters/aws/core",
            "adapters/brokers",
            "adapters/identity",
            "adapters/keys",
            "adapters/signatures",
            "sdk/event",
            "sdk/formats",
        ],
    ),
    ("gateway/filter", &["sdk/event", "sdk/formats"]),
    ("gateway/transform", &["sdk/event"]),
    ("gateway/schema", &["sdk/event"]),
    ("gateway/audit", &[]),
    ("gateway/policy", &["sdk/event"]),
    ("gateway/store-kafka", &["gateway/store"]),
    ("gateway/store", &["sdk/event"]),
    ("gateway/backup", &["gateway/store"]),
    (
        "gateway/engine",
        &[
            "gateway/filter",
            "gateway/transform",
            "gateway/schema",
            "gateway/policy",
            "gateway/store",
            "adapters/api",
            "sdk/event",
            "sdk/formats",
        ],
    ),
    (
        "gateway/config",
        &[
            "gateway/filter",
            "gateway/transform",
            "gateway/schema",
            "gateway/policy",
            "gateway/store",
            "adapters/api",
            "sdk/event",
        ],
    ),
    (
        "gateway/import",
        &["gateway/filter", "gateway/transform", "adapters/api"],
    ),
    ("gateway/permissions", &["adapters/api"]),
    (
        "gateway/server",
        &["gateway/", "adapters/", "sdk/event", "sdk/formats"],
    ),
    ("examples/", &["sdk/handler", "sdk/workers/"]),
    ("fuzz", &["gateway/", "adapters/", "sdk/"]),
    ("xtask/sdk-bench", &["sdk/handler"]),
    ("xtask/filter-bench", &["gateway/filter", "sdk/event"]),
    (
        "xtask/trust-bench",
        &[
            "gateway/policy",
            "gateway/schema",
            "adapters/api",
            "sdk/event",
        ],
    ),
    ("xtask/prove", &["sdk/handler"]),
    ("xtask", &["sdk/event"]),
];

/// Dependencies from outside that only some folders may name.
const RESERVED: &[(&str, &[&str])] = &[
    (
        "aws-sdk-",
        &["adapters/aws", "sdk/resources", "sdk/workers/sqs"],
    ),
    (
        "async-nats",
        &["adapters/nats", "sdk/workers/nats", "xtask/prove"],
    ),
    ("fe2o3-amqp", &["adapters/amqp"]),
    ("lapin", &["adapters/rabbitmq"]),
    (
        "rdkafka",
        &[
            "adapters/kafka",
            "gateway/store",
            "sdk/workers/kafka",
            "xtask/bench",
            "xtask/prove",
        ],
    ),
    ("redis", &["adapters/redis"]),
    ("rumqttc-", &["adapters/mqtt"]),
    ("axum", &["gateway/server", "sdk/handler", "fuzz", "xtask"]),
    (
        "hyper",
        &[
            "gateway/server",
            "sdk/handler",
            "sdk/workers/gateway",
            "adapters/http",
            "gateway/backup",
            "xtask",
        ],
    ),
    // What the SDK is measured against.
    ("lambda_runtime", &["xtask/sdk-bench"]),
    ("redb", &["gateway/store"]),
    ("clap", &["gateway/server", "sdk/cargo-tradewind", "xtask"]),
];

/// Every arrow that points the wrong way.
pub(crate) fn check() -> Result<(), String> {
    let text = shell::read(shell::cargo().args([
        "metadata",
        "--format-version=1",
        "--no-deps",
        "--locked",
    ]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    let folder = |path: &str| {
        path.strip_prefix(root)
            .unwrap_or(path)
            .trim_start_matches('/')
            .to_owned()
    };
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = folder(package["manifest_path"].as_str().unwrap_or_default());
        let from = manifest.trim_end_matches("/Cargo.toml");
        let allowed = ALLOWED
            .iter()
            .find(|(prefix, _)| from.starts_with(prefix))
            .map(|(_, to)| *to);
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            let name = dependency["name"].as_str().unwrap_or_default();
            match dependency["path"].as_str().map(folder) {
                Some(to) => {
                    let fine =
                        allowed.is_some_and(|a| a.iter().any(|prefix| to.starts_with(prefix)));
                    if !fine {
                        wrong.push(format!("{from} must not depend on {to}"));
                    }
                }
                None => {
                    let reserved = RESERVED.iter().find(|(prefix, _)| name.starts_with(prefix));
                    if let Some((_, owners)) = reserved
                        && !owners.iter().any(|owner| from.starts_with(owner))
                    {
                        wrong.push(format!(
                            "{from} must not name {name}: it belongs to {}",
                            owners.join(", ")
                        ));
                    }
                }
            }
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("dependency direction:\n  {}", wrong.join("\n  ")))
    }
}
