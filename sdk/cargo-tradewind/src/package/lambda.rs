//! AWS Lambda: the archive, and a stack with the function, its role, and what calls it.

use super::manifest::{Setting, Timer, Trigger};
use super::out::Out;
use super::zip::{File, archive};
use super::{Plan, needs};
use crate::failure::Failure;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Days for which logs are kept.
const RETENTION: u32 = 30;

pub(super) fn pack(plan: &Plan<'_>, out: &mut Out) -> Result<Vec<String>, Failure> {
    let files = [File {
        name: "bootstrap",
        bytes: plan.program,
        is_program: true,
    }];
    let zip = archive(&files).map_err(|e| Failure::new(e.to_string()))?;
    out.file("bootstrap.zip", &zip)?;
    out.warnings.extend(needs::unknown(plan.manifest));
    let mut stack = Stack::new(plan);
    for trigger in plan.manifest.triggers() {
        stack.trigger(trigger)?;
    }
    for timer in plan.manifest.timers()? {
        stack.timer(&timer);
    }
    if stack.is_polled {
        let seconds = plan.timeout;
        out.warn(format!(
            "a queue's visibility timeout has to be {seconds} s at least, better {}",
            seconds * 6
        ));
    }
    let values = std::mem::take(&mut stack.values);
    out.json("template.json", &stack.template())?;
    Ok(commands(plan, &zip, values))
}

/// The archive goes to a bucket under its digest, so that a stack is changed exactly when the program is.
fn commands(plan: &Plan<'_>, zip: &[u8], values: Vec<String>) -> Vec<String> {
    let Plan { name, folder, .. } = plan;
    let digest = Sha256::digest(zip);
    let digest: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let key = format!("{name}/{digest}.zip");
    let mut overrides = vec![
        "CodeBucket=\"$BUCKET\"".to_owned(),
        format!("CodeKey={key}"),
    ];
    overrides.extend(values);
    vec![
        format!("aws s3 cp {folder}/bootstrap.zip \"s3://$BUCKET/{key}\""),
        format!(
            "aws cloudformation deploy --template-file {folder}/template.json --stack-name {name} \
             --capabilities CAPABILITY_IAM --parameter-overrides {}",
            overrides.join(" ")
        ),
    ]
}

/// A template under way.
struct Stack<'a> {
    plan: &'a Plan<'a>,
    names: Names,
    parameters: Map<String, Value>,
    /// Whether optional settings are set: a parameter is there in any case, a variable is not.
    conditions: Map<String, Value>,
    /// Parameters as a shell gives them.
    values: Vec<String>,
    /// The environment of the function.
    variables: Map<String, Value>,
    resources: Map<String, Value>,
    statements: Vec<Value>,
    is_polled: bool,
}

/// Names in a template, of which parameters, conditions and resources have each once. What the code calls `a-b` and
/// `a_b` is `AB` for both: the second is numbered.
struct Names(BTreeSet<String>);

impl Names {
    fn new() -> Self {
        let own = ["CodeBucket", "CodeKey", "Url", "Logs", "Role", "Function"];
        Self(own.map(String::from).into())
    }

    fn give(&mut self, wanted: String) -> String {
        let mut name = wanted.clone();
        let mut number = 1;
        while !self.0.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}{number}");
        }
        name
    }
}

impl<'a> Stack<'a> {
    fn new(plan: &'a Plan<'a>) -> Self {
        let mut parameters = Map::new();
        for name in ["CodeBucket", "CodeKey"] {
            parameters.insert(name.into(), json!({ "Type": "String" }));
        }
        let mut names = Names::new();
        let mut values = Vec::new();
        let mut conditions = Map::new();
        let mut variables = Map::new();
        for setting in &plan.manifest.settings {
            let name = names.give(logical(&setting.name));
            let value = json!({ "Ref": name });
            let value = if setting.required {
                values.push(format!("{name}=\"${}\"", setting.name));
                value
            } else {
                values.push(format!("{name}=\"${{{}-}}\"", setting.name));
                let is_set = names.give(format!("Has{name}"));
                conditions.insert(
                    is_set.clone(),
                    json!({ "Fn::Not": [{ "Fn::Equals": [value, ""] }] }),
                );
                json!({ "Fn::If": [is_set, value, { "Ref": "AWS::NoValue" }] })
            };
            variables.insert(setting.name.clone(), value);
            parameters.insert(name, parameter(setting));
        }
        let logs = format!(
            "logs:{{region}}:{{account}}:log-group:/aws/lambda/{}:*",
            plan.name
        );
        let mut statements = vec![needs::statement(
            &["logs:CreateLogStream", "logs:PutLogEvents"],
            &needs::arn(&logs, ""),
        )];
        statements.extend(needs::statements(plan.manifest));
        Self {
            plan,
            names,
            parameters,
            conditions,
            values,
            variables,
            resources: Map::new(),
            statements,
            is_polled: false,
        }
    }

    fn trigger(&mut self, trigger: &Trigger) -> Result<(), Failure> {
        match trigger.kind.as_str() {
            // Whoever may call a function needs nothing here, and clocks come after all.
            "call" | "timer" => {}
            "http" => {
                let url = json!({
                    "Type": "AWS::Lambda::Url",
                    "Properties": { "TargetFunctionArn": { "Ref": "Function" }, "AuthType": "AWS_IAM" },
                });
                self.resources.insert("Url".into(), url);
            }
            "queue" => {
                let arn = self.arn(trigger, "sqs:{region}:{account}:{}");
                let actions = [
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                ];
                self.statements.push(needs::statement(&actions, &arn));
                self.mapping(trigger, json!({ "EventSourceArn": arn }));
                self.is_polled = true;
            }
            "stream" => {
                let arn = self.arn(trigger, "kinesis:{region}:{account}:stream/{}");
                let actions = [
                    "kinesis:GetRecords",
                    "kinesis:GetShardIterator",
                    "kinesis:DescribeStream",
                    "kinesis:DescribeStreamSummary",
                    "kinesis:ListShards",
                ];
                self.statements.push(needs::statement(&actions, &arn));
                let properties = json!({
                    "EventSourceArn": arn,
                    "StartingPosition": "TRIM_HORIZON",
                    "BisectBatchOnFunctionError": true,
                });
                self.mapping(trigger, properties);
            }
            "topic" => {
                let arn = self.arn(trigger, "sns:{region}:{account}:{}");
                let id = logical(trigger.name.as_deref().unwrap_or_default());
                let function = json!({ "Fn::GetAtt": ["Function", "Arn"] });
                let subscription = json!({
                    "Type": "AWS::SNS::Subscription",
                    "Properties": { "Protocol": "lambda", "TopicArn": arn, "Endpoint": function },
                });
                let permission = json!({
                    "Type": "AWS::Lambda::Permission",
                    "Properties": {
                        "Action": "lambda:InvokeFunction", "FunctionName": { "Ref": "Function" },
                        "Principal": "sns.amazonaws.com", "SourceArn": arn,
                    },
                });
                self.resource(format!("Topic{id}Subscription"), subscription);
                self.resource(format!("Topic{id}Permission"), permission);
            }
            other => {
                return Err(Failure::new(format!(
                    "no trigger of Lambda is known for `{other}`"
                )));
            }
        }
        Ok(())
    }

    /// A rule that makes the event of a due time, in the form in which EventBridge has its own.
    fn timer(&mut self, timer: &Timer<'_>) {
        let Timer { name, due } = timer;
        let event = format!(
            r#"{{"id":"{name}/<due>","detail-type":"schedule.fired","source":"/schedules/{name}","resources":["{name}"],"time":<due>,"schedule":"{name}","due":<due>,"detail":{{}}}}"#
        );
        let id = self.names.give(format!("Timer{}", logical(name)));
        let rule = json!({
            "Type": "AWS::Events::Rule",
            "Properties": {
                "ScheduleExpression": due.event_bridge(),
                "State": "ENABLED",
                "Targets": [{
                    "Id": "function",
                    "Arn": { "Fn::GetAtt": ["Function", "Arn"] },
                    "InputTransformer": { "InputPathsMap": { "due": "$.time" }, "InputTemplate": event },
                }],
            },
        });
        let permission = json!({
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction", "FunctionName": { "Ref": "Function" },
                "Principal": "events.amazonaws.com", "SourceArn": { "Fn::GetAtt": [id, "Arn"] },
            },
        });
        self.resource(format!("{id}Permission"), permission);
        self.resources.insert(id, rule);
    }

    fn resource(&mut self, name: String, resource: Value) {
        let name = self.names.give(name);
        self.resources.insert(name, resource);
    }

    /// The one of this name, or one that is told when the stack is made.
    fn arn(&mut self, trigger: &Trigger, resource: &str) -> Value {
        if let Some(name) = &trigger.name {
            return needs::arn(resource, name);
        }
        let parameter = self.names.give(format!("{}Arn", logical(&trigger.kind)));
        self.values
            .push(format!("{parameter}=\"${}\"", shell(&parameter)));
        self.parameters
            .insert(parameter.clone(), json!({ "Type": "String" }));
        json!({ "Ref": parameter })
    }

    /// Messages that failed are reported one by one: mapping and handler have to agree on that.
    fn mapping(&mut self, trigger: &Trigger, mut properties: Value) {
        properties["FunctionName"] = json!({ "Ref": "Function" });
        properties["FunctionResponseTypes"] = json!(["ReportBatchItemFailures"]);
        let id = logical(trigger.name.as_deref().unwrap_or_default());
        let mapping =
            json!({ "Type": "AWS::Lambda::EventSourceMapping", "Properties": properties });
        self.resource(format!("{}{id}Mapping", logical(&trigger.kind)), mapping);
        self.variables
            .insert("TRADEWIND_BATCH_FAILURES".into(), "report".into());
    }

    fn template(mut self) -> Value {
        let plan = self.plan;
        let logs = format!("/aws/lambda/{}", plan.name);
        let mut resources = Map::new();
        resources.insert(
            "Logs".into(),
            json!({
                "Type": "AWS::Logs::LogGroup",
                "DeletionPolicy": "Delete",
                "UpdateReplacePolicy": "Delete",
                "Properties": { "LogGroupName": logs, "RetentionInDays": RETENTION },
            }),
        );
        resources.insert(
            "Role".into(),
            json!({
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [{
                            "Effect": "Allow", "Action": "sts:AssumeRole",
                            "Principal": { "Service": "lambda.amazonaws.com" },
                        }],
                    },
                    "Policies": [{
                        "PolicyName": "declared",
                        "PolicyDocument": { "Version": "2012-10-17", "Statement": self.statements },
                    }],
                },
            }),
        );
        resources.insert(
            "Function".into(),
            json!({
                "Type": "AWS::Lambda::Function",
                // Without its log group, Lambda would make one that keeps everything for ever.
                "DependsOn": "Logs",
                "Properties": {
                    "FunctionName": plan.name,
                    "Runtime": "provided.al2023",
                    "Handler": "bootstrap",
                    "Architectures": [match plan.machine.arch {
                        super::elf::Arch::X86_64 => "x86_64",
                        super::elf::Arch::Aarch64 => "arm64",
                    }],
                    "Code": { "S3Bucket": { "Ref": "CodeBucket" }, "S3Key": { "Ref": "CodeKey" } },
                    "Role": { "Fn::GetAtt": ["Role", "Arn"] },
                    "Timeout": plan.timeout,
                    "MemorySize": plan.memory,
                    "Environment": { "Variables": self.variables },
                },
            }),
        );
        resources.append(&mut self.resources);
        let mut template = json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Parameters": self.parameters,
        });
        // An empty section is refused.
        if !self.conditions.is_empty() {
            template["Conditions"] = self.conditions.into();
        }
        template["Resources"] = resources.into();
        template
    }
}

fn parameter(setting: &Setting) -> Value {
    let mut parameter = json!({ "Type": "String", "NoEcho": setting.secret });
    if !setting.required {
        parameter["Default"] = "".into();
    }
    parameter
}

/// A name in a template has letters and digits only: `PAYMENTS_URL` is `PaymentsUrl`.
fn logical(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        let shouted = !rest.chars().any(|c| c.is_ascii_lowercase());
        let rest = if shouted {
            rest.to_ascii_lowercase()
        } else {
            rest.to_owned()
        };
        first.to_ascii_uppercase() + &rest
    };
    words.map(word).collect()
}

/// The variable of a shell for it: `QueueArn` is `QUEUE_ARN`.
fn shell(parameter: &str) -> String {
    let mut text = String::new();
    for c in parameter.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_uppercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::manifest::{Manifest, tests::sample};
    use crate::package::tests::packed;

    #[test]
    fn names_are_told_in_templates_and_shells() {
        for (name, id) in [
            ("PAYMENTS_URL", "PaymentsUrl"),
            ("orders-charged", "OrdersCharged"),
            ("queue", "Queue"),
            ("apiKey", "ApiKey"),
            ("", ""),
        ] {
            assert_eq!(logical(name), id, "{name}");
        }
        assert_eq!(shell("QueueArn"), "QUEUE_ARN");
    }

    /// The template of this manifest, and the command that makes the stack.
    fn stack(manifest: &Manifest) -> (Value, String) {
        let (scratch, mut commands) = packed(pack, manifest).unwrap();
        let text = std::fs::read(scratch.path().join("out/template.json")).unwrap();
        (
            serde_json::from_slice(&text).unwrap(),
            commands.pop().unwrap(),
        )
    }

    #[test]
    fn names_that_differ_are_of_different_things() {
        let plain = stack(&sample()).0;
        let count = |template: &Value| template["Resources"].as_object().unwrap().len();
        let without = |kind: &str| {
            let mut manifest = sample();
            let triggers = &mut manifest.handlers[0].triggers;
            triggers.retain(|trigger| trigger.kind != kind);
            count(&stack(&manifest).0)
        };
        for (kind, names, ids) in [
            (
                "queue",
                &["orders-eu", "orders_eu", "ordersEu"][..],
                &[
                    "QueueOrdersEuMapping",
                    "QueueOrdersEuMapping2",
                    "QueueOrdersEuMapping3",
                ][..],
            ),
            (
                "stream",
                &["a.b", "a-b"],
                &["StreamABMapping", "StreamABMapping2"],
            ),
            (
                "topic",
                &["a_b", "a-b"],
                &["TopicABPermission2", "TopicABSubscription2"],
            ),
            (
                "timer",
                &["x", "x-permission", "x--permission"],
                &["TimerX", "TimerXPermission2", "TimerXPermission3"],
            ),
        ] {
            let each = count(&plain) - without(kind);
            let mut manifest = sample();
            let triggers = &mut manifest.handlers[0].triggers;
            let sampled = triggers.iter().find(|trigger| trigger.kind == kind);
            let sampled = sampled.unwrap().clone();
            triggers.retain(|trigger| trigger.kind != kind);
            triggers.extend(names.iter().map(|name| Trigger {
                name: Some((*name).to_owned()),
                ..sampled.clone()
            }));
            let (template, _) = stack(&manifest);
            assert_eq!(
                count(&template),
                without(kind) + each * names.len(),
                "{kind}"
            );
            for id in ids {
                assert!(template["Resources"][id].is_object(), "{id}: {template}");
            }
        }
    }

    #[test]
    fn each_setting_is_a_parameter_of_its_own() {
        let mut manifest = sample();
        let setting = manifest.settings[0].clone();
        let triggers = &mut manifest.handlers[0].triggers;
        for trigger in triggers.iter_mut().filter(|one| one.kind == "queue") {
            trigger.name = None;
        }
        let names = ["API_KEY", "apiKey", "FUNCTION", "CODE_KEY", "QUEUE_ARN"];
        let parameters = ["ApiKey", "ApiKey2", "Function2", "CodeKey2", "QueueArn"];
        manifest.settings = names
            .iter()
            .map(|name| Setting {
                name: (*name).to_owned(),
                ..setting.clone()
            })
            .collect();
        let (template, command) = stack(&manifest);
        let variables =
            &template["Resources"]["Function"]["Properties"]["Environment"]["Variables"];
        for (name, parameter) in names.iter().zip(parameters) {
            assert_eq!(variables[name], json!({ "Ref": parameter }), "{name}");
            assert!(template["Parameters"][parameter].is_object(), "{parameter}");
            let given = format!(" {parameter}=\"${name}\"");
            assert_eq!(command.matches(&given).count(), 1, "{given}: {command}");
        }
        // The queue without a name comes after them.
        assert!(command.ends_with(" QueueArn2=\"$QUEUE_ARN2\""), "{command}");
    }

    #[test]
    fn a_setting_that_is_optional_is_a_variable_where_it_has_a_value() {
        let (template, command) = stack(&sample());
        let variables =
            &template["Resources"]["Function"]["Properties"]["Environment"]["Variables"];
        let parameter = json!({ "Ref": "Colour" });
        assert_eq!(
            variables["COLOUR"],
            json!({ "Fn::If": ["HasColour", parameter, { "Ref": "AWS::NoValue" }] })
        );
        assert_eq!(
            template["Conditions"],
            json!({ "HasColour": { "Fn::Not": [{ "Fn::Equals": [parameter, ""] }] } })
        );
        assert_eq!(template["Parameters"]["Colour"]["Default"], "");
        assert!(command.contains(" Colour=\"${COLOUR-}\""), "{command}");
        let mut manifest = sample();
        manifest.settings.retain(|setting| setting.required);
        assert_eq!(stack(&manifest).0["Conditions"], Value::Null);
    }

    #[test]
    fn a_timer_is_a_rule_that_makes_the_event_of_a_schedule() {
        let (scratch, _) = packed(pack, &sample()).unwrap();
        let text = std::fs::read(scratch.path().join("out/template.json")).unwrap();
        let template: Value = serde_json::from_slice(&text).unwrap();
        let rule = &template["Resources"]["TimerNightly"]["Properties"];
        assert_eq!(rule["ScheduleExpression"], "cron(30 2 ? * 2-6 *)");
        let made = &rule["Targets"][0]["InputTransformer"];
        assert_eq!(made["InputPathsMap"], json!({ "due": "$.time" }));
        // As EventBridge fills it in: a text without quotes around its name gets them.
        let filled = made["InputTemplate"]
            .as_str()
            .unwrap()
            .replace(":<due>", ":\"2026-01-02T02:30:00Z\"")
            .replace("<due>", "2026-01-02T02:30:00Z");
        let expected = json!({
            "id": "nightly/2026-01-02T02:30:00Z", "detail-type": "schedule.fired", "source": "/schedules/nightly",
            "resources": ["nightly"], "time": "2026-01-02T02:30:00Z", "schedule": "nightly",
            "due": "2026-01-02T02:30:00Z", "detail": {},
        });
        assert_eq!(serde_json::from_str::<Value>(&filled).unwrap(), expected);
        let permission = &template["Resources"]["TimerNightlyPermission"]["Properties"];
        assert_eq!(
            permission["SourceArn"],
            json!({ "Fn::GetAtt": ["TimerNightly", "Arn"] })
        );
    }

    #[test]
    fn a_mapping_and_its_handler_agree_on_failures_and_rights_are_of_one_resource() {
        let (scratch, commands) = packed(pack, &sample()).unwrap();
        let text = std::fs::read(scratch.path().join("out/template.json")).unwrap();
        let template: Value = serde_json::from_slice(&text).unwrap();
        let resources = &template["Resources"];
        for mapping in ["QueueOrdersMapping", "StreamOrdersMapping"] {
            let types = &resources[mapping]["Properties"]["FunctionResponseTypes"];
            assert_eq!(types, &json!(["ReportBatchItemFailures"]), "{mapping}");
        }
        let function = &resources["Function"]["Properties"];
        assert_eq!(
            function["Environment"]["Variables"]["TRADEWIND_BATCH_FAILURES"],
            "report"
        );
        assert_eq!(function["Architectures"], json!(["arm64"]));
        assert_eq!(template["Parameters"]["PaymentsKey"]["NoEcho"], true);
        let policy = &resources["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
        for statement in policy.as_array().unwrap() {
            assert_ne!(statement["Resource"], "*");
            assert!(
                !statement["Action"].to_string().contains('*'),
                "{statement}"
            );
        }
        assert!(
            commands[1].contains("PaymentsUrl=\"$PAYMENTS_URL\""),
            "{commands:?}"
        );
    }
}
