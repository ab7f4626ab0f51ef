//! States of Terraform (version 4), and what `terraform show -json` writes of states and plans.

use super::arn;
use super::found::{Apart, Found, Inventory, Near, Origin, Part, What};
use super::plan::{Plan, called};
use crate::document::{Document, step};
use crate::variables::is_open;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const TYPES: &[(&str, What)] = &[
    ("aws_cloudwatch_event_bus", What::Bus),
    ("aws_cloudwatch_event_archive", What::Archive),
    ("aws_cloudwatch_event_connection", What::Connection),
    ("aws_cloudwatch_event_api_destination", What::Destination),
    ("aws_cloudwatch_event_rule", What::Rule),
    ("aws_scheduler_schedule", What::Schedule),
    ("aws_pipes_pipe", What::Pipe),
    ("awscc_eventsv2_event_bus", What::Bus),
    ("awscc_eventsv2_subscriber", What::Subscriber),
];
pub(super) const TARGET: &str = "aws_cloudwatch_event_target";

/// Maps whose keys are the user's.
const OPAQUE: &[&str] = &[
    "input_paths",
    "header_parameters",
    "query_string_parameters",
    "tags",
];
/// Blocks that may occur more than once.
const LISTS: &[&str] = &[
    "body",
    "header",
    "query_string",
    "run_command_targets",
    "filter",
];
/// Names that differ from CloudFormation's by more than their case.
const RENAMED: &[(&str, &str)] = &[
    ("target_id", "Id"),
    ("input_paths", "InputPathsMap"),
    ("sqs_target", "SqsParameters"),
    ("http_target", "HttpParameters"),
    ("kinesis_target", "KinesisParameters"),
    ("ecs_target", "EcsParameters"),
    ("batch_target", "BatchParameters"),
    ("redshift_target", "RedshiftDataParameters"),
    ("sagemaker_pipeline_target", "SageMakerPipelineParameters"),
    ("appsync_target", "AppSyncParameters"),
    ("eventbridge_parameters", "EventBridgeParameters"),
    ("run_command_targets", "RunCommandParameters"),
    ("api_key", "ApiKeyAuthParameters"),
    ("basic", "BasicAuthParameters"),
    ("oauth", "OAuthParameters"),
    ("oauth_http_parameters", "OAuthHttpParameters"),
    ("client_id", "ClientID"),
    ("body", "BodyParameters"),
    ("header", "HeaderParameters"),
    ("query_string", "QueryStringParameters"),
    ("event_source_arn", "SourceArn"),
];

pub(super) fn what(ty: &str) -> Option<What> {
    let known = TYPES.iter().find(|(name, _)| *name == ty);
    known.map(|(_, what)| *what)
}

pub(super) fn read(document: &Document, inventory: &mut Inventory) {
    let mut others = BTreeMap::new();
    let value = &document.value;
    if let Some(Value::Array(resources)) = value.get("resources") {
        for (at, resource) in resources.iter().enumerate() {
            let at = step("/resources", at);
            let instances = resource.get("instances").and_then(Value::as_array);
            for (nth, instance) in instances.into_iter().flatten().enumerate() {
                let pointer = step(&step(&at, "instances"), nth);
                let mut address = [
                    resource.get("module"),
                    resource.get("type"),
                    resource.get("name"),
                ]
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(".");
                if let Some(key) = instance.get("index_key") {
                    address.push_str(&format!("[{key}]"));
                }
                let text = |key: &str| resource.get(key).and_then(Value::as_str).map(str::to_owned);
                let index = instance.get("index_key").map(Value::to_string);
                let near = [None, text("provider"), text("module"), index];
                let attributes = instance.get("attributes");
                let deposed = instance.get("deposed").is_some_and(|key| !key.is_null());
                one(
                    document,
                    (resource, attributes, near),
                    (&pointer, &address, deposed),
                    inventory,
                    &mut others,
                );
            }
        }
    }
    let planned = value.get("planned_values");
    if let Some(root) = value
        .get("values")
        .or(planned)
        .and_then(|v| v.get("root_module"))
    {
        let at = match value.get("values").is_some() {
            true => "/values/root_module",
            false => "/planned_values/root_module",
        };
        let plan = Plan::of(document);
        module(document, (root, &plan), at, inventory, &mut others);
    }
    for (ty, count) in others {
        inventory
            .passed
            .push(format!("{}: {count} of {ty}", document.file));
    }
}

fn module(
    document: &Document,
    (module, plan): (&Value, &Plan),
    pointer: &str,
    inventory: &mut Inventory,
    others: &mut BTreeMap<String, usize>,
) {
    let list = |key: &str| {
        module
            .get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    for (at, resource) in list("resources").iter().enumerate() {
        let pointer = step(&step(pointer, "resources"), at);
        let address = resource
            .get("address")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let deposed = resource
            .get("deposed_key")
            .is_some_and(|key| !key.is_null());
        let provider = plan.provider(address).map(str::to_owned);
        let index = resource.get("index").map(Value::to_string);
        let parent = module.get("address").and_then(Value::as_str);
        let near = [None, provider, parent.map(str::to_owned), index];
        let ty = resource.get("type").and_then(Value::as_str);
        let ty = ty.unwrap_or_default();
        let values = resource.get("values").cloned();
        let attributes =
            values.map(|values| plan.filled(address, ty, values, &mut inventory.variables));
        one(
            document,
            (resource, attributes.as_ref(), near),
            (&pointer, address, deposed),
            inventory,
            others,
        );
    }
    // A document is never nested deeper than its reader goes.
    for (at, child) in list("child_modules").iter().enumerate() {
        let pointer = step(&step(pointer, "child_modules"), at);
        self::module(document, (child, plan), &pointer, inventory, others);
    }
}

fn one(
    document: &Document,
    (resource, attributes, mut near): (&Value, Option<&Value>, Near),
    (pointer, address, deposed): (&str, &str, bool),
    inventory: &mut Inventory,
    others: &mut BTreeMap<String, usize>,
) {
    let ty = resource
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if resource.get("mode").and_then(Value::as_str) == Some("data") {
        return;
    }
    let Some(Value::Object(attributes)) = attributes else {
        return;
    };
    // What an earlier apply has replaced, and could not destroy.
    if deposed {
        *others.entry(format!("{ty}, deposed")).or_default() += 1;
        return;
    }
    let text = |key: &str| {
        let text = attributes.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    near[0] = text("region");
    let origin = Origin {
        path: address.to_owned(),
        ..Origin::of(document, pointer)
    };
    let bus = text("event_bus_name").map(|bus| arn::bus(&bus).to_owned());
    let mut properties = properties(attributes);
    for gone in ["TagsAll", "Timeouts"] {
        properties.shift_remove(gone);
    }
    if ty == TARGET {
        for gone in ["Rule", "EventBusName"] {
            properties.shift_remove(gone);
        }
        if let (Some(id), None) = (text("id"), text("target_id")) {
            properties.insert("Id".into(), id.into());
        }
        let rule = text("rule");
        let unknown = rule.as_deref().is_some_and(is_open);
        let part = Part {
            properties,
            origin: origin.clone(),
            remarks: Vec::new(),
        };
        if unknown {
            let mut found = Found::new(What::Rule, address, Map::new(), origin);
            found.obstacle =
                Some("which rule the target is of is known only once the plan is applied".into());
            found.targets.push(part);
            inventory.add(found);
            return;
        }
        // A bus that is open has another variable where the rule is; a reference tells the rule without it.
        let bus = bus.unwrap_or_else(|| "default".into());
        let referred = rule.as_deref().is_some_and(|rule| rule.contains(' '));
        let bus = Some(bus).filter(|bus| !is_open(bus) && !referred);
        inventory.apart.push(Apart {
            rule,
            bus,
            near: Some(near),
            part,
        });
        return;
    }
    let Some(what) = what(ty) else {
        *others.entry(ty.to_owned()).or_default() += 1;
        return;
    };
    if what == What::Rule
        && let Some(enabled) = properties.shift_remove("IsEnabled")
    {
        let state = match enabled {
            Value::Bool(true) => "ENABLED".into(),
            Value::Bool(false) => "DISABLED".into(),
            other => other,
        };
        properties.entry("State").or_insert(state);
    }
    properties.shift_remove("Id");
    // Others call it by a name that is open; in the report it has its address.
    let (name, open) = match text("name") {
        Some(name) if is_open(&name) => (address.to_owned(), Some(name)),
        name => (name.unwrap_or_else(|| address.to_owned()), None),
    };
    let mut found = Found::new(what, &name, properties, origin);
    found.also.extend(open.into_iter().chain(text("arn")));
    found
        .also
        .extend(text("event_bus_arn").filter(|_| what == What::Bus));
    if what == What::Rule {
        found.also.push(called(&document.file, address));
    }
    found.near = Some(near);
    found.custom = ty.contains("eventsv2");
    match what {
        What::Subscriber => {
            found.scope = arn::bus(&text("event_bus_arn").unwrap_or_default()).to_owned();
        }
        What::Rule => found.scope = bus.unwrap_or_else(|| "default".into()),
        What::Schedule => found.scope = text("group_name").unwrap_or_else(|| "default".into()),
        _ => {}
    }
    inventory.add(found);
}

fn properties(attributes: &Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, value) in attributes {
        let nothing = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if !nothing {
            out.insert(pascal(key), converted(key, value));
        }
    }
    out
}

fn converted(key: &str, value: &Value) -> Value {
    if OPAQUE.contains(&key) {
        return value.clone();
    }
    match value {
        Value::Object(map) => {
            let mut map = properties(map);
            if key == "api_key" {
                for (theirs, ours) in [("Key", "ApiKeyName"), ("Value", "ApiKeyValue")] {
                    if let Some(value) = map.shift_remove(theirs) {
                        map.insert(ours.into(), value);
                    }
                }
            }
            Value::Object(map)
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| converted(key, item)).collect();
            // A block that may occur once is a list of one.
            match items.len() == 1 && items[0].is_object() && !LISTS.contains(&key) {
                true => items.remove(0),
                false => Value::Array(items),
            }
        }
        other => other.clone(),
    }
}

fn pascal(key: &str) -> String {
    if let Some((_, name)) = RENAMED.iter().find(|(name, _)| *name == key) {
        return (*name).to_owned();
    }
    let words = key.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}
