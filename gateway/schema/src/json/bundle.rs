//! One document of a schema and those that it refers to: they stand on its shelf of definitions.

use super::keywords::{BY_NAME, DATA};
use crate::InvalidSchema;
use crate::format::Reference;
use serde_json::{Map, Value};

/// Drafts whose shelf is called `definitions`.
const EARLY: [&str; 3] = ["draft-04", "draft-06", "draft-07"];

pub(super) fn bundle(mut schema: Value, references: &[Reference]) -> Result<Value, InvalidSchema> {
    let Value::Object(map) = &mut schema else {
        return Ok(schema);
    };
    if references.is_empty() {
        return Ok(schema);
    }
    let dialect = said(map, "$schema").to_owned();
    let shelf = match EARLY.iter().any(|draft| dialect.contains(draft)) {
        true => "definitions",
        false => "$defs",
    };
    let base = match dialect.contains("draft-04") {
        true => "id",
        false => "$id",
    };
    let own = said(map, base).to_owned();
    let names: Vec<&str> = references.iter().map(|r| r.name.as_str()).collect();
    Place {
        shelf,
        id: &own,
        at: None,
        names: &names,
    }
    .rewrite(&mut schema, false)?;
    for reference in references {
        let wrong = |reason: String| {
            InvalidSchema::new(format!("the reference `{}` {reason}", reference.name))
        };
        let mut document: Value = tradewind_event::json::value(reference.text.as_bytes())
            .map_err(|error| wrong(format!("is not JSON: {error}")))?;
        let mut id = String::new();
        if let Value::Object(map) = &mut document {
            let spoken = said(map, "$schema");
            if !spoken.is_empty() && !dialect.is_empty() && !same(spoken, &dialect) {
                return Err(wrong(format!("is written in another draft, `{spoken}`"))
                    .hint("write both in one draft"));
            }
            map.remove("$schema");
            // Its own references were relative to it; here they lead from the whole document on.
            if let Some(Value::String(own)) = map.remove(base) {
                id = own;
            }
        }
        Place {
            shelf,
            id: &id,
            at: Some(&reference.name),
            names: &names,
        }
        .rewrite(&mut document, false)?;
        let defined = schema
            .as_object_mut()
            .map(|map| map.entry(shelf).or_insert_with(|| Map::new().into()))
            .and_then(Value::as_object_mut)
            .ok_or_else(|| InvalidSchema::new(format!("`{shelf}` is no object")))?;
        if defined.insert(reference.name.clone(), document).is_some() {
            return Err(wrong(format!("is called as something under `{shelf}`")));
        }
    }
    Ok(schema)
}

fn said<'m>(map: &'m Map<String, Value>, key: &str) -> &'m str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('#') == other.trim_end_matches('#')
}

/// Where a document comes to stand, and how it names the others.
struct Place<'a> {
    shelf: &'a str,
    /// Its `$id`; in draft 4, its `id`.
    id: &'a str,
    /// Its name among the references; `None` for the schema itself.
    at: Option<&'a str>,
    names: &'a [&'a str],
}

impl Place<'_> {
    fn rewrite(&self, schema: &mut Value, by_name: bool) -> Result<(), InvalidSchema> {
        match schema {
            Value::Array(all) => all.iter_mut().try_for_each(|one| self.rewrite(one, false)),
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    match (key.as_str(), &mut *value) {
                        (_, value) if by_name => self.rewrite(value, false)?,
                        ("$ref", Value::String(target)) => {
                            if let Some(moved) = self.target(target)? {
                                *target = moved;
                            }
                        }
                        (key, _) if DATA.contains(&key) => {}
                        (key, value) => self.rewrite(value, BY_NAME.contains(&key))?,
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Where a reference leads now; `None` where it stays as it is.
    fn target(&self, target: &str) -> Result<Option<String>, InvalidSchema> {
        let (document, fragment) = target.split_once('#').unwrap_or((target, ""));
        let name = match document {
            "" => self.at,
            document => self
                .names
                .iter()
                .copied()
                .find(|name| self.is(document, name)),
        };
        let Some(name) = name else { return Ok(None) };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return Err(InvalidSchema::new(format!(
                "`{target}` names an anchor in a document that is referred to"
            ))
            .hint("write a JSON pointer after the `#`"));
        }
        let step = name.replace('~', "~0").replace('/', "~1");
        let step = step.replace('%', "%25");
        Ok(Some(format!("#/{}/{step}{fragment}", self.shelf)))
    }

    /// Whether a reference means the document of this name: as it is written, or beside this one.
    fn is(&self, document: &str, name: &str) -> bool {
        let folder = self.id.rsplit_once('/').map_or("", |(folder, _)| folder);
        let beside = |text: &str, other: &str| {
            text.strip_prefix(folder)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|rest| rest == other)
        };
        document == name
            || (!folder.is_empty() && (beside(document, name) || beside(name, document)))
    }
}
