//! Targets: what they are given, by what policy, and where it goes.

use super::arn::{self, Arn};
use super::build::Build;
use super::fields::Fields;
use super::found::Part;
use crate::configuration::Section;
use crate::report::{Item, Kind};
use crate::variables::{self, Variable};
use serde_json::{Map, Value, json};

/// Services that are targets, and what people call them; there is no sink for them.
const SERVICES: &[(&str, &str)] = &[
    ("ecs", "ECS tasks"),
    ("batch", "Batch jobs"),
    ("logs", "CloudWatch Logs"),
    ("codepipeline", "CodePipeline"),
    ("codebuild", "CodeBuild"),
    ("ssm", "Systems Manager"),
    ("ssm-incidents", "Incident Manager"),
    (
        "kafka",
        "clusters of MSK: write one of kind `kafka` by hand",
    ),
    ("redshift", "Redshift"),
    ("redshift-serverless", "Redshift"),
    ("sagemaker", "SageMaker pipelines"),
    ("inspector", "Inspector"),
    ("glue", "Glue workflows"),
    ("appsync", "AppSync"),
    ("ec2", "calls of EC2"),
    ("automation", "calls of EC2"),
];

/// What people call a service.
fn service_name(service: &str) -> &str {
    let known = SERVICES.iter().find(|(known, _)| *known == service);
    known.map_or(service, |(_, name)| name)
}

/// How events come to a target.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) stream: String,
    /// The bus of the stream.
    pub(super) bus: Option<String>,
    pub(super) filter: Value,
    /// By the clock: the event is no envelope of EventBridge yet.
    pub(super) scheduled: bool,
}

/// Where it goes, and what follows for the subscription.
#[derive(Debug, Default)]
pub(super) struct Sink {
    pub(super) settings: Map<String, Value>,
    /// Keys of the subscription.
    pub(super) keys: Map<String, Value>,
    /// Steps before those of the input, which see the event,
    pub(super) first: Vec<Value>,
    /// and behind them.
    pub(super) steps: Vec<Value>,
    /// Place of the connection and the API destination among those found.
    pub(super) used: [Option<usize>; 2],
}

impl Build<'_> {
    pub(super) fn target(
        &mut self,
        rule: &str,
        alone: bool,
        why: Option<&str>,
        ways: &[Way],
        writes: bool,
        part: Part,
    ) -> Item {
        let place = part.origin.place();
        let mut fields = Fields::of(part.properties, "");
        let id = fields.text("Id");
        let to = fields.text("Arn").unwrap_or_default();
        let shown = id.clone().unwrap_or_else(|| self.variables.shown(&to));
        let mut item = Item::new("target", shown, place.clone());
        for remark in &part.remarks {
            item.note(Kind::Remark, "", remark);
        }
        let steps = self.input(&mut fields, &mut item);
        let policy = policy(&mut fields, &mut item, &self.variables);
        let sink = self.sink(&to, &mut fields, &mut item);
        if sink.is_none() {
            for key in SERVICE_SETTINGS {
                if fields.take(key).is_some() {
                    item.note(Kind::NotCarried, *key, "goes with the target");
                }
            }
        }
        fields.finish(&mut item);
        let wanted = match (&id, alone) {
            (Some(id), false) => format!("{rule}-{id}"),
            _ => rule.to_owned(),
        };
        let (Some(steps), Some(sink)) = (steps, sink) else {
            return item;
        };
        if let Err(reason) = self.try_sink(&wanted, &sink.settings) {
            item.note(Kind::Impossible, "", reason);
        }
        if !writes || !item.possible() {
            return item;
        }
        for way in ways {
            let mut steps = steps.clone();
            let empty = steps.is_empty();
            if way.scheduled && (empty || steps.iter().chain(&sink.first).any(asks_more)) {
                item.note(
                    Kind::Changed,
                    "Input",
                    "of the event that says that it is time, `id` is the name and the due time, `resources` may be the name alone; account and region are left out",
                );
            }
            if way.scheduled && empty {
                // The envelope, of attributes that the schedule gave.
                steps.push(json!({ "input-path": "$" }));
            }
            steps.splice(..0, sink.first.iter().cloned());
            steps.extend(sink.steps.iter().cloned());
            let transform = match steps.len() {
                0 => Value::Null,
                1 => steps.remove(0),
                _ => Value::Array(steps),
            };
            if !transform.is_null()
                && let Err(reason) = self.try_transform(&transform)
            {
                item.note(Kind::Impossible, "Input", reason);
                return item;
            }
            let name = self.subscriptions.take(&wanted);
            let mut settings = Map::new();
            if way.stream != "default" {
                settings.insert("stream".into(), way.stream.as_str().into());
            }
            self.owned(&mut settings);
            if let Some(why) = why {
                settings.insert("why".into(), why.into());
            }
            if !way.filter.is_null() {
                settings.insert("filter".into(), way.filter.clone());
            }
            if !transform.is_null() {
                settings.insert("transform".into(), transform);
            }
            settings.insert("sink".into(), Value::Object(sink.settings.clone()));
            settings.extend(policy.clone());
            settings.extend(sink.keys.clone());
            let what = id
                .as_ref()
                .map_or(String::new(), |id| format!(", target {id}"));
            let comments = vec![format!("{rule}{what} ({place})")];
            self.configuration
                .add(Section::Subscriptions, &name, comments, settings);
            item.becomes.push(format!("subscriptions.{name}"));
            if let Some(bus) = &way.bus {
                self.reads(bus);
            }
            self.uses(&sink, &name);
        }
        item
    }

    /// What the target is given in place of the event; `None` where that cannot be.
    fn input(&mut self, fields: &mut Fields, item: &mut Item) -> Option<Vec<Value>> {
        let mut steps = Vec::new();
        if let Some(input) = fields.take("Input") {
            let text = match &input {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let told = matches!(input, Value::String(_) | Value::Object(_));
            if !told || self.variables.whole(&text).is_some() {
                item.note(
                    Kind::Impossible,
                    "Input",
                    "what it is, the file does not tell",
                );
                return None;
            }
            if text.contains("<aws.scheduler.") {
                item.note(
                    Kind::Impossible,
                    "Input",
                    "it asks for a context attribute that is not known here",
                );
                return None;
            }
            let json = serde_json::from_str::<Value>(&self.variables.sample(&text)).is_ok();
            let written = match text.contains("{{") || text.contains("{%") || text.contains("{#") {
                true => format!("{{% raw %}}{text}{{% endraw %}}"),
                false => text,
            };
            steps.push(match json {
                true => json!({ "template": written }),
                false => json!({ "template": { "content-type": "text/plain", "text": written } }),
            });
        }
        if let Some(path) = fields.text("InputPath")
            && path != "$"
        {
            steps.push(json!({ "input-path": path }));
        }
        if let Some(mut transformer) = fields.map("InputTransformer") {
            let paths = transformer.take("InputPathsMap");
            let template = transformer.text("InputTemplate").unwrap_or_default();
            transformer.finish(item);
            if template.trim_start().starts_with("{%") {
                item.note(
                    Kind::Impossible,
                    "InputTransformer.InputTemplate",
                    "there are no transforms in JSONata",
                );
                return None;
            }
            let mut step = Map::new();
            if let Some(paths) = paths {
                step.insert("InputPathsMap".into(), paths);
            }
            step.insert("InputTemplate".into(), template.into());
            steps.push(json!({ "input-transformer": step }));
        }
        for key in ["InputPath", "InputTransformer"] {
            if fields.has(key) {
                item.note(Kind::Impossible, key, "what it is, the file does not tell");
                return None;
            }
        }
        for step in &steps {
            if let Err(reason) = self.try_transform(step) {
                item.note(Kind::Impossible, "Input", reason);
                return None;
            }
        }
        Some(steps)
    }

    fn sink(&mut self, to: &str, fields: &mut Fields, item: &mut Item) -> Option<Sink> {
        let Some(service) = arn::service(to, &self.variables) else {
            let shown = self.variables.shown(to);
            let about = self.variables.whole(to).map(|variable| &variable.about);
            let reason = match about {
                _ if to.is_empty() => "where it sends is not in the file".into(),
                Some(about) if about.contains("(AWS::") => {
                    format!("it is {about}, for which there is no sink")
                }
                Some(about) if about.ends_with("known after apply") => format!("it is {about}"),
                _ => format!("what `{shown}` is, the file does not tell; `--parameter` may"),
            };
            item.note(Kind::Impossible, "Arn", reason);
            return None;
        };
        let plain = |kind: &str, key: &str, value: &str| {
            let mut settings = Map::new();
            settings.insert("kind".into(), kind.into());
            settings.insert(key.into(), value.into());
            settings.insert("payload".into(), "data".into());
            Sink {
                settings,
                ..Sink::default()
            }
        };
        match service.as_str() {
            "lambda" => {
                let mut sink = plain("aws-lambda", "function", to);
                // As EventBridge does.
                sink.settings.insert("invocation".into(), "async".into());
                Some(sink)
            }
            "sqs" => {
                let mut sink = plain("aws-sqs", "queue", &self.queue_url(to));
                if let Some(mut own) = fields.map("SqsParameters") {
                    if let Some(group) = own.text("MessageGroupId") {
                        literal(&group, "SqsParameters.MessageGroupId", item);
                        sink.steps.push(json!({ "set": { "partitionkey": group } }));
                    }
                    own.finish(item);
                }
                Some(sink)
            }
            "sns" => Some(plain("aws-sns", "topic", to)),
            "kinesis" => {
                let mut sink = plain("aws-kinesis", "stream", to);
                // As EventBridge does where nothing is said.
                let mut key = "{{ event.id }}".to_owned();
                if let Some(mut own) = fields.map("KinesisParameters") {
                    if let Some(path) = own.text("PartitionKeyPath") {
                        key = partition_key(&path, item);
                    }
                    if let Some(fixed) = own.text("PartitionKey") {
                        literal(&fixed, "KinesisParameters.PartitionKey", item);
                        key = fixed;
                    }
                    own.finish(item);
                }
                sink.first.push(json!({ "set": { "partitionkey": key } }));
                Some(sink)
            }
            "firehose" => {
                let mut sink = plain("aws-firehose", "stream", to);
                // As EventBridge does.
                sink.settings.insert("newline".into(), false.into());
                Some(sink)
            }
            "states" => Some(plain("aws-step-functions", "state-machine", to)),
            "events" => self.event_bridge(to, fields, item),
            "execute-api" => self.gateway(to, fields, item),
            "scheduler" => {
                let call = Arn::read(to).map_or("", |arn| arn.resource);
                item.note(
                    Kind::Impossible,
                    "Arn",
                    format!("it calls AWS itself (`{call}`), which no sink does"),
                );
                None
            }
            other => {
                let told = format!("there is no sink for {}", service_name(other));
                item.note(Kind::Impossible, "Arn", told);
                None
            }
        }
    }

    fn queue_url(&mut self, to: &str) -> String {
        if let Some(arn) = Arn::read(to) {
            let domain = arn::domain(&self.variables.sample(arn.region));
            return format!(
                "https://sqs.{}.{domain}/{}/{}",
                arn.region, arn.account, arn.resource
            );
        }
        let known = self.variables.whole(to).cloned();
        let about = known
            .as_ref()
            .map_or(String::new(), |v| v.about.replace("the ARN", "the URL"));
        let example = known
            .as_ref()
            .and_then(|v| Arn::read(&v.example))
            .map(|arn| {
                format!(
                    "https://sqs.{}.amazonaws.com/{}/{}",
                    arn.region, arn.account, arn.resource
                )
            });
        let name = known.map_or(String::new(), |v| v.name);
        let wanted = format!("{}_URL", name.trim_end_matches("_ARN"));
        let variable = Variable {
            name: String::new(),
            about,
            example: example.unwrap_or_default(),
            secret: false,
            service: None,
        };
        self.variables
            .reference(&format!("url of {name}"), &wanted, variable)
    }

    fn event_bridge(&mut self, to: &str, fields: &mut Fields, item: &mut Item) -> Option<Sink> {
        let sample = self.variables.sample(to);
        let resource = Arn::read(&sample).map_or("", |arn| arn.resource);
        if resource.starts_with("api-destination/") {
            return self.destination(to, fields, item);
        }
        if resource.starts_with("target/") {
            let told = format!("there is no sink for {}", service_name("ec2"));
            item.note(Kind::Impossible, "Arn", told);
            return None;
        }
        if let Some(call) = resource.strip_prefix("aws-sdk:") {
            let told = format!("it calls AWS itself (`{call}`), which no sink does");
            item.note(Kind::Impossible, "Arn", told);
            return None;
        }
        let mut settings = Map::new();
        settings.insert("kind".into(), "aws-event-bridge".into());
        settings.insert("bus".into(), to.into());
        if let Some(mut own) = fields.map("EventBridgeParameters") {
            for (theirs, ours) in [("Source", "source"), ("DetailType", "detail-type")] {
                if let Some(text) = own.text(theirs) {
                    settings.insert(ours.into(), text.into());
                }
            }
            own.finish(item);
        }
        if variables::is_open(arn::bus(to)) {
            item.note(
                Kind::Remark,
                "Arn",
                "another bus; a subscription of the stream of the first one can do without it",
            );
        }
        Some(Sink {
            settings,
            ..Sink::default()
        })
    }
}

/// Whether a step asks for what an event by the clock has not, or otherwise.
fn asks_more(step: &Value) -> bool {
    const OTHERWISE: [&str; 5] = ["", "id", "account", "region", "resources"];
    let asked = |path: &str| {
        let path = path.trim_start_matches(['$', '.']);
        let first = path.split(['.', '[']).next();
        first.is_none_or(|first| OTHERWISE.contains(&first))
    };
    if let Some(path) = step.get("input-path").and_then(Value::as_str) {
        return asked(path);
    }
    if let Some(key) = step.pointer("/set/partitionkey").and_then(Value::as_str) {
        return key.contains("event.awsaccount") || key.contains("event.awsregion");
    }
    let Some(transformer) = step.get("input-transformer") else {
        return false;
    };
    let paths = transformer
        .get("InputPathsMap")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::values);
    let template = transformer.get("InputTemplate").and_then(Value::as_str);
    paths.filter_map(Value::as_str).any(asked)
        || template.is_some_and(|template| {
            [
                "<aws.events.event>",
                "<aws.events.event.json>",
                "<aws.events.rule-arn>",
            ]
            .iter()
            .any(|variable| template.contains(variable))
        })
}

/// A text that is set as it is must not be read as a template.
fn literal(text: &str, field: &str, item: &mut Item) {
    if ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
        item.note(Kind::Impossible, field, "it would be taken for a template");
    }
}

/// A template of what stands at a path of the event.
fn partition_key(path: &str, item: &mut Item) -> String {
    const FIELD: &str = "KinesisParameters.PartitionKeyPath";
    let attribute = match path {
        "$.id" => Some("id"),
        "$.source" => Some("source"),
        "$.detail-type" => Some("type"),
        "$.account" => Some("awsaccount"),
        "$.region" => Some("awsregion"),
        _ => None,
    };
    if let Some(attribute) = attribute {
        return format!("{{{{ event.{attribute} }}}}");
    }
    let names = path.strip_prefix("$.detail.").map(|rest| rest.split('.'));
    let plain = |name: &str| {
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        !name.is_empty() && name.chars().all(letter)
    };
    match names {
        Some(names) if names.clone().all(plain) => {
            let told = format!("an event without `{path}` has its id as the key");
            item.note(Kind::Changed, FIELD, told);
            let at = names.fold("data[\"detail\"]".to_owned(), |at, name| {
                format!("({at} | default({{}}))[\"{name}\"]")
            });
            format!("{{{{ {at} | default(event.id) }}}}")
        }
        _ => {
            let told = format!("the key of records is the event's id, not `{path}`");
            item.note(Kind::Changed, FIELD, told);
            "{{ event.id }}".to_owned()
        }
    }
}

/// Settings that belong to one service.
const SERVICE_SETTINGS: &[&str] = &[
    "KinesisParameters",
    "EcsParameters",
    "BatchParameters",
    "RunCommandParameters",
    "RedshiftDataParameters",
    "SageMakerPipelineParameters",
    "AppSyncParameters",
    "HttpParameters",
    "SqsParameters",
    "EventBridgeParameters",
];

/// Retries of EventBridge where nothing is said; the first attempt is none.
const RETRIES: u64 = 185;

/// Retries and dead letters.
fn policy(
    fields: &mut Fields,
    item: &mut Item,
    variables: &variables::Variables,
) -> Map<String, Value> {
    let mut retry = Map::from_iter([
        ("preset".to_owned(), Value::from("event-bridge")),
        ("max-attempts".to_owned(), (RETRIES + 1).into()),
    ]);
    let mut keys = Map::new();
    if let Some(mut own) = fields.map("RetryPolicy") {
        if let Some(retries) = own.number("MaximumRetryAttempts") {
            retry.insert("max-attempts".into(), retries.saturating_add(1).into());
        }
        // Tools write 0 where nothing is said; the least that can be is 60.
        let age = own.number("MaximumEventAgeInSeconds");
        if let Some(seconds) = age.filter(|seconds| *seconds > 0) {
            let age = Value::from(format!("{seconds}s"));
            retry.insert("max-age".into(), age.clone());
            keys.insert("max-age".into(), age);
        }
        own.finish(item);
    }
    keys.insert("retry".into(), Value::Object(retry));
    if let Some(mut own) = fields.map("DeadLetterConfig") {
        if let Some(queue) = own.text("Arn") {
            let queue = variables.shown(&queue);
            item.note(
                Kind::Changed,
                "DeadLetterConfig.Arn",
                format!("dead letters stay in the gateway (`tradewind dead-letters`), and are not sent to {queue}"),
            );
        }
        own.finish(item);
    }
    keys
}
