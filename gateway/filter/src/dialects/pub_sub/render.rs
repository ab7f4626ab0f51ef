//! From a formula back to an expression.

use crate::dialects::render::{Said, Target};
use crate::ir::{How, Path, Predicate, Test};
use serde_json::Value;

/// Expressions over attributes.
pub(super) struct Expressions;

/// An expression, and whether it needs parentheses beside another operator.
pub(super) type Written = (String, bool);

impl Target for Expressions {
    type Part = Written;

    fn predicate(&self, predicate: &Predicate, negated: bool) -> Said<Written> {
        let words = || format!("{} {}", predicate.path, predicate.test.words(negated));
        let Path::Attribute(name) = &predicate.path else {
            return Said::no(format!("{}: only attributes are seen", words()));
        };
        let Some((text, compound)) = test(name, &predicate.test) else {
            return Said::no(words());
        };
        Said::exactly(match (negated, compound) {
            (false, _) => (text, compound),
            (true, false) => (format!("NOT {text}"), false),
            (true, true) => (format!("NOT ({text})"), false),
        })
    }

    fn all(&self, parts: Vec<Written>) -> Result<Written, String> {
        Ok(joined(parts, " AND "))
    }

    fn any(&self, parts: Vec<Written>) -> Result<Written, String> {
        Ok(joined(parts, " OR "))
    }

    fn whole(&self, part: Option<Written>) -> Value {
        part.map(|(text, _)| text).unwrap_or_default().into()
    }
}

fn joined(mut parts: Vec<Written>, operator: &str) -> Written {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let wrapped = |(text, compound)| match compound {
        true => format!("({text})"),
        false => text,
    };
    let parts: Vec<_> = parts.into_iter().map(wrapped).collect();
    (parts.join(operator), true)
}

fn test(name: &str, test: &Test) -> Option<Written> {
    let key = match name {
        "datacontenttype" => "content-type".to_owned(),
        name => format!("ce-{name}"),
    };
    match test {
        Test::Exists => Some((format!("attributes:{key}"), false)),
        Test::Text(text) if !text.fold => match text.how {
            How::Exact => Some((format!("attributes.{key} = {}", quoted(&text.text)), false)),
            How::Prefix => {
                let prefix = quoted(&text.text);
                Some((format!("hasPrefix(attributes.{key}, {prefix})"), false))
            }
            How::Suffix | How::Contains => None,
        },
        Test::NoneOf(tests) => {
            let mut all = vec![(format!("attributes:{key}"), false)];
            for one in tests.iter() {
                let (text, compound) = self::test(name, one)?;
                all.push(match compound {
                    true => (format!("NOT ({text})"), false),
                    false => (format!("NOT {text}"), false),
                });
            }
            Some(joined(all, " AND "))
        }
        _ => None,
    }
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    let escaped = escaped.replace('\n', "\\n").replace('\r', "\\r");
    format!("\"{}\"", escaped.replace('\t', "\\t"))
}
