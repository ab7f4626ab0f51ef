//! One message, field by field, as the wire format has it.

use crate::Violation;
use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};

/// Deepest nesting of messages; what the language's own parsers take.
const DEPTH_MAX: usize = 100;

/// That the bytes are a message of this type. Fields that it does not know are let through.
pub(super) fn walk(message: &MessageDescriptor, bytes: &[u8]) -> Result<(), Violation> {
    let mut path = Vec::new();
    fields(message, bytes, &mut path)
}

type Path = Vec<String>;

fn fields(message: &MessageDescriptor, bytes: &[u8], path: &mut Path) -> Result<(), Violation> {
    if path.len() > DEPTH_MAX {
        let deep = broken(path, "nesting", "more");
        return Err(deep.expected(format!("at most {DEPTH_MAX} levels")));
    }
    let mut required: Vec<FieldDescriptor> = message
        .fields()
        .filter(|field| field.cardinality() == Cardinality::Required)
        .collect();
    let mut rest = bytes;
    while !rest.is_empty() {
        let key = varint(&mut rest).ok_or_else(|| broken(path, "tag", "the end of the data"))?;
        let wire = key & 7;
        let number = u32::try_from(key >> 3)
            .ok()
            .filter(|n| (1..1 << 29).contains(n));
        let number = number.ok_or_else(|| broken(path, "tag", "no field number"))?;
        let field = message.get_field(number);
        match &field {
            Some(field) => path.push(field.name().to_owned()),
            None => path.push(number.to_string()),
        }
        required.retain(|field| field.number() != number);
        let value = part(wire, &mut rest).map_err(|found| broken(path, "wire type", found))?;
        if let Some(field) = field {
            check(&field, wire, value, path)?;
        }
        path.pop();
    }
    match required.first() {
        None => Ok(()),
        Some(field) => {
            Err(broken(path, "required", "none").expected(format!("a field `{}`", field.name())))
        }
    }
}

/// The bytes of one value, without the length before them.
fn part<'b>(wire: u64, rest: &mut &'b [u8]) -> Result<&'b [u8], &'static str> {
    const SHORT: &str = "the end of the data";
    let take = |rest: &mut &'b [u8], count: usize| {
        let (taken, left) = rest.split_at_checked(count).ok_or(SHORT)?;
        *rest = left;
        Ok(taken)
    };
    match wire {
        0 => {
            let before = *rest;
            varint(rest).ok_or("no number of at most 64 bits")?;
            Ok(&before[..before.len() - rest.len()])
        }
        1 => take(rest, 8),
        2 => {
            let count = varint(rest).ok_or(SHORT)?;
            take(rest, usize::try_from(count).map_err(|_| SHORT)?)
        }
        5 => take(rest, 4),
        3 | 4 => Err("a group, which the language gave up"),
        _ => Err("a wire type that does not exist"),
    }
}

fn check(
    field: &FieldDescriptor,
    wire: u64,
    value: &[u8],
    path: &mut Path,
) -> Result<(), Violation> {
    let kind = field.kind();
    let own = wire_of(&kind);
    if wire == own {
        return match kind {
            Kind::String if std::str::from_utf8(value).is_err() => {
                Err(broken(path, "string", "bytes that are not UTF-8"))
            }
            Kind::Message(message) => fields(&message, value, path),
            _ => Ok(()),
        };
    }
    // Lists of numbers come packed or one by one, whatever the definition says.
    if wire == 2 && field.is_list() {
        let mut rest = value;
        while !rest.is_empty() {
            part(own, &mut rest).map_err(|found| broken(path, "packed", found))?;
        }
        return Ok(());
    }
    let found = format!("wire type {wire}");
    Err(broken(path, "wire type", &found).expected(format!("{own}, for {kind:?}")))
}

pub(super) fn wire_of(kind: &Kind) -> u64 {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => 1,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => 5,
        Kind::String | Kind::Bytes | Kind::Message(_) => 2,
        _ => 0,
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, left) = rest.split_first()?;
        *rest = left;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn broken(path: &[String], rule: &str, found: &str) -> Violation {
    Violation::new(&path.join("."), rule, found)
}
