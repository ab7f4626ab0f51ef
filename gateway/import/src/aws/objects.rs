//! Buses, archives, pipes; and connections and API destinations that no rule has.

use super::arn;
use super::build::Build;
use super::fields::Fields;
use super::found::Found;
use crate::report::{Item, Kind};

impl Build<'_> {
    pub(super) fn bus(&mut self, found: Found) -> Item {
        let mut item = Self::item(&found);
        let name = found.scope;
        let mut fields = Fields::of(found.properties, "");
        fields.take("Name");
        let why = fields.text("Description");
        if let Some(partner) = fields.text("EventSourceName") {
            item.note(
                Kind::Remark,
                "EventSourceName",
                format!("events of {partner} go on coming over AWS"),
            );
        }
        if fields.map("DeadLetterConfig").is_some() {
            item.note(
                Kind::Changed,
                "DeadLetterConfig",
                "what cannot be delivered is a dead letter in the gateway",
            );
        }
        self.describe_bus(&name, why, found.origin.place());
        if let Some(mut kept) = fields.map("StorageConfiguration") {
            let days = kept.number("RetentionPeriodInDays").unwrap_or(1);
            self.keep(&name, days, "the bus");
            kept.take("RetentionWindowStartTime");
            kept.finish(&mut item);
        }
        if found.custom {
            self.custom(&name);
            for known in ["State", "EventBusAccountId"] {
                fields.take(known);
            }
            if fields.take("EncryptionConfiguration").is_some() {
                item.note(
                    Kind::NoMeaning,
                    "EncryptionConfiguration",
                    "the key that AWS keeps it with",
                );
            }
        }
        item.becomes.push(format!("streams.{}", self.stream(&name)));
        fields.finish(&mut item);
        item
    }

    pub(super) fn archive(&mut self, found: Found) -> Item {
        let mut item = Self::item(&found);
        let mut fields = Fields::of(found.properties, "");
        fields.take("Name");
        fields.take("Description");
        let bus = fields.text("SourceArn");
        let days = fields.number("RetentionDays").unwrap_or(0);
        if fields.take("EventPattern").is_some() {
            item.note(
                Kind::Changed,
                "EventPattern",
                "the stream keeps all events of the bus, not only these",
            );
        }
        if let Some(state) = fields.text("State")
            && state != "ENABLED"
        {
            item.note(Kind::Remark, "State", format!("it is {state} in AWS"));
        }
        match bus {
            Some(_) if !item.possible() => {}
            Some(_) => {
                let bus = found.scope;
                let kept = self.keep(&bus, days, &format!("the archive {}", found.name));
                if days == 0 {
                    item.note(
                        Kind::Changed,
                        "RetentionDays",
                        format!("without an end there; {kept} days here"),
                    );
                }
                item.note(Kind::NotCarried, "", "what it holds by now stays in AWS; what comes from now on can be replayed here");
                item.becomes
                    .push(format!("streams.{}.retention", self.stream(&bus)));
            }
            None => item.note(
                Kind::Impossible,
                "SourceArn",
                "which bus it is of is not told",
            ),
        }
        fields.finish(&mut item);
        item
    }

    /// What no rule had, and what every rule had, is told of.
    pub(super) fn ends(&mut self) {
        let all = self
            .connections
            .drain(..)
            .chain(self.destinations.drain(..));
        let mut items = Vec::new();
        for found in all {
            let mut item = Self::item(&found);
            let used = found.targets.iter().map(|part| part.origin.path.clone());
            item.becomes = used.collect();
            if item.becomes.is_empty() {
                item.note(
                    Kind::NotCarried,
                    "",
                    "no rule that was imported sends to it",
                );
            }
            items.push(item);
        }
        self.report.items.extend(items);
    }
}

/// A pipe: what it reads is no event of a bus.
pub(super) fn pipe(found: Found) -> Item {
    let mut item = Build::item(&found);
    let mut fields = Fields::of(found.properties, "");
    let source = fields.text("Source").unwrap_or_default();
    let service = arn::Arn::read(&source).map_or("", |arn| arn.service);
    let hint = match service {
        "sqs" => "; write a source of kind `aws-sqs` and a subscription by hand",
        _ => "",
    };
    item.note(
        Kind::Impossible,
        "Source",
        format!("its filter and its templates see records of {source}, for which there is no dialect{hint}"),
    );
    for (key, why) in [
        ("SourceParameters", "how it reads and filters"),
        ("Enrichment", "what it asks on the way"),
        ("EnrichmentParameters", "what it asks on the way"),
        ("Target", "where it sends"),
        ("TargetParameters", "how it sends"),
        ("LogConfiguration", "how it logs"),
        ("DesiredState", "whether it runs"),
        ("CurrentState", "whether it runs"),
    ] {
        if fields.take(key).is_some() {
            item.note(Kind::NotCarried, key, why);
        }
    }
    for known in ["Name", "Description"] {
        fields.take(known);
    }
    fields.finish(&mut item);
    item
}
