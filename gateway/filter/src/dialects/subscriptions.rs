//! The dialects that the CloudEvents Subscriptions API requires: `exact`, `prefix`, `suffix` over
//! attributes, joined by `all`, `any`, `not`.

use crate::ir::{Formula, How, Path, Test, Text};
use crate::read::{check_name, kind, text_of};
use crate::{Dialect, InvalidFilter, Reader};
use serde_json::Value;

/// `exact`, `prefix`, `suffix`.
#[derive(Debug)]
pub(super) struct Compare {
    name: &'static str,
    how: How,
}

impl Compare {
    pub(super) const EXACT: Self = Self {
        name: "exact",
        how: How::Exact,
    };
    pub(super) const PREFIX: Self = Self {
        name: "prefix",
        how: How::Prefix,
    };
    pub(super) const SUFFIX: Self = Self {
        name: "suffix",
        how: How::Suffix,
    };

    fn comparison(
        &self,
        name: &str,
        value: &Value,
        reader: &mut Reader<'_>,
    ) -> Result<Formula, InvalidFilter> {
        if let Err(reason) = check_name(name) {
            return reader.refuse_key(reason);
        }
        let Some(value) = text_of(value) else {
            return reader.refuse(format!(
                "the value of `{name}` must be a text, an integer or a boolean, found {}",
                kind(value)
            ));
        };
        if value.is_empty() {
            return reader.refuse(format!("the value of `{name}` must not be empty"));
        }
        reader.count(1)?;
        let test = Test::Text(Text::new(self.how, value));
        Ok(Formula::test(Path::attribute(name), test))
    }
}

impl Dialect for Compare {
    fn name(&self) -> &'static str {
        self.name
    }

    fn parse(&self, body: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
        let Value::Object(map) = body else {
            return reader.refuse(format!(
                "`{}` takes a map of attribute to value, found {}",
                self.name,
                kind(body)
            ));
        };
        if map.is_empty() {
            return reader.refuse("at least one attribute is needed");
        }
        let comparisons: Result<Vec<_>, _> = map
            .iter()
            .map(|(name, value)| reader.at(name, |reader| self.comparison(name, value, reader)))
            .collect();
        Ok(Formula::all(comparisons?))
    }
}

/// `all`, `any`, `not`: over filters of any dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    All,
    Any,
    Not,
}

impl Dialect for Join {
    fn name(&self) -> &'static str {
        match self {
            Join::All => "all",
            Join::Any => "any",
            Join::Not => "not",
        }
    }

    fn parse(&self, body: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
        let name = self.name();
        match (self, body) {
            (Join::Not, member) => {
                reader.nested(|reader| Ok(Formula::Not(Box::new(reader.filter(member)?))))
            }
            (_, Value::Array(members)) if members.is_empty() => {
                reader.refuse(format!("`{name}` needs at least one filter"))
            }
            (join, Value::Array(members)) => reader.nested(|reader| {
                let members = reader.members(members)?;
                Ok(match join {
                    Join::Any => Formula::Any(members),
                    _ => Formula::All(members),
                })
            }),
            (_, other) => reader.refuse(format!(
                "`{name}` takes a list of filters, found {}",
                kind(other)
            )),
        }
    }
}
