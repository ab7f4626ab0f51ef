//! All schemas of a configuration, and which one an event is held against.

use crate::binding::{Action, Binding, Pattern};
use crate::format::{Check, Definition, Format};
use crate::{InvalidSchema, VIOLATIONS_MAX, Violation};
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
    /// Its number, from 1.
    pub number: u32,
    /// As it is written.
    pub definition: Arc<Definition>,
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
    /// The versions, by their numbers.
    pub versions: Vec<Version>,
    /// What happens to events that are bound by their `dataschema` alone and break it.
    pub on_failure: Action,
    /// Which events it is for.
    pub bindings: Vec<Binding>,
    /// The space whose events it is for; `None` for those of all spaces.
    pub space: Option<String>,
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
            space: None,
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
        if let Some(owed) = self.owed(&definition).next() {
            return Err(InvalidSchema::new(owed)
                .hint("make it a schema of another name, for a new event type, or write `compatibility: none`"));
        }
        self.push(self.next(), definition, dataschema, check);
        Ok(())
    }

    /// Puts a version back that was added before.
    ///
    /// # Errors
    /// It does not compile.
    pub fn restore(
        &mut self,
        number: u32,
        definition: Definition,
        dataschema: Option<String>,
    ) -> Result<(), InvalidSchema> {
        let check = self.rules.compile(&definition)?;
        self.push(number, definition, dataschema, check);
        Ok(())
    }

    /// What the next version would owe the earlier ones: at most [`VIOLATIONS_MAX`] of it.
    pub fn violations(&self, definition: &Definition) -> Vec<String> {
        self.owed(definition).take(VIOLATIONS_MAX).collect()
    }

    /// Whether it compiles.
    ///
    /// # Errors
    /// It does not.
    pub fn compiles(&self, definition: &Definition) -> Result<(), InvalidSchema> {
        self.rules.compile(definition).map(drop)
    }

    fn push(
        &mut self,
        number: u32,
        definition: Definition,
        dataschema: Option<String>,
        check: Arc<dyn Check>,
    ) {
        self.versions.push(Version {
            number,
            definition: Arc::new(definition),
            dataschema,
            check,
        });
    }

    fn next(&self) -> u32 {
        self.versions.last().map_or(1, |newest| newest.number + 1)
    }

    fn owed<'a>(&'a self, new: &'a Definition) -> impl Iterator<Item = String> + 'a {
        let (backward, forward) = match self.compatibility {
            Compatibility::None => (false, false),
            Compatibility::Backward => (true, false),
            Compatibility::Forward => (false, true),
            Compatibility::Full => (true, true),
        };
        let directions = [("backward", backward), ("forward", forward)];
        self.versions.iter().flat_map(move |earlier| {
            let old: &Definition = &earlier.definition;
            directions
                .into_iter()
                .filter_map(move |(direction, wanted)| {
                    let (reader, writer) = match direction {
                        "backward" => (new, old),
                        _ => (old, new),
                    };
                    let reason = wanted.then(|| (self.rules.reads)(reader, writer).err())??;
                    let number = earlier.number;
                    Some(format!(
                        "it is not {direction} compatible with version {number}: {reason}"
                    ))
                })
        })
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
    number: u32,
    on_failure: Action,
    check: Arc<dyn Check>,
}

/// All schemas.
#[derive(Debug, Clone, Default)]
pub struct Schemas {
    /// For events of every space.
    all: Table,
    spaces: HashMap<String, Table>,
}

/// Those that events of one space, or of all, are held against.
#[derive(Debug, Clone, Default)]
struct Table {
    exact: HashMap<String, Vec<Rule>>,
    /// The longest first.
    prefixes: Vec<Rule>,
    named: HashMap<String, Found>,
}

/// What a schema says of an event that breaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Name of the schema; of one of a space, `space/name`.
    pub schema: Arc<str>,
    /// Its version, from 1.
    pub version: u32,
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
            match &registered.space {
                None => schemas.all.add(name.as_str().into(), registered),
                Some(space) => {
                    let qualified = format!("{space}/{name}").into();
                    let table = schemas.spaces.entry(space.clone()).or_default();
                    table.add(qualified, registered);
                }
            }
        }
        schemas.all.sort();
        schemas.spaces.values_mut().for_each(Table::sort);
        schemas
    }

    /// Whether no event has a schema.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.spaces.values().all(Table::is_empty)
    }

    /// As [`Schemas::judge_in`], for an event of no space.
    pub fn judge(&self, event: &Event) -> Option<Judgement> {
        let all = &self.all;
        judge(all.by_type(event).or_else(|| all.by_name(event))?, event)
    }

    /// What is wrong with an event's data; `None` where nothing is, or where no schema is for it.
    ///
    /// The type decides which schema it is, and `dataschema` which version of it; an event whose type has no
    /// schema is held against the one that its `dataschema` names. One that names no known version is held
    /// against the newest. Schemas of all spaces come before those of the event's own: what is demanded of
    /// everybody, nobody is excused from. But a type that either binds, no `dataschema` takes elsewhere: the
    /// event says that itself.
    pub fn judge_in(&self, space: &str, event: &Event) -> Option<Judgement> {
        let (all, own) = (&self.all, self.spaces.get(space));
        let found = all
            .by_type(event)
            .or_else(|| own?.by_type(event))
            .or_else(|| all.by_name(event))
            .or_else(|| own?.by_name(event));
        judge(found?, event)
    }
}

fn judge(found: Found, event: &Event) -> Option<Judgement> {
    if found.on_failure == Action::Off {
        return None;
    }
    let violations = found.check.check(event);
    (!violations.is_empty()).then_some(Judgement {
        schema: found.schema,
        version: found.number,
        action: found.on_failure,
        violations,
    })
}

impl Table {
    fn sort(&mut self) {
        let by_strength =
            |rules: &mut Vec<Rule>| rules.sort_by_key(|rule| Reverse(rule.binding.strength()));
        self.exact.values_mut().for_each(by_strength);
        by_strength(&mut self.prefixes);
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty() && self.named.is_empty()
    }

    fn add(&mut self, schema: Arc<str>, registered: &Registered) {
        let found = |version: &Version, on_failure| Found {
            schema: Arc::clone(&schema),
            number: version.number,
            on_failure,
            check: Arc::clone(&version.check),
        };
        for version in &registered.versions {
            if let Some(id) = &version.dataschema {
                let found = found(version, registered.on_failure);
                self.named.entry(id.clone()).or_insert(found);
            }
        }
        let Some(newest) = registered.versions.last() else {
            return;
        };
        for binding in &registered.bindings {
            let rule = Rule {
                binding: binding.clone(),
                newest: found(newest, binding.on_failure),
            };
            match &binding.ty {
                Pattern::Exact(ty) => self.exact.entry(ty.clone()).or_default().push(rule),
                Pattern::Prefix(_) => self.prefixes.push(rule),
            }
        }
    }

    /// By its type, and by its `dataschema` where that is of the same schema.
    fn by_type(&self, event: &Event) -> Option<Found> {
        let (ty, source) = (event.ty(), event.source());
        let means = |rule: &&Rule| rule.binding.means(ty, source);
        let exact = self
            .exact
            .get(ty)
            .and_then(|rules| rules.iter().find(means));
        let rule = exact.or_else(|| self.prefixes.iter().find(means))?;
        Some(match self.named(event) {
            Some(named) if named.schema == rule.newest.schema => Found {
                on_failure: rule.binding.on_failure,
                ..named.clone()
            },
            _ => rule.newest.clone(),
        })
    }

    /// By its `dataschema` alone.
    fn by_name(&self, event: &Event) -> Option<Found> {
        self.named(event).cloned()
    }

    fn named(&self, event: &Event) -> Option<&Found> {
        self.named.get(event.data_schema()?)
    }
}
