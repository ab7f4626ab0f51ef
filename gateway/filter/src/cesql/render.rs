//! Formulas as expressions.
//!
//! A formula has no errors, an expression has: an attribute that may be absent is asked for first, and
//! AND stops there.

use super::lex::quoted;
use super::like::escaped;
use crate::Rendering;
use crate::ir::{Formula, How, Path, Predicate, Test, Text};
use serde_json::Value;

/// Most bytes of an expression that is made.
const LENGTH_MAX: usize = crate::EXPRESSION_MAX;

pub(super) fn render(formula: &Formula) -> Rendering {
    if let Formula::Told(teller, _) = formula
        && let Some(("sql", text)) = teller.0.source()
    {
        return Rendering::Exact(Value::String(text));
    }
    let mut missing = Vec::new();
    let weaker = weaker(formula, true, &mut missing);
    missing.dedup();
    match weaker {
        _ if missing.is_empty() => match weaker {
            Some(text) if text.len() <= LENGTH_MAX => Rendering::Exact(Value::String(text)),
            Some(_) => Rendering::impossible("the expression would be too long"),
            None => Rendering::Exact(Value::String("TRUE".into())),
        },
        Some(text) if text.len() <= LENGTH_MAX => Rendering::Superset {
            definition: Value::String(text),
            reasons: missing,
        },
        _ => Rendering::Impossible { reasons: missing },
    }
}

/// An expression that holds wherever the formula does, or, with `positive` unset, fails wherever the
/// formula fails; `None` for one that says nothing. What could not be said is added to `missing`.
fn weaker(formula: &Formula, positive: bool, missing: &mut Vec<String>) -> Option<String> {
    match formula {
        Formula::All(members) | Formula::Any(members) => {
            let all = matches!(formula, Formula::All(_));
            let parts: Vec<Option<String>> = members
                .iter()
                .map(|member| weaker(member, positive, missing))
                .collect();
            // A part that is left out makes an AND weaker and an OR stronger.
            if all == positive {
                let said: Vec<_> = parts.into_iter().flatten().collect();
                return join(said, all);
            }
            let said: Option<Vec<_>> = parts.into_iter().collect();
            match said {
                Some(said) if !said.is_empty() => join(said, all),
                Some(_) => Some(if all { "TRUE" } else { "FALSE" }.into()),
                None => None,
            }
        }
        Formula::Not(member) => {
            let inner = weaker(member, !positive, missing)?;
            Some(format!("NOT ({inner})"))
        }
        Formula::Told(_, member) => weaker(member, positive, missing),
        Formula::Test(predicate) => match test(predicate) {
            Ok(text) => Some(text),
            Err(reason) => {
                missing.push(reason);
                None
            }
        },
        Formula::Together(_) => {
            missing.push("CESQL sees attributes only, not `data`".into());
            None
        }
        Formula::Opaque(opaque) => {
            let (dialect, text) = (opaque.expression.dialect(), opaque.expression.text());
            missing.push(format!(
                "`{text}` ({dialect}) is evaluated by its own dialect only"
            ));
            None
        }
    }
}

fn join(parts: Vec<String>, all: bool) -> Option<String> {
    let between = if all { " AND " } else { " OR " };
    match parts.len() {
        0 => None,
        1 => parts.into_iter().next(),
        _ => {
            let parts: Vec<_> = parts.iter().map(|part| format!("({part})")).collect();
            Some(parts.join(between))
        }
    }
}

fn test(predicate: &Predicate) -> Result<String, String> {
    let Path::Attribute(name) = &predicate.path else {
        return Err("CESQL sees attributes only, not `data`".into());
    };
    let said = one(name, &predicate.test)?;
    Ok(match &**name {
        "id" | "source" | "type" | "specversion" => said,
        _ if predicate.test == Test::Exists => said,
        _ => format!("EXISTS {name} AND {said}"),
    })
}

fn one(name: &str, test: &Test) -> Result<String, String> {
    let cannot = |what: &str| Err(format!("CESQL has no way to say `{name} {what}`"));
    match test {
        Test::Exists => Ok(format!("EXISTS {name}")),
        Test::Text(text) => compared(name, text),
        Test::Wildcard(pattern) => {
            let parts: Vec<_> = pattern.parts.iter().map(|part| escaped(part)).collect();
            like(name, &parts.join("%"))
        }
        Test::NoneOf(tests) => {
            let tests: Result<Vec<_>, _> = tests.iter().map(|test| one(name, test)).collect();
            match join(tests?, false) {
                Some(any) => Ok(format!("NOT ({any})")),
                None => Ok(format!("EXISTS {name}")),
            }
        }
        other => cannot(&other.words(false)),
    }
}

fn compared(name: &str, text: &Text) -> Result<String, String> {
    let value = match text.fold {
        true => format!("LOWER({name})"),
        false => name.to_owned(),
    };
    let inner = escaped(&text.text);
    match text.how {
        How::Exact => literal(&text.text).map(|literal| format!("{value} = {literal}")),
        How::Prefix => like(&value, &format!("{inner}%")),
        How::Suffix => like(&value, &format!("%{inner}")),
        How::Contains => like(&value, &format!("%{inner}%")),
    }
}

fn like(value: &str, pattern: &str) -> Result<String, String> {
    Ok(format!("{value} LIKE {}", literal(pattern)?))
}

fn literal(text: &str) -> Result<String, String> {
    quoted(text).ok_or_else(|| format!("no CESQL literal stands for the text {text:?}"))
}
