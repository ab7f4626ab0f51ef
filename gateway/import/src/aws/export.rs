//! Answers of the AWS CLI.

use super::arn;
use super::found::{Apart, Found, Inventory, Origin, Part, What};
use crate::document::{Document, Fault, step};
use serde_json::{Map, Value};

/// Lists that commands answer with.
const LISTS: &[(&str, What)] = &[
    ("EventBuses", What::Bus),
    ("Archives", What::Archive),
    ("Connections", What::Connection),
    ("ApiDestinations", What::Destination),
    ("Rules", What::Rule),
    ("Subscribers", What::Subscriber),
    ("Schedules", What::Schedule),
    ("Pipes", What::Pipe),
];

pub(super) fn read(document: &Document, inventory: &mut Inventory) -> Result<(), Fault> {
    value(document, &document.value, "", inventory)
}

fn value(
    document: &Document,
    value: &Value,
    pointer: &str,
    inventory: &mut Inventory,
) -> Result<(), Fault> {
    if let Value::Array(items) = value {
        for (at, item) in items.iter().enumerate() {
            self::value(document, item, &step(pointer, at), inventory)?;
        }
        return Ok(());
    }
    let Value::Object(map) = value else {
        return Err(unknown(document, pointer));
    };
    if map.get("NextToken").is_some_and(|token| !token.is_null()) {
        return Err(Fault {
            hint: Some("export without --max-items".into()),
            ..document.fault(
                pointer,
                "a part of an answer: `NextToken` says that there is more",
            )
        });
    }
    let mut known = false;
    for (key, what) in LISTS {
        let Some(Value::Array(items)) = map.get(*key) else {
            continue;
        };
        known = true;
        for (at, item) in items.iter().enumerate() {
            let at = step(&step(pointer, key), at);
            let Value::Object(item) = item else {
                return Err(document.fault(&at, format!("no {}", what.word())));
            };
            inventory.add(object(document, *what, item, &at, true));
        }
    }
    if let Some(Value::Array(items)) = map.get("Targets")
        && !map.contains_key("Name")
    {
        known = true;
        let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
        for (at, item) in items.iter().enumerate() {
            inventory.apart.push(Apart {
                rule: text("Rule"),
                bus: text("EventBusName").map(|bus| arn::bus(&bus).to_owned()),
                near: None,
                part: Part::of(
                    item.clone(),
                    Origin::of(document, &step(&step(pointer, "Targets"), at)),
                ),
            });
        }
    }
    if !known {
        let Some(what) = kind(map) else {
            return Err(unknown(document, pointer));
        };
        inventory.add(object(document, what, map, pointer, false));
    }
    Ok(())
}

fn unknown(document: &Document, pointer: &str) -> Fault {
    Fault {
        hint: Some(
            "read are templates (`Resources`), states of Terraform, and answers of `aws events`, `aws eventsv2`, `aws scheduler` and `aws pipes`"
                .into(),
        ),
        ..document.fault(pointer, "nothing that is known: no export of EventBridge")
    }
}

/// What a single object is, by its fields.
fn kind(map: &Map<String, Value>) -> Option<What> {
    let has = |key: &str| map.contains_key(key);
    let arn = |part: &str| {
        let arn = map.get("Arn").and_then(Value::as_str);
        arn.is_some_and(|arn| arn.contains(part))
    };
    if has("SubscriberArn") {
        return Some(What::Subscriber);
    }
    if has("ArchiveName") || has("ArchiveArn") {
        return Some(What::Archive);
    }
    if has("ApiDestinationArn") || has("InvocationEndpoint") {
        return Some(What::Destination);
    }
    if has("AuthorizationType") || (has("ConnectionArn") && has("ConnectionState")) {
        return Some(What::Connection);
    }
    if arn(":pipes:") || (has("Source") && has("Target")) {
        return Some(What::Pipe);
    }
    if arn(":scheduler:") || has("FlexibleTimeWindow") {
        return Some(What::Schedule);
    }
    if arn(":event-bus/") || has("EventBusArn") {
        return Some(What::Bus);
    }
    let rule = has("EventPattern") || has("ScheduleExpression") || arn(":rule/");
    (rule && has("Name")).then_some(What::Rule)
}

fn object(
    document: &Document,
    what: What,
    map: &Map<String, Value>,
    pointer: &str,
    listed: bool,
) -> Found {
    let mut properties = map.clone();
    for (theirs, ours) in [
        ("EventSourceArn", "SourceArn"),
        ("RetentionInDays", "RetentionDays"),
    ] {
        if let Some(value) = properties.shift_remove(theirs) {
            properties.insert(ours.into(), value);
        }
    }
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    let name = text("Name")
        .or_else(|| text("ArchiveName"))
        .unwrap_or("unnamed");
    let mut found = Found::new(what, name, properties, Origin::of(document, pointer));
    found.answered = true;
    let names = ["Arn", "ApiDestinationArn", "ArchiveArn"];
    let names = names.iter().filter_map(|key| text(key)).map(str::to_owned);
    found.also.extend(names);
    if what == What::Connection {
        found.also.extend(text("ConnectionArn").map(str::to_owned));
    }
    found.custom = what == What::Subscriber || map.contains_key("EventBusArn");
    match what {
        What::Bus => found.also.extend(text("EventBusArn").map(str::to_owned)),
        What::Subscriber => {
            found.scope = arn::bus(text("EventBusArn").unwrap_or_default()).to_owned();
            if listed && !map.contains_key("InvokeConfiguration") {
                found.obstacle = Some("`list-subscribers` does not tell what it does; export each with `aws eventsv2 describe-subscriber`".into());
            }
        }
        What::Rule => {
            found.scope = arn::bus(text("EventBusName").unwrap_or("default")).to_owned();
            if let Some(Value::Array(targets)) = map.get("Targets") {
                found.properties.shift_remove("Targets");
                for (at, target) in targets.iter().enumerate() {
                    let origin = Origin::of(document, &step(&step(pointer, "Targets"), at));
                    found.targets.push(Part::of(target.clone(), origin));
                }
            }
        }
        What::Schedule => {
            found.scope = text("GroupName").unwrap_or("default").to_owned();
            if listed && !map.contains_key("ScheduleExpression") {
                found.obstacle = Some("`list-schedules` does not tell when; export each with `aws scheduler get-schedule`".into());
            }
        }
        What::Pipe
            if listed
                && !map.contains_key("TargetParameters")
                && !map.contains_key("SourceParameters") =>
        {
            found.obstacle = Some("`list-pipes` does not tell what it does; export each with `aws pipes describe-pipe`".into());
        }
        _ => {}
    }
    found
}
