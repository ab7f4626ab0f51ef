//! Values, and why there is none.

use super::held::Held;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};
use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

/// A value while an expression is evaluated. What comes from the event is borrowed from it.
#[derive(Debug, Clone)]
pub(super) enum Value<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Held<'v, str>),
    Bytes(Held<'v, [u8]>),
    Timestamp(Timestamp),
    Duration(SignedDuration),
    Type(&'static str),
    List(Rc<[Value<'v>]>),
    Map(Rc<[(Value<'v>, Value<'v>)]>),
    /// An array of the event's `data`.
    Array(&'v [Json]),
    /// An object of the event's `data`.
    Object(&'v Map<String, Json>),
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("there is no `{0}`")]
    Missing(Arc<str>),
    #[error("there is no such key")]
    Key,
    #[error("there is no element {0}")]
    Index(i64),
    #[error("`{0}` does not take {1}")]
    Types(&'static str, String),
    #[error("a {0} is neither true nor false")]
    Condition(&'static str),
    #[error("`{0}` goes beyond what its type holds")]
    Overflow(&'static str),
    #[error("division by zero")]
    Zero,
    #[error("this {0} is no {1}")]
    Conversion(&'static str, &'static str),
    #[error("the expression takes too many steps with this event")]
    Steps,
}

pub(super) type Outcome<T> = Result<T, Failure>;

impl<'v> Value<'v> {
    pub(super) fn of_json(json: &'v Json) -> Self {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Value::Int(number),
                (None, Some(number)) => Value::Uint(number),
                (None, None) => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(text.as_str().into()),
            Json::Array(members) => Value::Array(members),
            Json::Object(members) => Value::Object(members),
        }
    }

    /// The name of its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::Text(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Timestamp(_) => "timestamp",
            Value::Duration(_) => "duration",
            Value::Type(_) => "type",
            Value::List(_) | Value::Array(_) => "list",
            Value::Map(_) | Value::Object(_) => "map",
        }
    }

    /// How many steps it takes to look at all of it; of what holds others only the first level.
    pub(super) fn steps(&self) -> usize {
        match self {
            Value::Text(text) => text.len() / 64,
            Value::Bytes(bytes) => bytes.len() / 64,
            _ => 0,
        }
    }

    /// The members of a list, or the keys of a map.
    pub(super) fn members(&self) -> Option<Box<dyn Iterator<Item = Value<'v>> + '_>> {
        Some(match self {
            Value::List(members) => Box::new(members.iter().cloned()),
            Value::Array(members) => Box::new(members.iter().map(Value::of_json)),
            Value::Map(entries) => Box::new(entries.iter().map(|(key, _)| key.clone())),
            Value::Object(map) => Box::new(map.keys().map(|key| Value::Text(key.as_str().into()))),
            _ => return None,
        })
    }

    pub(super) fn len(&self) -> Option<usize> {
        Some(match self {
            Value::List(members) => members.len(),
            Value::Array(members) => members.len(),
            Value::Map(entries) => entries.len(),
            Value::Object(map) => map.len(),
            Value::Text(text) => text.chars().count(),
            Value::Bytes(bytes) => bytes.len(),
            _ => return None,
        })
    }

    /// The member of a map of this name.
    pub(super) fn member(&self, name: &str) -> Option<Value<'v>> {
        match self {
            Value::Object(map) => map.get(name).map(Value::of_json),
            Value::Map(entries) => entries
                .iter()
                .find(|(key, _)| matches!(key, Value::Text(key) if **key == *name))
                .map(|(_, value)| value.clone()),
            _ => None,
        }
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self, Value::Object(_) | Value::Map(_))
    }
}

/// The order of two values of types that have one with each other; not a number is equal to nothing.
pub(super) fn order(left: &Value<'_>, right: &Value<'_>) -> Option<Option<Ordering>> {
    use Value::{Bool, Bytes, Double, Duration, Int, Text, Timestamp, Uint};
    Some(match (left, right) {
        (Int(left), Int(right)) => Some(left.cmp(right)),
        (Uint(left), Uint(right)) => Some(left.cmp(right)),
        (Double(left), Double(right)) => left.partial_cmp(right),
        (Int(left), Uint(right)) => Some(i128::from(*left).cmp(&i128::from(*right))),
        (Uint(left), Int(right)) => Some(i128::from(*left).cmp(&i128::from(*right))),
        // As doubles, like other implementations.
        (Int(left), Double(right)) => (*left as f64).partial_cmp(right),
        (Uint(left), Double(right)) => (*left as f64).partial_cmp(right),
        (Double(left), Int(right)) => left.partial_cmp(&(*right as f64)),
        (Double(left), Uint(right)) => left.partial_cmp(&(*right as f64)),
        (Bool(left), Bool(right)) => Some(left.cmp(right)),
        (Text(left), Text(right)) => Some(left.cmp(right)),
        (Bytes(left), Bytes(right)) => Some(left.cmp(right)),
        (Timestamp(left), Timestamp(right)) => Some(left.cmp(right)),
        (Duration(left), Duration(right)) => Some(left.cmp(right)),
        _ => return None,
    })
}
