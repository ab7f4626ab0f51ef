//! JSON Schema, drafts 4 to 2020-12. Nothing is fetched.

mod bounds;
mod bundle;
mod comparable;
mod keywords;
mod patterns;
mod quick;
mod written;

use crate::format::{Check, Definition, Format};
use crate::violation::shape;
use crate::{InvalidSchema, VIOLATIONS_MAX, Violation};
use bounds::Cost;
use jsonschema::canonical::Containment;
use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use quick::Quick;
use serde_json::Value;
use std::sync::Arc;
use tradewind_event::Event;

pub(crate) const FORMAT: Format = Format {
    name: "json-schema",
    compile,
    reads,
    written: written::compile,
};

/// Most bytes that a compiled pattern may take.
const PATTERN_MAX: usize = 256 << 10;
/// Most violations that are collected, of which a few are told: one takes some 400 bytes.
const COLLECTED_MAX: u64 = 150_000;

#[derive(Debug)]
struct Schema {
    validator: Validator,
    cost: Cost,
    /// Answers first, where it can.
    quick: Option<Quick>,
}

fn compile(from: &Definition) -> Result<Arc<dyn Check>, InvalidSchema> {
    if from.message.is_some() {
        return Err(InvalidSchema::new("a JSON Schema has no messages"));
    }
    let schema = parse(from)?;
    let cost = Cost::of(&schema)?;
    let validator = jsonschema::options()
        .with_pattern_options(patterns())
        .with_content_media_type("application/json", is_json)
        .offline()
        .build(&schema)
        .map_err(|error| refusal(&error))?;
    // Where the depth of data counts, it is looked at first.
    let quick = cost
        .depth_max
        .is_none()
        .then(|| Quick::of(&schema))
        .flatten();
    Ok(Arc::new(Schema {
        validator,
        cost,
        quick,
    }))
}

fn parse(from: &Definition) -> Result<Value, InvalidSchema> {
    let not_json = |e: serde_json::Error| {
        InvalidSchema::new(format!("the schema is not JSON: {e}")).hint("write it as JSON")
    };
    match tradewind_event::json::value(from.text.as_bytes()).map_err(not_json)? {
        schema @ (Value::Object(_) | Value::Bool(_)) => bundle::bundle(schema, &from.references),
        other => Err(InvalidSchema::new(format!(
            "a JSON Schema is an object, found {}",
            shape(&other)
        ))),
    }
}

/// Not as the validator reads it, for which a name in the text has a meaning, and no depth is too deep.
fn is_json(text: &str) -> bool {
    tradewind_event::json::value(text.as_bytes()).is_ok()
}

/// Without look-around and back-references: every pattern takes time that grows with the text alone.
fn patterns() -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex()
        .size_limit(PATTERN_MAX)
        .dfa_size_limit(PATTERN_MAX)
}

fn refusal(error: &ValidationError<'_>) -> InvalidSchema {
    let place = match error.instance_path().as_str() {
        "" => String::new(),
        place => format!("{place}: "),
    };
    let refusal = InvalidSchema::new(format!("{place}{error}"));
    match error.kind() {
        Kind::Referencing(_) => refusal.hint("nothing is fetched: put what is referred to under `$defs`"),
        Kind::Format { format } if format == "regex" => refusal
            .hint("patterns have no look-around and no back-references, and at most 256 KiB when compiled"),
        _ => refusal,
    }
}

impl Check for Schema {
    fn check(&self, event: &Event) -> Vec<Violation> {
        let Some(data) = event.data() else {
            return vec![Violation::new("", "data", "none").expected("JSON")];
        };
        let bytes = event.data_json_bytes();
        if let (Some(quick), Some(bytes)) = (&self.quick, bytes)
            && quick.is_valid(bytes)
        {
            return Vec::new();
        }
        let Some(value) = event.data_json() else {
            let found = match event.data_content_type() {
                Some(ty) => format!("{} bytes of {ty}", data.bytes.len()),
                None => format!("{} bytes", data.bytes.len()),
            };
            return vec![Violation::new("", "data", found).expected("JSON")];
        };
        if let Some(max) = self.cost.depth_max.filter(|max| depth(&value) > *max) {
            let deep = Violation::new("", "nesting", "more");
            return vec![deep.expected(format!("at most {max} levels, for this schema"))];
        }
        if self.validator.is_valid(&value) {
            return Vec::new();
        }
        self.violations(&value)
    }
}

impl Schema {
    /// Some of what is wrong. The validator collects all of it before it gives the first, so that this is asked where
    /// it cannot be much; else for the first alone, or not even that.
    fn violations(&self, value: &Value) -> Vec<Violation> {
        if self.cost.broken(value, depth(value)) <= COLLECTED_MAX {
            let errors = self.validator.iter_errors(value);
            return errors.take(VIOLATIONS_MAX).map(|e| violation(&e)).collect();
        }
        match self.cost.alternatives {
            true => {
                let large = Violation::new("", "schema", shape(value));
                vec![
                    large.expected(
                        "what it describes; the data is too large to say where it is not",
                    ),
                ]
            }
            false => {
                let first = self.validator.validate(value).err();
                first.iter().map(violation).collect()
            }
        }
    }
}

fn violation(error: &ValidationError<'_>) -> Violation {
    let found = shape(error.instance());
    let violation = Violation::new(
        error.instance_path().as_str(),
        error.kind().keyword(),
        found,
    );
    let names = |names: &[String]| {
        format!(
            "no other members than those named, not `{}`",
            names.join("`, `")
        )
    };
    let expected = match error.kind() {
        Kind::AdditionalItems { limit } => format!("at most {limit} items"),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            names(unexpected)
        }
        Kind::Constant { expected_value } => expected_value.to_string(),
        Kind::Enum { options } => format!("one of {options}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Format { format } => format.clone(),
        Kind::MaxItems { limit } => format!("at most {limit} items"),
        Kind::MinItems { limit } => format!("at least {limit} items"),
        Kind::MaxLength { limit } => format!("at most {limit} characters"),
        Kind::MinLength { limit } => format!("at least {limit} characters"),
        Kind::MaxProperties { limit } => format!("at most {limit} members"),
        Kind::MinProperties { limit } => format!("at least {limit} members"),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        Kind::Pattern { pattern } => format!("a text like {pattern}"),
        Kind::Required { property } => format!("a member {property}"),
        Kind::Type { kind } => match kind {
            jsonschema::error::TypeKind::Single(ty) => ty.to_string(),
            jsonschema::error::TypeKind::Multiple(types) => {
                let names: Vec<String> = types.iter().map(|ty| ty.to_string()).collect();
                names.join(" or ")
            }
        },
        _ => return violation,
    };
    violation.expected(expected)
}

fn depth(value: &Value) -> u32 {
    let children: &mut dyn Iterator<Item = &Value> = match value {
        Value::Array(items) => &mut items.iter(),
        Value::Object(map) => &mut map.values(),
        _ => return 0,
    };
    1 + children.map(depth).max().unwrap_or(0)
}

fn reads(reader: &Definition, writer: &Definition) -> Result<(), String> {
    if reader == writer {
        return Ok(());
    }
    let canonical = |from: &Definition| {
        let schema = parse(from).map_err(|e| e.to_string())?;
        let large = |why| format!("it cannot be compared in bounded time: {why}");
        comparable::check(&schema).map_err(large)?;
        let options = jsonschema::canonical::options().with_pattern_options(patterns());
        let options = options.offline();
        options.canonicalize(&schema).map_err(|e| e.to_string())
    };
    let (reader, writer) = (canonical(reader)?, canonical(writer)?);
    let unknown = "it cannot be told whether it takes everything that the other takes";
    match reader.covers(&writer) {
        Ok(Containment::Yes) => Ok(()),
        Ok(Containment::No) => Err(match writer.subtract(&reader) {
            Ok(lost) => {
                let mut lost = lost.to_json_schema();
                if let Value::Object(map) = &mut lost {
                    map.remove("$schema");
                }
                format!("it refuses data that the other takes, those of {lost}")
            }
            Err(_) => "it refuses data that the other takes".into(),
        }),
        Ok(Containment::Unknown) => Err(unknown.into()),
        Err(error) => Err(format!("{unknown}: {error}")),
    }
}
