//! States of Terraform that have more than one of a name.

use crate::ground::{import, object};
use serde_json::{Value, json};
use tradewind_import::Options;

fn rule(source: &str) -> Value {
    json!({ "name": "r", "event_bus_name": "default", "event_pattern": format!("{{\"source\":[\"{source}\"]}}") })
}

fn target(function: &str) -> Value {
    json!({ "rule": "r", "event_bus_name": "default", "target_id": "1",
        "arn": format!("arn:aws:lambda:eu-west-1:123456789012:function:{function}") })
}

/// What was replaced, and waits to be destroyed, has its name still.
#[test]
fn deposed_instances_are_passed_over() {
    let resource = |ty: &str, live: Value, deposed: Value| {
        json!({ "mode": "managed", "type": ty, "name": "r",
            "instances": [{ "attributes": live }, { "deposed": "0f", "attributes": deposed }] })
    };
    let shown = |ty: &str, values: Value, key: Option<&str>| json!({ "address": format!("{ty}.r"), "mode": "managed", "type": ty, "name": "r", "values": values, "deposed_key": key });
    let (rules, targets) = ("aws_cloudwatch_event_rule", "aws_cloudwatch_event_target");
    for state in [
        json!({ "version": 4, "terraform_version": "1.9.0",
            "resources": [resource(rules, rule("new"), rule("old")), resource(targets, target("new"), target("old"))] }),
        json!({ "format_version": "1.0", "values": { "root_module": { "resources": [
            shown(rules, rule("new"), None), shown(rules, rule("old"), Some("0f")),
            shown(targets, target("new"), None), shown(targets, target("old"), Some("0f"))] } } }),
    ] {
        let made = import(&[("s.json", &state.to_string())], &Options::default());
        assert_eq!(made.report.items.len(), 1, "{}", made.report.text());
        assert!(
            !made.configuration.contains("old"),
            "{}",
            made.configuration
        );
        assert!(object(&made, "r").contains("function:new"));
        let passed = made.report.passed_over.join("\n");
        assert!(
            passed.contains("1 of aws_cloudwatch_event_rule, deposed"),
            "{passed}"
        );
    }
}
