//! From what was found to a configuration.

use super::Options;
use super::found::{Found, Inventory, What};
use super::home::{self, Plain};
use crate::Import;
use crate::configuration::{Configuration, Section};
use crate::names::Names;
use crate::report::{Item, Kind, Report};
use crate::variables::{Variable, Variables};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tradewind_adapter::Registry;

/// The stream of everything that comes by the clock.
pub(super) const SCHEDULES: &str = "schedules";
/// How long `retention` stands for an archive without an end, in days.
const FOREVER: u64 = 3650;

/// What a bus becomes.
#[derive(Debug, Default)]
pub(super) struct Bus {
    stream: String,
    read: bool,
    /// Days, and what they come from.
    retention: Option<(u64, String)>,
    why: Option<String>,
    from: String,
    /// It is a custom event bus: subscribers fill queues, and no rules.
    custom: bool,
}

pub(super) struct Build<'a> {
    pub(super) options: &'a Options,
    registry: &'a Registry,
    pub(super) variables: Variables,
    pub(super) configuration: Configuration,
    pub(super) sources: Names,
    pub(super) subscriptions: Names,
    streams: Names,
    pub(super) report: Report,
    pub(super) connections: Vec<Found>,
    pub(super) destinations: Vec<Found>,
    rest: Vec<Found>,
    buses: BTreeMap<String, Bus>,
    /// Names of buses that share theirs with others.
    plain: Plain,
    pub(super) scheduled: bool,
}

impl<'a> Build<'a> {
    pub(super) fn new(options: &'a Options, registry: &'a Registry, inventory: Inventory) -> Self {
        let mut streams = Names::default();
        for taken in ["default", "system", SCHEDULES] {
            streams.take(taken);
        }
        let (mut connections, mut destinations, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for found in inventory.found {
            match found.what {
                What::Connection => connections.push(found),
                What::Destination => destinations.push(found),
                _ => rest.push(found),
            }
        }
        rest.sort_by(|a, b| (a.what, &a.scope, &a.name).cmp(&(b.what, &b.scope, &b.name)));
        let plain = home::settle(&mut rest);
        Self {
            options,
            registry,
            variables: inventory.variables,
            configuration: Configuration::default(),
            sources: Names::default(),
            subscriptions: Names::default(),
            streams,
            report: Report {
                passed_over: inventory.passed,
                ..Report::default()
            },
            connections,
            destinations,
            rest,
            buses: BTreeMap::new(),
            plain,
            scheduled: false,
        }
    }

    pub(super) fn run(mut self) -> Import {
        for found in std::mem::take(&mut self.rest) {
            let item = match found.what {
                What::Bus => self.bus(found),
                What::Archive => self.archive(found),
                What::Rule => self.rule(found),
                What::Subscriber => self.subscriber(found),
                What::Schedule => self.schedule(found),
                What::Pipe => super::objects::pipe(found),
                What::Connection | What::Destination => continue,
            };
            self.report.items.push(item);
        }
        self.ends();
        self.streams();
        let head = [
            "Made by `tradewind import event-bridge`; the report says what became of each rule."
                .to_owned(),
        ];
        let configuration = self.configuration.write(&head, &self.variables);
        self.report.variables = self.variables.of(&configuration);
        self.report.judge();
        self.show_variables();
        Import {
            configuration,
            report: self.report,
        }
    }

    /// The report has names in place of variables.
    fn show_variables(&mut self) {
        fn show(item: &mut Item, variables: &Variables) {
            item.name = variables.shown(&item.name);
            for note in &mut item.notes {
                note.text = variables.shown(&note.text);
            }
            for target in &mut item.targets {
                show(target, variables);
            }
        }
        for item in &mut self.report.items {
            show(item, &self.variables);
        }
        for step in &mut self.report.steps {
            *step = self.variables.shown(step);
        }
    }

    /// The stream of a bus.
    pub(super) fn stream(&mut self, bus: &str) -> String {
        if !self.buses.contains_key(bus) {
            let stream = match bus {
                "default" => "default".into(),
                other => self.streams.take(&self.variables.shown(other)),
            };
            let entry = Bus {
                stream,
                ..Bus::default()
            };
            self.buses.insert(bus.to_owned(), entry);
        }
        self.buses[bus].stream.clone()
    }

    /// A subscription reads the stream of the bus.
    pub(super) fn reads(&mut self, bus: &str) {
        if let Some(bus) = self.buses.get_mut(bus) {
            bus.read = true;
        }
    }

    pub(super) fn keep(&mut self, bus: &str, days: u64, archive: &str) -> u64 {
        self.stream(bus);
        let days = if days == 0 { FOREVER } else { days };
        if let Some(bus) = self.buses.get_mut(bus)
            && bus
                .retention
                .as_ref()
                .is_none_or(|(known, _)| *known < days)
        {
            bus.retention = Some((days, archive.to_owned()));
        }
        days
    }

    pub(super) fn describe_bus(&mut self, bus: &str, why: Option<String>, from: String) {
        self.stream(bus);
        if let Some(bus) = self.buses.get_mut(bus) {
            bus.why = why;
            bus.from = from;
        }
    }

    /// It is a custom event bus.
    pub(super) fn custom(&mut self, bus: &str) {
        self.stream(bus);
        if let Some(bus) = self.buses.get_mut(bus) {
            bus.custom = true;
        }
    }

    fn streams(&mut self) {
        for (name, bus) in std::mem::take(&mut self.buses) {
            let mut stream = Map::new();
            let mut comments = vec![format!("event bus {name}{}", from(&bus.from))];
            if let Some(why) = bus.why {
                stream.insert("why".into(), why.into());
            }
            if let Some((days, archive)) = bus.retention {
                comments.push(format!("kept as long as {archive} keeps it"));
                stream.insert("retention".into(), format!("{days}d").into());
            }
            if !stream.is_empty() || bus.read || !bus.from.is_empty() {
                self.configuration
                    .add(Section::Streams, &bus.stream, comments, stream);
            }
            if !bus.read {
                continue;
            }
            let shown = self.variables.shown(&name);
            let queue = self.queue(&shown);
            let mut source = Map::new();
            source.insert("kind".into(), "aws-sqs".into());
            source.insert("queue".into(), queue.clone().into());
            source.insert("stream".into(), bus.stream.clone().into());
            self.owned(&mut source);
            source.insert(
                "why".into(),
                format!("what comes over the event bus {shown}").into(),
            );
            let fills = if bus.custom { "subscriber" } else { "rule" };
            let comments = vec![format!(
                "everything of the event bus {name}, by a queue that a {fills} of the bus fills"
            )];
            let named = self.sources.take(&format!("{shown}-bus"));
            self.configuration
                .add(Section::Sources, &named, comments, source);
            if bus.custom {
                self.report.steps.push(format!(
                    "make a queue for the event bus {shown}, and fill it: aws eventsv2 create-subscriber --name tradewind \
                     --event-bus-arn ARN --invoke-configuration TargetArn=QUEUE,RoleArn=ROLE, without a filter or a transformer; its URL \
                     goes into {}",
                    self.variables.shown(&queue)
                ));
                continue;
            }
            let plain = self.plain.get(&name).unwrap_or(&name);
            let plain = self.variables.shown(plain);
            self.report.steps.push(format!(
                "make a queue for the event bus {shown}, let events.amazonaws.com send to it, and fill it: aws events put-rule \
                 --event-bus-name {plain} --name tradewind --event-pattern '{{\"source\":[{{\"prefix\":\"\"}}]}}', then put-targets with the queue; \
                 its URL goes into {}",
                self.variables.shown(&queue)
            ));
        }
        if self.scheduled {
            self.configuration.add(
                Section::Streams,
                SCHEDULES,
                vec!["what comes by the clock".into()],
                Map::new(),
            );
        }
    }

    fn queue(&mut self, bus: &str) -> String {
        let variable = Variable {
            name: String::new(),
            about: format!("URL of the queue that gets everything of the event bus {bus}"),
            example: "https://sqs.us-east-1.amazonaws.com/123456789012/tradewind".into(),
            secret: false,
            service: None,
        };
        self.variables.reference(
            &format!("bus {bus}"),
            &format!("{bus}_bus_queue_url"),
            variable,
        )
    }

    pub(super) fn secret(&mut self, key: &str, about: &str) -> String {
        let variable = Variable {
            name: String::new(),
            about: about.to_owned(),
            example: "secret".into(),
            secret: true,
            service: None,
        };
        self.variables
            .reference(&format!("secret {key}"), key, variable)
    }

    pub(super) fn owned(&self, map: &mut Map<String, Value>) {
        if let Some(owner) = &self.options.owner {
            map.insert("owner".into(), owner.as_str().into());
        }
    }

    /// Whether a source of these settings can be.
    pub(super) fn try_source(
        &self,
        name: &str,
        settings: &Map<String, Value>,
    ) -> Result<(), String> {
        let kind = settings
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let own = ["kind", "stream", "owner", "why"];
        let settings = without(settings, &own);
        let build = self.lent(name);
        let built =
            self.registry
                .build_source(kind, &self.variables.sample_value(&settings), &build);
        built
            .map(|_| ())
            .map_err(|failure| failure.error.message().to_owned())
    }

    /// Whether a sink of these settings can be.
    pub(super) fn try_sink(&self, name: &str, settings: &Map<String, Value>) -> Result<(), String> {
        let kind = settings
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !self.registry.sink_kinds().any(|known| known == kind) {
            return Err(format!("there is no sink of kind `{kind}` in this binary"));
        }
        let settings = without(settings, &["kind"]);
        let build = self.lent(name);
        let built = self
            .registry
            .build_sink(kind, &self.variables.sample_value(&settings), &build);
        built
            .map(|_| ())
            .map_err(|failure| failure.error.message().to_owned())
    }

    fn lent(&self, name: &str) -> tradewind_adapter::Build {
        tradewind_adapter::Build {
            name: name.to_owned(),
            signers: self.registry.signers(),
            reach: self.registry.reach(),
            issuers: self.registry.issuers(),
            ..Default::default()
        }
    }

    /// Whether a filter can be.
    pub(super) fn try_filter(&self, filter: &Value) -> Result<(), String> {
        let compiled = tradewind_filter::compile(&self.variables.sample_value(filter));
        compiled.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Whether a transform can be.
    pub(super) fn try_transform(&self, transform: &Value) -> Result<(), String> {
        let compiled = tradewind_transform::compile(&self.variables.sample_value(transform));
        compiled.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Starts the item of an object, with what reading it had to say.
    pub(super) fn item(found: &Found) -> Item {
        let mut item = Item::new(found.what.word(), found.name.clone(), found.origin.place());
        for remark in &found.remarks {
            item.note(Kind::Remark, "", remark);
        }
        if let Some(obstacle) = &found.obstacle {
            item.note(Kind::Impossible, "", obstacle);
        }
        if let Some(doubt) = &found.doubt {
            item.note(Kind::Changed, "", doubt);
        }
        item
    }
}

fn from(place: &str) -> String {
    match place.is_empty() {
        true => String::new(),
        false => format!(" ({place})"),
    }
}

fn without(settings: &Map<String, Value>, keys: &[&str]) -> Value {
    let left = settings
        .iter()
        .filter(|(key, _)| !keys.contains(&key.as_str()));
    json!(
        left.map(|(k, v)| (k.clone(), v.clone()))
            .collect::<Map<_, _>>()
    )
}
