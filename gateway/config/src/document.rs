//! A configuration file as a value tree in which every key and value knows its place.

mod interpolate;
mod node;
mod place;
mod toml;
mod yaml;

use crate::diagnostic::{Diagnostics, Severity};
use crate::env::Env;
use node::{Content, Node};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a place in the file is called: a JSON pointer, as `/sources/github/secrets/0`.
pub(crate) type Pointer = String;

/// The pointer of an entry of `parent`.
pub(crate) fn child(parent: &str, key: &str) -> Pointer {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// A file, parsed.
#[derive(Debug)]
pub(crate) struct Document {
    file: String,
    text: String,
    /// The values, references replaced by what they stand for.
    pub(crate) value: Value,
    /// The values as they are written.
    pub(crate) written: Value,
    /// Files that references named.
    pub(crate) read: BTreeSet<PathBuf>,
    marks: BTreeMap<Pointer, Mark>,
    hidden: BTreeMap<Pointer, Hidden>,
    references: BTreeSet<Pointer>,
}

/// Where a value lies in the text, and its key, where it has one.
#[derive(Debug, Clone)]
struct Mark {
    key: Option<Range<usize>>,
    value: Range<usize>,
    compound: bool,
}

/// A text that must not be shown.
#[derive(Debug)]
struct Hidden {
    /// Text and what is shown in its place.
    texts: Vec<(String, String)>,
    /// Whether it stands in the file itself, and is masked there.
    literal: bool,
}

/// What a finding points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    Key,
    /// The value, or its key where the value is a map or a list.
    Value,
}

impl Document {
    /// Parses `text`; TOML where the name ends in `.toml`, else YAML. What is wrong with single
    /// references goes to `out`, and those values are left out.
    pub(crate) fn parse(
        file: &str,
        text: &str,
        env: &dyn Env,
        out: &mut Diagnostics,
    ) -> Result<Self, Diagnostics> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut document = Document {
            file: file.into(),
            text: text.into(),
            value: Value::Null,
            written: Value::Null,
            read: BTreeSet::new(),
            marks: BTreeMap::new(),
            hidden: BTreeMap::new(),
            references: BTreeSet::new(),
        };
        let parsed = match file.ends_with(".toml") {
            true => toml::parse(text),
            false => yaml::parse(text),
        };
        let root = parsed.map_err(|refused| {
            let mut all = Diagnostics::default();
            for refused in refused {
                all.push(document.refused(refused));
            }
            all
        })?;
        let base = Path::new(file).parent().unwrap_or_else(|| Path::new(""));
        document.written = document.mark(&root, String::new(), None);
        document.value = document
            .expand(&root, "", base, env, out)
            .unwrap_or(Value::Null);
        Ok(document)
    }

    /// Records the places of a tree; returns it as it is written.
    fn mark(&mut self, node: &Node, pointer: Pointer, key: Option<Range<usize>>) -> Value {
        let value = match &node.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items
                .iter()
                .enumerate()
                .map(|(i, item)| self.mark(item, format!("{pointer}/{i}"), None))
                .collect(),
            Content::Map(entries) => entries
                .iter()
                .map(|entry| {
                    let pointer = child(&pointer, &entry.key);
                    let value = self.mark(&entry.value, pointer, Some(entry.span.clone()));
                    (entry.key.clone(), value)
                })
                .collect::<Map<_, _>>()
                .into(),
        };
        let mark = Mark {
            key,
            value: node.span.clone(),
            compound: !matches!(node.content, Content::Scalar(_)),
        };
        self.marks.insert(pointer, mark);
        value
    }

    /// Replaces references. `None` where one of them is refused: the value is left out, so that
    /// the rest of the file can be checked.
    fn expand(
        &mut self,
        node: &Node,
        pointer: &str,
        base: &Path,
        env: &dyn Env,
        out: &mut Diagnostics,
    ) -> Option<Value> {
        match &node.content {
            Content::Scalar(Value::String(text)) => {
                if interpolate::refers(text) {
                    self.references.insert(pointer.into());
                }
                match interpolate::expand(text, base, env, &mut self.read) {
                    Ok(expanded) => {
                        if !expanded.texts.is_empty() {
                            let hidden = Hidden {
                                texts: expanded.texts,
                                literal: false,
                            };
                            self.hidden.insert(pointer.into(), hidden);
                        }
                        Some(Value::String(expanded.text))
                    }
                    Err(problem) => {
                        let start = node.span.start;
                        let written = self.text.get(node.span.clone()).unwrap_or_default();
                        let span = match written.find(&problem.reference) {
                            Some(at) => start + at..start + at + problem.reference.len(),
                            None => node.span.clone(),
                        };
                        let mut diagnostic =
                            self.locate(span, Severity::Error, problem.code, problem.message);
                        diagnostic.path = dotted(pointer);
                        out.push(diagnostic.hint(problem.hint));
                        None
                    }
                }
            }
            Content::Scalar(value) => Some(value.clone()),
            Content::List(items) => {
                let all: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(i, item)| self.expand(item, &format!("{pointer}/{i}"), base, env, out))
                    .collect();
                // Left out as a whole, or the places of the others would shift.
                all.into_iter().collect::<Option<Vec<_>>>().map(Value::from)
            }
            Content::Map(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    let pointer = child(pointer, &entry.key);
                    if let Some(value) = self.expand(&entry.value, &pointer, base, env, out) {
                        map.insert(entry.key.clone(), value);
                    }
                }
                Some(map.into())
            }
        }
    }

    /// The name of the file.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Whether the file has a value here, even if its reference was refused.
    pub(crate) fn has(&self, pointer: &str) -> bool {
        self.marks.contains_key(pointer)
    }

    /// Whether the value came from a reference.
    pub(crate) fn is_reference(&self, pointer: &str) -> bool {
        self.references.contains(pointer)
    }

    /// Marks a text or number that stands in the file as a secret. Returns false for references, of which what stands
    /// around them is hidden as well.
    pub(crate) fn mask(&mut self, pointer: &str) -> bool {
        let is_reference = self.is_reference(pointer);
        let text = match self.written.pointer(pointer) {
            Some(Value::String(text)) if is_reference && interpolate::is_bare(text) => {
                return false;
            }
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return false,
        };
        let shown = || "[secret]".to_owned();
        let mut texts = vec![(text, shown())];
        if let Some(before) = self.hidden.remove(pointer) {
            let known = before.texts.into_iter().map(|(text, _)| (text, shown()));
            texts.extend(known);
        }
        let hidden = Hidden {
            texts,
            literal: true,
        };
        self.hidden.insert(pointer.into(), hidden);
        !is_reference
    }

    /// Whether the value at `pointer` must not be shown.
    pub(crate) fn is_secret(&self, pointer: &str) -> bool {
        self.hidden
            .get(pointer)
            .is_some_and(|hidden| hidden.literal)
    }
}

/// A pointer as people write it: `/sources/github/secrets/0` is `sources.github.secrets[0]`.
pub(crate) fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        match step.parse::<usize>() {
            Ok(index) if !path.is_empty() => path.push_str(&format!("[{index}]")),
            _ if path.is_empty() => path.push_str(&step),
            _ => {
                path.push('.');
                path.push_str(&step);
            }
        }
    }
    path
}
