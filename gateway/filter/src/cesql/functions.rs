//! Functions: the built-in ones (CESQL 1.0.0 §3.5) and those that are registered.

use super::value::{Error, ErrorKind, Type, Value};
use crate::ir::folded;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// What a function gives: a value, and an error beside it if there was one. Without a value the zero
/// value of its type stands in.
pub type Outcome = Result<Value, (Option<Value>, Error)>;

type Body = Arc<dyn Fn(&[Value]) -> Outcome + Send + Sync>;

/// A function: its signature and what it does. Arguments arrive cast to the types of the signature.
#[derive(Clone)]
pub struct Function {
    parameters: Vec<Type>,
    more: Option<Type>,
    returns: Type,
    body: Body,
}

impl Function {
    /// A function of a fixed number of arguments.
    pub fn new(
        parameters: &[Type],
        returns: Type,
        body: impl Fn(&[Value]) -> Outcome + Send + Sync + 'static,
    ) -> Self {
        Self {
            parameters: parameters.to_vec(),
            more: None,
            returns,
            body: Arc::new(body),
        }
    }

    /// The same, with any number of further arguments.
    #[must_use]
    pub fn variadic(mut self, more: Type) -> Self {
        self.more = Some(more);
        self
    }

    /// The type of an argument.
    pub(super) fn parameter(&self, at: usize) -> Option<Type> {
        self.parameters.get(at).copied().or(self.more)
    }

    pub(super) fn returns(&self) -> Type {
        self.returns
    }

    pub(super) fn call(&self, arguments: &[Value]) -> (Value, Option<Error>) {
        let (value, error) = match (self.body)(arguments) {
            Ok(value) => (Some(value), None),
            Err((value, error)) => (value, Some(error)),
        };
        match value {
            Some(value) if value.ty() == self.returns => (value, error),
            None if error.is_some() => (self.returns.zero(), error),
            _ => {
                let reason = format!("a function of type {} gave another type", self.returns);
                let error = Error::new(ErrorKind::FunctionEvaluation, reason);
                (self.returns.zero(), Some(error))
            }
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = self.more.map(|ty| format!(", {ty}...")).unwrap_or_default();
        write!(f, "{:?}{more} -> {}", self.parameters, self.returns)
    }
}

/// Functions by name and number of arguments.
#[derive(Debug, Clone)]
pub struct Functions {
    by_name: HashMap<String, Vec<Function>>,
}

impl Default for Functions {
    /// The built-in ones.
    fn default() -> Self {
        built_in()
    }
}

impl Functions {
    /// Adds a function. Names are case-insensitive, and hold letters and `_`. Of functions of one name
    /// each has another number of arguments; a variadic one has more fixed ones than any other.
    pub fn register(&mut self, name: &str, function: Function) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::new(ErrorKind::Generic, reason));
        let letters = |b: u8| b.is_ascii_alphabetic() || b == b'_';
        if !name.bytes().all(letters) || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return refuse(format!(
                "`{name}` is no name of a function: letters and _ only, a letter first"
            ));
        }
        let known = self.by_name.entry(name.to_ascii_uppercase()).or_default();
        let fixed = function.parameters.len();
        for other in known.iter() {
            let others = other.parameters.len();
            let clash = match (other.more.is_some(), function.more.is_some()) {
                (true, true) => true,
                (true, false) => fixed >= others,
                (false, true) => others >= fixed,
                (false, false) => others == fixed,
            };
            if clash {
                return refuse(format!(
                    "`{name}` is there already for this number of arguments"
                ));
            }
        }
        known.push(function);
        Ok(())
    }

    /// The function of this name for this number of arguments.
    pub(super) fn find(&self, name: &str, arguments: usize) -> Option<&Function> {
        self.by_name.get(name)?.iter().find(|function| {
            let fixed = function.parameters.len();
            arguments == fixed || function.more.is_some() && arguments > fixed
        })
    }

    /// Whether there is a function of this name.
    pub(super) fn is_known(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }
}

fn built_in() -> Functions {
    use Type::{Boolean, Integer, String};
    let mut functions = Functions {
        by_name: HashMap::new(),
    };
    let mut add = |name: &str, function: Function| {
        let of_name = functions.by_name.entry(name.to_owned()).or_default();
        of_name.push(function);
    };
    add("ABS", Function::new(&[Integer], Integer, abs));
    add(
        "LENGTH",
        Function::new(&[String], Integer, |a| {
            Ok(Value::Integer(
                i32::try_from(text(a, 0).chars().count()).unwrap_or(i32::MAX),
            ))
        }),
    );
    let concat = |a: &[Value]| joined("", a);
    add(
        "CONCAT",
        Function::new(&[], String, concat).variadic(String),
    );
    let concat_ws = |a: &[Value]| joined(text(a, 0), a.get(1..).unwrap_or_default());
    add(
        "CONCAT_WS",
        Function::new(&[String], String, concat_ws).variadic(String),
    );
    add("LOWER", on_text(|text| folded(text).into_owned()));
    add("UPPER", on_text(str::to_uppercase));
    add("TRIM", on_text(|text| text.trim().to_owned()));
    add("LEFT", Function::new(&[String, Integer], String, left));
    add("RIGHT", Function::new(&[String, Integer], String, right));
    add(
        "SUBSTRING",
        Function::new(&[String, Integer], String, |a| substring(a, i32::MAX)),
    );
    add(
        "SUBSTRING",
        Function::new(&[String, Integer, Integer], String, |a| {
            substring(a, integer(a, 2))
        }),
    );
    // Taken out of the text, kept by the test kit: casts by name.
    add("INT", Function::new(&[Integer], Integer, same));
    add("BOOL", Function::new(&[Boolean], Boolean, same));
    add("STRING", Function::new(&[String], String, same));
    functions
}

/// Longest text that a function gives, in bytes: what is nested must not grow without bound.
const TEXT_MAX: usize = 1 << 20;

fn text(arguments: &[Value], at: usize) -> &str {
    match arguments.get(at) {
        Some(Value::String(text)) => text,
        _ => "",
    }
}

fn integer(arguments: &[Value], at: usize) -> i32 {
    match arguments.get(at) {
        Some(Value::Integer(n)) => *n,
        _ => 0,
    }
}

fn same(arguments: &[Value]) -> Outcome {
    arguments.first().cloned().ok_or_else(|| {
        let error = Error::new(ErrorKind::FunctionEvaluation, "an argument is missing");
        (None, error)
    })
}

fn on_text(change: fn(&str) -> String) -> Function {
    Function::new(&[Type::String], Type::String, move |arguments| {
        Ok(Value::String(change(text(arguments, 0))))
    })
}

fn joined(between: &str, arguments: &[Value]) -> Outcome {
    let mut out = String::new();
    for (at, _) in arguments.iter().enumerate() {
        if at > 0 {
            out.push_str(between);
        }
        out.push_str(text(arguments, at));
        if out.len() > TEXT_MAX {
            let reason = format!("the text grows beyond {} MiB", TEXT_MAX >> 20);
            return Err((None, Error::new(ErrorKind::FunctionEvaluation, reason)));
        }
    }
    Ok(Value::String(out))
}

fn abs(arguments: &[Value]) -> Outcome {
    let n = integer(arguments, 0);
    match n.checked_abs() {
        Some(abs) => Ok(Value::Integer(abs)),
        None => Err((
            Some(Value::Integer(i32::MAX)),
            Error::new(ErrorKind::Math, format!("ABS({n}) has more than 32 bits")),
        )),
    }
}

fn wrong(value: String, reason: String) -> Outcome {
    let error = Error::new(ErrorKind::FunctionEvaluation, reason);
    Err((Some(Value::String(value)), error))
}

fn left(arguments: &[Value]) -> Outcome {
    let (text, n) = (text(arguments, 0), integer(arguments, 1));
    match usize::try_from(n) {
        Ok(n) => Ok(Value::String(text.chars().take(n).collect())),
        Err(_) => wrong(text.into(), format!("LEFT takes no negative length ({n})")),
    }
}

fn right(arguments: &[Value]) -> Outcome {
    let (text, n) = (text(arguments, 0), integer(arguments, 1));
    let Ok(n) = usize::try_from(n) else {
        return wrong(text.into(), format!("RIGHT takes no negative length ({n})"));
    };
    let skipped = text.chars().count().saturating_sub(n);
    Ok(Value::String(text.chars().skip(skipped).collect()))
}

fn substring(arguments: &[Value], len: i32) -> Outcome {
    let (text, position) = (text(arguments, 0), integer(arguments, 1));
    let count = text.chars().count();
    if position.unsigned_abs() as usize > count {
        return wrong(
            String::new(),
            format!("SUBSTRING begins at {position} of {count} characters"),
        );
    }
    let Ok(len) = usize::try_from(len) else {
        return wrong(
            String::new(),
            format!("SUBSTRING takes no negative length ({len})"),
        );
    };
    let from = position.unsigned_abs() as usize;
    let start = match position {
        0 => return Ok(Value::String(String::new())),
        1.. => from - 1,
        _ => count - from,
    };
    Ok(Value::String(text.chars().skip(start).take(len).collect()))
}
