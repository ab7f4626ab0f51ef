//! Whether one definition reads what another one wrote: the rules of "Updating A Message Type" in the
//! language guide.

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn reads(reader: &MessageDescriptor, writer: &MessageDescriptor) -> Result<(), String> {
    message(reader, writer, &mut BTreeSet::new())
}

type Seen = BTreeSet<(String, String)>;

fn message(
    reader: &MessageDescriptor,
    writer: &MessageDescriptor,
    seen: &mut Seen,
) -> Result<(), String> {
    if !seen.insert((reader.full_name().into(), writer.full_name().into())) {
        return Ok(());
    }
    let name = writer.full_name();
    for field in reader
        .fields()
        .filter(|field| field.cardinality() == Cardinality::Required)
    {
        let there = writer.get_field(field.number());
        if there.is_none_or(|there| there.cardinality() != Cardinality::Required) {
            return Err(format!(
                "{name}: field {} `{}` is required, and may be missing",
                field.number(),
                field.name()
            ));
        }
    }
    // What was written at the same time, by the oneof of which only one is read.
    let mut moved: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for old in writer.fields() {
        let Some(new) = reader.get_field(old.number()) else {
            continue;
        };
        let fault = |what: &str| {
            Err(format!(
                "{name}: field {} `{}` {what}",
                old.number(),
                old.name()
            ))
        };
        if !same_group(&new.kind(), &old.kind()) {
            return fault(&format!(
                "was {}, and is read as {}",
                word(&old.kind()),
                word(&new.kind())
            ));
        }
        if old.is_map() != new.is_map() {
            return fault("is a map in one of them only");
        }
        let lists = (old.is_list(), new.is_list());
        if lists.0 != lists.1
            && !matches!(new.kind(), Kind::String | Kind::Bytes | Kind::Message(_))
        {
            return fault("is a list in one of them only");
        }
        if lists == (true, false) {
            return fault("was a list, of which only the last value is read");
        }
        if let (Kind::Message(new), Kind::Message(old)) = (new.kind(), old.kind()) {
            message(&new, &old, seen)?;
        }
        if let Some(oneof) = choice(&new) {
            let together = moved.entry(oneof).or_default();
            together.insert(choice(&old).unwrap_or_else(|| old.full_name().to_owned()));
            if together.len() > 1 {
                return fault("came into a oneof with another one, and only one of them is read");
            }
        }
    }
    Ok(())
}

/// Name of the oneof that the author wrote.
fn choice(field: &FieldDescriptor) -> Option<String> {
    let oneof = field
        .containing_oneof()
        .filter(|oneof| !oneof.is_synthetic())?;
    Some(oneof.full_name().to_owned())
}

/// Whether bytes written as one kind mean the same as the other.
fn same_group(reader: &Kind, writer: &Kind) -> bool {
    match (group(reader), group(writer)) {
        // Not all bytes are text.
        (5, 6) => false,
        (6, 5) => true,
        (a, b) => a == b,
    }
}

fn group(kind: &Kind) -> u8 {
    match kind {
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool | Kind::Enum(_) => 0,
        Kind::Sint32 | Kind::Sint64 => 1,
        Kind::Fixed32 | Kind::Sfixed32 => 2,
        Kind::Fixed64 | Kind::Sfixed64 => 3,
        Kind::Float => 4,
        Kind::String => 5,
        Kind::Bytes => 6,
        Kind::Double => 7,
        Kind::Message(_) => 8,
    }
}

fn word(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(of) => of.full_name().to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}
