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
            let parts: Vec<&str> = pattern.parts.iter().map(|part| &**part).collect();
            like(name, &parts)
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
    let inner = &*text.text;
    match text.how {
        How::Exact => literal(&text.text).map(|literal| format!("{value} = {literal}")),
        How::Prefix => like(&value, &[inner, ""]),
        How::Suffix => like(&value, &["", inner]),
        How::Contains => like(&value, &["", inner, ""]),
    }
}

/// Anything may stand between the parts.
fn like(value: &str, parts: &[&str]) -> Result<String, String> {
    let before = parts.split_last().map_or(parts, |(_, before)| before);
    // There it would make the `%` an ordinary character, and nothing makes a backslash one.
    if before.iter().any(|part| part.ends_with('\\')) {
        return Err(format!(
            "CESQL has no pattern with a backslash before anything: {parts:?}"
        ));
    }
    let parts: Vec<_> = parts.iter().map(|part| escaped(part)).collect();
    Ok(format!("{value} LIKE {}", literal(&parts.join("%"))?))
}

fn literal(text: &str) -> Result<String, String> {
    quoted(text).ok_or_else(|| format!("no CESQL literal stands for the text {text:?}"))
}
