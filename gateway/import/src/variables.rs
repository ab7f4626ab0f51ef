//! What only the operator knows: names of resources that a template leaves open, and secrets.
//!
//! In texts a variable stands between two characters for private use, so that a `${` of the input is never taken
//! for one.

use crate::names;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const BEGIN: char = '\u{e000}';
const END: char = '\u{e001}';
/// The example of what nothing is known of.
pub(crate) const UNKNOWN: &str = "value";

/// An environment variable that the configuration reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What it must hold.
    pub about: String,
    /// A value of the right form.
    pub example: String,
    /// Whether it is a secret.
    pub secret: bool,
    /// The service of AWS that the resource belongs to.
    #[serde(skip)]
    pub(crate) service: Option<&'static str>,
}

/// All that were asked for; those that the configuration uses are told.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    all: BTreeMap<String, Variable>,
    /// Names by what they stand for.
    given: BTreeMap<String, String>,
    /// Next number, by the name that more than one would have.
    next: BTreeMap<String, usize>,
}

impl Variables {
    /// The text that stands for a variable; `key` tells it from others that would have the same name.
    pub(crate) fn reference(&mut self, key: &str, wanted: &str, variable: Variable) -> String {
        if let Some(name) = self.given.get(key) {
            return mark(name);
        }
        let plain = names::variable(wanted);
        let mut name = plain.clone();
        while self.all.contains_key(&name) {
            let number = self.next.entry(plain.clone()).or_insert(2);
            name = format!("{plain}_{number}");
            *number += 1;
        }
        self.given.insert(key.to_owned(), name.clone());
        let reference = mark(&name);
        self.all.insert(name.clone(), Variable { name, ..variable });
        reference
    }

    /// What the variable is like that the whole text stands for, where nobody knew that yet.
    pub(crate) fn is_like(&mut self, text: &str, example: &str) {
        let name = text
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(END));
        let variable = name.and_then(|name| self.all.get_mut(name));
        if let Some(variable) = variable.filter(|variable| variable.example == UNKNOWN) {
            variable.example = example.to_owned();
        }
    }

    /// The variable that the whole text stands for.
    pub(crate) fn whole(&self, text: &str) -> Option<&Variable> {
        let name = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
        self.all.get(name)
    }

    /// With an example in place of each.
    pub(crate) fn sample(&self, text: &str) -> String {
        self.replace(text, |variable| variable.example.clone())
    }

    /// The same throughout a value.
    pub(crate) fn sample_value(&self, value: &Value) -> Value {
        map(value, &|text| self.sample(text))
    }

    /// As configurations have it: references, and `$${` for what only looks like one.
    pub(crate) fn written(&self, text: &str) -> String {
        self.replace(&text.replace("${", "$${"), |variable| {
            format!("${{env:{}}}", variable.name)
        })
    }

    /// For people.
    pub(crate) fn shown(&self, text: &str) -> String {
        self.replace(text, |variable| format!("${{{}}}", variable.name))
    }

    /// Those that stand in a text.
    pub(crate) fn of(&self, configuration: &str) -> Vec<Variable> {
        let named = configuration.split("${env:").skip(1);
        let named: BTreeSet<&str> = named
            .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
            .collect();
        let used = |variable: &&Variable| named.contains(variable.name.as_str());
        self.all.values().filter(used).cloned().collect()
    }

    fn replace(&self, text: &str, with: impl Fn(&Variable) -> String) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(BEGIN) {
            out.push_str(before);
            let Some((name, behind)) = after.split_once(END) else {
                rest = after;
                continue;
            };
            out.push_str(&self.all.get(name).map_or(String::new(), &with));
            rest = behind;
        }
        out.push_str(rest);
        out
    }
}

/// Whether a text stands, in part, for what is not known.
pub(crate) fn is_open(text: &str) -> bool {
    text.contains(BEGIN)
}

/// Whether a character marks a variable.
pub(crate) fn is_mark(c: char) -> bool {
    matches!(c, BEGIN | END)
}

/// Without the characters that variables are marked by; inputs have no use for them.
pub(crate) fn cleaned(value: &Value) -> Value {
    map(value, &|text| text.replace([BEGIN, END], ""))
}

fn mark(name: &str) -> String {
    format!("{BEGIN}{name}{END}")
}

fn map(value: &Value, with: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(with(text)),
        Value::Array(items) => items.iter().map(|item| map(item, with)).collect(),
        Value::Object(members) => {
            let members = members.iter();
            Value::Object(members.map(|(k, v)| (with(k), map(v, with))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_a_reference() {
        let mut all = Variables::default();
        let variable = |example: &str| Variable {
            name: String::new(),
            about: String::new(),
            example: example.into(),
            secret: false,
            service: None,
        };
        let region = all.reference("r", "AWS.Region", variable("eu-west-1"));
        assert_eq!(all.reference("r", "other", variable("x")), region);
        let second = all.reference("s", "aws-region", variable("x"));
        let text = format!("a ${{b}} {region} {second}");
        assert_eq!(
            all.written(&text),
            "a $${b} ${env:AWS_REGION} ${env:AWS_REGION_2}"
        );
        assert_eq!(all.sample(&text), "a ${b} eu-west-1 x");
        assert_eq!(all.of("${env:AWS_REGION}").len(), 1);
        let mut configuration = String::new();
        for at in 0..100_000 {
            let reference = all.reference(&format!("t{at}"), "many", variable("x"));
            configuration.push_str(&all.written(&reference));
        }
        assert_eq!(all.of(&configuration).len(), 100_000);
    }
}
