//! EventBridge Scheduler: one schedule, one target.

use super::build::{Build, SCHEDULES};
use super::fields::Fields;
use super::found::{Found, Part};
use super::target::Way;
use crate::configuration::Section;
use crate::report::{Item, Kind};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

impl Build<'_> {
    pub(super) fn schedule(&mut self, found: Found) -> Item {
        let mut item = Self::item(&found);
        let place = found.origin.place();
        let mut fields = Fields::of(found.properties, "");
        fields.name("Name");
        let name = self.sources.take(&found.name);
        let why = fields.text("Description");
        let mut settings = Map::new();
        settings.insert("kind".into(), "schedule".into());
        let when = fields.text("ScheduleExpression");
        let zone = fields.text("ScheduleExpressionTimezone");
        settings.insert("when".into(), when.clone().unwrap_or_default().into());
        if let Some(zone) = &zone {
            settings.insert("time-zone".into(), zone.as_str().into());
        }
        let mut starts = false;
        for (theirs, ours) in [("StartDate", "start"), ("EndDate", "end")] {
            let Some(date) = fields.take(theirs) else {
                continue;
            };
            match local(&date, zone.as_deref()) {
                Some(date) => {
                    starts |= ours == "start";
                    settings.insert(ours.into(), date.into());
                }
                None => item.note(Kind::Impossible, theirs, format!("`{date}` is no time")),
            }
        }
        if let Some(mut window) = fields.map("FlexibleTimeWindow") {
            let minutes = window.number("MaximumWindowInMinutes");
            match (window.text("Mode").as_deref(), minutes) {
                (Some("FLEXIBLE"), Some(minutes)) => {
                    settings.insert("jitter".into(), format!("{minutes}m").into());
                }
                (None | Some("OFF"), _) => {}
                (mode, _) => item.note(
                    Kind::Changed,
                    "FlexibleTimeWindow",
                    format!("{mode:?} is not known"),
                ),
            }
            window.finish(&mut item);
        }
        let state = fields.text("State");
        let known = matches!(state.as_deref(), None | Some("ENABLED" | "DISABLED"));
        if !known || fields.has("State") {
            item.note(
                Kind::Changed,
                "State",
                "whether it is enabled, the file does not tell, so it is not",
            );
        }
        if let Some(why) = &found.off {
            item.note(
                Kind::Changed,
                "Condition",
                format!("{why}, so it is not enabled"),
            );
        }
        let enabled = matches!(state.as_deref(), None | Some("ENABLED"));
        if !enabled || fields.has("State") || found.off.is_some() {
            settings.insert("enabled".into(), false.into());
        }
        match fields.text("ActionAfterCompletion").as_deref() {
            None | Some("NONE") => {}
            Some("DELETE") => item.note(
                Kind::NotCarried,
                "ActionAfterCompletion",
                "a schedule that is over stays in the file, and does nothing",
            ),
            Some(other) => item.note(
                Kind::Changed,
                "ActionAfterCompletion",
                format!("`{other}` is not known"),
            ),
        }
        settings.insert("stream".into(), SCHEDULES.into());
        self.owned(&mut settings);
        if let Some(why) = &why {
            settings.insert("why".into(), why.as_str().into());
        }
        let event = json!({ "type": "Scheduled Event", "source": "aws.scheduler", "subject": name, "data": {} });
        settings.insert("event".into(), event);
        match &when {
            None => item.note(
                Kind::Impossible,
                "ScheduleExpression",
                "it is not in the file",
            ),
            Some(when) => {
                if let Err(reason) = self.try_source(&name, &settings) {
                    item.note(Kind::Impossible, "ScheduleExpression", reason);
                } else if when.starts_with("rate") && !starts {
                    item.note(
                        Kind::Changed,
                        "ScheduleExpression",
                        "as often, at other moments: a rate counts from 1970-01-01T00:00:00Z, there from when the schedule was made",
                    );
                }
            }
        }
        let target = fields.take("Target");
        fields.finish(&mut item);
        let Some(Value::Object(properties)) = target else {
            item.note(Kind::Impossible, "Target", "it is not in the file");
            return item;
        };
        let way = Way {
            stream: SCHEDULES.into(),
            bus: None,
            filter: json!({ "exact": { "subject": name } }),
            scheduled: true,
        };
        let part = Part {
            properties: self.contexts(properties, &found.also),
            origin: found.origin,
            remarks: Vec::new(),
        };
        let writes = item.possible();
        let target = self.target(&found.name, true, why.as_deref(), &[way], writes, part);
        if !target.becomes.is_empty() {
            self.scheduled = true;
            let comments = vec![format!("schedule {} ({place})", found.name)];
            self.configuration
                .add(Section::Sources, &name, comments, settings);
            item.becomes.push(format!("sources.{name}"));
        }
        item.targets.push(target);
        item
    }

    /// Context attributes of an input: what they stand for is in the event.
    fn contexts(&mut self, mut target: Map<String, Value>, also: &[String]) -> Map<String, Value> {
        const OF_EVENT: [(&str, &str, &str); 2] = [
            ("<aws.scheduler.scheduled-time>", "time", "$.time"),
            ("<aws.scheduler.execution-id>", "id", "$.id"),
        ];
        let Some(Value::String(input)) = target.get("Input") else {
            return target;
        };
        let arn = also.iter().find(|name| name.starts_with("arn:"));
        let mut input = match arn {
            Some(arn) => input.replace("<aws.scheduler.schedule-arn>", arn),
            None => input.clone(),
        };
        let mut paths = Map::new();
        for (attribute, name, path) in OF_EVENT {
            if input.contains(attribute) {
                input = input.replace(attribute, &format!("<{name}>"));
                paths.insert(name.into(), path.into());
            }
        }
        if paths.is_empty() {
            target.insert("Input".into(), input.into());
        } else {
            target.shift_remove("Input");
            target.insert(
                "InputTransformer".into(),
                json!({ "InputPathsMap": paths, "InputTemplate": input }),
            );
        }
        target
    }
}

/// An instant as a civil time of a zone.
fn local(date: &Value, zone: Option<&str>) -> Option<String> {
    let instant = match date {
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(instant) => instant,
            // Terraform and templates leave the offset out, or write it without a colon.
            Err(_) => format!("{}Z", text.trim_end_matches('Z')).parse().ok()?,
        },
        Value::Number(seconds) => Timestamp::from_second(seconds.as_f64()? as i64).ok()?,
        _ => return None,
    };
    let zone = match zone {
        Some(name) => TimeZone::get(name).ok()?,
        None => TimeZone::UTC,
    };
    Some(instant.to_zoned(zone).datetime().to_string())
}
