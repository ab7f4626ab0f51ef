//! The configuration as YAML, with comments that say what came from where.

use crate::variables::Variables;
use serde_json::{Map, Value};
use std::fmt::Write;

/// What is written under one name.
#[derive(Debug)]
struct Entry {
    comments: Vec<String>,
    name: String,
    value: Map<String, Value>,
}

/// Sections in the order in which they are read.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    streams: Vec<Entry>,
    sources: Vec<Entry>,
    subscriptions: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Section {
    Streams,
    Sources,
    Subscriptions,
}

impl Configuration {
    pub(crate) fn add(
        &mut self,
        section: Section,
        name: &str,
        comments: Vec<String>,
        value: Map<String, Value>,
    ) {
        let entries = match section {
            Section::Streams => &mut self.streams,
            Section::Sources => &mut self.sources,
            Section::Subscriptions => &mut self.subscriptions,
        };
        entries.push(Entry {
            comments,
            name: name.to_owned(),
            value,
        });
    }

    pub(crate) fn write(&self, head: &[String], variables: &Variables) -> String {
        let mut out = String::new();
        for line in head {
            comment(&mut out, 0, line);
        }
        let sections = [
            ("streams", &self.streams),
            ("sources", &self.sources),
            ("subscriptions", &self.subscriptions),
        ];
        for (section, entries) in sections {
            if entries.is_empty() {
                continue;
            }
            writeln!(out, "{section}:").ok();
            for entry in entries {
                for line in &entry.comments {
                    comment(&mut out, 2, &variables.shown(line));
                }
                if entry.value.is_empty() {
                    writeln!(out, "  {}: {{}}", entry.name).ok();
                } else {
                    writeln!(out, "  {}:", entry.name).ok();
                    map(&mut out, 4, &entry.value, variables);
                }
            }
        }
        if self.sources.is_empty() && self.subscriptions.is_empty() {
            out.push_str("sources: {}\n");
        }
        out
    }
}

fn comment(out: &mut String, indent: usize, text: &str) {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().map(plain).collect();
    writeln!(out, "{:indent$}# {text}", "").ok();
}

fn map(out: &mut String, indent: usize, members: &Map<String, Value>, variables: &Variables) {
    for (key, value) in members {
        write!(out, "{:indent$}{}:", "", scalar(key, variables)).ok();
        after(out, indent, value, variables);
    }
}

/// What stands behind a colon or a dash.
fn after(out: &mut String, indent: usize, value: &Value, variables: &Variables) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            map(out, indent + 2, members, variables);
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            out.push('\n');
            for item in items {
                match item {
                    Value::Object(members) if !members.is_empty() => {
                        let mut inner = String::new();
                        map(&mut inner, indent + 4, members, variables);
                        write!(out, "{:1$}- {2}", "", indent + 2, inner.trim_start()).ok();
                    }
                    other => {
                        write!(out, "{:1$}-", "", indent + 2).ok();
                        writeln!(out, " {}", flow(other, variables)).ok();
                    }
                }
            }
        }
        other => {
            writeln!(out, " {}", flow(other, variables)).ok();
        }
    }
}

fn flow(value: &Value, variables: &Variables) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(item, variables)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members: Vec<String> = members
                .map(|(key, value)| {
                    format!("{}: {}", scalar(key, variables), flow(value, variables))
                })
                .collect();
            match members.is_empty() {
                true => "{}".into(),
                false => format!("{{ {} }}", members.join(", ")),
            }
        }
        Value::String(text) => scalar(text, variables),
        other => other.to_string(),
    }
}

fn scalar(text: &str, variables: &Variables) -> String {
    let text = variables.written(text);
    let begins = |c: char| c.is_ascii_alphabetic() || c == '/';
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let reserved = words.contains(&text.to_ascii_lowercase().as_str());
    if text.starts_with(begins) && text.chars().all(plain) && !reserved {
        return text;
    }
    quoted(&text)
}

/// A text in double quotes; whatever does not print is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                write!(out, "\\u{:04x}", u32::from(c)).ok();
            }
            c if c.is_control() => {
                write!(out, "\\u{:04x}", u32::from(c)).ok();
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({
            "a": "plain", "b": "yes", "c": "12", "d": "x: y # z", "e": "line\n\"two\" \\ \u{85}\u{7f}",
            "f": [1, 300.0, "t", true, null], "g": [{ "h": { "i": [] }, "j": "k" }, ["l"]],
            "m": {}, "- n": "", "o": [[{ "p": 1 }]],
        });
        let mut configuration = Configuration::default();
        let Value::Object(members) = value.clone() else {
            unreachable!()
        };
        configuration.add(Section::Sources, "name", vec!["from\nhere".into()], members);
        let text = configuration.write(&[], &Variables::default());
        let (read, _) = crate::yaml::parse(&text).unwrap();
        assert_eq!(read["sources"]["name"], value, "{text}");
    }
}
