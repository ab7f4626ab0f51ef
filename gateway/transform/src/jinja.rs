//! Templates: a minijinja environment that can do nothing but read the event, within bounds.

use crate::read::{InvalidTransform, Node, near};
use crate::step::Reason;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value, context};
use std::cell::Cell;
use std::{fmt, io};
use tradewind_event::{Attribute, DataKind, Event};

/// Longest template, in bytes.
const TEMPLATE_MAX: usize = 32 << 10;
/// Up to this many bytes any thread can compile it.
const SHORT: usize = 1 << 10;
/// Stack that is enough for that, with room to spare in a build without optimisation.
const SHORT_STACK: usize = 2 << 20;
/// Work of one template, and what those of a step may have done before the last one begins; see README.md,
/// "Bounds".
const FUEL: u64 = 500_000;
/// What a template may read.
const VARIABLES: [&str; 2] = ["event", "data"];

/// What `{{ x }}` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    Text,
    Json,
}

/// Templates by name, compiled.
pub(crate) struct Templates {
    environment: Environment<'static>,
    reads_data: bool,
}

/// Not what is written in them: a reference to a secret may stand there.
impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

/// What the templates of a step read of an event.
pub(crate) struct Scope {
    value: Value,
    /// Work that was done with it.
    spent: Cell<u64>,
}

impl From<Value> for Scope {
    fn from(value: Value) -> Self {
        Self {
            value,
            spent: Cell::new(0),
        }
    }
}

impl Templates {
    pub(crate) fn new(writes: Writes) -> Self {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(move |_| match writes {
            Writes::Text => AutoEscape::None,
            Writes::Json => AutoEscape::Json,
        });
        // Errors have their place in the template.
        environment.set_debug(true);
        environment.remove_global("debug");
        Self {
            environment,
            reads_data: false,
        }
    }

    /// Compiles what is written at the node. Returns whether it reads anything of the event.
    pub(crate) fn add(&mut self, name: &str, node: &Node<'_>) -> Result<bool, InvalidTransform> {
        let source = node.text(TEMPLATE_MAX)?;
        if source.len() <= SHORT {
            return self.compile(name, source, node);
        }
        // The compiler goes as deep as a chain of operators is long; rendering does not.
        std::thread::scope(|scope| {
            std::thread::Builder::new()
                .stack_size(SHORT_STACK * (TEMPLATE_MAX / SHORT))
                .spawn_scoped(scope, || self.compile(name, source, node))
                .ok()
                .and_then(|thread| thread.join().ok())
                .unwrap_or_else(|| Err(node.refusal("the template cannot be compiled")))
        })
    }

    fn compile(
        &mut self,
        name: &str,
        source: &str,
        node: &Node<'_>,
    ) -> Result<bool, InvalidTransform> {
        let refused = |error: &minijinja::Error| {
            let refusal = node.refusal(format!("the template is refused: {}", told(error, None)));
            match error.range() {
                Some(range) => refusal.at(range.start.min(source.len())),
                None => refusal,
            }
        };
        self.environment
            .add_template_owned(name.to_owned(), source.to_owned())
            .map_err(|error| refused(&error))?;
        let template = self.environment.get_template(name);
        let template = template.map_err(|error| refused(&error))?;
        let globals: Vec<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let read = template.undeclared_variables(true);
        for path in &read {
            let mut parts = path.split('.');
            let variable = parts.next().unwrap_or_default();
            if !VARIABLES.contains(&variable) && !globals.contains(&variable) {
                let refusal = node.refusal(format!("unknown variable `{variable}`"));
                let refusal = refusal.at(word(source, variable));
                return Err(match near(variable, &VARIABLES) {
                    Some(near) => refusal.hint(format!("did you mean `{near}`?")),
                    None => refusal.hint("a template reads `event`, its attributes, and `data`"),
                });
            }
            match (variable, parts.next()) {
                ("event", Some(name)) if !could_be_attribute(name) => {
                    let reason = format!("no event has an attribute `{name}`");
                    let refusal = node.refusal(reason).at(word(source, name));
                    return Err(refusal.hint("names of attributes hold a to z and 0 to 9 only"));
                }
                ("data", _) => self.reads_data = true,
                _ => {}
            }
        }
        if let Err(error) = self.tried(source)
            && unknown_function(error.kind())
        {
            return Err(refused(&error));
        }
        Ok(read.iter().any(|path| {
            let variable = path.split('.').next().unwrap_or_default();
            VARIABLES.contains(&variable)
        }))
    }

    /// A run without an event, in which nothing that is undefined fails: it meets the filters, tests
    /// and functions that do not exist, where no branch hides them.
    fn tried(&self, source: &str) -> Result<String, minijinja::Error> {
        let mut lenient = self.environment.clone();
        lenient.set_undefined_behavior(UndefinedBehavior::Chainable);
        lenient.render_str(source, context! {})
    }

    /// What the templates read of this event.
    pub(crate) fn scope(&self, event: &Event) -> Result<Scope, Reason> {
        let attributes = event.attributes();
        let attributes = Value::from_pairs(attributes.map(|(name, value)| (name, written(value))));
        let data = match self.reads_data {
            true => read(event)?,
            false => None,
        };
        Ok(Scope::from(match data {
            Some(data) => context! { event => attributes, data => data },
            None => context! { event => attributes },
        }))
    }

    /// The text of a template that reads nothing of the event.
    pub(crate) fn constant(&self, name: &str, max: usize) -> Result<String, Reason> {
        let bytes = self.render(name, &Scope::from(context! {}), max)?;
        String::from_utf8(bytes).map_err(|error| Reason::new(error.to_string()))
    }

    pub(crate) fn render(&self, name: &str, scope: &Scope, max: usize) -> Result<Vec<u8>, Reason> {
        let failed = |error: minijinja::Error, source| Reason::new(told(&error, source));
        if scope.spent.get() >= FUEL {
            return Err(Reason::new(out_of_fuel()));
        }
        let template = self.environment.get_template(name);
        let template = template.map_err(|error| failed(error, None))?;
        let mut out = Capped {
            bytes: Vec::new(),
            max,
        };
        match template.render_captured_to(scope.value.clone(), &mut out) {
            Ok(captured) => {
                let levels = captured.state().fuel_levels();
                let consumed = levels.map_or(0, |(consumed, _)| consumed);
                scope.spent.set(scope.spent.get() + consumed);
                drop(captured);
                Ok(out.bytes)
            }
            Err(_) if out.is_over() => Err(Reason::new(format!(
                "the output has more than {} KiB",
                max >> 10
            ))),
            Err(error) => Err(failed(error, Some(template.source()))),
        }
    }
}

fn unknown_function(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
    )
}

pub(crate) fn could_be_attribute(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.chars().all(allowed)
}

fn written(value: Attribute<'_>) -> Value {
    match value {
        Attribute::Boolean(value) => value.into(),
        Attribute::Integer(value) => value.into(),
        Attribute::String(text)
        | Attribute::Binary(text)
        | Attribute::Uri(text)
        | Attribute::UriReference(text)
        | Attribute::Timestamp(text) => text.into(),
    }
}

/// `data` as templates see it: JSON as what it is, text as text.
fn read(event: &Event) -> Result<Option<Value>, Reason> {
    let Some(data) = event.data() else {
        return Ok(None);
    };
    match data.kind {
        DataKind::Json => serde_json::from_slice(&data.bytes)
            .map(Some)
            .map_err(|error| Reason::new(format!("`data` is not well-formed JSON: {error}"))),
        DataKind::Text => match std::str::from_utf8(&data.bytes) {
            Ok(text) => Ok(Some(text.into())),
            Err(_) => Err(Reason::new("`data` is not UTF-8")),
        },
        DataKind::Binary => Err(Reason::new("`data` is neither JSON nor text")),
    }
}

fn out_of_fuel() -> String {
    format!("it takes more than {FUEL} units of work")
}

/// The error in one line, with the part of the template that it is about.
fn told(error: &minijinja::Error, source: Option<&str>) -> String {
    let mut told = match error.kind() {
        ErrorKind::OutOfFuel => out_of_fuel(),
        kind => kind.to_string(),
    };
    if error.kind() != ErrorKind::OutOfFuel
        && let Some(detail) = error.detail()
    {
        told = format!("{told}: {detail}");
    }
    // What is undefined is named already; what stands in quotes may be a secret.
    let told_already = |part: &str| told.contains('`') || part.contains(['\'', '"']);
    let part = error.range().and_then(|range| source?.get(range));
    if let Some(part) = part.filter(|part| !told_already(part)) {
        let part: String = part.chars().take(80).collect();
        told = format!("{told}: `{part}`");
    }
    match error.line() {
        Some(line) if line > 1 => format!("{told} (line {line})"),
        _ => told,
    }
}

/// Where a word stands in the template.
fn word(source: &str, word: &str) -> usize {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    source
        .match_indices(word)
        .find(|(at, _)| {
            let before = source[..*at].chars().next_back();
            let after = source[at + word.len()..].chars().next();
            !before.is_some_and(part) && !after.is_some_and(part)
        })
        .map_or(0, |(at, _)| at)
}

struct Capped {
    bytes: Vec<u8>,
    max: usize,
}

impl Capped {
    fn is_over(&self) -> bool {
        self.bytes.len() > self.max
    }
}

impl io::Write for Capped {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let room = (self.max + 1).saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&part[..part.len().min(room)]);
        match self.is_over() {
            true => Err(io::ErrorKind::FileTooLarge.into()),
            false => Ok(part.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
