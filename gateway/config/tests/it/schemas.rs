//! The schema and the reference are made from the types.

use crate::adapters::{registry, with_examples};
use std::path::Path;
use tradewind_adapter::Registry;
use tradewind_config::{reference, schema};

#[test]
fn the_committed_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
    let made = reference(&Registry::default());
    if std::env::var_os("TRADEWIND_UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "run TRADEWIND_UPDATE=1 cargo test -p tradewind-config"
    );
}

#[test]
fn every_key_says_what_it_is_and_since_when() {
    let made = reference(&Registry::default());
    let keys = made.split("## Codes").next().unwrap();
    for row in keys.lines().filter(|line| line.starts_with("| `")) {
        assert!(row.contains("Since 0.1."), "{row}");
        assert!(
            !row.contains("see the guide") || row.contains("filter") || row.contains("sink"),
            "{row}"
        );
    }
}

#[test]
fn the_reference_holds_the_kinds_of_the_binary() {
    let made = reference(&registry());
    assert!(made.contains("### `sources.NAME` of kind `hook`"));
    assert!(
        made.contains(
            "| `secrets` | list: secret | The secrets, the newest first. **Required.** |"
        )
    );
    assert!(made.contains("### `sink` of kind `pile`"));
}

#[test]
fn the_schema_knows_each_kind() {
    let schema = schema(&with_examples());
    let kinds = |name: &str| -> Vec<String> {
        let variants = schema["$defs"][name]["oneOf"].as_array().unwrap();
        let kind =
            |v: &serde_json::Value| v["properties"]["kind"]["const"].as_str().unwrap().into();
        variants.iter().map(kind).collect()
    };
    assert_eq!(
        kinds("SourceKinds"),
        ["door", "github", "hook", "http", "memory", "queue"]
    );
    assert_eq!(
        kinds("SinkKinds"),
        ["http", "loose", "memory", "pile", "post"]
    );
    let hook = &schema["$defs"]["SourceKinds"]["oneOf"][2];
    assert_eq!(hook["additionalProperties"], false);
    assert!(hook["properties"]["path"].is_object() && hook["properties"]["secrets"].is_object());
    let subscription = &schema["$defs"]["Subscription"];
    assert_eq!(
        subscription["properties"]["sink"]["$ref"],
        "#/$defs/SubscriptionSink"
    );
    let member = &schema["$defs"]["MemberKeys"]["properties"]["sink"];
    assert_eq!(member["$ref"], "#/$defs/SinkKinds", "a member is no group");
    assert_eq!(
        subscription["properties"]["timeout"]["$ref"],
        "#/$defs/Period"
    );
}

#[test]
fn every_reference_of_the_schema_leads_somewhere() {
    let schema = schema(&with_examples());
    let text = schema.to_string();
    for part in text.split("\"#/$defs/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schema["$defs"].get(name).is_some(), "{name}");
    }
}
