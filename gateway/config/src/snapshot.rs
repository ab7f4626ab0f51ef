//! A configuration as it was written, for comparing two of them.

use crate::document::{Document, Pointer, child};
use serde_json::Value;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The scalars of a file by their place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) leaves: BTreeMap<Pointer, Leaf>,
}

/// A scalar, or an empty map or list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// As it is written; `None` for secrets.
    pub(crate) shown: Option<String>,
    /// Hash of what it stands for: enough to see that it changed, too little to show it.
    meant: u64,
}

impl Snapshot {
    pub(crate) fn of(document: &Document) -> Self {
        let mut snapshot = Self::default();
        snapshot.enter(document, String::new(), &document.value);
        snapshot
    }

    /// What a file holds that is named at a place: it means something else when that changes.
    pub(crate) fn holds(&mut self, pointer: &str, content: &str) {
        if let Some(leaf) = self.leaves.get_mut(pointer) {
            let mut hasher = DefaultHasher::new();
            (leaf.meant, content).hash(&mut hasher);
            leaf.meant = hasher.finish();
        }
    }

    fn enter(&mut self, document: &Document, pointer: Pointer, value: &Value) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    self.enter(document, child(&pointer, key), value);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (i, value) in items.iter().enumerate() {
                    self.enter(document, format!("{pointer}/{i}"), value);
                }
            }
            scalar => {
                let mut hasher = DefaultHasher::new();
                scalar.to_string().hash(&mut hasher);
                let written = document.written.pointer(&pointer).unwrap_or(scalar);
                let leaf = Leaf {
                    shown: (!document.is_secret(&pointer)).then(|| match written {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    }),
                    meant: hasher.finish(),
                };
                self.leaves.insert(pointer, leaf);
            }
        }
    }
}
