//! Templates of CloudFormation, and of SAM.

use super::Options;
use super::arn;
use super::found::{Found, Inventory, Origin, Part, What};
use super::intrinsic::{Resolver, kind};
use crate::document::{Document, step};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const TYPES: &[(&str, What, &str)] = &[
    ("AWS::Events::EventBus", What::Bus, "Name"),
    ("AWS::Events::Archive", What::Archive, "ArchiveName"),
    ("AWS::Events::Connection", What::Connection, "Name"),
    ("AWS::Events::ApiDestination", What::Destination, "Name"),
    ("AWS::Events::Rule", What::Rule, "Name"),
    ("AWS::EventsV2::EventBus", What::Bus, "Name"),
    ("AWS::EventsV2::Subscriber", What::Subscriber, "Name"),
    ("AWS::Scheduler::Schedule", What::Schedule, "Name"),
    ("AWS::Pipes::Pipe", What::Pipe, "Name"),
];
/// Resources of SAM that have events.
const FUNCTIONS: &[&str] = &["AWS::Serverless::Function", "AWS::Serverless::StateMachine"];

struct Reader<'d> {
    document: &'d Document,
    resolver: Resolver<'d>,
    found: Vec<Found>,
    passed: Vec<String>,
}

pub(super) fn read(document: &Document, options: &Options, inventory: &mut Inventory) {
    let mut reader = Reader {
        document,
        resolver: Resolver::new(document, options, &mut inventory.variables),
        found: Vec::new(),
        passed: Vec::new(),
    };
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    let resources = document.value.get("Resources").and_then(Value::as_object);
    for (name, resource) in resources.into_iter().flatten() {
        let ty = kind(resource);
        if FUNCTIONS.contains(&ty) {
            reader.function(name, resource);
        } else if let Some((_, what, named)) = TYPES.iter().find(|(known, ..)| *known == ty) {
            reader.resource(name, resource, *what, named);
        } else if name.starts_with("Fn::") && !foreign(resource) {
            reader.made(name, &step("/Resources", name));
        } else {
            *others.entry(ty).or_default() += 1;
        }
    }
    let (found, mut passed) = (reader.found, reader.passed);
    for (ty, count) in others {
        passed.push(format!("{}: {count} of {ty}", document.file));
    }
    for found in found {
        inventory.add(found);
    }
    inventory.passed.extend(passed);
}

/// Whether a loop makes only what is nothing of EventBridge's.
fn foreign(made: &Value) -> bool {
    let resources = made.get(2).and_then(Value::as_object);
    resources.is_some_and(|resources| {
        resources.iter().all(|(name, resource)| {
            // A loop in a loop.
            if name.starts_with("Fn::ForEach") {
                return foreign(resource);
            }
            let ty = kind(resource);
            !ty.is_empty() && !FUNCTIONS.contains(&ty) && TYPES.iter().all(|(of, ..)| *of != ty)
        })
    })
}

impl Reader<'_> {
    /// A function that makes resources: which, only CloudFormation tells.
    fn made(&mut self, name: &str, pointer: &str) {
        let origin = Origin::of(self.document, pointer);
        let mut found = Found::new(What::Rule, name, Map::new(), origin);
        found.obstacle = Some(
            "what it makes is not in the file; import what `aws cloudformation get-template --template-stage Processed --query TemplateBody` writes".into(),
        );
        self.found.push(found);
    }

    /// `false` where its condition does not hold.
    fn wanted(&mut self, name: &str, resource: &Value, found: &mut Found) -> bool {
        let Some(condition) = resource.get("Condition").and_then(Value::as_str) else {
            return true;
        };
        match self.resolver.condition(condition, 0) {
            Some(true) => {}
            Some(false) => {
                let file = &self.document.file;
                self.passed.push(format!(
                    "{file}: {name}, whose condition `{condition}` does not hold"
                ));
                return false;
            }
            None => {
                let text = format!(
                    "it is there only where the condition `{condition}` holds, which the file does not tell"
                );
                match found.what {
                    What::Rule | What::Subscriber | What::Schedule => found.off = Some(text),
                    _ => found.remarks.push(text),
                }
            }
        }
        true
    }

    fn resource(&mut self, name: &str, resource: &Value, what: What, named: &str) {
        let pointer = step("/Resources", name);
        let properties = resource.get("Properties").and_then(Value::as_object);
        let properties = properties
            .map(|map| self.resolver.map(map))
            .unwrap_or_default();
        let own = properties.get(named).and_then(Value::as_str);
        // A name that is open says less than the one in the template.
        let own = own
            .filter(|own| !crate::variables::is_open(own))
            .unwrap_or(name);
        let mut found = Found::new(
            what,
            own,
            properties.clone(),
            Origin::of(self.document, &pointer),
        );
        if properties.get(named).is_some_and(Value::is_string) {
            found.properties.shift_remove(named);
        }
        if !self.wanted(name, resource, &mut found) {
            return;
        }
        for function in [
            json!({ "Ref": name }),
            json!({ "Fn::GetAtt": [name, "Arn"] }),
        ] {
            if let Some(Value::String(text)) = self.resolver.value(&function, 0) {
                found.also.push(text);
            }
        }
        found.custom = kind(resource).starts_with("AWS::EventsV2::");
        let text = |key: &str| {
            let text = properties.get(key).and_then(Value::as_str);
            text.filter(|text| !text.is_empty())
        };
        match what {
            What::Subscriber => {
                found.scope = arn::bus(text("EventBusArn").unwrap_or_default()).to_owned();
            }
            What::Rule => {
                found.scope = arn::bus(text("EventBusName").unwrap_or("default")).to_owned();
                if let Some(Value::Array(targets)) = properties.get("Targets") {
                    found.properties.shift_remove("Targets");
                    let at = step(&step(&pointer, "Properties"), "Targets");
                    for (nth, target) in targets.iter().enumerate() {
                        let origin = Origin::of(self.document, &step(&at, nth));
                        found.targets.push(Part::of(target.clone(), origin));
                    }
                }
            }
            What::Schedule => found.scope = text("GroupName").unwrap_or("default").to_owned(),
            _ => {}
        }
        found.remarks.extend(self.resolver.remarks());
        self.found.push(found);
    }

    fn part(&self, properties: Map<String, Value>, pointer: &str) -> Part {
        Part {
            properties,
            origin: Origin::of(self.document, pointer),
            remarks: Vec::new(),
        }
    }

    /// Events of a function of SAM.
    fn function(&mut self, name: &str, resource: &Value) {
        let Some(events) = resource
            .pointer("/Properties/Events")
            .and_then(Value::as_object)
        else {
            return;
        };
        for (event, definition) in events {
            let ty = kind(definition);
            let pointer = ["Resources", name, "Properties", "Events", event];
            let pointer = pointer.iter().fold(String::new(), |at, key| step(&at, key));
            if event.starts_with("Fn::") {
                self.made(event, &pointer);
                continue;
            }
            let properties = definition.get("Properties").and_then(Value::as_object);
            let properties = properties
                .map(|map| self.resolver.map(map))
                .unwrap_or_default();
            let target = self.resolver.published(name);
            let found = match ty {
                "EventBridgeRule" | "CloudWatchEvent" => {
                    self.rule(name, event, properties, target, &pointer)
                }
                "Schedule" => self.timed(name, event, properties, target, &pointer),
                "ScheduleV2" => self.schedule(name, event, properties, target, &pointer),
                _ => {
                    let file = &self.document.file;
                    self.passed.push(format!(
                        "{file}: the event `{event}` of {name}, of type {ty}"
                    ));
                    continue;
                }
            };
            let mut found = found;
            if self.wanted(name, resource, &mut found) {
                found.remarks.extend(self.resolver.remarks());
                self.found.push(found);
            }
        }
    }

    /// Moves what SAM has beside a rule to its target.
    fn target(&mut self, properties: &mut Map<String, Value>, arn: Value, pointer: &str) -> Part {
        let mut target = Map::from_iter([("Arn".to_owned(), arn)]);
        for key in ["Input", "InputPath", "InputTransformer", "RetryPolicy"] {
            if let Some(value) = properties.shift_remove(key) {
                target.insert(key.into(), value);
            }
        }
        if let Some(letters) = properties.shift_remove("DeadLetterConfig") {
            target.insert("DeadLetterConfig".into(), dead_letters(letters));
        }
        match properties.shift_remove("Target") {
            Some(Value::Object(own)) => target.extend(own),
            Some(other) => drop(target.insert("Target".into(), other)),
            None => {}
        }
        self.part(target, pointer)
    }

    fn rule(
        &mut self,
        name: &str,
        event: &str,
        mut properties: Map<String, Value>,
        arn: Value,
        pointer: &str,
    ) -> Found {
        if let Some(pattern) = properties.shift_remove("Pattern") {
            properties.insert("EventPattern".into(), pattern);
        }
        let mut found = self.event(name, event, properties, arn, pointer, "RuleName");
        let bus = found.properties.get("EventBusName").and_then(Value::as_str);
        let bus = bus.filter(|bus| !bus.is_empty());
        found.scope = arn::bus(bus.unwrap_or("default")).to_owned();
        found
    }

    fn timed(
        &mut self,
        name: &str,
        event: &str,
        mut properties: Map<String, Value>,
        arn: Value,
        pointer: &str,
    ) -> Found {
        if let Some(when) = properties.shift_remove("Schedule") {
            properties.insert("ScheduleExpression".into(), when);
        }
        self.event(name, event, properties, arn, pointer, "Name")
    }

    /// What SAM makes of an event of a function: a rule with that one target. `key` is where it may say its name.
    fn event(
        &mut self,
        name: &str,
        event: &str,
        mut properties: Map<String, Value>,
        arn: Value,
        pointer: &str,
        key: &str,
    ) -> Found {
        state(&mut properties);
        let target = self.target(&mut properties, arn, pointer);
        let named = properties.shift_remove(key);
        let named = named.as_ref().and_then(Value::as_str).map(str::to_owned);
        let named = named.unwrap_or_else(|| format!("{name}{event}"));
        let mut found = Found::new(
            What::Rule,
            &named,
            properties,
            Origin::of(self.document, pointer),
        );
        found.targets.push(target);
        found
    }

    fn schedule(
        &mut self,
        name: &str,
        event: &str,
        mut properties: Map<String, Value>,
        arn: Value,
        pointer: &str,
    ) -> Found {
        let target = self.target(&mut properties, arn, pointer);
        let mut own = target.properties;
        if let Some(role) = properties.shift_remove("RoleArn") {
            own.insert("RoleArn".into(), role);
        }
        properties.insert("Target".into(), Value::Object(own));
        let named = properties.shift_remove("Name");
        let named = named.as_ref().and_then(Value::as_str).map(str::to_owned);
        let named = named.unwrap_or_else(|| format!("{name}{event}"));
        let mut found = Found::new(
            What::Schedule,
            &named,
            properties,
            Origin::of(self.document, pointer),
        );
        let group = found.properties.get("GroupName").and_then(Value::as_str);
        found.scope = group.unwrap_or("default").to_owned();
        found
    }
}

/// What SAM calls `Enabled` is the state of the rule.
fn state(properties: &mut Map<String, Value>) {
    let Some(enabled) = properties.shift_remove("Enabled") else {
        return;
    };
    let state = match enabled.to_string().trim_matches('"') {
        "false" => "DISABLED".into(),
        "true" => "ENABLED".into(),
        _ => enabled,
    };
    properties.entry("State").or_insert(state);
}

/// SAM makes queues of its own, and names them by their place in the template.
fn dead_letters(letters: Value) -> Value {
    let Value::Object(mut map) = letters else {
        return letters;
    };
    let made = map.shift_remove("Type").is_some();
    let logical = map.shift_remove("QueueLogicalId");
    if made && !map.contains_key("Arn") {
        let name = logical
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or("a queue that SAM makes");
        map.insert("Arn".into(), name.into());
    }
    Value::Object(map)
}
