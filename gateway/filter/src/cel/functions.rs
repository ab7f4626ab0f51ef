//! The functions of the standard library that a condition may call.

use super::ast::{Expr, Literal, Node};
use super::time;
use super::value::{Failure, Outcome, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Bool,
    Dyn,
    Type,
    Timestamp,
    Duration,
    FullYear,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

use Function as F;

/// How a function is called: with the value in front, as an argument, or both.
#[derive(PartialEq)]
enum Style {
    Member,
    Global,
    Both,
}

/// Name, function, how it is called, and how many values it takes, the one in front included.
const FUNCTIONS: [(&str, Function, Style, usize, usize); 24] = [
    ("size", F::Size, Style::Both, 1, 1),
    ("contains", F::Contains, Style::Member, 2, 2),
    ("startsWith", F::StartsWith, Style::Member, 2, 2),
    ("endsWith", F::EndsWith, Style::Member, 2, 2),
    ("int", F::Int, Style::Global, 1, 1),
    ("uint", F::Uint, Style::Global, 1, 1),
    ("double", F::Double, Style::Global, 1, 1),
    ("string", F::String, Style::Global, 1, 1),
    ("bytes", F::Bytes, Style::Global, 1, 1),
    ("bool", F::Bool, Style::Global, 1, 1),
    ("dyn", F::Dyn, Style::Global, 1, 1),
    ("type", F::Type, Style::Global, 1, 1),
    ("timestamp", F::Timestamp, Style::Global, 1, 1),
    ("duration", F::Duration, Style::Global, 1, 1),
    ("getFullYear", F::FullYear, Style::Member, 1, 2),
    ("getMonth", F::Month, Style::Member, 1, 2),
    ("getDate", F::Date, Style::Member, 1, 2),
    ("getDayOfMonth", F::DayOfMonth, Style::Member, 1, 2),
    ("getDayOfWeek", F::DayOfWeek, Style::Member, 1, 2),
    ("getDayOfYear", F::DayOfYear, Style::Member, 1, 2),
    ("getHours", F::Hours, Style::Member, 1, 2),
    ("getMinutes", F::Minutes, Style::Member, 1, 2),
    ("getSeconds", F::Seconds, Style::Member, 1, 2),
    ("getMilliseconds", F::Milliseconds, Style::Member, 1, 2),
];

/// The type that a name stands for.
pub(super) fn type_named(name: &str) -> Option<&'static str> {
    const TYPES: [&str; 10] = [
        "int",
        "uint",
        "double",
        "bool",
        "string",
        "bytes",
        "list",
        "map",
        "null_type",
        "type",
    ];
    TYPES.into_iter().find(|known| *known == name)
}

/// A zone is known when the expression is read, not when it is evaluated.
pub(super) fn check_zone(zone: &Node) -> Result<(), String> {
    match &zone.expr {
        Expr::Literal(Literal::Text(name)) if time::zone(name).is_some() => Ok(()),
        Expr::Literal(Literal::Text(name)) => Err(format!("there is no time zone `{name}`")),
        _ => Err("a time zone is a literal, such as 'Europe/Berlin' or '+02:00'".into()),
    }
}

impl Function {
    /// The function of this name; else why there is none, and what to do.
    pub(super) fn find(
        name: &str,
        member: bool,
        values: &[Node],
    ) -> Result<Self, (String, Option<String>)> {
        let Some((_, function, style, least, most)) =
            FUNCTIONS.iter().find(|(known, ..)| *known == name)
        else {
            let names: Vec<_> = FUNCTIONS.iter().map(|(known, ..)| *known).collect();
            let hint = format!(
                "there are: {}, matches, has, all, exists, exists_one, map, filter",
                names.join(", ")
            );
            return Err((format!("there is no function `{name}`"), Some(hint)));
        };
        if *style == Style::Member && !member || *style == Style::Global && member {
            let right = if member {
                format!("{name}(…)")
            } else {
                format!("….{name}(…)")
            };
            return Err((format!("`{name}` is called as `{right}`"), None));
        }
        let (arguments, fewest, most) = match member {
            true => (values.len() - 1, least - 1, most - 1),
            false => (values.len(), *least, *most),
        };
        match (fewest..=most).contains(&arguments) {
            true => Ok(*function),
            false if fewest == most => Err((
                format!(
                    "`{name}` takes {most} argument{}, found {arguments}",
                    if most == 1 { "" } else { "s" }
                ),
                None,
            )),
            false => Err((
                format!("`{name}` takes {fewest} or {most} arguments, found {arguments}"),
                None,
            )),
        }
    }

    fn name(self) -> &'static str {
        let known = FUNCTIONS.iter().find(|(_, function, ..)| *function == self);
        known.map_or("", |(name, ..)| name)
    }

    pub(super) fn takes_zone(self) -> bool {
        self as usize >= F::FullYear as usize
    }

    /// The type of what it gives, where that is known and no truth.
    pub(super) fn other_type(self) -> Option<&'static str> {
        match self {
            F::Contains | F::StartsWith | F::EndsWith | F::Bool | F::Dyn => None,
            F::Uint => Some("uint"),
            F::Double => Some("double"),
            F::String => Some("string"),
            F::Bytes => Some("bytes"),
            F::Type => Some("type"),
            F::Timestamp => Some("timestamp"),
            F::Duration => Some("duration"),
            _ => Some("int"),
        }
    }

    pub(super) fn call<'v>(self, values: &[Value<'v>]) -> Outcome<Value<'v>> {
        let [first, rest @ ..] = values else {
            return self.types(values);
        };
        match (self, first, rest) {
            (F::Size, value, []) => match value.len() {
                Some(len) => Ok(Value::Int(len as i64)),
                None => self.types(values),
            },
            (F::Contains, Value::Text(text), [Value::Text(part)]) => {
                Ok(Value::Bool(text.contains(&**part)))
            }
            (F::StartsWith, Value::Text(text), [Value::Text(part)]) => {
                Ok(Value::Bool(text.starts_with(&**part)))
            }
            (F::EndsWith, Value::Text(text), [Value::Text(part)]) => {
                Ok(Value::Bool(text.ends_with(&**part)))
            }
            (F::Dyn, value, []) => Ok(value.clone()),
            (F::Type, value, []) => Ok(Value::Type(value.kind())),
            (F::Int, value, []) => self.int(value),
            (F::Uint, value, []) => self.uint(value),
            (F::Double, value, []) => self.double(value),
            (F::String, value, []) => self.string(value),
            (F::Bytes, Value::Text(text), []) => Ok(Value::Bytes(text.as_bytes().to_vec().into())),
            (F::Bytes, Value::Bytes(_), []) | (F::Bool, Value::Bool(_), []) => Ok(first.clone()),
            (F::Bool, Value::Text(text), []) => match &**text {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
                _ => Err(Failure::Conversion("string", "bool")),
            },
            (F::Timestamp, Value::Timestamp(_), []) | (F::Duration, Value::Duration(_), []) => {
                Ok(first.clone())
            }
            (F::Timestamp, Value::Int(seconds), []) => time::at(*seconds, 0).map(Value::Timestamp),
            (F::Timestamp, Value::Text(text), []) => time::parse(text).map(Value::Timestamp),
            (F::Duration, Value::Text(text), []) => time::parse_duration(text).map(Value::Duration),
            (_, Value::Timestamp(at), _) if self.takes_zone() => {
                let zone = match rest {
                    [Value::Text(zone)] => zone,
                    _ => "UTC",
                };
                time::part(self, *at, zone).map(Value::Int)
            }
            (_, Value::Duration(duration), []) => match time::part_of(self, *duration) {
                Some(part) => Ok(Value::Int(part)),
                None => self.types(values),
            },
            _ => self.types(values),
        }
    }

    fn types<T>(self, values: &[Value<'_>]) -> Outcome<T> {
        let kinds: Vec<_> = values.iter().map(Value::kind).collect();
        Err(Failure::Types(self.name(), kinds.join(", ")))
    }

    fn int<'v>(self, value: &Value<'v>) -> Outcome<Value<'v>> {
        const END: f64 = 9_223_372_036_854_775_808.0;
        Ok(Value::Int(match value {
            Value::Int(value) => *value,
            Value::Uint(value) => i64::try_from(*value).map_err(|_| Failure::Overflow("int"))?,
            Value::Double(value) if -END < *value && *value < END => *value as i64,
            Value::Double(_) => return Err(Failure::Overflow("int")),
            Value::Text(text) => text
                .parse()
                .map_err(|_| Failure::Conversion("string", "int"))?,
            Value::Timestamp(at) => at.as_second(),
            Value::Duration(duration) => duration.as_secs(),
            other => return self.types(std::slice::from_ref(other)),
        }))
    }

    fn uint<'v>(self, value: &Value<'v>) -> Outcome<Value<'v>> {
        const END: f64 = 18_446_744_073_709_551_616.0;
        Ok(Value::Uint(match value {
            Value::Uint(value) => *value,
            Value::Int(value) => u64::try_from(*value).map_err(|_| Failure::Overflow("uint"))?,
            Value::Double(value) if 0.0 <= *value && *value < END => *value as u64,
            Value::Double(_) => return Err(Failure::Overflow("uint")),
            Value::Text(text) => text
                .parse()
                .map_err(|_| Failure::Conversion("string", "uint"))?,
            other => return self.types(std::slice::from_ref(other)),
        }))
    }

    fn double<'v>(self, value: &Value<'v>) -> Outcome<Value<'v>> {
        Ok(Value::Double(match value {
            Value::Double(value) => *value,
            Value::Int(value) => *value as f64,
            Value::Uint(value) => *value as f64,
            Value::Text(text) => text
                .parse()
                .map_err(|_| Failure::Conversion("string", "double"))?,
            other => return self.types(std::slice::from_ref(other)),
        }))
    }

    fn string<'v>(self, value: &Value<'v>) -> Outcome<Value<'v>> {
        Ok(Value::Text(match value {
            Value::Text(text) => text.clone(),
            Value::Int(value) => value.to_string().into(),
            Value::Uint(value) => value.to_string().into(),
            Value::Bool(value) => value.to_string().into(),
            Value::Double(value) => shortest(*value).into(),
            Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned().into(),
                Err(_) => return Err(Failure::Conversion("bytes", "string")),
            },
            Value::Timestamp(at) => at.to_string().into(),
            Value::Duration(duration) => time::written(*duration).into(),
            other => return self.types(std::slice::from_ref(other)),
        }))
    }
}

/// The fewest digits that are read back as the same number; very large and very small ones with an
/// exponent.
fn shortest(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !size.is_finite() || (1e-4..1e21).contains(&size) {
        return match value {
            f64::INFINITY => "+Inf".into(),
            f64::NEG_INFINITY => "-Inf".into(),
            value => value.to_string(),
        };
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}
