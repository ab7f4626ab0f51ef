//! All schemas of a configuration, and which one an event is held against.

use crate::binding::{Action, Binding, Pattern};
use crate::format::{Check, Definition, Format};
use crate::{InvalidSchema, Violation};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use tradewind_event::Event;

/// What a new version owes the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compatibility {
    /// Who reads by it takes what was written by each earlier one.
    #[default]
    Backward,
    /// Who reads by an earlier one takes what is written by it.
    Forward,
    /// Both.
    Full,
    /// Nothing.
    None,
}

/// A version of a schema.
#[derive(Debug, Clone)]
pub struct Version {
    /// As it is written.
    pub definition: Definition,
    /// `dataschema` of the events that it is for.
    pub dataschema: Option<String>,
    check: Arc<dyn Check>,
}

/// A schema: versions of one agreement, the newest last.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Its language.
    pub format: &'static str,
    /// What versions owe each other.
    pub compatibility: Compatibility,
    /// The versions, from 1.
    pub versions: Vec<Version>,
    /// What happens to events that are bound by their `dataschema` alone and break it.
    pub on_failure: Action,
    /// Which events it is for.
    pub bindings: Vec<Binding>,
    rules: &'static Format,
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Registered {
    /// One without versions.
    ///
    /// # Errors
    /// There is no such language.
    pub fn new(
        format: &str,
        compatibility: Compatibility,
        on_failure: Action,
    ) -> Result<Self, InvalidSchema> {
        let rules = Format::named(format)?;
        Ok(Self {
            format: rules.name,
            compatibility,
            versions: Vec::new(),
            on_failure,
            bindings: Vec::new(),
            rules,
        })
    }

    /// Adds the next version.
    ///
    /// # Errors
    /// It does not compile, or owes an earlier one something.
    pub fn add(
        &mut self,
        definition: Definition,
        dataschema: Option<String>,
    ) -> Result<(), InvalidSchema> {
        let check = self.rules.compile(&definition)?;
        for (earlier, number) in self.versions.iter().zip(1..) {
            self.owes(&definition, &earlier.definition, number)?;
        }
        self.versions.push(Version {
            definition,
            dataschema,
            check,
        });
        Ok(())
    }

    fn owes(&self, new: &Definition, old: &Definition, number: usize) -> Result<(), InvalidSchema> {
        let (backward, forward) = match self.compatibility {
            Compatibility::None => (false, false),
            Compatibility::Backward => (true, false),
            Compatibility::Forward => (false, true),
            Compatibility::Full => (true, true),
        };
        let refusal = |direction: &str, reason: String| {
            InvalidSchema::new(format!("it is not {direction} compatible with version {number}: {reason}"))
                .hint("make it a schema of another name, for a new event type, or write `compatibility: none`")
        };
        if backward {
            (self.rules.reads)(new, old).map_err(|reason| refusal("backward", reason))?;
        }
        if forward {
            (self.rules.reads)(old, new).map_err(|reason| refusal("forward", reason))?;
        }
        Ok(())
    }
}

/// Where an event's schema is found.
#[derive(Debug, Clone)]
struct Rule {
    binding: Binding,
    newest: Found,
}

#[derive(Debug, Clone)]
struct Found {
    schema: Arc<str>,
    number: usize,
    on_failure: Action,
    check: Arc<dyn Check>,
}

/// All schemas.
#[derive(Debug, Clone, Default)]
pub struct Schemas {
    exact: HashMap<String, Vec<Rule>>,
    /// The longest first.
    prefixes: Vec<Rule>,
    named: HashMap<String, Found>,
}

/// What a schema says of an event that breaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Name of the schema.
    pub schema: Arc<str>,
    /// Its version, from 1.
    pub version: usize,
    /// What is to be done with the event.
    pub action: Action,
    /// What it breaks; not empty.
    pub violations: Vec<Violation>,
}

impl std::fmt::Display for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "schema {}/{}: ", self.schema, self.version)?;
        for (index, violation) in self.violations.iter().enumerate() {
            let lead = if index == 0 { "" } else { "; " };
            write!(f, "{lead}{violation}")?;
        }
        Ok(())
    }
}

impl Schemas {
    /// Puts all together. Of two schemas for the same events, the one whose name comes first is taken.
    pub fn new<'r>(all: impl IntoIterator<Item = (&'r String, &'r Registered)>) -> Self {
        let mut schemas = Self::default();
        for (name, registered) in all {
            schemas.add(name, registered);
        }
        let by_strength =
            |rules: &mut Vec<Rule>| rules.sort_by_key(|rule| Reverse(rule.binding.strength()));
        schemas.exact.values_mut().for_each(by_strength);
        by_strength(&mut schemas.prefixes);
        schemas
    }

    fn add(&mut self, name: &str, registered: &Registered) {
        let schema: Arc<str> = name.into();
        let found = |number: usize, version: &Version, on_failure| Found {
            schema: Arc::clone(&schema),
            number,
            on_failure,
            check: Arc::clone(&version.check),
        };
        for (version, number) in registered.versions.iter().zip(1..) {
            if let Some(id) = &version.dataschema {
                let found = found(number, version, registered.on_failure);
                self.named.entry(id.clone()).or_insert(found);
            }
        }
        let Some(newest) = registered.versions.last() else {
            return;
        };
        for binding in &registered.bindings {
            let rule = Rule {
                binding: binding.clone(),
                newest: found(registered.versions.len(), newest, binding.on_failure),
            };
            match &binding.ty {
                Pattern::Exact(ty) => self.exact.entry(ty.clone()).or_default().push(rule),
                Pattern::Prefix(_) => self.prefixes.push(rule),
            }
        }
    }

    /// Whether no event has a schema.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty() && self.named.is_empty()
    }

    /// What is wrong with an event's data; `None` where nothing is, or where no schema is for it.
    ///
    /// The type decides which schema it is, and `dataschema` which version of it; an event whose type has no
    /// schema is held against the one that its `dataschema` names. One that names no known version is held
    /// against the newest.
    pub fn judge(&self, event: &Event) -> Option<Judgement> {
        let found = self.find(event)?;
        if found.on_failure == Action::Off {
            return None;
        }
        let violations = found.check.check(event);
        (!violations.is_empty()).then(|| Judgement {
            schema: Arc::clone(&found.schema),
            version: found.number,
            action: found.on_failure,
            violations,
        })
    }

    fn find(&self, event: &Event) -> Option<Found> {
        let (ty, source) = (event.ty(), event.source());
        let means = |rule: &&Rule| rule.binding.means(ty, source);
        let exact = self
            .exact
            .get(ty)
            .and_then(|rules| rules.iter().find(means));
        let rule = exact.or_else(|| self.prefixes.iter().find(means));
        let named = event.data_schema().and_then(|id| self.named.get(id));
        match (rule, named) {
            (None, named) => named.cloned(),
            (Some(rule), Some(named)) if named.schema == rule.newest.schema => Some(Found {
                on_failure: rule.binding.on_failure,
                ..named.clone()
            }),
            (Some(rule), _) => Some(rule.newest.clone()),
        }
    }
}
