//! Values, types, casts and errors (CESQL 1.0.0 §3.1, §3.3, §3.7).

use std::borrow::Cow;
use std::fmt;
use tradewind_event::Attribute;

/// A CESQL type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// 32 bits, signed.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Unicode text.
    String,
}

/// A CESQL value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// 32 bits, signed.
    Integer(i32),
    /// `true` or `false`.
    Boolean(bool),
    /// Unicode text.
    String(String),
}

/// Kinds of errors, by the names of the test kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The expression does not parse.
    Parse,
    /// A division by zero or an overflow.
    Math,
    /// A value that cannot be cast.
    Cast,
    /// A function that does not exist.
    MissingFunction,
    /// A function that cannot work with its arguments.
    FunctionEvaluation,
    /// An attribute that the event does not have.
    MissingAttribute,
    /// Anything else.
    Generic,
}

/// An error that came up while an expression was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {reason}")]
pub struct Error {
    /// What kind.
    pub kind: ErrorKind,
    /// What is wrong.
    pub reason: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::Parse => "parse",
            ErrorKind::Math => "math",
            ErrorKind::Cast => "cast",
            ErrorKind::MissingFunction => "missingFunction",
            ErrorKind::FunctionEvaluation => "functionEvaluation",
            ErrorKind::MissingAttribute => "missingAttribute",
            ErrorKind::Generic => "generic",
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Integer => "Integer",
            Type::Boolean => "Boolean",
            Type::String => "String",
        })
    }
}

impl Type {
    /// What stands in for a value where there is an error.
    pub fn zero(self) -> Value {
        match self {
            Type::Integer => Value::Integer(0),
            Type::Boolean => Value::Boolean(false),
            Type::String => Value::String(String::new()),
        }
    }
}

impl Value {
    /// Its type.
    pub fn ty(&self) -> Type {
        match self {
            Value::Integer(_) => Type::Integer,
            Value::Boolean(_) => Type::Boolean,
            Value::String(_) => Type::String,
        }
    }

    /// The value as another type.
    pub fn cast(self, to: Type) -> Result<Value, Error> {
        if self.ty() == to {
            return Ok(self);
        }
        match to {
            Type::Integer => self.integer().map(Value::Integer),
            Type::Boolean => self.boolean().map(Value::Boolean),
            Type::String => Ok(Value::String(self.text().into_owned())),
        }
    }

    pub(crate) fn integer(&self) -> Result<i32, Error> {
        match self {
            Value::Integer(n) => Ok(*n),
            Value::Boolean(b) => Ok(i32::from(*b)),
            Value::String(text) => text.parse().map_err(|_| no_cast(text, Type::Integer)),
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, Error> {
        match self {
            Value::Integer(n) => Ok(*n != 0),
            Value::Boolean(b) => Ok(*b),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Value::String(text) => Err(no_cast(text, Type::Boolean)),
        }
    }

    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Value::Integer(n) => n.to_string().into(),
            Value::Boolean(true) => "true".into(),
            Value::Boolean(false) => "false".into(),
            Value::String(text) => text.into(),
        }
    }

    pub(crate) fn of(attribute: Attribute<'_>) -> Value {
        match attribute {
            Attribute::Integer(n) => Value::Integer(n),
            Attribute::Boolean(b) => Value::Boolean(b),
            other => Value::String(other.to_canonical().into_owned()),
        }
    }
}

fn no_cast(text: &str, to: Type) -> Error {
    let short: String = text.chars().take(64).collect();
    Error::new(ErrorKind::Cast, format!("'{short}' cannot be cast to {to}"))
}
