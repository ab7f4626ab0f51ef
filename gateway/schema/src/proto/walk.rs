//! One message, field by field, as the wire format has it.

use crate::Violation;
use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};

/// Deepest nesting of messages; what the language's own parsers take.
const DEPTH_MAX: usize = 100;

/// That the bytes are a message of this type. Fields that it does not know are let through.
pub(super) fn walk(message: &MessageDescriptor, bytes: &[u8]) -> Result<(), Violation> {
    let mut left = usize::MAX;
    walk_few(message, bytes, &mut left)
}

/// The same, where it holds at most so many messages, which are taken off.
pub(super) fn walk_few(
    message: &MessageDescriptor,
    bytes: &[u8],
    left: &mut usize,
) -> Result<(), Violation> {
    let path = Vec::new();
    fields(message, bytes, &mut Walk { path, left })
}

struct Walk<'l> {
    path: Vec<String>,
    /// How many more messages there may be.
    left: &'l mut usize,
}

fn fields(message: &MessageDescriptor, bytes: &[u8], walk: &mut Walk<'_>) -> Result<(), Violation> {
    let path = &walk.path;
    match walk.left.checked_sub(1) {
        Some(left) => *walk.left = left,
        None => return Err(broken(path, "size", "more messages than can be read")),
    }
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
        let path = &mut walk.path;
        let key = varint(&mut rest).ok_or_else(|| broken(path, "tag", "the end of the data"))?;
        let wire = key & 7;
        let number = u32::try_from(key >> 3)
            .ok()
            .filter(|n| (1..1 << 29).contains(n));
        let number = number.ok_or_else(|| broken(path, "tag", "no field number"))?;
        let field = Field::of(message, number);
        match &field {
            Some(field) => path.push(field.name.clone()),
            None => path.push(number.to_string()),
        }
        required.retain(|field| field.number() != number);
        let value = part(wire, &mut rest).map_err(|found| broken(path, "wire type", found))?;
        if let Some(field) = field {
            check(&field, wire, value, walk)?;
        }
        walk.path.pop();
    }
    let path = &walk.path;
    match required.first() {
        None => Ok(()),
        Some(field) => {
            Err(broken(path, "required", "none").expected(format!("a field `{}`", field.name())))
        }
    }
}

/// A field of the message, or one that another file extends it by.
struct Field {
    name: String,
    kind: Kind,
    is_list: bool,
}

impl Field {
    fn of(message: &MessageDescriptor, number: u32) -> Option<Self> {
        if let Some(field) = message.get_field(number) {
            return Some(Self {
                name: field.name().to_owned(),
                kind: field.kind(),
                is_list: field.is_list(),
            });
        }
        let extension = message.get_extension(number)?;
        Some(Self {
            name: extension.name().to_owned(),
            kind: extension.kind(),
            is_list: extension.is_list(),
        })
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

fn check(field: &Field, wire: u64, value: &[u8], walk: &mut Walk<'_>) -> Result<(), Violation> {
    let (kind, path) = (&field.kind, &walk.path);
    let own = wire_of(kind);
    if wire == own {
        return match kind {
            Kind::String if std::str::from_utf8(value).is_err() => {
                Err(broken(path, "string", "bytes that are not UTF-8"))
            }
            Kind::Message(message) => fields(message, value, walk),
            _ => Ok(()),
        };
    }
    // Lists of numbers come packed or one by one, whatever the definition says.
    if wire == 2 && field.is_list {
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

pub(super) fn varint(rest: &mut &[u8]) -> Option<u64> {
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
