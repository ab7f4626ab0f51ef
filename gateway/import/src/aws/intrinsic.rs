//! The functions of CloudFormation, as far as a file alone can answer them.
//!
//! What it cannot answer becomes a variable, which is told of where the configuration uses it.

use super::Options;
use super::arn;
use crate::document::Document;
use crate::variables::{UNKNOWN, Variable, Variables, is_open};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Deepest nesting of functions, and most bytes that they may make.
const DEEP: usize = 64;
const BYTES_MAX: usize = 64 << 20;
/// What a call counts for, in bytes.
const CALL: usize = 64;
/// Longest name of an example: that of a function.
const NAME_MAX: usize = 64;
/// Most names that are made of each other.
const NAMES_DEEP: usize = 4;

/// Resources whose ARN follows from their name: type, property with the name, service, and what stands before it.
const NAMED: &[(&str, &str, &str, &str)] = &[
    ("AWS::SQS::Queue", "QueueName", "sqs", ""),
    ("AWS::SNS::Topic", "TopicName", "sns", ""),
    (
        "AWS::Lambda::Function",
        "FunctionName",
        "lambda",
        "function:",
    ),
    (
        "AWS::Serverless::Function",
        "FunctionName",
        "lambda",
        "function:",
    ),
    ("AWS::Lambda::Alias", "-", "lambda", "function:"),
    ("AWS::Lambda::Version", "-", "lambda", "function:"),
    (
        "AWS::StepFunctions::StateMachine",
        "StateMachineName",
        "states",
        "stateMachine:",
    ),
    (
        "AWS::Serverless::StateMachine",
        "Name",
        "states",
        "stateMachine:",
    ),
    ("AWS::Events::EventBus", "Name", "events", "event-bus/"),
    ("AWS::EventsV2::EventBus", "Name", "events", "event-busv2/"),
    ("AWS::EventsV2::Subscriber", "-", "events", "subscriber/"),
    (
        "AWS::Events::ApiDestination",
        "-",
        "events",
        "api-destination/",
    ),
    ("AWS::Events::Connection", "-", "events", "connection/"),
    ("AWS::Kinesis::Stream", "Name", "kinesis", "stream/"),
    (
        "AWS::KinesisFirehose::DeliveryStream",
        "DeliveryStreamName",
        "firehose",
        "deliverystream/",
    ),
    ("AWS::Logs::LogGroup", "LogGroupName", "logs", "log-group:"),
    ("AWS::ECS::Cluster", "ClusterName", "ecs", "cluster/"),
    (
        "AWS::Batch::JobQueue",
        "JobQueueName",
        "batch",
        "job-queue/",
    ),
    ("AWS::CodePipeline::Pipeline", "Name", "codepipeline", ""),
    ("AWS::CodeBuild::Project", "Name", "codebuild", "project/"),
    ("AWS::SSM::Document", "Name", "ssm", "document/"),
];

/// Types whose `Ref` is the ARN.
const REF_IS_ARN: &[&str] = &[
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
    "AWS::Serverless::StateMachine",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Version",
    "AWS::Batch::JobQueue",
    "AWS::EventsV2::EventBus",
    "AWS::EventsV2::Subscriber",
];

/// Answers the functions of one template.
pub(super) struct Resolver<'d> {
    document: &'d Document,
    options: &'d Options,
    variables: &'d mut Variables,
    remarks: BTreeSet<String>,
    bytes: usize,
    /// How many names are being looked up, one for the other.
    names: usize,
    /// Conditions that were looked at: they name each other, and may do so often.
    conditions: BTreeMap<String, Option<bool>>,
}

impl<'d> Resolver<'d> {
    pub(super) fn new(
        document: &'d Document,
        options: &'d Options,
        variables: &'d mut Variables,
    ) -> Self {
        Self {
            document,
            options,
            variables,
            remarks: BTreeSet::new(),
            bytes: 0,
            names: 0,
            conditions: BTreeMap::new(),
        }
    }

    /// What was assumed since this was asked last.
    pub(super) fn remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks).into_iter().collect()
    }

    /// A map with its functions answered.
    pub(super) fn map(&mut self, map: &Map<String, Value>) -> Map<String, Value> {
        match self.value(&Value::Object(map.clone()), 0) {
            Some(Value::Object(map)) => map,
            // No field has this name, so that it is told of.
            Some(other) => Map::from_iter([("Properties".to_owned(), other)]),
            None => Map::new(),
        }
    }

    fn part(&self, section: &str, name: &str) -> Option<&'d Value> {
        self.document.value.get(section)?.get(name)
    }

    /// `None` for `AWS::NoValue`.
    pub(super) fn value(&mut self, value: &Value, depth: usize) -> Option<Value> {
        if depth > DEEP {
            return Some(self.open("too-deep", "NESTED", "what functions nested this deep give"));
        }
        match value {
            Value::Array(items) => {
                let items = items.iter().filter_map(|item| self.value(item, depth + 1));
                Some(Value::Array(items.collect()))
            }
            Value::Object(map) => {
                if let Some((name, argument)) = single(map)
                    && (name == "Ref" || name.starts_with("Fn::"))
                {
                    return self.function(name, argument, depth + 1);
                }
                let mut out = Map::new();
                for (key, value) in map {
                    if let Some(value) = self.value(value, depth + 1) {
                        out.insert(key.clone(), value);
                    }
                }
                Some(Value::Object(out))
            }
            Value::String(text) => Some(Value::String(self.dynamic(text.clone()))),
            other => Some(other.clone()),
        }
    }

    /// With a variable in place of what CloudFormation looks up elsewhere: `{{resolve:secretsmanager:name:…}}`.
    fn dynamic(&mut self, text: String) -> String {
        const BEGINS: &str = "{{resolve:";
        if !text.contains(BEGINS) {
            return text;
        }
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once(BEGINS) {
            let Some((whole, behind)) = after.split_once("}}") else {
                break;
            };
            out.push_str(before);
            let Some((service, named)) = whole.split_once(':') else {
                out.push_str(&format!("{BEGINS}{whole}}}}}"));
                rest = behind;
                continue;
            };
            let named = self.variables.shown(named);
            let wanted = named.replace(":SecretString", "");
            let (place, secret) = match service {
                "secretsmanager" => ("Secrets Manager", true),
                "ssm-secure" => ("Parameter Store", true),
                _ => ("Parameter Store", false),
            };
            let about = format!("what {place} has as `{named}`");
            let made = self.variable(whole, &wanted, &about, UNKNOWN, secret, None);
            out.push_str(&plain(&made));
            rest = behind;
        }
        out.push_str(rest);
        out
    }

    fn text(&mut self, value: &Value, depth: usize) -> String {
        match self.value(value, depth) {
            Some(Value::String(text)) => text,
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        }
    }

    fn function(&mut self, name: &str, argument: &Value, depth: usize) -> Option<Value> {
        // The same call may be reached by many references, and reads its argument each time.
        if self.bytes <= BYTES_MAX {
            self.bytes += CALL + size(argument);
        }
        if self.bytes > BYTES_MAX {
            return Some(self.counted(String::new()));
        }
        let made = match (name, argument) {
            ("Ref", Value::String(name)) => {
                let made = self.reference(name)?;
                self.bounded(made)
            }
            ("Fn::GetAtt", Value::String(path)) => {
                let (name, attribute) = path.split_once('.').unwrap_or((path, "Arn"));
                self.attribute(name, attribute)
            }
            ("Fn::GetAtt", Value::Array(parts)) if parts.len() == 2 => {
                let name = self.text(&parts[0], depth);
                let attribute = self.text(&parts[1], depth);
                self.attribute(&name, &attribute)
            }
            ("Fn::Sub", Value::String(text)) => self.sub(text, &Map::new(), depth),
            ("Fn::Sub", Value::Array(parts)) => match &parts[..] {
                [Value::String(text), Value::Object(own)] => self.sub(text, own, depth),
                [Value::String(text)] => self.sub(text, &Map::new(), depth),
                _ => self.unanswered(name, argument),
            },
            ("Fn::Join", Value::Array(parts)) if parts.len() == 2 => {
                let between = self.text(&parts[0], depth);
                match self.value(&parts[1], depth) {
                    Some(Value::Array(items)) => {
                        let items: Vec<String> = items.iter().map(plain).collect();
                        let joined = items.join(&between);
                        self.counted(joined)
                    }
                    _ => self.unanswered(name, argument),
                }
            }
            ("Fn::Split", Value::Array(parts)) if parts.len() == 2 => {
                let by = self.text(&parts[0], depth);
                let text = self.text(&parts[1], depth);
                if by.is_empty() || is_open(&text) {
                    return Some(self.unanswered(name, argument));
                }
                // Each item is a value, also where its text is empty.
                self.bytes += text.len() + text.matches(&by).count() * CALL;
                if self.bytes > BYTES_MAX {
                    return Some(self.counted(String::new()));
                }
                return Some(text.split(&by).map(Value::from).collect());
            }
            ("Fn::Select", Value::Array(parts)) if parts.len() == 2 => {
                let at = self.text(&parts[0], depth).parse::<usize>().ok();
                match (self.value(&parts[1], depth), at) {
                    (Some(Value::Array(items)), Some(at)) if at < items.len() => {
                        self.bounded(items[at].clone())
                    }
                    _ => self.unanswered(name, argument),
                }
            }
            ("Fn::FindInMap", Value::Array(parts)) if parts.len() >= 3 => {
                let keys: Vec<String> = parts[..3].iter().map(|p| self.text(p, depth)).collect();
                let found = self.part("Mappings", &keys[0]);
                let found = found
                    .and_then(|map| map.get(&keys[1])?.get(&keys[2]))
                    .cloned();
                match found {
                    Some(found) => self.bounded(found),
                    None => self.unanswered(name, argument),
                }
            }
            ("Fn::If", Value::Array(parts)) if parts.len() == 3 => {
                let condition = parts[0].as_str().unwrap_or_default();
                match self.condition(condition, depth) {
                    Some(true) => return self.value(&parts[1], depth),
                    Some(false) => return self.value(&parts[2], depth),
                    None => self.unanswered(name, argument),
                }
            }
            ("Fn::ImportValue", argument) => {
                let export = self.text(argument, depth);
                let about = format!(
                    "what another stack exports as `{}`",
                    self.variables.shown(&export)
                );
                let shown = self.variables.shown(&export);
                self.open(&format!("export {export}"), &shown, &about)
            }
            ("Fn::ToJsonString", argument) => {
                let made = self.value(argument, depth).unwrap_or_default().to_string();
                self.counted(made)
            }
            _ => self.unanswered(name, argument),
        };
        Some(made)
    }

    /// What is made is bounded: a name that stands for much may stand often.
    fn counted(&mut self, text: String) -> Value {
        let text = self.dynamic(text);
        self.bytes += text.len();
        if self.bytes > BYTES_MAX {
            self.remarks.insert(
                "functions of the template make more than 64 MiB; the rest is left empty".into(),
            );
            return Value::String(String::new());
        }
        Value::String(text)
    }

    /// The same for what is found.
    fn bounded(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => self.counted(text),
            Value::Array(_) | Value::Object(_) => match self.counted(value.to_string()) {
                Value::String(text) if text.is_empty() => Value::String(text),
                _ => value,
            },
            other => other,
        }
    }

    fn open(&mut self, key: &str, name: &str, about: &str) -> Value {
        self.variable(key, name, about, UNKNOWN, false, None)
    }

    fn variable(
        &mut self,
        key: &str,
        name: &str,
        about: &str,
        example: &str,
        secret: bool,
        service: Option<&'static str>,
    ) -> Value {
        let variable = Variable {
            name: String::new(),
            about: about.to_owned(),
            example: example.to_owned(),
            secret,
            service,
        };
        let key = format!("{} {key}", self.document.file);
        Value::String(self.variables.reference(&key, name, variable))
    }

    fn unanswered(&mut self, name: &str, argument: &Value) -> Value {
        let argument = argument.to_string();
        let short: String = argument.chars().take(60).collect();
        let about = format!("what `{name}` of {short} gives");
        self.open(&format!("{name} {argument}"), name, &about)
    }

    fn sub(&mut self, text: &str, own: &Map<String, Value>, depth: usize) -> Value {
        let mut out = String::new();
        let mut rest = text;
        let mut known: BTreeMap<&str, String> = BTreeMap::new();
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                out.push_str("${");
                rest = after;
                continue;
            };
            rest = behind;
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let name = name.trim();
            let value = match own.get(name) {
                _ if known.contains_key(name) => known[name].clone(),
                Some(value) => self.text(value, depth + 1),
                None => match (self.beside(name), name.split_once('.')) {
                    (Some(made), _) => plain(&made),
                    (None, Some((resource, attribute))) => {
                        plain(&self.attribute(resource, attribute))
                    }
                    (None, None) => self.reference(name).as_ref().map(plain).unwrap_or_default(),
                },
            };
            if out.len() + value.len() > BYTES_MAX {
                break;
            }
            out.push_str(&value);
            known.insert(name, value);
        }
        out.push_str(rest);
        self.counted(out)
    }

    fn reference(&mut self, name: &str) -> Option<Value> {
        if let Some(pseudo) = name.strip_prefix("AWS::") {
            return self.pseudo(pseudo);
        }
        if let Some(parameter) = self.part("Parameters", name) {
            return Some(self.parameter(name, parameter));
        }
        if let Some(made) = self.beside(name) {
            return Some(made);
        }
        let Some(resource) = self.part("Resources", name) else {
            let about = format!("what `{name}` is, which the template does not have");
            return Some(self.open(name, name, &about));
        };
        let ty = kind(resource);
        if REF_IS_ARN.contains(&ty) {
            return Some(self.attribute(name, "Arn"));
        }
        if let Some((_, property, _, _)) = NAMED.iter().find(|(known, ..)| *known == ty)
            && let Some(own) = self.property(resource, property)
        {
            // The `Ref` of a queue is its URL.
            return Some(match ty {
                "AWS::SQS::Queue" => {
                    let region = self.pseudo_text("Region");
                    let account = self.pseudo_text("AccountId");
                    let domain = arn::domain(&region);
                    format!("https://sqs.{region}.{domain}/{account}/{own}").into()
                }
                _ => own.into(),
            });
        }
        let about = match ty {
            "AWS::SQS::Queue" => format!("the URL of the queue `{name}`"),
            _ => format!("the name of `{name}` ({ty})"),
        };
        let example = match ty {
            "AWS::SQS::Queue" => format!("https://sqs.us-east-1.amazonaws.com/123456789012/{name}"),
            _ => name.to_owned(),
        };
        Some(self.variable(&format!("{name}.Ref"), name, &about, &example, false, None))
    }

    /// What SAM makes beside a function, by its place: `Charge.Alias`.
    fn beside(&mut self, name: &str) -> Option<Value> {
        let (function, what) = name.split_once('.')?;
        if kind(self.part("Resources", function)?) != "AWS::Serverless::Function" {
            return None;
        }
        match what {
            "Alias" => Some(self.published(function)),
            "Version" => Some(self.attribute(function, "Arn")),
            _ => None,
        }
    }

    fn parameter(&mut self, name: &str, parameter: &Value) -> Value {
        let text = |key: &str| parameter.get(key).and_then(Value::as_str);
        let secret = match parameter.get("NoEcho") {
            Some(Value::Bool(secret)) => *secret,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        };
        let list = text("Type")
            .is_some_and(|ty| ty.contains("List<") || ty.contains("CommaDelimitedList"));
        if let Some(value) = self.options.parameters.get(name)
            && !secret
        {
            return match list {
                true => listed(value),
                false => value.as_str().into(),
            };
        }
        let kept_elsewhere =
            text("Type").is_some_and(|ty| ty.starts_with("AWS::SSM::Parameter::Value"));
        if let Some(default) = parameter.get("Default")
            && !default.is_null()
            && !secret
            && !kept_elsewhere
        {
            // Not with its value: people put secrets into defaults.
            self.remarks.insert(format!(
                "the parameter `{name}` is taken to have its default; `--parameter {name}=VALUE` says otherwise"
            ));
            return match list {
                true => listed(&plain(default)),
                false => default.clone(),
            };
        }
        let about = match text("Description") {
            Some(about) => format!("the parameter `{name}`: {about}"),
            None => format!("the parameter `{name}`"),
        };
        self.variable(name, name, &about, UNKNOWN, secret, None)
    }

    fn pseudo(&mut self, name: &str) -> Option<Value> {
        let value = match (name, &self.options.region, &self.options.account) {
            ("NoValue", ..) => return None,
            ("Region", Some(region), _) => region.as_str().into(),
            ("AccountId", _, Some(account)) => account.as_str().into(),
            ("Region", ..) => self.global("AWS_REGION", "the region", "us-east-1"),
            ("AccountId", ..) => self.global("AWS_ACCOUNT_ID", "the account", "123456789012"),
            ("Partition", region, _) => match region {
                Some(region) if region.starts_with("cn-") => "aws-cn".into(),
                Some(region) if region.starts_with("us-gov-") => "aws-us-gov".into(),
                _ => "aws".into(),
            },
            ("URLSuffix", Some(region), _) => arn::domain(region).into(),
            ("URLSuffix", ..) => "amazonaws.com".into(),
            ("StackName", ..) => self.variable(
                "AWS::StackName",
                "STACK_NAME",
                "the name of the stack",
                "stack",
                false,
                None,
            ),
            (other, ..) => self.open(other, other, &format!("`AWS::{other}`")),
        };
        Some(value)
    }

    fn pseudo_text(&mut self, name: &str) -> String {
        self.pseudo(name).as_ref().map(plain).unwrap_or_default()
    }

    /// One for all files.
    fn global(&mut self, name: &str, about: &str, example: &str) -> Value {
        let variable = Variable {
            name: String::new(),
            about: format!("{about} of what the templates make"),
            example: example.into(),
            secret: false,
            service: None,
        };
        Value::String(self.variables.reference(name, name, variable))
    }

    fn property(&mut self, resource: &Value, property: &str) -> Option<String> {
        let value = resource.get("Properties")?.get(property)?.clone();
        // Names may be made of each other, also in a circle.
        if self.names > NAMES_DEEP {
            return None;
        }
        self.names += 1;
        let text = self.text(&value, 0);
        self.names -= 1;
        Some(text).filter(|text| !text.is_empty())
    }

    /// The ARN that events of SAM go to: of the alias, where SAM publishes one.
    pub(super) fn published(&mut self, name: &str) -> Value {
        let arn = self.attribute(name, "Arn");
        let function = self.part("Resources", name);
        let Some(function) = function.filter(|it| kind(it) == "AWS::Serverless::Function") else {
            return arn;
        };
        let alias = function
            .pointer("/Properties/AutoPublishAlias")
            .or_else(|| self.part("Globals", "Function")?.get("AutoPublishAlias"));
        let alias = alias.map_or(String::new(), |alias| self.text(alias, 0));
        if alias.is_empty() {
            return arn;
        }
        let arn = plain(&arn);
        if arn::Arn::read(&arn).is_some() {
            return format!("{arn}:{alias}").into();
        }
        let about = format!(
            "the ARN of the alias `{}` of `{name}` (AWS::Serverless::Function)",
            self.variables.shown(&alias)
        );
        let short: String = name.chars().take(NAME_MAX).collect();
        let example = format!("arn:aws:lambda:us-east-1:123456789012:function:{short}:live");
        let wanted = format!("{name}.Alias.Arn");
        self.variable(&wanted, &wanted, &about, &example, false, Some("lambda"))
    }

    fn attribute(&mut self, name: &str, attribute: &str) -> Value {
        let ty = self.part("Resources", name).map(kind).unwrap_or_default();
        let known = NAMED.iter().find(|(known, ..)| *known == ty);
        let arn = matches!(
            attribute,
            "Arn" | "TopicArn" | "QueueArn" | "EventBusArn" | "SubscriberArn"
        );
        if arn
            && let Some((_, property, service, before)) = known
            && let Some(resource) = self.part("Resources", name)
            && let Some(own) = self.property(resource, property)
        {
            let [partition, region, account] =
                ["Partition", "Region", "AccountId"].map(|pseudo| self.pseudo_text(pseudo));
            let arn = format!("arn:{partition}:{service}:{region}:{account}:{before}{own}");
            return self.counted(arn);
        }
        if let Some((_, property, _, _)) = known
            && attribute == *property
            && let Some(resource) = self.part("Resources", name)
            && let Some(own) = self.property(resource, property)
        {
            return self.counted(own);
        }
        let wanted = format!("{name}.{attribute}");
        let (about, example, service) = match known {
            Some((_, _, service, before)) if arn => {
                // No longer than any of these may be called.
                let short: String = name.chars().take(NAME_MAX).collect();
                (
                    format!("the ARN of `{name}` ({ty})"),
                    format!("arn:aws:{service}:us-east-1:123456789012:{before}{short}"),
                    Some(*service),
                )
            }
            _ => (
                format!("`{attribute}` of `{name}` ({ty})"),
                UNKNOWN.into(),
                None,
            ),
        };
        self.variable(&wanted, &wanted, &about, &example, false, service)
    }

    /// What a condition comes to; `None` where the file does not tell.
    pub(super) fn condition(&mut self, name: &str, depth: usize) -> Option<bool> {
        if depth > DEEP {
            return None;
        }
        if let Some(held) = self.conditions.get(name) {
            return *held;
        }
        let condition = self.part("Conditions", name)?.clone();
        let holds = self.holds(&condition, depth + 1);
        self.conditions.insert(name.to_owned(), holds);
        holds
    }

    fn holds(&mut self, condition: &Value, depth: usize) -> Option<bool> {
        if depth > DEEP {
            return None;
        }
        let (name, argument) = single(condition.as_object()?)?;
        let list = argument.as_array();
        match (name, list) {
            ("Condition", _) => self.condition(argument.as_str()?, depth + 1),
            ("Fn::Equals", Some(sides)) if sides.len() == 2 => {
                let sides = [0, 1].map(|at| self.text(&sides[at], depth + 1));
                (!sides.iter().any(|side| is_open(side))).then(|| sides[0] == sides[1])
            }
            ("Fn::Not", Some(one)) if one.len() == 1 => {
                self.holds(&one[0], depth + 1).map(|holds| !holds)
            }
            ("Fn::And" | "Fn::Or", Some(all)) => {
                let all: Option<Vec<bool>> =
                    all.iter().map(|one| self.holds(one, depth + 1)).collect();
                let all = all?;
                Some(match name {
                    "Fn::And" => all.iter().all(|holds| *holds),
                    _ => all.iter().any(|holds| *holds),
                })
            }
            _ => None,
        }
    }
}

/// The items of a parameter that is a list.
fn listed(text: &str) -> Value {
    text.split(',')
        .map(|item| Value::from(item.trim()))
        .collect()
}

/// About how many bytes a value has.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| 8 + size(item)).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| 8 + key.len() + size(value))
            .sum(),
        _ => 0,
    }
}

fn single(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = map.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}

pub(super) fn kind(resource: &Value) -> &str {
    resource
        .get("Type")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
