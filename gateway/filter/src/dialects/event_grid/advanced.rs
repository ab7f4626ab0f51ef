//! Advanced filters.

use crate::ir::{Arrays, Bound, Formula, How, Path, Range, Test, Text};
use crate::read::{check_name, kind};
use crate::{InvalidFilter, Number, Reader, Words};
use serde_json::{Map, Value};

type Refused<T> = Result<T, InvalidFilter>;

/// Operators, the key of their operand, and what they ask.
const OPERATORS: [(&str, &str, Operator); 19] = [
    ("NumberIn", "values", Operator::Number(Compare::In)),
    ("NumberNotIn", "values", Operator::Number(Compare::NotIn)),
    ("NumberLessThan", "value", Operator::Number(Compare::Less)),
    (
        "NumberGreaterThan",
        "value",
        Operator::Number(Compare::Greater),
    ),
    (
        "NumberLessThanOrEquals",
        "value",
        Operator::Number(Compare::LessOrEqual),
    ),
    (
        "NumberGreaterThanOrEquals",
        "value",
        Operator::Number(Compare::GreaterOrEqual),
    ),
    ("NumberInRange", "values", Operator::Range(false)),
    ("NumberNotInRange", "values", Operator::Range(true)),
    ("BoolEquals", "value", Operator::Bool),
    ("StringIn", "values", Operator::Text(How::Exact)),
    ("StringNotIn", "values", Operator::TextNotIn),
    ("StringBeginsWith", "values", Operator::Text(How::Prefix)),
    (
        "StringNotBeginsWith",
        "values",
        Operator::NotText(How::Prefix),
    ),
    ("StringEndsWith", "values", Operator::Text(How::Suffix)),
    (
        "StringNotEndsWith",
        "values",
        Operator::NotText(How::Suffix),
    ),
    ("StringContains", "values", Operator::Text(How::Contains)),
    (
        "StringNotContains",
        "values",
        Operator::NotText(How::Contains),
    ),
    ("IsNullOrUndefined", "", Operator::Null(true)),
    ("IsNotNull", "", Operator::Null(false)),
];

#[derive(Debug, Clone, Copy)]
enum Operator {
    Number(Compare),
    /// Within one of the ranges, or in none of them.
    Range(bool),
    Bool,
    Text(How),
    NotText(How),
    TextNotIn,
    /// Null or not there, or neither.
    Null(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    In,
    NotIn,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

pub(super) fn filter(filter: &Value, arrays: Arrays, reader: &mut Reader<'_>) -> Refused<Formula> {
    let Value::Object(map) = filter else {
        return reader.refuse(format!(
            "an advanced filter is a map with operatorType and key, found {}",
            kind(filter)
        ));
    };
    let text = |name: &str, reader: &mut Reader<'_>| match map.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => reader.at(name, |reader| {
            reader.refuse(format!("`{name}` is a text, found {}", kind(other)))
        }),
        None => reader.refuse(format!("`{name}` is missing")),
    };
    let name = text("operatorType", reader)?;
    let Some((name, operand, operator)) = OPERATORS.iter().find(|(known, ..)| *known == name)
    else {
        let names: Vec<_> = OPERATORS.iter().map(|(name, ..)| *name).collect();
        return reader.at("operatorType", |reader| {
            reader.refuse(format!(
                "unknown operator `{name}` (there are: {})",
                names.join(", ")
            ))
        });
    };
    let key = text("key", reader)?;
    let path = reader.at("key", |reader| path(&key, arrays, reader))?;
    let known = |key: &&String| {
        matches!(key.as_str(), "operatorType" | "key") || (!operand.is_empty() && **key == *operand)
    };
    if let Some(other) = map.keys().find(|key| !known(key)) {
        return reader.at(other, |reader| {
            reader.refuse_key(format!("`{name}` has no `{other}`"))
        });
    }
    let formula = lowered(*operator, path, operand, map, reader)?;
    let shown = map.get(*operand).map(Value::to_string).unwrap_or_default();
    Ok(Words::told(
        format!("{key} {name} {shown}").trim_end(),
        formula,
    ))
}

/// Where a key of the Event Grid schema, or of its CloudEvents schema, is in the stored event.
fn path(key: &str, arrays: Arrays, reader: &Reader<'_>) -> Refused<Path> {
    let mut steps = key.split('.');
    let first = steps.next().unwrap_or_default();
    if first.eq_ignore_ascii_case("data") {
        let keys: Vec<_> = steps.collect();
        if keys.iter().any(|key| key.is_empty()) {
            return reader.refuse(format!("`{key}` has an empty part"));
        }
        return Ok(Path::data(arrays, keys));
    }
    let name = match first.to_ascii_lowercase() {
        name if name == "eventtype" => "type".into(),
        name if name == "topic" => "source".into(),
        name if name == "eventtime" => "time".into(),
        name => name,
    };
    if steps.next().is_some() || check_name(&name).is_err() {
        return reader.refuse(format!(
            "`{key}` is no key: write id, topic, source, subject, eventType, dataVersion, an \
             extension attribute, or data.…"
        ));
    }
    Ok(Path::attribute(name))
}

fn lowered(
    operator: Operator,
    path: Path,
    operand: &str,
    map: &Map<String, Value>,
    reader: &mut Reader<'_>,
) -> Refused<Formula> {
    let any = |tests: Vec<Test>| {
        let test = |test| Formula::test(path.clone(), test);
        Formula::any(tests.into_iter().map(test).collect())
    };
    match operator {
        Operator::Number(compare) => {
            let tests = match compare {
                Compare::In | Compare::NotIn => values(map, operand, reader, number)?
                    .into_iter()
                    .map(|number| Test::Number(Range::exactly(number)))
                    .collect(),
                _ => {
                    let number = value(map, operand, reader, number)?;
                    vec![Test::Number(range(compare, number))]
                }
            };
            Ok(match compare {
                Compare::NotIn => any(tests).negated(),
                _ => any(tests),
            })
        }
        Operator::Range(negated) => {
            let tests = values(map, operand, reader, pair)?
                .into_iter()
                .map(Test::Number)
                .collect();
            let number = Test::Number(Range {
                low: None,
                high: None,
            });
            Ok(match negated {
                true => Formula::All(vec![any(vec![number]), any(tests).negated()]),
                false => any(tests),
            })
        }
        Operator::Bool => {
            let wanted = value(map, operand, reader, |value, reader| match value {
                Value::Bool(value) => Ok(*value),
                other => {
                    reader.refuse(format!("true or false belongs here, found {}", kind(other)))
                }
            })?;
            Ok(any(vec![Test::Bool(wanted)]))
        }
        Operator::Text(how) => Ok(any(texts(map, operand, how, reader)?)),
        Operator::TextNotIn => Ok(any(texts(map, operand, How::Exact, reader)?).negated()),
        Operator::NotText(how) => {
            let tests = texts(map, operand, how, reader)?;
            let text = Test::Text(Text::new(How::Prefix, ""));
            Ok(Formula::All(vec![any(vec![text]), any(tests).negated()]))
        }
        Operator::Null(wanted) => {
            reader.count(1)?;
            let there = any(vec![Test::NoneOf([Test::Null].into()), Test::Composite]);
            Ok(if wanted { there.negated() } else { there })
        }
    }
}

fn range(compare: Compare, at: Number) -> Range {
    let bound = |inclusive| Some(Bound { at, inclusive });
    match compare {
        Compare::Less | Compare::LessOrEqual => Range {
            low: None,
            high: bound(compare == Compare::LessOrEqual),
        },
        _ => Range {
            low: bound(compare == Compare::GreaterOrEqual),
            high: None,
        },
    }
}

fn texts(
    map: &Map<String, Value>,
    operand: &str,
    how: How,
    reader: &mut Reader<'_>,
) -> Refused<Vec<Test>> {
    values(map, operand, reader, |value, reader| match value {
        Value::String(text) => Ok(Test::Text(Text::folding(how, text))),
        other => reader.refuse(format!("a text belongs here, found {}", kind(other))),
    })
}

fn number(value: &Value, reader: &mut Reader<'_>) -> Refused<Number> {
    match value.as_f64().and_then(Number::new) {
        Some(number) => Ok(number),
        None => reader.refuse(format!("a number belongs here, found {}", kind(value))),
    }
}

fn pair(value: &Value, reader: &mut Reader<'_>) -> Refused<Range> {
    let ends = match value {
        Value::Array(ends) if ends.len() == 2 => ends,
        _ => return reader.refuse("a range is a list of two numbers"),
    };
    let end =
        |at: usize, reader: &mut Reader<'_>| reader.at(at, |reader| number(&ends[at], reader));
    let (low, high) = (end(0, reader)?, end(1, reader)?);
    if low > high {
        return reader.refuse("a range begins with its lower end");
    }
    let bound = |at| {
        Some(Bound {
            at,
            inclusive: true,
        })
    };
    Ok(Range {
        low: bound(low),
        high: bound(high),
    })
}

fn value<T>(
    map: &Map<String, Value>,
    operand: &str,
    reader: &mut Reader<'_>,
    read: impl Fn(&Value, &mut Reader<'_>) -> Refused<T>,
) -> Refused<T> {
    reader.count(1)?;
    match map.get(operand) {
        Some(value) => reader.at(operand, |reader| read(value, reader)),
        None => reader.refuse(format!("`{operand}` is missing")),
    }
}

fn values<T>(
    map: &Map<String, Value>,
    operand: &str,
    reader: &mut Reader<'_>,
    read: impl Fn(&Value, &mut Reader<'_>) -> Refused<T>,
) -> Refused<Vec<T>> {
    let members = match map.get(operand) {
        Some(Value::Array(members)) if !members.is_empty() => members,
        Some(_) => {
            return reader.at(operand, |reader| {
                reader.refuse("a list with at least one value belongs here")
            });
        }
        None => return reader.refuse(format!("`{operand}` is missing")),
    };
    reader.count(members.len())?;
    reader.at(operand, |reader| {
        members
            .iter()
            .enumerate()
            .map(|(index, member)| reader.at(index, |reader| read(member, reader)))
            .collect()
    })
}
