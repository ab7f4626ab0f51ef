//! Findings for code-scanning services.

use crate::adapters::{fake, registry};
use serde_json::{Value, json};
use tradewind_config::{CODES, Diagnostics, load_str, sarif};

const FILE: &str = "\
durability: os
check:
  allow: [{ code: no-owner, at: subscriptions.a, why: a trial }]
subscriptions:
  a: { sink: { kind: pile } }
  b: { sink: { kind: pile } }
";

fn found(name: &str, text: &str) -> Diagnostics {
    match load_str(name, text, &registry(), &fake()) {
        Ok(checked) => checked.warnings,
        Err(errors) => errors,
    }
}

#[test]
fn results_have_a_rule_a_place_and_a_level() {
    let mut found = found("conf d/a.yaml", FILE);
    found.allow("weak-durability");
    let log = sarif(&found, "0.1.0");
    let run = &log["runs"][0];
    assert_eq!(
        run["tool"]["driver"]["rules"].as_array().unwrap().len(),
        CODES.len()
    );
    let results = run["results"].as_array().unwrap();
    let told: Vec<Value> = results
        .iter()
        .map(|result| {
            let rule =
                &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(result["suppressions"].is_array());
            json!([
                result["ruleId"],
                result["level"],
                result["locations"][0]["physicalLocation"]["region"]["startLine"],
                result["suppressions"][0]["kind"],
                result["suppressions"][0]["justification"],
            ])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!(["no-owner", "warning", 6, null, null]),
            json!(["no-owner", "warning", 5, "inSource", "a trial"]),
            json!(["weak-durability", "warning", 1, "external", null]),
        ]
    );
    let uri = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "conf%20d/a.yaml");
}

/// The schema that OASIS publishes, where the environment names a copy of it.
#[test]
fn logs_are_valid_by_the_published_schema() {
    let Some(path) = std::env::var_os("TRADEWIND_SARIF_SCHEMA") else {
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    // As published, its pattern of languages is no regular expression by ECMA-262 with Unicode.
    let schema: Value =
        serde_json::from_str(&text.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let broken = "streams: [orders";
    for text in [
        FILE,
        broken,
        "sources: { a: { kind: hook } }",
        "streams: {}",
    ] {
        for name in ["a.yaml", "/etc/trade wind/a.yaml"] {
            let log = sarif(&found(name, text), "0.1.0");
            let wrong: Vec<String> = validator
                .iter_errors(&log)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{text}: {wrong:?}");
        }
    }
    // It would say so.
    let mut log = sarif(&found("a.yaml", FILE), "0.1.0");
    log["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!validator.is_valid(&log));
}
