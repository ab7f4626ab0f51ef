//! From a formula back to an Event Grid filter.

use crate::dialects::render::{Said, Target};
use crate::ir::{Arrays, How, Path, Predicate, Range, Test, Text};
use serde_json::{Map, Value, json};

/// Advanced filters, all of which must hold.
pub(super) struct Filters;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum One {
    /// `includedEventTypes`.
    Types(Vec<Value>),
    Advanced {
        operator: &'static str,
        key: String,
        /// Empty for operators without an operand.
        values: Vec<Value>,
    },
}

impl Target for Filters {
    type Part = Vec<One>;

    fn predicate(&self, predicate: &Predicate, negated: bool) -> Said<Self::Part> {
        let words = || format!("{} {}", predicate.path, predicate.test.words(negated));
        if let (Path::Attribute(name), Test::Text(text), false) =
            (&predicate.path, &predicate.test, negated)
            && &**name == "type"
            && (text.how, text.fold) == (How::Exact, false)
            && &*text.text != "All"
        {
            return Said::exactly(vec![One::Types(vec![(&*text.text).into()])]);
        }
        let Some(key) = key(&predicate.path) else {
            return Said::no(words());
        };
        let advanced = |operator, values| {
            vec![One::Advanced {
                operator,
                key: key.clone(),
                values,
            }]
        };
        match (&predicate.test, negated) {
            (Test::Text(text), false) => {
                let operator = match text.how {
                    How::Exact => "StringIn",
                    How::Prefix => "StringBeginsWith",
                    How::Suffix => "StringEndsWith",
                    How::Contains => "StringContains",
                };
                let part = advanced(operator, vec![(&*text.text).into()]);
                match text.fold {
                    true => Said::exactly(part),
                    false => Said::weaker(part, format!("the case of {}", predicate.path)),
                }
            }
            (
                Test::Text(Text {
                    how: How::Exact,
                    text,
                    fold: true,
                }),
                true,
            ) => Said::exactly(advanced("StringNotIn", vec![(&**text).into()])),
            (Test::Number(range), false) => match ranged(range) {
                Some((operator, values)) => Said::exactly(advanced(operator, values)),
                None => Said::no(words()),
            },
            (Test::Number(range), true) => match ranged(range) {
                Some(("NumberIn", values)) => Said::exactly(advanced("NumberNotIn", values)),
                _ => Said::no(words()),
            },
            (Test::Bool(value), false) => {
                Said::exactly(advanced("BoolEquals", vec![Value::Bool(*value)]))
            }
            _ => Said::no(words()),
        }
    }

    fn all(&self, parts: Vec<Self::Part>) -> Result<Self::Part, String> {
        let all: Vec<One> = parts.into_iter().flatten().collect();
        let types = all.iter().filter(|one| matches!(one, One::Types(_)));
        match types.count() > 1 {
            true => Err("two lists of event types".into()),
            false => Ok(all),
        }
    }

    fn any(&self, parts: Vec<Self::Part>) -> Result<Self::Part, String> {
        let no = || Err("alternatives over several keys or operators".to_owned());
        let mut any: Option<One> = None;
        for mut part in parts {
            let (Some(one), true) = (part.pop(), part.is_empty()) else {
                return no();
            };
            any = Some(match (any, one) {
                (None, one) => one,
                (Some(One::Types(mut types)), One::Types(more)) => {
                    types.extend(more);
                    One::Types(types)
                }
                (
                    Some(One::Advanced {
                        operator,
                        key,
                        mut values,
                    }),
                    One::Advanced {
                        operator: other,
                        key: at,
                        values: more,
                    },
                ) if operator == other && key == at && lists(operator) => {
                    values.extend(more);
                    One::Advanced {
                        operator,
                        key,
                        values,
                    }
                }
                _ => return no(),
            });
        }
        Ok(any.into_iter().collect())
    }

    fn whole(&self, part: Option<Self::Part>) -> Value {
        let mut whole = Map::new();
        let mut advanced = Vec::new();
        for one in part.unwrap_or_default() {
            match one {
                One::Types(types) => {
                    whole.insert("includedEventTypes".into(), types.into());
                }
                One::Advanced {
                    operator,
                    key,
                    mut values,
                } => {
                    let mut filter = json!({ "operatorType": operator, "key": key });
                    match single(operator) {
                        true => filter["value"] = values.pop().unwrap_or_default(),
                        false => filter["values"] = values.into(),
                    }
                    advanced.push(filter);
                }
            }
        }
        if !advanced.is_empty() {
            whole.insert("advancedFilters".into(), advanced.into());
        }
        Value::Object(whole)
    }
}

fn single(operator: &str) -> bool {
    operator == "BoolEquals" || operator.contains("Than")
}

/// Operators whose values are alternatives.
fn lists(operator: &str) -> bool {
    !single(operator) && !operator.contains("Not")
}

/// Keys lead into no arrays unless all of a subscription's do.
fn key(path: &Path) -> Option<String> {
    match path {
        Path::Attribute(name) => match &**name {
            "data" => None,
            name => Some(name.into()),
        },
        Path::Data { keys, arrays } => {
            let plain = |key: &std::sync::Arc<str>| !key.is_empty() && !key.contains('.');
            (*arrays == Arrays::Never && !keys.is_empty() && keys.iter().all(plain))
                .then(|| format!("data.{}", keys.join(".")))
        }
    }
}

fn ranged(range: &Range) -> Option<(&'static str, Vec<Value>)> {
    let number = |bound: crate::Bound| json!(bound.at.get());
    Some(match (range.low, range.high) {
        (Some(low), Some(high)) if low.inclusive && high.inclusive && low.at == high.at => {
            ("NumberIn", vec![number(low)])
        }
        (Some(low), Some(high)) if low.inclusive && high.inclusive && low.at < high.at => {
            ("NumberInRange", vec![json!([number(low), number(high)])])
        }
        (Some(low), None) if low.inclusive => ("NumberGreaterThanOrEquals", vec![number(low)]),
        (Some(low), None) => ("NumberGreaterThan", vec![number(low)]),
        (None, Some(high)) if high.inclusive => ("NumberLessThanOrEquals", vec![number(high)]),
        (None, Some(high)) => ("NumberLessThan", vec![number(high)]),
        _ => return None,
    })
}
