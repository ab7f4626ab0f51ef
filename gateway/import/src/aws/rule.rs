//! Rules: a pattern, a schedule, and targets.

use super::build::{Build, SCHEDULES};
use super::fields::{self, Fields};
use super::found::Found;
use super::target::Way;
use crate::configuration::Section;
use crate::report::{Item, Kind};
use serde_json::{Map, Value, json};

impl Build<'_> {
    pub(super) fn rule(&mut self, found: Found) -> Item {
        let mut item = Self::item(&found);
        let mut fields = Fields::of(found.properties, "");
        for known in ["Name", "EventBusName"] {
            fields.name(known);
        }
        let why = fields.text("Description");
        if let Some(by) = fields.text("ManagedBy") {
            item.note(
                Kind::Impossible,
                "ManagedBy",
                format!("{by} made it for itself"),
            );
        }
        let state = match fields.text("State") {
            Some(state) => state,
            None if fields.has("State") => String::new(),
            None => "ENABLED".into(),
        };
        let mut enabled = state.starts_with("ENABLED");
        if let Some(why) = found.off {
            enabled = false;
            item.note(
                Kind::Changed,
                "Condition",
                format!("{why}, so nothing of it is written"),
            );
        }
        match state.as_str() {
            "ENABLED" => {}
            "DISABLED" => item.note(Kind::Changed, "State", "it is disabled, so nothing of it is written"),
            "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" => item.note(
                Kind::Changed,
                "State",
                "read-only calls that CloudTrail sees come only where the rule that fills the queue of the bus asks for them too",
            ),
            _ => {
                enabled = false;
                item.note(Kind::Changed, "State", "whether it is enabled, the file does not tell, so nothing of it is written");
            }
        }
        let pattern = fields.take("EventPattern");
        let when = fields.text("ScheduleExpression");
        let told = found.obstacle.is_none();
        if told && pattern.is_none() && when.is_none() {
            item.note(
                Kind::Impossible,
                "EventPattern",
                "neither a pattern nor a schedule is in the file",
            );
        }
        fields.finish(&mut item);
        let mut ways = Vec::new();
        if let Some(pattern) = &pattern {
            match self.pattern(pattern) {
                Ok(filter) => ways.push(Way {
                    stream: self.stream(&found.scope),
                    bus: Some(found.scope.clone()),
                    filter,
                    scheduled: false,
                }),
                Err(reason) => item.note(Kind::Impossible, "EventPattern", reason),
            }
        }
        let mut source = None;
        if let Some(when) = &when {
            let at = self.clock(&found.name, when, &found.also, why.as_deref(), &mut item);
            if let Some((name, settings, way)) = at {
                source = Some((name, settings));
                ways.push(way);
            }
        }
        if told && found.targets.is_empty() {
            item.note(
                Kind::Changed,
                "Targets",
                "no targets are in the files, so there is nothing to deliver to",
            );
        }
        let alone = found.targets.len() == 1;
        let writes = item.possible() && enabled;
        let mut written = false;
        for part in found.targets {
            let target = self.target(&found.name, alone, why.as_deref(), &ways, writes, part);
            written |= !target.becomes.is_empty();
            item.targets.push(target);
        }
        if let Some((name, settings)) = source.filter(|_| written) {
            self.scheduled = true;
            let comments = vec![format!("rule {} ({})", found.name, found.origin.place())];
            self.configuration
                .add(Section::Sources, &name, comments, settings);
            item.becomes.push(format!("sources.{name}"));
        }
        item
    }

    fn pattern(&self, pattern: &Value) -> Result<Value, String> {
        let value = fields::json(pattern)?;
        // Numbers with more digits than a double has stay as they are written.
        let digits = |text: &str| {
            let mut run = 0;
            text.bytes().any(|b| {
                run = if b.is_ascii_digit() { run + 1 } else { 0 };
                run > 15
            })
        };
        let kept = match pattern {
            Value::String(text) if digits(text) => pattern.clone(),
            _ => value,
        };
        let filter = json!({ "event-bridge": kept });
        self.try_filter(&filter).map(|()| filter)
    }

    /// The source that fires when the rule does.
    fn clock(
        &mut self,
        rule: &str,
        when: &str,
        also: &[String],
        why: Option<&str>,
        item: &mut Item,
    ) -> Option<(String, Map<String, Value>, Way)> {
        let name = self.sources.take(rule);
        let arn = also
            .iter()
            .find(|name| name.starts_with("arn:") && !crate::variables::is_open(name));
        let subject = arn.cloned().unwrap_or_else(|| name.clone());
        let mut settings = Map::new();
        settings.insert("kind".into(), "schedule".into());
        settings.insert("when".into(), when.into());
        settings.insert("stream".into(), SCHEDULES.into());
        self.owned(&mut settings);
        if let Some(why) = why {
            settings.insert("why".into(), why.into());
        }
        let event = json!({ "type": "Scheduled Event", "source": "aws.events", "subject": subject, "data": {} });
        settings.insert("event".into(), event);
        if let Err(reason) = self.try_source(&name, &settings) {
            item.note(Kind::Impossible, "ScheduleExpression", reason);
            return None;
        }
        if when.starts_with("rate") {
            item.note(
                Kind::Changed,
                "ScheduleExpression",
                "as often, at other moments: a rate counts from 1970-01-01T00:00:00Z, there from when the rule was made",
            );
        }
        let way = Way {
            stream: SCHEDULES.into(),
            bus: None,
            filter: json!({ "exact": { "subject": subject } }),
            scheduled: true,
        };
        Some((name, settings, way))
    }
}
