//! States of Terraform that have more than one of a name.

use crate::ground::{import, item, object, registry};
use serde_json::{Value, json};
use tradewind_import::{Input, Options, event_bridge};

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

const TYPES: [&str; 2] = ["aws_cloudwatch_event_rule", "aws_cloudwatch_event_target"];

/// A state with two rules of one name and their targets; `more` tells the one pair from the other.
fn twice(more: [Value; 2]) -> Value {
    let mut resources = Vec::new();
    for (more, of) in more.iter().zip(["a", "b"]) {
        for (ty, mut attributes) in TYPES.into_iter().zip([rule(of), target(of)]) {
            let mut resource = json!({ "mode": "managed", "type": ty, "name": of });
            let mut instance = json!({});
            for (key, value) in more.as_object().unwrap() {
                let place = match key.as_str() {
                    "region" => &mut attributes,
                    "index_key" => &mut instance,
                    _ => &mut resource,
                };
                place[key] = value.clone();
            }
            instance["attributes"] = attributes;
            resource["instances"] = json!([instance]);
            resources.push(resource);
        }
    }
    json!({ "version": 4, "terraform_version": "1.9.0", "resources": resources })
}

#[test]
fn rules_of_one_name_have_their_own_targets() {
    for more in [
        [json!({ "provider": "p" }), json!({ "provider": "p.west" })],
        [
            json!({ "module": "module.a" }),
            json!({ "module": "module.b" }),
        ],
        [
            json!({ "region": "eu-west-1" }),
            json!({ "region": "us-east-1" }),
        ],
        [json!({ "index_key": "a" }), json!({ "index_key": "b" })],
        [json!({}), json!({ "provider": "p.west" })],
    ] {
        let state = twice(more.clone()).to_string();
        let made = import(&[("s.json", &state)], &Options::default());
        for (name, of) in [("r", "a"), ("r-2", "b")] {
            let made = object(&made, name);
            let told = format!("source: [{of}]");
            assert!(
                made.contains(&told) && made.contains(&format!("function:{of}")),
                "{more:?}\n{made}"
            );
        }
        assert_eq!(item(&made, "r").targets.len(), 1);
    }
}

/// What `terraform show -json` writes of a plan tells of providers in its configuration.
#[test]
fn aliases_of_providers_are_told_by_the_configuration_of_a_plan() {
    let (mut planned, mut configured) = (Vec::new(), Vec::new());
    for of in ["a", "b"] {
        for (ty, values) in TYPES.into_iter().zip([rule(of), target(of)]) {
            let address = format!("{ty}.{of}");
            planned.push(
                json!({ "address": address, "mode": "managed", "type": ty, "values": values }),
            );
            configured
                .push(json!({ "address": address, "provider_config_key": format!("aws.{of}") }));
        }
    }
    let mut plan = json!({ "format_version": "1.2", "planned_values": { "root_module": { "resources": planned } },
        "configuration": { "root_module": { "resources": configured } } });
    let made = import(&[("p.json", &plan.to_string())], &Options::default());
    assert!(
        object(&made, "r-2").contains("function:b"),
        "{}",
        made.configuration
    );
    // Without it nothing tells, and no answer of the CLI would.
    plan["configuration"] = json!({});
    let input = Input {
        name: "p.json".into(),
        text: plan.to_string(),
    };
    let faults = event_bridge(&[input], &Options::default(), &registry()).unwrap_err();
    assert!(faults[0].message.contains("more than once"), "{faults:?}");
    let hint = faults[0].hint.as_deref().unwrap();
    assert!(
        hint.contains("terraform") && !hint.contains("--query"),
        "{hint}"
    );
}

/// Each with each it would be for minutes.
#[test]
fn many_rules_are_joined_with_their_targets() {
    let all = 50_000;
    let rules = (0..all).map(|n| json!({ "Name": format!("r{n}"), "EventPattern": "{}" }));
    let mut text = json!({ "Rules": rules.collect::<Vec<_>>() }).to_string();
    for n in 0..all {
        text += &json!({ "Rule": format!("r{n}"), "Targets": [{ "Id": "1", "Arn": "arn:aws:ecs:eu-west-1:1:c" }] }).to_string();
    }
    let made = import(&[("all.json", &text)], &Options::default());
    assert_eq!(made.report.targets.impossible, all);
}
