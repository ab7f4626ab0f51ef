//! A schema as the walk reads it: what kinds of bytes follow each other, names resolved.

use apache_avro::schema::{InnerDecimalSchema, Name, UuidSchema};
use apache_avro::{AvroResult, Schema, error::Details};
use std::collections::HashMap;

/// Kinds of values by number; the first is that of the datum.
#[derive(Debug)]
pub(super) struct Plan(pub(super) Vec<Kind>);

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    /// So many bytes.
    Fixed(usize),
    Bytes,
    String,
    Array(usize),
    Map(usize),
    /// Branches, with the names that tell them apart.
    Union(Vec<(String, usize)>),
    Record(Vec<(String, usize)>),
    Enum(Vec<String>),
}

impl Plan {
    pub(super) fn of(schema: &Schema) -> AvroResult<Self> {
        let mut planner = Planner::default();
        planner.plan(schema, None)?;
        Ok(Self(planner.kinds))
    }
}

#[derive(Default)]
struct Planner {
    kinds: Vec<Kind>,
    names: HashMap<String, usize>,
}

impl Planner {
    fn plan(&mut self, schema: &Schema, space: Option<&str>) -> AvroResult<usize> {
        let kind = match schema {
            Schema::Null => Kind::Null,
            Schema::Boolean => Kind::Boolean,
            Schema::Int | Schema::Date | Schema::TimeMillis => Kind::Int,
            Schema::Long
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => Kind::Long,
            Schema::Float => Kind::Float,
            Schema::Double => Kind::Double,
            Schema::Bytes | Schema::BigDecimal | Schema::Uuid(UuidSchema::Bytes) => Kind::Bytes,
            Schema::String | Schema::Uuid(UuidSchema::String) => Kind::String,
            Schema::Fixed(fixed)
            | Schema::Duration(fixed)
            | Schema::Uuid(UuidSchema::Fixed(fixed)) => {
                return Ok(self.named(&fixed.name, space, Kind::Fixed(fixed.size)).0);
            }
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => Kind::Bytes,
                InnerDecimalSchema::Fixed(fixed) => {
                    return Ok(self.named(&fixed.name, space, Kind::Fixed(fixed.size)).0);
                }
            },
            Schema::Enum(of) => {
                let symbols = Kind::Enum(of.symbols.clone());
                return Ok(self.named(&of.name, space, symbols).0);
            }
            Schema::Array(of) => {
                let place = self.place(Kind::Null);
                self.kinds[place] = Kind::Array(self.plan(&of.items, space)?);
                return Ok(place);
            }
            Schema::Map(of) => {
                let place = self.place(Kind::Null);
                self.kinds[place] = Kind::Map(self.plan(&of.types, space)?);
                return Ok(place);
            }
            Schema::Union(of) => {
                let place = self.place(Kind::Null);
                let variants = of.variants().iter().map(|variant| {
                    let kind = self.plan(variant, space)?;
                    Ok((self.label(variant, kind, space), kind))
                });
                self.kinds[place] = Kind::Union(variants.collect::<AvroResult<_>>()?);
                return Ok(place);
            }
            Schema::Record(record) => {
                let (place, space) = self.named(&record.name, space, Kind::Null);
                let fields = record.fields.iter().map(|field| {
                    let kind = self.plan(&field.schema, space.as_deref())?;
                    Ok((field.name.clone(), kind))
                });
                self.kinds[place] = Kind::Record(fields.collect::<AvroResult<_>>()?);
                return Ok(place);
            }
            Schema::Ref { name } => {
                let full = name.fully_qualified_name(space);
                let known = self.names.get(&full.to_string()).copied();
                return known
                    .ok_or_else(|| Details::SchemaResolutionError(full.into_owned()).into());
            }
        };
        Ok(self.place(kind))
    }

    /// What the JSON encoding calls a branch of a union: the full name of a named type, the type of any other.
    fn label(&self, variant: &Schema, kind: usize, space: Option<&str>) -> String {
        if let Some(name) = variant.name() {
            return name.fully_qualified_name(space).to_string();
        }
        let word = match &self.kinds[kind] {
            Kind::Null => "null",
            Kind::Boolean => "boolean",
            Kind::Int => "int",
            Kind::Long => "long",
            Kind::Float => "float",
            Kind::Double => "double",
            Kind::Bytes => "bytes",
            Kind::String => "string",
            Kind::Array(_) => "array",
            Kind::Map(_) => "map",
            // These have names, and a union holds no other one.
            Kind::Fixed(_) | Kind::Union(_) | Kind::Record(_) | Kind::Enum(_) => "",
        };
        word.to_owned()
    }

    fn place(&mut self, kind: Kind) -> usize {
        self.kinds.push(kind);
        self.kinds.len() - 1
    }

    /// Its place, and the namespace that names within it are in.
    fn named(&mut self, name: &Name, space: Option<&str>, kind: Kind) -> (usize, Option<String>) {
        let full = name.fully_qualified_name(space);
        let place = self.place(kind);
        self.names.insert(full.to_string(), place);
        (place, full.namespace().map(str::to_owned))
    }
}
