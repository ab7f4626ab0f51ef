//! Plans of Terraform, which do not know everything yet.

use crate::ground::{import, item, object};
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
            Changed,
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

/// A resource of a first plan: its address, what is known of it, and its arguments that are not with what they refer to.
type Planned<'a> = (&'a str, Value, &'a [(&'a str, &'a [&'a str])]);

/// A first plan; `modules` are calls of the root, with what is given to them and what they give.
fn first(resources: &[Planned], modules: &Value) -> Import {
    let (mut planned, mut changes) = (json!({}), Vec::new());
    let mut configured = json!({ "module_calls": modules });
    let refer = |to: &[&str]| json!({ "references": to });
    for (address, values, open) in resources {
        let own = address.strip_prefix("module.");
        let (module, own) = own.map_or(("", *address), |own| own.split_once('.').unwrap());
        let plain = own.split('[').next().unwrap();
        let mut given = json!({ "name": {} });
        let mut unknown = json!({ "arn": true, "id": true });
        for (argument, to) in *open {
            given[argument] = refer(to);
            unknown[argument] = true.into();
        }
        let ty = own.split('.').next();
        let list = |module: &mut Value, item: Value| match module.get_mut("resources") {
            Some(list) => list.as_array_mut().unwrap().push(item),
            None => module["resources"] = json!([item]),
        };
        list(
            &mut planned[module],
            json!({ "address": address, "mode": "managed", "type": ty, "values": values }),
        );
        changes.push(json!({ "address": address, "change": { "after_unknown": unknown } }));
        let module = module.split('[').next().unwrap();
        let module = match module {
            "" => &mut configured,
            module => &mut configured["module_calls"][module]["module"],
        };
        list(module, json!({ "address": plain, "expressions": given }));
    }
    let mut root = planned[""].take();
    let children = planned.as_object().unwrap().iter();
    let children = children.filter(|(_, module)| module.is_object()).map(|(name, module)| {
        json!({ "address": format!("module.{name}"), "resources": module["resources"] })
    });
    root["child_modules"] = children.collect();
    let plan = json!({ "format_version": "1.2", "planned_values": { "root_module": root },
        "resource_changes": changes, "configuration": { "root_module": configured } });
    import(&[("plan.json", &plan.to_string())], &Options::default())
}

fn a_rule() -> Value {
    json!({ "name": "r", "event_pattern": "{\"source\":[\"s\"]}", "state": "ENABLED" })
}

fn a_target() -> Value {
    json!({ "rule": "r", "target_id": "1", "arn": "arn:aws:lambda:eu-west-1:123456789012:function:f" })
}

#[test]
fn buses_of_a_first_plan_are_told_by_what_refers_to_them() {
    const SHOP: &str = "aws_cloudwatch_event_bus.shop";
    const ARN: &str = "aws_cloudwatch_event_bus.shop.arn";
    let to = |to: &[&str]| json!({ "references": to });
    let passes = json!({ "a": { "expressions": { "bus": to(&[ARN, SHOP]) } } });
    let gives =
        json!({ "b": { "module": { "outputs": { "arn": { "expression": to(&[ARN, SHOP]) } } } } });
    let circle = json!({ "a": { "expressions": { "bus": to(&["module.a.bus", "module.a"]) },
        "module": { "outputs": { "bus": { "expression": to(&["var.bus"]) } } } } });
    let none = json!({});
    let inner = "module.b.aws_cloudwatch_event_bus.shop";
    // Where the bus is, the module of what refers to it, how, the calls, and whether it is told.
    for (buses, module, index, references, modules, told) in [
        (&[SHOP][..], "", "", &[ARN, SHOP][..], &none, true),
        // Earlier versions tell of the resource alone.
        (&[SHOP], "", "", &[SHOP], &none, true),
        (
            &["aws_cloudwatch_event_bus.shop[\"a.b\"]"],
            "",
            "",
            &["aws_cloudwatch_event_bus.shop[\"a.b\"].arn", SHOP],
            &none,
            true,
        ),
        (
            &[
                "aws_cloudwatch_event_bus.shop[0]",
                "aws_cloudwatch_event_bus.shop[1]",
            ],
            "",
            "[0]",
            &[SHOP, "count.index"],
            &none,
            true,
        ),
        (&[SHOP], "module.a.", "", &["var.bus"], &passes, true),
        (&[SHOP], "module.a[\"x\"].", "", &["var.bus"], &passes, true),
        (
            &[inner],
            "",
            "",
            &["module.b.arn", "module.b"],
            &gives,
            true,
        ),
        // One or the other; what the plan has not; in circles.
        (&[SHOP], "", "", &[ARN, SHOP, "var.other"], &none, false),
        (
            &[
                "aws_cloudwatch_event_bus.shop[0]",
                "aws_cloudwatch_event_bus.shop[1]",
            ],
            "",
            "",
            &[SHOP],
            &none,
            false,
        ),
        (&[SHOP], "", "", &["local.bus"], &none, false),
        (&[SHOP], "", "", &["var.bus"], &none, false),
        (&[inner], "", "", &[ARN, SHOP], &none, false),
        (&[SHOP], "module.a.", "", &["var.bus"], &circle, false),
        // Two of one name would be one.
        (
            &[SHOP, "aws_cloudwatch_event_bus.other"],
            "",
            "",
            &[ARN, SHOP],
            &none,
            false,
        ),
    ] {
        let address = |ty: &str| format!("{module}aws_cloudwatch_event_{ty}.x{index}");
        let [rule, target, archive] = ["rule", "target", "archive"].map(address);
        let name = |nth: usize| match buses[0].ends_with("[0]") && nth == 1 {
            true => json!({ "name": "other" }),
            false => json!({ "name": "shop" }),
        };
        let mut resources: Vec<Planned> = Vec::new();
        for (nth, bus) in buses.iter().enumerate() {
            resources.push((bus, name(nth), &[]));
        }
        let named = [("event_bus_name", references)];
        let source = [("event_source_arn", references)];
        resources.push((&rule, a_rule(), &named));
        resources.push((&target, a_target(), &named));
        resources.push((
            &archive,
            json!({ "name": "kept", "retention_days": 7 }),
            &source,
        ));
        let made = first(&resources, modules);
        let report = made.report.text();
        let verdicts = match told {
            true => [Verdict::Exact, Verdict::Exact],
            false => [Verdict::Changed, Verdict::Impossible],
        };
        let kept = item(&made, "kept");
        assert_eq!(
            [item(&made, "r").verdict, kept.verdict],
            verdicts,
            "{references:?}\n{report}"
        );
        assert_eq!(
            object(&made, "r").contains("stream: shop\n"),
            told,
            "{report}"
        );
        assert_eq!(item(&made, "r").targets.len(), 1);
        let retention = made.configuration.matches("retention: \"7d\"").count();
        assert_eq!(retention, usize::from(told), "{}", made.configuration);
        assert_eq!(kept.becomes.len(), usize::from(told));
    }
}

/// A name that AWS or another resource makes is open too, and all that refer to the bus have the same.
#[test]
fn a_bus_whose_name_is_open_is_one() {
    let bus = "aws_cloudwatch_event_bus.shop";
    let arn = "aws_cloudwatch_event_bus.shop.arn";
    let made = first(
        &[
            (
                bus,
                json!({}),
                &[("name", &["random_id.x.hex", "random_id.x"])],
            ),
            (
                "aws_cloudwatch_event_rule.x",
                a_rule(),
                &[("event_bus_name", &[arn, bus])],
            ),
            (
                "aws_cloudwatch_event_target.x",
                a_target(),
                &[("event_bus_name", &[arn, bus])],
            ),
            (
                "aws_cloudwatch_event_archive.x",
                json!({ "name": "kept", "retention_days": 7 }),
                &[("event_source_arn", &[arn, bus])],
            ),
        ],
        &json!({}),
    );
    for name in [bus, "r", "kept"] {
        assert_eq!(
            item(&made, name).verdict,
            Verdict::Exact,
            "{}",
            made.report.text()
        );
    }
    let stream = "aws-cloudwatch-event-bus-shop-name";
    assert!(
        object(&made, stream).contains("retention: \"7d\""),
        "{}",
        made.configuration
    );
    assert!(object(&made, "r").contains(&format!("stream: {stream}\n")));
    let steps = made.report.steps.join("\n");
    assert!(
        steps.contains("--event-bus-name ${AWS_CLOUDWATCH_EVENT_BUS_SHOP_NAME} "),
        "{steps}"
    );
}

/// The id of a rule that is not made yet is open, and a name that the provider makes.
#[test]
fn rules_of_a_first_plan_are_told_by_what_targets_refer_to() {
    const RULES: [&str; 2] = [RULE, "module.a.aws_cloudwatch_event_rule.r"];
    let id: &[&str] = &["aws_cloudwatch_event_rule.r.id", RULE];
    let either: &[&str] = &["aws_cloudwatch_event_rule.r.id", RULE, "var.rule"];
    let bus: &[&str] = &["local.bus"];
    let (named, mut unnamed) = (a_rule(), a_rule());
    unnamed.as_object_mut().unwrap().remove("name");
    for (rule, name, references, told) in [
        (&named, "r", id, true),
        (&unnamed, RULE, id, true),
        (&named, "r", &[RULE], true),
        (&named, "r", either, false),
        (&named, "r", &["local.rule"], false),
    ] {
        let mut target = a_target();
        target.as_object_mut().unwrap().remove("rule");
        let open = [("rule", references), ("event_bus_name", bus)];
        let made = first(
            &[
                (RULES[0], rule.clone(), &[("event_bus_name", bus)]),
                // In another module, and of the same name.
                (RULES[1], rule.clone(), &[]),
                (TARGET, target, &open),
            ],
            &json!({}),
        );
        let report = made.report.text();
        let items = made.report.items.iter();
        let joined: Vec<_> = items.filter(|item| item.targets.len() == 1).collect();
        let (name, place) = match told {
            true => (name, RULES[0]),
            false => (TARGET, TARGET),
        };
        let [item] = joined[..] else {
            panic!("{report}");
        };
        assert_eq!(item.name, name, "{report}");
        assert_eq!(item.place, format!("plan.json:1 {place}"));
        assert_eq!(item.verdict == Verdict::Impossible, !told, "{report}");
    }
}
