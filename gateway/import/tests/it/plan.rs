//! Plans of Terraform, which do not know everything yet.

use crate::ground::{import, item};
use serde_json::{Value, json};
use tradewind_import::{Import, Options, Verdict};

const RULE: &str = "aws_cloudwatch_event_rule.r";
const TARGET: &str = "aws_cloudwatch_event_target.t";

/// A plan with a rule and its target, of which some is not known. `given` has the arguments of the configuration.
fn plan(address: &str, unknown: &Value, given: Option<Value>) -> Import {
    let mut values = [
        json!({ "name": "r", "event_bus_name": "shop", "event_pattern": "{\"source\":[\"s\"]}", "state": "ENABLED" }),
        json!({ "rule": "r", "event_bus_name": "shop", "target_id": "1", "arn": "arn:aws:lambda:eu-west-1:123456789012:function:f" }),
    ];
    let at = usize::from(address == TARGET);
    // The values that a plan does not know are not in it.
    for key in unknown.as_object().unwrap().keys() {
        values[at].as_object_mut().unwrap().remove(key);
    }
    let resource = |address: &str, values: &Value| json!({ "address": address, "mode": "managed", "type": address.split('.').next(), "name": "x", "values": values });
    let mut plan = json!({
        "format_version": "1.2",
        "planned_values": { "root_module": { "resources": [resource(RULE, &values[0]), resource(TARGET, &values[1])] } },
        "resource_changes": [
            { "address": address, "change": { "actions": ["create"], "after_unknown": unknown } },
            { "address": address, "deposed": "0f", "change": { "actions": ["delete"], "after_unknown": {} } },
        ],
    });
    if let Some(given) = given {
        plan["configuration"] = json!({ "root_module": { "resources": [{ "address": address, "expressions": given }] } });
    }
    import(&[("plan.json", &plan.to_string())], &Options::default())
}

#[test]
fn what_a_plan_does_not_know_is_no_nothing() {
    use Verdict::{Changed, Exact, Impossible};
    for (address, unknown, verdict, told) in [
        (
            RULE,
            json!({ "arn": true, "id": true, "tags_all": true, "tags": {} }),
            Exact,
            "exact",
        ),
        (
            RULE,
            json!({ "event_pattern": true }),
            Impossible,
            "`EventPattern`",
        ),
        (
            RULE,
            json!({ "state": true }),
            Changed,
            "whether it is enabled",
        ),
        (
            RULE,
            json!({ "state": true, "is_enabled": true }),
            Changed,
            "whether it is enabled",
        ),
        (
            RULE,
            json!({ "event_bus_name": true }),
            Exact,
            "make a queue for the event bus ${AWS_CLOUDWATCH_EVENT_RULE_R_EVENT_BUS_NAME}",
        ),
        (TARGET, json!({ "event_bus_name": true }), Exact, "exact"),
        (TARGET, json!({ "input": true }), Impossible, "`Input`"),
        (TARGET, json!({ "input_path": true }), Impossible, "`Input`"),
        (
            TARGET,
            json!({ "input_transformer": true }),
            Impossible,
            "`InputTransformer`",
        ),
        (
            TARGET,
            json!({ "input_transformer": [{ "input_template": true }] }),
            Impossible,
            "`Input`",
        ),
        (
            TARGET,
            json!({ "dead_letter_config": [{ "arn": true }] }),
            Changed,
            "`DeadLetterConfig.Arn`",
        ),
        (
            TARGET,
            json!({ "retry_policy": [{ "maximum_retry_attempts": true }] }),
            Changed,
            "`RetryPolicy.MaximumRetryAttempts`",
        ),
        (
            TARGET,
            json!({ "arn": true }),
            Impossible,
            "it is `arn` of aws_cloudwatch_event_target.t, known after apply",
        ),
    ] {
        let made = plan(address, &unknown, None);
        let report = made.report.text();
        assert_eq!(item(&made, "r").verdict, verdict, "{unknown}\n{report}");
        assert!(report.contains(told), "{unknown}\n{report}");
    }
}

/// A provider that computes what nobody gave says of that too that it is not known.
#[test]
fn what_the_configuration_does_not_give_is_the_providers() {
    for (given, unknown, verdict) in [
        (
            json!({ "arn": {} }),
            json!({ "input": true }),
            Verdict::Exact,
        ),
        (
            json!({ "arn": {}, "input": {} }),
            json!({ "input": true }),
            Verdict::Impossible,
        ),
        // A dynamic block is not in the configuration.
        (
            json!({ "arn": {} }),
            json!({ "input_transformer": true }),
            Verdict::Impossible,
        ),
    ] {
        let made = plan(TARGET, &unknown, Some(given));
        assert_eq!(
            item(&made, "r").verdict,
            verdict,
            "{unknown}\n{}",
            made.report.text()
        );
    }
}

#[test]
fn a_target_whose_rule_is_not_known_stays_alone() {
    let made = plan(TARGET, &json!({ "rule": true }), None);
    assert_eq!(item(&made, TARGET).verdict, Verdict::Impossible);
    assert_eq!(item(&made, TARGET).targets.len(), 1);
    assert!(item(&made, "r").targets.is_empty());
}
