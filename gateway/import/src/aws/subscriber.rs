//! Subscribers of custom event buses (`AWS::EventsV2`): a filter, a transformer and one target in one object.

use super::build::Build;
use super::fields::{self, Fields};
use super::found::{Found, Part};
use super::jsonata::{self, Shape};
use super::target::Way;
use crate::report::{Item, Kind};
use serde_json::{Map, Value, json};

/// Fields of the envelope that `PutEvents` makes. What is published by `PutRawEvents` has none.
const ENVELOPE: &[&str] = &[
    "version",
    "id",
    "detail-type",
    "source",
    "account",
    "time",
    "region",
    "resources",
    "detail",
];
/// Fields that the bus itself sets, and where an event has them.
const SYSTEM: &[(&str, &str)] = &[
    ("aws:EventId", "id"),
    ("aws:Source", "source"),
    ("aws:DetailType", "detail-type"),
];
/// Blocks of parameters, by the kind of target.
const PARAMETERS: &[&str] = &[
    "LambdaParameters",
    "SqsParameters",
    "SnsParameters",
    "KinesisParameters",
    "StepFunctionsParameters",
    "HttpParameters",
    "EventBusV2Parameters",
    "UniversalTargetParameters",
    "MskParameters",
];

impl Build<'_> {
    pub(super) fn subscriber(&mut self, found: Found) -> Item {
        let mut item = Self::item(&found);
        let mut fields = Fields::of(found.properties, "");
        for known in ["Name", "EventBusArn", "TargetArn"] {
            fields.name(known);
        }
        let why = fields.text("Description");
        let mut enabled = match fields.text("State").as_deref() {
            None if !fields.has("State") => true,
            Some("RUNNING") => true,
            state => {
                let told = match state {
                    Some("STOPPED") => "it is stopped, so nothing of it is written",
                    _ => "whether it runs, the file does not tell, so nothing of it is written",
                };
                item.note(Kind::Changed, "State", told);
                false
            }
        };
        if let Some(why) = found.off {
            enabled = false;
            let told = format!("{why}, so nothing of it is written");
            item.note(Kind::Changed, "Condition", told);
        }
        if fields
            .take("Revoked")
            .is_some_and(|revoked| revoked == true)
        {
            item.note(
                Kind::Impossible,
                "Revoked",
                "the owner of the bus has revoked it",
            );
        }
        match fields.text("Type").as_deref() {
            None | Some("UNORDERED") => {}
            _ => item.note(
                Kind::Changed,
                "Type",
                "the order within groups of events is not kept: what comes over a queue does not tell its group",
            ),
        }
        if fields
            .take("StartingPosition")
            .is_some_and(|start| start != "LATEST")
        {
            item.note(
                Kind::Changed,
                "StartingPosition",
                "it begins with what comes; what the bus holds stays in AWS",
            );
        }
        for known in ["PointInTimeConfiguration", "ResumePosition"] {
            if fields.take(known).is_some() {
                item.note(Kind::NotCarried, known, "goes with the starting position");
            }
        }
        if fields.take("LogConfiguration").is_some() {
            item.note(
                Kind::NotCarried,
                "LogConfiguration",
                "the gateway has a log of its own",
            );
        }
        let filter = match fields.take("FilterConfiguration") {
            Some(filter) => self.scoped(filter, &mut item),
            None => Some(Value::Null),
        };
        let target = invocation(&mut fields, &mut item);
        fields.finish(&mut item);
        let (Some(filter), Some(target)) = (filter, target) else {
            return item;
        };
        self.custom(&found.scope);
        let stream = self.stream(&found.scope);
        let ways = [Way {
            stream,
            bus: Some(found.scope),
            filter,
            scheduled: false,
        }];
        let part = Part {
            properties: target,
            origin: found.origin,
            remarks: Vec::new(),
        };
        let writes = item.possible() && enabled;
        let target = self.target(&found.name, true, why.as_deref(), &ways, writes, part);
        item.targets.push(target);
        item
    }

    /// Filters by what they look at; an event has to pass all of them.
    fn scoped(&mut self, filter: Value, item: &mut Item) -> Option<Value> {
        let mut fields = match filter {
            Value::Object(map) => Fields::of(map, "FilterConfiguration"),
            _ => {
                let told = "what it is, the file does not tell";
                item.note(Kind::Impossible, "FilterConfiguration", told);
                return None;
            }
        };
        fields.text("Language");
        // One that stands alone is a map in a state of Terraform.
        let filters = match fields.take("Filters") {
            Some(Value::Array(filters)) => filters,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        fields.finish(item);
        let mut all = Vec::new();
        for (nth, filter) in filters.iter().enumerate() {
            let at = format!("FilterConfiguration.Filters[{nth}]");
            let scope = filter
                .get("Scope")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let pattern = fields::json(filter.get("Pattern").unwrap_or(&Value::Null));
            let read = pattern.and_then(|pattern| match scope {
                "DATA" => data(pattern, item, &at),
                "SYSTEM_METADATA" => system(&pattern),
                "METADATA" => Err("metadata of publishers does not come over a queue".into()),
                other => Err(format!("the scope `{other}` is not known")),
            });
            let read = read
                .map(|pattern| json!({ "event-bridge": pattern }))
                .and_then(|filter| self.try_filter(&filter).map(|()| filter));
            match read {
                Ok(filter) => all.push(filter),
                Err(why) => {
                    item.note(Kind::Impossible, at, why);
                    return None;
                }
            }
        }
        Some(match all.len() {
            0 => Value::Null,
            1 => all.remove(0),
            _ => json!({ "all": all }),
        })
    }
}

/// A pattern of the data. That of an event of `PutRawEvents` is what it published, which is the `detail` here.
fn data(pattern: Value, item: &mut Item, at: &str) -> Result<Value, String> {
    let Value::Object(map) = &pattern else {
        return Err("a pattern is a map".into());
    };
    let known = |key: &String| ENVELOPE.contains(&key.as_str());
    let named = map.keys().filter(|key| *key != "$or");
    if map.contains_key("$or") || named.clone().all(known) {
        return Ok(pattern);
    }
    if named.clone().any(known) {
        return Err(
            "some of its fields are those of `PutEvents`, others of what `PutRawEvents` published: which it is for is not clear"
                .into(),
        );
    }
    item.note(
        Kind::Remark,
        at,
        "its fields are those of what `PutRawEvents` published, which is the `detail` here",
    );
    Ok(json!({ "detail": pattern }))
}

fn system(pattern: &Value) -> Result<Value, String> {
    let map = pattern.as_object().ok_or("a pattern is a map")?;
    let mut read = Map::new();
    for (key, value) in map {
        let Some((_, ours)) = SYSTEM.iter().find(|(theirs, _)| theirs == key) else {
            return Err(format!("`{key}` does not come over a queue"));
        };
        read.insert((*ours).to_owned(), value.clone());
    }
    Ok(Value::Object(read))
}

/// What it calls, in the shape of a target of a rule.
fn invocation(fields: &mut Fields, item: &mut Item) -> Option<Map<String, Value>> {
    let Some(mut own) = fields.map("InvokeConfiguration") else {
        item.note(
            Kind::Impossible,
            "InvokeConfiguration",
            "it is not in the file",
        );
        return None;
    };
    let mut target = Map::new();
    let mut to = own.text("TargetArn").unwrap_or_default();
    if to.contains(":event-busv2/") {
        item.note(
            Kind::Impossible,
            "InvokeConfiguration.TargetArn",
            "there is no sink for custom event buses: a subscription of that bus can take its place",
        );
        return None;
    }
    for key in PARAMETERS {
        let Some(Value::Object(parameters)) = own.take(key) else {
            continue;
        };
        parameters_of(key, parameters, &mut to, &mut target, item);
    }
    own.finish(item);
    let lists = to.contains(":lambda:");
    let given = transformed(fields, lists, &mut target, item);
    let batch = fields.take("BatchConfiguration");
    if lists {
        item.note(
            Kind::Changed,
            "BatchConfiguration",
            "the function is given lists of one event, where AWS gives it several",
        );
    } else if batch.is_some() {
        item.note(
            Kind::NoMeaning,
            "BatchConfiguration",
            "how many AWS sends in one call",
        );
    }
    let mut retry = Map::new();
    let mut said = fields.map("RetryPolicy");
    // What holds there where nothing is said.
    for (theirs, ours, default) in [
        ("MaxRetryAttempts", "MaximumRetryAttempts", 5),
        ("MaxEventAgeInSeconds", "MaximumEventAgeInSeconds", 300),
    ] {
        let value = said.as_mut().and_then(|said| said.take(theirs));
        retry.insert(ours.into(), value.unwrap_or_else(|| default.into()));
    }
    if let Some(mut said) = said {
        // There is no other.
        said.take_if("RetryStrategy", |value| (value == "ALL").then_some(()));
        said.finish(item);
    }
    target.insert("RetryPolicy".into(), Value::Object(retry));
    if let Some(letters) = fields.take("OnFailureConfiguration") {
        target.insert("DeadLetterConfig".into(), letters);
    }
    target.insert("Arn".into(), to.into());
    given.map(|()| target)
}

/// Parameters that a rule's target has, too. An expression is evaluated for each event: those that name a place of
/// the event are known.
fn parameters_of(
    block: &str,
    mut parameters: Map<String, Value>,
    to: &mut String,
    target: &mut Map<String, Value>,
    item: &mut Item,
) {
    let text = |parameters: &mut Map<String, Value>, key: &str| {
        let value = parameters.shift_remove(key)?;
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    match block {
        "LambdaParameters" => {
            if let Some(qualifier) = text(&mut parameters, "Qualifier") {
                if qualifier.contains("{%") {
                    let told = "which version it calls is decided for each event";
                    item.note(Kind::Impossible, "LambdaParameters.Qualifier", told);
                } else if qualifier != "$LATEST" {
                    to.push_str(&format!(":{qualifier}"));
                }
            }
            if text(&mut parameters, "InvocationType").is_some_and(|way| way == "REQUEST_RESPONSE")
            {
                item.note(
                    Kind::Changed,
                    "LambdaParameters.InvocationType",
                    "it is invoked asynchronously; `invocation: sync` waits for the answer",
                );
            }
        }
        "SqsParameters" => {
            if let Some(group) = text(&mut parameters, "MessageGroupId") {
                match group.contains("{%") {
                    true => item.note(
                        Kind::Changed,
                        "SqsParameters.MessageGroupId",
                        "the group of a message is the event's `partitionkey`, else `subject`, else `source`",
                    ),
                    false => drop(target.insert(block.into(), json!({ "MessageGroupId": group }))),
                }
            }
            if text(&mut parameters, "MessageDeduplicationId").is_some() {
                item.note(
                    Kind::NoMeaning,
                    "SqsParameters.MessageDeduplicationId",
                    "the id of the delivery deduplicates",
                );
            }
        }
        "KinesisParameters" => {
            let key = text(&mut parameters, "PartitionKey").unwrap_or_default();
            let own = match jsonata::read(&key).map(|shape| shape.path(ENVELOPE)) {
                Some(Some(path)) => json!({ "PartitionKeyPath": path }),
                Some(None) => json!({ "PartitionKeyPath": key }),
                None => json!({ "PartitionKey": key }),
            };
            target.insert(block.into(), own);
        }
        "HttpParameters" => {
            let said = Value::Object(parameters.clone()).to_string();
            if said.contains("{%") {
                let told = "what it asks for differs for each event";
                item.note(Kind::Impossible, "HttpParameters", told);
            }
            target.insert(block.into(), Value::Object(std::mem::take(&mut parameters)));
        }
        "UniversalTargetParameters" => parameters.clear(),
        _ => {}
    }
    Fields::of(parameters, block).finish(item);
}

/// What the target is given: as it was published, or what a JSONata expression makes of it.
fn transformed(
    fields: &mut Fields,
    lists: bool,
    target: &mut Map<String, Value>,
    item: &mut Item,
) -> Option<()> {
    let mut transformer = fields.map("Transformer");
    let kind = transformer.as_mut().and_then(|own| own.text("Type"));
    let shape = match kind.as_deref() {
        None | Some("RAW") => Shape::whole(),
        Some("JSONATA") => {
            let own = transformer
                .as_mut()
                .and_then(|own| own.map("JsonataConfiguration"));
            let text = own
                .and_then(|mut own| own.text("Expression"))
                .unwrap_or_default();
            let Some(shape) = jsonata::read(&text) else {
                item.note(
                    Kind::Impossible,
                    "Transformer.JsonataConfiguration.Expression",
                    "of JSONata only places of the event are known, and maps and lists of them",
                );
                return None;
            };
            if shape.paths() > 0 && !shape.is_path() {
                item.note(
                    Kind::Changed,
                    "Transformer.JsonataConfiguration.Expression",
                    "what is not in an event is an empty text; JSONata leaves it out",
                );
            }
            shape
        }
        Some(other) => {
            let told = match other {
                "WITH_METADATA" => "metadata of the bus does not come over a queue".to_owned(),
                other => format!("`{other}` is not known"),
            };
            item.note(Kind::Impossible, "Transformer.Type", told);
            return None;
        }
    };
    if let Some(own) = transformer {
        own.finish(item);
    }
    if let Some(path) = shape.path(ENVELOPE).filter(|_| !lists) {
        if path != "$" {
            target.insert("InputPath".into(), path.into());
        }
        return Some(());
    }
    let Some((paths, template)) = shape.template(ENVELOPE) else {
        item.note(
            Kind::Impossible,
            "Transformer.JsonataConfiguration.Expression",
            "`<` and `>` would stand for places of the event",
        );
        return None;
    };
    let template = match lists {
        true => format!("[{template}]"),
        false => template,
    };
    let own = json!({ "InputPathsMap": paths, "InputTemplate": template });
    target.insert("InputTransformer".into(), own);
    Some(())
}
