//! What was found, in one shape: properties as CloudFormation names them.

use crate::document::{Document, Fault, dotted};
use crate::variables::Variables;
use serde_json::{Map, Value};

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Bus,
    Archive,
    Connection,
    Destination,
    Rule,
    Schedule,
    Pipe,
}

impl What {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Bus => "event bus",
            Self::Archive => "archive",
            Self::Connection => "connection",
            Self::Destination => "API destination",
            Self::Rule => "rule",
            Self::Schedule => "schedule",
            Self::Pipe => "pipe",
        }
    }
}

/// Where something stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) path: String,
}

impl Origin {
    pub(super) fn of(document: &Document, pointer: &str) -> Self {
        Self {
            file: document.file.clone(),
            line: document.line(pointer),
            path: dotted(pointer),
        }
    }

    pub(super) fn place(&self) -> String {
        let mut place = self.file.clone();
        if self.line > 0 {
            place.push_str(&format!(":{}", self.line));
        }
        if !self.path.is_empty() {
            place.push_str(&format!(" {}", self.path));
        }
        place
    }
}

/// An object of EventBridge.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) what: What,
    pub(super) name: String,
    /// The bus, or the group of a schedule.
    pub(super) scope: String,
    /// What others call it: ARNs, and what stands for them.
    pub(super) also: Vec<String>,
    pub(super) properties: Map<String, Value>,
    pub(super) origin: Origin,
    pub(super) targets: Vec<Part>,
    /// What reading it has to say.
    pub(super) remarks: Vec<String>,
    /// What keeps it from being imported.
    pub(super) obstacle: Option<String>,
}

/// A target of a rule.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) properties: Map<String, Value>,
    pub(super) origin: Origin,
    pub(super) remarks: Vec<String>,
}

impl Found {
    pub(super) fn new(
        what: What,
        name: &str,
        properties: Map<String, Value>,
        origin: Origin,
    ) -> Self {
        Self {
            what,
            name: name.to_owned(),
            scope: "default".into(),
            also: Vec::new(),
            properties,
            origin,
            targets: Vec::new(),
            remarks: Vec::new(),
            obstacle: None,
        }
    }
}

/// Targets that stand apart from their rule.
#[derive(Debug)]
pub(super) struct Apart {
    /// The rule; `None` where only the name of the file can tell.
    pub(super) rule: Option<String>,
    pub(super) bus: Option<String>,
    pub(super) part: Part,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    pub(super) found: Vec<Found>,
    pub(super) apart: Vec<Apart>,
    /// What is nothing of EventBridge's.
    pub(super) passed: Vec<String>,
    pub(super) variables: Variables,
}

impl Inventory {
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Adds an object; one that is there already gets what it did not have.
    pub(super) fn add(&mut self, found: Found) {
        let same = |other: &&mut Found| {
            other.what == found.what
                && other.name == found.name
                && other.scope == found.scope
                && (other.origin.file != found.origin.file
                    || found.obstacle.is_some()
                    || other.obstacle.is_some())
        };
        let Some(known) = self.found.iter_mut().find(same) else {
            self.found.push(found);
            return;
        };
        if known.obstacle.is_some() {
            known.obstacle = found.obstacle;
        }
        for (key, value) in found.properties {
            known.properties.entry(key).or_insert(value);
        }
        known.also.extend(found.also);
        known.targets.extend(found.targets);
        known.remarks.extend(found.remarks);
    }

    /// Gives targets to their rules.
    pub(super) fn join(&mut self, faults: &mut Vec<Fault>) {
        for apart in std::mem::take(&mut self.apart) {
            let rules: Vec<usize> = (0..self.found.len())
                .filter(|at| self.found[*at].what == What::Rule)
                .collect();
            let stem = stem(&apart.part.origin.file);
            let fits = |at: &usize| {
                let rule = &self.found[*at];
                let bus = apart.bus.as_deref();
                let named = match apart.rule.as_deref() {
                    Some(name) => rule.name == name || rule.also.iter().any(|also| also == name),
                    None => {
                        let stem = stem.strip_prefix("targets").unwrap_or(stem);
                        rule.name == stem.trim_start_matches(['-', '_', '.'])
                    }
                };
                named && bus.is_none_or(|bus| rule.scope == bus)
            };
            let mut fitting = rules.iter().copied().filter(fits);
            match (fitting.next(), fitting.next()) {
                (Some(at), None) => self.found[at].targets.push(apart.part),
                (None, _) if rules.len() == 1 && apart.rule.is_none() => {
                    self.found[rules[0]].targets.push(apart.part);
                }
                (one, _) => {
                    let origin = &apart.part.origin;
                    let rule = apart.rule.as_deref();
                    let message = match (one, rule) {
                        (Some(_), _) => "targets of a rule that several buses have".into(),
                        (None, Some(rule)) => {
                            format!("targets of `{rule}`, a rule that is in no file")
                        }
                        (None, None) => "targets without the name of their rule".into(),
                    };
                    faults.push(Fault {
                        file: origin.file.clone(),
                        line: origin.line,
                        path: origin.path.clone(),
                        message,
                        hint: Some(
                            "export with --query '{Rule: `\"NAME\"`, EventBusName: `\"BUS\"`, Targets: Targets}', or call the file NAME.json"
                                .into(),
                        ),
                    });
                }
            }
        }
    }
}

/// The name of a file without folder and ending.
fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".json").unwrap_or(name)
}
