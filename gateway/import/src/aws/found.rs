//! What was found, in one shape: properties as CloudFormation names them.

use crate::document::{Document, Fault, dotted};
use crate::variables::{Variables, is_open};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Bus,
    Archive,
    Connection,
    Destination,
    Rule,
    Subscriber,
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
            Self::Subscriber => "subscriber",
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
    /// What may be otherwise, as far as the files tell.
    pub(super) doubt: Option<String>,
    /// Of a custom event bus, and no classic one.
    pub(super) custom: bool,
    /// Why it may be off, where the file does not tell.
    pub(super) off: Option<String>,
    /// Of an answer of the CLI: another one may tell more of the same object.
    pub(super) answered: bool,
    /// Of Terraform's.
    pub(super) near: Option<Near>,
}

/// A target of a rule.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) properties: Map<String, Value>,
    pub(super) origin: Origin,
    pub(super) remarks: Vec<String>,
}

impl Part {
    /// A target; one that is no map has nothing to go to.
    pub(super) fn of(value: Value, origin: Origin) -> Self {
        let mut remarks = Vec::new();
        let properties = match value {
            Value::Object(properties) => properties,
            _ => {
                remarks.push("what it is, the file does not tell".into());
                Map::new()
            }
        };
        Self {
            properties,
            origin,
            remarks,
        }
    }
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
            doubt: None,
            custom: false,
            off: None,
            answered: false,
            near: None,
        }
    }

    /// Adds a target, unless two files tell of the same one.
    fn target(&mut self, part: Part) {
        let id = part.properties.get("Id");
        let known = id.is_some()
            && self
                .targets
                .iter()
                .any(|other| other.properties == part.properties);
        if !known {
            self.targets.push(part);
        }
    }

    /// Whether both may be what two commands tell of one object.
    fn is_same(&self, other: &Self) -> bool {
        // A list that tells little tells little of each property too.
        let little = self.obstacle.is_some() || other.obstacle.is_some();
        let agrees = |(key, value): (&String, &Value)| {
            (little && key != "Arn")
                || MOVING.contains(&key.as_str())
                || other
                    .properties
                    .get(key)
                    .is_none_or(|known| same(known, value))
        };
        self.answered
            && other.answered
            && self.what == other.what
            && self.name == other.name
            && self.scope == other.scope
            && self.properties.iter().all(agrees)
    }
}

/// What differs from one answer to the next.
const MOVING: &[&str] = &[
    "EventCount",
    "LastAuthorizedTime",
    "LastModificationDate",
    "LastModifiedTime",
    "SizeBytes",
];

/// Patterns are JSON in a text, which is written in more than one way.
fn same(one: &Value, other: &Value) -> bool {
    let read = |value: &Value| match value {
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    };
    one == other || read(one).is_some_and(|one: Value| read(other) == Some(one))
}

/// Where something of Terraform stands, what tells most first: region, provider, module, index.
pub(super) type Near = [Option<String>; 4];

/// Targets that stand apart from their rule.
#[derive(Debug)]
pub(super) struct Apart {
    /// The rule; `None` where only the name of the file can tell.
    pub(super) rule: Option<String>,
    pub(super) bus: Option<String>,
    /// Of Terraform's.
    pub(super) near: Option<Near>,
    pub(super) part: Part,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    pub(super) found: Vec<Found>,
    /// Places among those found of what answers tell of.
    answered: BTreeMap<(What, String, String), Vec<usize>>,
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
        if !found.answered {
            self.found.push(found);
            return;
        }
        let key = (found.what, found.scope.clone(), found.name.clone());
        let alike = self.answered.entry(key).or_default();
        let same = |at: &&usize| found.is_same(&self.found[**at]);
        let Some(at) = alike.iter().find(same) else {
            alike.push(self.found.len());
            self.found.push(found);
            return;
        };
        let known = &mut self.found[*at];
        let little = known.obstacle.is_some();
        if little {
            known.obstacle = found.obstacle;
        }
        for (key, value) in found.properties {
            if little || !known.properties.contains_key(&key) {
                known.properties.insert(key, value);
            }
        }
        known.also.extend(found.also);
        for part in found.targets {
            known.target(part);
        }
        known.remarks.extend(found.remarks);
    }

    /// Gives targets to their rules.
    pub(super) fn join(&mut self, faults: &mut Vec<Fault>) {
        let rules: Vec<usize> = (0..self.found.len())
            .filter(|at| self.found[*at].what == What::Rule)
            .collect();
        let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for at in &rules {
            let rule = &self.found[*at];
            let names: BTreeSet<&String> = rule.also.iter().chain([&rule.name]).collect();
            for name in names {
                named.entry(name.clone()).or_default().push(*at);
            }
        }
        for apart in std::mem::take(&mut self.apart) {
            let stem = stem(&apart.part.origin.file);
            let fitting = match apart.rule.as_deref() {
                Some(name) => named.get(name),
                None => {
                    let name = stem.strip_prefix("targets").unwrap_or(stem);
                    let name = name.trim_start_matches(['-', '_', '.']);
                    named.get(name)
                }
            };
            let fitting = self.nearest(fitting.map_or(&[], Vec::as_slice), &apart);
            match fitting[..] {
                [at] => self.found[at].target(apart.part),
                [] if rules.len() == 1
                    && apart.rule.is_none()
                    && matches!(stem, "targets" | "<stdin>") =>
                {
                    self.found[rules[0]].target(apart.part);
                }
                _ => faults.push(unjoined(&apart, fitting.is_empty())),
            }
        }
    }

    /// Of rules of one name those of the bus, and that stand nearest.
    fn nearest(&self, named: &[usize], apart: &Apart) -> Vec<usize> {
        let with = |fits: &dyn Fn(&Found) -> bool, of: &[usize]| -> Vec<usize> {
            let of = of.iter().copied();
            of.filter(|at| fits(&self.found[*at])).collect()
        };
        let mut fitting = match &apart.bus {
            Some(bus) => with(&|rule| rule.scope == *bus, named),
            None => named.to_vec(),
        };
        let Some(near) = &apart.near else {
            return fitting;
        };
        // A plan may know the bus of the one, and not that of the other.
        if fitting.is_empty() {
            fitting = with(&|rule| is_open(&rule.scope), named);
        }
        for (nth, told) in near.iter().enumerate() {
            if fitting.len() < 2 {
                break;
            }
            let alike = |rule: &Found| rule.near.as_ref().is_some_and(|near| near[nth] == *told);
            let nearer = with(&alike, &fitting);
            if !nearer.is_empty() {
                fitting = nearer;
            }
        }
        fitting
    }
}

fn unjoined(apart: &Apart, none: bool) -> Fault {
    let origin = &apart.part.origin;
    let message = match (none, &apart.rule) {
        (false, _) => "targets of a rule that is there more than once".into(),
        (true, Some(rule)) => format!("targets of `{rule}`, a rule that is in no file"),
        (true, None) => "targets without the name of their rule".into(),
    };
    let hint = match (&apart.near, none) {
        (None, _) => {
            "export with --query '{Rule: `\"NAME\"`, EventBusName: `\"BUS\"`, Targets: Targets}', or call the file NAME.json"
        }
        (Some(_), true) => "import the state that has the rule, too",
        (Some(_), false) => "import what `terraform state pull` writes, which tells of providers",
    };
    Fault {
        file: origin.file.clone(),
        line: origin.line,
        path: origin.path.clone(),
        message,
        hint: Some(hint.into()),
    }
}

/// The name of a file without folder and ending.
fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".json").unwrap_or(name)
}
