//! What a plan of Terraform leaves open: values that are known only once it is applied.
//!
//! `planned_values` leaves them out, as if nobody had said anything; `after_unknown` of the changes names them.

use super::found::What;
use super::refer::{References, unindexed};
use super::terraform::{TARGET, what};
use crate::document::{Document, step};
use crate::variables::{UNKNOWN, Variable, Variables};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What AWS or the provider makes up, and only names the resource.
const MADE: &[&str] = &[
    "id",
    "name",
    "name_prefix",
    "group_name",
    "target_id",
    "secret_arn",
    "tags_all",
];
/// Blocks, which the configuration does not name where they are dynamic.
const BLOCKS: &[&str] = &[
    "auth_parameters",
    "dead_letter_config",
    "flexible_time_window",
    "http_target",
    "input_transformer",
    "kinesis_target",
    "retry_policy",
    "sqs_target",
    "target",
];

/// Arguments that are open where what they name is not there yet, and what that is.
const REFER: &[(&str, What)] = &[
    ("event_bus_arn", What::Bus),
    ("event_bus_name", What::Bus),
    ("event_source_arn", What::Bus),
    ("rule", What::Rule),
];

/// The parts of a plan that tell what is open.
#[derive(Debug, Default)]
pub(super) struct Plan<'d> {
    /// `after_unknown`, by address.
    open: BTreeMap<&'d str, &'d Map<String, Value>>,
    /// Arguments that are given, by address without indices.
    given: BTreeMap<String, &'d Map<String, Value>>,
    /// Providers with their aliases, by the same.
    providers: BTreeMap<String, &'d str>,
    references: References<'d>,
    file: &'d str,
}

impl<'d> Plan<'d> {
    pub(super) fn of(document: &'d Document) -> Self {
        let mut plan = Self {
            file: &document.file,
            ..Self::default()
        };
        let changes = document.value.get("resource_changes");
        for change in changes.and_then(Value::as_array).into_iter().flatten() {
            if let (Some(address), Some(open), None) = (
                change.get("address").and_then(Value::as_str),
                change
                    .pointer("/change/after_unknown")
                    .and_then(Value::as_object),
                change.get("deposed"),
            ) {
                plan.open.insert(address, open);
            }
        }
        if let Some(root) = document.value.pointer("/configuration/root_module") {
            plan.module(root, "");
        }
        if let Some(root) = document.value.pointer("/planned_values/root_module") {
            plan.references.planned(root);
        }
        plan
    }

    fn module(&mut self, module: &'d Value, prefix: &str) {
        let resources = module.get("resources").and_then(Value::as_array);
        for resource in resources.into_iter().flatten() {
            let address = resource.get("address").and_then(Value::as_str);
            let given = resource.get("expressions").and_then(Value::as_object);
            let provider = resource.get("provider_config_key").and_then(Value::as_str);
            if let (Some(address), Some(provider)) = (address, provider) {
                self.providers
                    .insert(format!("{prefix}{address}"), provider);
            }
            if let (Some(address), Some(given)) = (address, given) {
                self.given.insert(format!("{prefix}{address}"), given);
            }
        }
        let calls = module.get("module_calls").and_then(Value::as_object);
        for (name, call) in calls.into_iter().flatten() {
            let address = format!("{prefix}module.{name}");
            self.references.called(call, &address);
            if let Some(called) = call.get("module") {
                self.module(called, &format!("{address}."));
            }
        }
    }

    pub(super) fn provider(&self, address: &str) -> Option<&'d str> {
        self.providers.get(&unindexed(address)).copied()
    }

    /// The values of a resource, with a variable in place of each that is open.
    pub(super) fn filled(
        &self,
        address: &str,
        ty: &str,
        mut values: Value,
        variables: &mut Variables,
    ) -> Value {
        let Some(open) = self.open.get(address) else {
            return values;
        };
        let given = self.given.get(&unindexed(address));
        let bus = |name: Option<&str>, address: &str, variables: &mut Variables| match name {
            Some(name) => name.into(),
            None => fill(Value::Null, &true.into(), address, "/name", variables),
        };
        if let (Some(What::Bus), Some(true), Value::Object(values)) = (
            what(ty),
            open.get("name").and_then(Value::as_bool),
            &mut values,
        ) {
            values.insert("name".into(), bus(None, address, variables));
        }
        let mut referred = Vec::new();
        for (key, wanted) in REFER {
            let expression = given.and_then(|given| given.get(*key));
            if let (Some(Value::Bool(true)), Some(expression)) = (open.get(*key), expression)
                && let Some(to) = self.references.one(address, expression, *wanted)
                && let Value::Object(values) = &mut values
            {
                let value = match wanted {
                    What::Rule => called(self.file, to.address).into(),
                    _ => bus(to.name, to.address, variables),
                };
                values.insert((*key).into(), value);
                referred.push(*key);
            }
        }
        let asked = |key: &str| {
            let named = given.is_none_or(|given| given.contains_key(key));
            let made = MADE.contains(&key) || (key == "arn" && ty != TARGET);
            !made && !referred.contains(&key) && (named || BLOCKS.contains(&key))
        };
        let open = open.iter().filter(|(key, _)| asked(key));
        let open = open.map(|(key, value)| (key.clone(), value.clone()));
        let open = Value::Object(open.collect());
        fill(values, &open, address, "", variables)
    }
}

/// What targets call a rule that they refer to; the name of a rule has no space.
pub(super) fn called(file: &str, address: &str) -> String {
    format!("{address} of {file}")
}

fn fill(value: Value, open: &Value, address: &str, path: &str, variables: &mut Variables) -> Value {
    match (value, open) {
        (_, Value::Bool(true)) => {
            let argument = path.trim_start_matches('/').replace('/', ".");
            let variable = Variable {
                name: String::new(),
                about: format!("`{argument}` of {address}, known after apply"),
                example: UNKNOWN.into(),
                secret: false,
                service: None,
            };
            let wanted = format!("{address} {argument}");
            let key = format!("plan {wanted}");
            variables.reference(&key, &wanted, variable).into()
        }
        (value, Value::Object(members)) if members.values().any(is_open) => {
            let mut map = match value {
                Value::Object(map) => map,
                _ => Map::new(),
            };
            for (key, open) in members.iter().filter(|(_, open)| is_open(open)) {
                let value = map.get(key).cloned().unwrap_or_default();
                let value = fill(value, open, address, &step(path, key), variables);
                map.insert(key.clone(), value);
            }
            Value::Object(map)
        }
        (value, Value::Array(open)) if open.iter().any(is_open) => {
            let mut items = match value {
                Value::Array(items) => items,
                _ => Vec::new(),
            };
            for (at, open) in open.iter().enumerate() {
                if items.len() <= at {
                    items.push(Value::Null);
                }
                let value = items[at].take();
                items[at] = fill(value, open, address, &step(path, at), variables);
            }
            Value::Array(items)
        }
        (value, _) => value,
    }
}

/// Whether something in there is not known.
fn is_open(open: &Value) -> bool {
    match open {
        Value::Bool(open) => *open,
        Value::Array(items) => items.iter().any(is_open),
        Value::Object(members) => members.values().any(is_open),
        _ => false,
    }
}
