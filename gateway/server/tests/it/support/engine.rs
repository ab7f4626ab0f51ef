//! The suite on another engine: with `TRADEWIND_TEST_ENGINE=kafka`, all streams of gateways in process but `system` lie
//! on the brokers of `TRADEWIND_TEST_KAFKA`. `cargo xtask prove engines` does that, and names the case that does not
//! hold there.

use serde_json::json;
use std::path::Path;
use tradewind_config::{Checked, LoadedEngine};

/// Whether the streams of gateways in process lie elsewhere.
fn elsewhere() -> bool {
    std::env::var("TRADEWIND_TEST_ENGINE").as_deref() == Ok("kafka")
}

/// What answers say of their durability.
pub(crate) fn durability() -> &'static str {
    match elsewhere() {
        true => "unreplicated",
        false => "ephemeral",
    }
}

/// Puts the streams of the gateway with this directory elsewhere, where the environment says so.
pub(crate) fn amend(checked: &mut Checked, folder: &Path) {
    if !elsewhere() {
        return;
    }
    let brokers = std::env::var("TRADEWIND_TEST_KAFKA").expect("TRADEWIND_TEST_KAFKA");
    let name = folder.file_name().unwrap().to_string_lossy();
    let settings = json!({
        "cluster": { "brokers": [brokers] },
        "replication": "unreplicated",
        // One gateway, which serves all of it as soon as it is there.
        "shared": false,
        "topic-prefix": format!("it{}", name.replace('.', "-")),
    });
    let built = tradewind_server::registry()
        .build_engine("kafka", &settings)
        .unwrap_or_else(|failure| panic!("{}: {}", failure.path, failure.error));
    for (name, stream) in &mut checked.streams {
        if name == "system" {
            continue;
        }
        stream.settings.retention_bytes = None;
        stream.engine = Some(LoadedEngine {
            name: "kafka".into(),
            built: built.clone(),
        });
    }
}
