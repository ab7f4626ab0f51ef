//! Schemas of a document and the messages that use them, as they are written in the configuration.

use super::text;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Schemas by name, as under `schemas:` in the configuration, and what of the document has no place there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    /// By name.
    pub schemas: BTreeMap<String, Value>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    /// What schemas are called here, by their xids.
    names: BTreeMap<String, String>,
}

/// Reads a document. Nothing is fetched: what it only refers to is left out.
///
/// # Errors
/// It has neither schemas nor messages.
pub fn import(document: &Value) -> Result<Imported, String> {
    let mut imported = Imported::default();
    for (place, schema) in resources(document, "schemagroups", "schemas") {
        imported.schema(&place, schema);
    }
    for (place, message) in resources(document, "messagegroups", "messages") {
        imported.message(&place, message);
    }
    match imported.schemas.is_empty() && imported.left_out.is_empty() {
        true => {
            Err("neither `schemagroups` with `schemas` nor `messagegroups` with `messages`".into())
        }
        false => Ok(imported),
    }
}

/// The resources of all groups, each with its xid.
fn resources<'d>(
    document: &'d Value,
    groups: &'static str,
    resources: &'static str,
) -> impl Iterator<Item = (String, &'d Value)> {
    let entries = |value: Option<&'d Value>| value.and_then(Value::as_object).into_iter().flatten();
    entries(document.get(groups)).flat_map(move |(group, value)| {
        entries(value.get(resources))
            .map(move |(id, value)| (format!("/{groups}/{group}/{resources}/{id}"), value))
    })
}

impl Imported {
    fn schema(&mut self, place: &str, resource: &Value) {
        let mut versions: Vec<(&str, &Value)> =
            match resource.get("versions").and_then(Value::as_object) {
                Some(versions) => versions
                    .iter()
                    .map(|(id, version)| (id.as_str(), version))
                    .collect(),
                None => vec![("", resource)],
            };
        versions.sort_by_key(|(id, _)| order(id));
        let numbers = versions.iter().filter_map(|(id, _)| id.parse().ok());
        let numbers: Vec<usize> = numbers.collect();
        if numbers
            .iter()
            .zip(1..)
            .any(|(number, place)| *number != place)
        {
            self.left_out.push(format!(
                "{place}: numbers of versions; what is there is counted from 1"
            ));
        }
        let mut format = None;
        let mut taken = Vec::new();
        for (id, version) in versions {
            let written = text(version, "format").or_else(|| text(resource, "format"));
            let Some(language) = written.and_then(language) else {
                let written = written.unwrap_or("no format");
                self.left_out.push(format!(
                    "{place} {id}: `{written}` is none of the languages that there are"
                ));
                continue;
            };
            // A schema has one language here: that of its first version.
            if let Some(first) = format.filter(|first| *first != language) {
                self.left_out.push(format!(
                    "{place} {id}: it is {language}, and those before it are {first}"
                ));
                continue;
            }
            match text::get(version, language) {
                Ok(schema) => {
                    format = Some(language);
                    let mut written = json!({ "schema": schema });
                    for key in ["dataschema", "message"] {
                        if let Some(value) = version.pointer(&format!("/tradewind/{key}")) {
                            written[key] = value.clone();
                        }
                    }
                    taken.push(written);
                }
                Err(reason) => self.left_out.push(format!("{place} {id}: {reason}")),
            }
        }
        if let Some(format) = format {
            let compatibility = resource
                .pointer("/meta/compatibility")
                .and_then(Value::as_str);
            let by = match compatibility
                .unwrap_or("none")
                .trim_end_matches("_transitive")
            {
                by @ ("backward" | "forward" | "full") => by,
                _ => "none",
            };
            let mut schema = Map::new();
            let ours = resource.pointer("/meta/tradewind").unwrap_or(&Value::Null);
            for key in ["owner", "why", "space"] {
                if let Some(value) = ours.get(key) {
                    schema.insert(key.into(), value.clone());
                }
            }
            schema.insert("format".into(), format.into());
            schema.insert("compatibility".into(), by.into());
            schema.insert("versions".into(), taken.into());
            for key in ["events", "on-failure"] {
                if let Some(value) = ours.get(key) {
                    schema.insert(key.into(), value.clone());
                }
            }
            let name = self.free(place);
            self.schemas.insert(name.clone(), schema.into());
            self.names.insert(place.to_owned(), name);
        }
    }

    fn message(&mut self, place: &str, message: &Value) {
        let envelope = |attribute: &str| {
            let value = message.pointer(&format!("/envelopemetadata/{attribute}/value"))?;
            value.as_str().map(pattern)
        };
        let Some(ty) = envelope("type") else {
            self.left_out.push(format!(
                "{place}: its `envelopemetadata` has no `type` with a value"
            ));
            return;
        };
        // It would be every event's.
        if ty == "*" {
            self.left_out.push(format!(
                "{place}: its `type` begins with a variable, so that it may be any"
            ));
            return;
        }
        let name = match self.schema_of(place, message) {
            Ok(Some(name)) => name,
            Ok(None) => return,
            Err(reason) => {
                self.left_out.push(format!("{place}: {reason}"));
                return;
            }
        };
        let mut event = json!({ "type": ty });
        if let Some(source) = envelope("source") {
            event["source"] = source.into();
        }
        if let Some(Value::Object(schema)) = self.schemas.get_mut(&name) {
            let events = schema.entry("events").or_insert_with(|| json!([]));
            events
                .as_array_mut()
                .into_iter()
                .for_each(|events| events.push(event.clone()));
        }
    }

    /// A name that nothing has yet: that of the entity, else with its group's before it.
    fn free(&self, place: &str) -> String {
        let mut steps = place.split('/').skip(2);
        let (group, own) = (steps.next().unwrap_or_default(), name(place));
        let with_group = || name(&format!("{group}-{own}"));
        let numbered = (2..).map(|n| {
            let mut short = name(&format!("{group}-{own}"));
            short.truncate(58);
            format!("{short}-{n}")
        });
        let mut all = std::iter::once(own.clone())
            .chain(std::iter::once_with(with_group))
            .chain(numbered);
        all.find(|name| !self.schemas.contains_key(name))
            .unwrap_or(own)
    }

    /// The name of the schema of a message's data; `None` where it says nothing of data.
    fn schema_of(&mut self, place: &str, message: &Value) -> Result<Option<String>, String> {
        let reference = text(message, "dataschemaxid").or_else(|| {
            let uri = text(message, "dataschemauri")?;
            Some(uri.trim_start_matches('#'))
        });
        if let Some(reference) = reference {
            let xid = reference.split("/versions/").next().unwrap_or_default();
            return match self.names.get(xid) {
                Some(name) => Ok(Some(name.clone())),
                None => Err(format!(
                    "its schema `{reference}` is not in the document, and nothing is fetched"
                )),
            };
        }
        let Some(schema) = message.get("dataschema") else {
            return Ok(None);
        };
        let schema = json!({ "schema": schema });
        let written = text(message, "dataschemaformat").unwrap_or("no dataschemaformat");
        let format = language(written)
            .ok_or_else(|| format!("`{written}` is none of the languages that there are"))?;
        let name = self.free(place);
        let schema = text::get(&schema, format)?;
        let schema = json!({ "format": format, "versions": [{ "schema": schema }] });
        self.schemas.insert(name.clone(), schema);
        Ok(Some(name))
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

fn language(format: &str) -> Option<&'static str> {
    match format.split('/').next()?.to_ascii_lowercase().as_str() {
        "jsonschema" => Some("json-schema"),
        "avro" => Some("avro"),
        "protobuf" => Some("protobuf"),
        _ => None,
    }
}

/// A value of an envelope attribute; a template counts up to its first variable.
fn pattern(value: &str) -> String {
    match value.split_once('{') {
        Some((before, _)) => format!("{before}*"),
        None => value.to_owned(),
    }
}

/// The last part of an xid, as names are in the configuration.
fn name(xid: &str) -> String {
    let last = xid.rsplit('/').next().unwrap_or_default();
    let legal = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9') => c,
        _ => '-',
    };
    last.chars().take(63).map(legal).collect()
}

/// Numbers in names count as numbers, so that `v10` follows `v9`.
fn order(id: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = id;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let word = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (word, after) = after.split_at(word);
        parts.push((number.parse().unwrap_or_default(), word.to_owned()));
        rest = after;
    }
    parts
}
