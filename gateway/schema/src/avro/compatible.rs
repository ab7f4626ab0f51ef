//! Whether who reads by one schema takes what was written by another: "Schema Resolution" of the specification, names
//! resolved on both sides.

use apache_avro::Schema;
use apache_avro::schema::{
    Alias, EnumSchema, FixedSchema, InnerDecimalSchema, Name, RecordField, RecordSchema, UuidSchema,
};
use std::collections::HashMap;

/// Deepest nesting that is followed, through names too.
const DEPTH_MAX: usize = 256;
/// Most pairs of schemas that are held against each other.
const PAIRS_MAX: usize = 200_000;

pub(super) fn reads(reader: &Schema, writer: &Schema) -> Result<(), String> {
    let mut names = (HashMap::new(), HashMap::new());
    learn(reader, None, &mut names.0);
    learn(writer, None, &mut names.1);
    let mut comparison = Comparison {
        reader: names.0,
        writer: names.1,
        known: HashMap::new(),
        settled: Vec::new(),
        pairs: 0,
    };
    let (reader, writer) = (At::root(reader), At::root(writer));
    comparison.reads(reader, writer, 0).map_err(|no| match no {
        No::Because(reason) => reason,
        No::Unknown => {
            "the schemas are too large, or too deep, to be compared in bounded time".into()
        }
    })
}

/// A schema, and the namespace around it.
#[derive(Clone, Copy)]
struct At<'s> {
    schema: &'s Schema,
    space: Option<&'s str>,
}

type Names<'s> = HashMap<String, At<'s>>;

enum No {
    Because(String),
    Unknown,
}

impl No {
    fn within(self, place: &str) -> Self {
        match self {
            Self::Because(reason) => Self::Because(format!("{place}: {reason}")),
            Self::Unknown => self,
        }
    }
}

fn because(reason: impl Into<String>) -> Result<(), No> {
    Err(No::Because(reason.into()))
}

struct Comparison<'s> {
    reader: Names<'s>,
    writer: Names<'s>,
    /// Pairs of named types that were met; one that is not settled yet is taken to fit.
    known: HashMap<(String, String), bool>,
    /// Those that fit, in the order in which that was found.
    settled: Vec<(String, String)>,
    pairs: usize,
}

impl<'s> Comparison<'s> {
    fn reads(&mut self, reader: At<'s>, writer: At<'s>, depth: usize) -> Result<(), No> {
        self.pairs += 1;
        if depth > DEPTH_MAX || self.pairs > PAIRS_MAX {
            return Err(No::Unknown);
        }
        let reader = resolved(&self.reader, reader)?;
        let writer = resolved(&self.writer, writer)?;
        if let Schema::Union(union) = writer.schema {
            return union.variants().iter().try_for_each(|variant| {
                let writer = At {
                    schema: variant,
                    ..writer
                };
                self.reads(reader, writer, depth + 1)
            });
        }
        if let Schema::Union(union) = reader.schema {
            for variant in union.variants() {
                let reader = At {
                    schema: variant,
                    ..reader
                };
                match self.reads(reader, writer, depth + 1) {
                    Err(No::Because(_)) => {}
                    done => return done,
                }
            }
            return because(format!("no branch of its union takes {}", word(writer)));
        }
        match (named(reader.schema), named(writer.schema)) {
            (Some(new), Some(old)) => self.named((reader, new), (writer, old), depth),
            _ => plain(reader, writer, |reader, writer| {
                self.reads(reader, writer, depth + 1)
            }),
        }
    }

    /// Named types may contain themselves: a pair that is looked at already is not looked at again.
    fn named(
        &mut self,
        (reader, new): (At<'s>, &'s Name),
        (writer, old): (At<'s>, &'s Name),
        depth: usize,
    ) -> Result<(), No> {
        let full = |name: &Name, at: At<'_>| name.fully_qualified_name(at.space).to_string();
        let (reader_name, writer_name) = (full(new, reader), full(old, writer));
        let space = reader_name.rsplit_once('.').map(|(space, _)| space);
        let known_as = |alias: &Alias| alias.fully_qualified_name(space).to_string() == writer_name;
        if new.name() != old.name() && !aliases(reader.schema).iter().any(known_as) {
            return because(format!("it is {}, and was {}", word(reader), word(writer)));
        }
        let pair = (reader_name, writer_name);
        match self.known.get(&pair) {
            Some(true) => return Ok(()),
            Some(false) => return because(format!("it does not read {}", word(writer))),
            None => drop(self.known.insert(pair.clone(), true)),
        }
        let begun = self.settled.len();
        let (reader, writer) = (reader.within(), writer.within());
        let fits = match (reader.schema, writer.schema) {
            (Schema::Record(new), Schema::Record(old)) => {
                self.record((reader, new), (writer, old), depth)
            }
            (Schema::Enum(new), Schema::Enum(old)) => symbols(new, old),
            _ => plain(reader, writer, |_, _| Ok(())),
        };
        match &fits {
            Ok(()) => self.settled.push(pair),
            Err(_) => {
                // What was found to fit on the way may have relied on this.
                for relied in self.settled.drain(begun..) {
                    self.known.remove(&relied);
                }
                self.known.insert(pair, false);
            }
        }
        fits
    }

    fn record(
        &mut self,
        (reader, new): (At<'s>, &'s RecordSchema),
        (writer, old): (At<'s>, &'s RecordSchema),
        depth: usize,
    ) -> Result<(), No> {
        for field in &new.fields {
            let place = |no: No| no.within(&format!("{}.{}", new.name.name(), field.name));
            match written(field, old) {
                Some(there) => {
                    let reader = At {
                        schema: &field.schema,
                        ..reader
                    };
                    let writer = At {
                        schema: &there.schema,
                        ..writer
                    };
                    self.reads(reader, writer, depth + 1).map_err(place)?;
                }
                None if field.default.is_some() => {}
                None => return because("it is not written, and has no default").map_err(place),
            }
        }
        Ok(())
    }
}

/// The field that one is read from: that of its name, else of an alias.
fn written<'s>(field: &RecordField, writer: &'s RecordSchema) -> Option<&'s RecordField> {
    let mut names = std::iter::once(&field.name).chain(&field.aliases);
    names.find_map(|name| writer.fields.iter().find(|there| there.name == *name))
}

fn symbols(reader: &EnumSchema, writer: &EnumSchema) -> Result<(), No> {
    let missing = writer
        .symbols
        .iter()
        .find(|symbol| !reader.symbols.contains(symbol));
    match missing.filter(|_| reader.default.is_none()) {
        Some(symbol) => because(format!("it has no symbol {symbol}, and no default")),
        None => Ok(()),
    }
}

/// What is written the same whatever it means, promotions, and what is made of one schema.
fn plain<'s>(
    reader: At<'s>,
    writer: At<'s>,
    parts: impl FnOnce(At<'s>, At<'s>) -> Result<(), No>,
) -> Result<(), No> {
    if let (Schema::Decimal(new), Schema::Decimal(old)) = (reader.schema, writer.schema)
        && (new.precision, new.scale) != (old.precision, old.scale)
    {
        return because("a decimal of another precision or scale");
    }
    let (of, from) = (kind(reader.schema), kind(writer.schema));
    let fits = match (of, from) {
        (Kind::Fixed(size), Kind::Fixed(was)) if size != was => {
            return because(format!("it has {size} bytes, and had {was}"));
        }
        (Kind::Of(new), Kind::Of(old)) => {
            let same =
                std::mem::discriminant(reader.schema) == std::mem::discriminant(writer.schema);
            if same {
                return parts(
                    At {
                        schema: new,
                        ..reader
                    },
                    At {
                        schema: old,
                        ..writer
                    },
                );
            }
            false
        }
        (Kind::Bytes | Kind::String, Kind::Bytes | Kind::String) => true,
        (Kind::Number(new), Kind::Number(old)) => new >= old,
        (of, from) => std::mem::discriminant(&of) == std::mem::discriminant(&from),
    };
    match fits {
        true => Ok(()),
        false => because(format!("it is {}, and was {}", word(reader), word(writer))),
    }
}

/// What bytes a schema has, whatever they mean.
enum Kind<'s> {
    Null,
    Boolean,
    /// int, long, float, double: each reads those before it.
    Number(u8),
    Bytes,
    String,
    Fixed(usize),
    /// An array or a map.
    Of(&'s Schema),
    Record,
    Enum,
    Other,
}

fn kind(schema: &Schema) -> Kind<'_> {
    if let Some(fixed) = fixed(schema) {
        return Kind::Fixed(fixed.size);
    }
    match schema {
        Schema::Null => Kind::Null,
        Schema::Boolean => Kind::Boolean,
        Schema::Int | Schema::Date | Schema::TimeMillis => Kind::Number(0),
        Schema::Long
        | Schema::TimeMicros
        | Schema::TimestampMillis
        | Schema::TimestampMicros
        | Schema::TimestampNanos
        | Schema::LocalTimestampMillis
        | Schema::LocalTimestampMicros
        | Schema::LocalTimestampNanos => Kind::Number(1),
        Schema::Float => Kind::Number(2),
        Schema::Double => Kind::Number(3),
        Schema::Bytes
        | Schema::BigDecimal
        | Schema::Decimal(_)
        | Schema::Uuid(UuidSchema::Bytes) => Kind::Bytes,
        Schema::String | Schema::Uuid(_) => Kind::String,
        Schema::Array(of) => Kind::Of(&of.items),
        Schema::Map(of) => Kind::Of(&of.types),
        Schema::Record(_) => Kind::Record,
        Schema::Enum(_) => Kind::Enum,
        Schema::Union(_) | Schema::Ref { .. } | Schema::Fixed(_) | Schema::Duration(_) => {
            Kind::Other
        }
    }
}

fn fixed(schema: &Schema) -> Option<&FixedSchema> {
    match schema {
        Schema::Fixed(fixed) | Schema::Duration(fixed) | Schema::Uuid(UuidSchema::Fixed(fixed)) => {
            Some(fixed)
        }
        Schema::Decimal(decimal) => match &decimal.inner {
            InnerDecimalSchema::Fixed(fixed) => Some(fixed),
            InnerDecimalSchema::Bytes => None,
        },
        _ => None,
    }
}

fn named(schema: &Schema) -> Option<&Name> {
    match schema {
        Schema::Record(of) => Some(&of.name),
        Schema::Enum(of) => Some(&of.name),
        other => fixed(other).map(|fixed| &fixed.name),
    }
}

fn aliases(schema: &Schema) -> &[Alias] {
    let aliases = match schema {
        Schema::Record(of) => &of.aliases,
        Schema::Enum(of) => &of.aliases,
        other => match fixed(other) {
            Some(fixed) => &fixed.aliases,
            None => return &[],
        },
    };
    aliases.as_deref().unwrap_or_default()
}

impl<'s> At<'s> {
    fn root(schema: &'s Schema) -> Self {
        Self {
            schema,
            space: None,
        }
    }

    /// The same, with the namespace that its parts are in.
    fn within(self) -> Self {
        let space = inner(self.schema, self.space);
        Self { space, ..self }
    }
}

fn resolved<'s>(names: &Names<'s>, at: At<'s>) -> Result<At<'s>, No> {
    let Schema::Ref { name } = at.schema else {
        return Ok(at);
    };
    let full = name.fully_qualified_name(at.space).to_string();
    let found = names.get(&full).copied();
    found.ok_or_else(|| No::Because(format!("nothing is called {full}")))
}

fn inner<'s>(schema: &'s Schema, space: Option<&'s str>) -> Option<&'s str> {
    named(schema).and_then(Name::namespace).or(space)
}

/// All that has a name, with the namespace that stands around it.
fn learn<'s>(schema: &'s Schema, space: Option<&'s str>, names: &mut Names<'s>) {
    if let Some(name) = named(schema) {
        let full = name.fully_qualified_name(space).to_string();
        names.entry(full).or_insert(At { schema, space });
    }
    let within = inner(schema, space);
    match schema {
        Schema::Array(of) => learn(&of.items, within, names),
        Schema::Map(of) => learn(&of.types, within, names),
        Schema::Union(of) => of
            .variants()
            .iter()
            .for_each(|one| learn(one, within, names)),
        Schema::Record(of) => of
            .fields
            .iter()
            .for_each(|field| learn(&field.schema, within, names)),
        _ => {}
    }
}

/// What a schema is called.
fn word(at: At<'_>) -> String {
    let word = match at.schema {
        Schema::Null => "null",
        Schema::Boolean => "boolean",
        Schema::Int => "int",
        Schema::Long => "long",
        Schema::Float => "float",
        Schema::Double => "double",
        Schema::Bytes => "bytes",
        Schema::String => "string",
        Schema::Array(_) => "an array",
        Schema::Map(_) => "a map",
        Schema::Union(_) => "a union",
        Schema::Uuid(UuidSchema::String) => "a uuid in text",
        other => match (named(other), kind(other)) {
            (Some(name), _) => return format!("{:.128}", name.name()),
            (None, Kind::Number(0)) => "int with a meaning",
            (None, Kind::Number(_)) => "long with a meaning",
            _ => "bytes with a meaning",
        },
    };
    word.to_owned()
}
