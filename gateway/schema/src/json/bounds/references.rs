//! What references mean: the validator's own registry is asked, for an embedded `$id` is a base of its own, and who
//! reads it otherwise than the validator counts what is not checked.

use super::super::refusal;
use super::{Graph, HERE, Steps, THERE};
use crate::InvalidSchema;
use jsonschema::{Draft, ReferencingError, Registry, ValidationError, uri};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Where a document is that does not say it, as the validator has it.
const BASE: &str = "json-schema:///";

/// What references lead to.
#[derive(Default)]
pub(super) struct Targets<'s> {
    /// By the schema that a reference stands in, and its keyword.
    own: HashMap<(usize, &'s str), BTreeSet<usize>>,
    /// Schemas that refer to one of the published ones, which lead back to any dynamic anchor.
    outside: HashSet<usize>,
}

impl<'s> Targets<'s> {
    pub(super) fn of(&self, node: usize, key: &'s str) -> Option<&BTreeSet<usize>> {
        self.own.get(&(node, key))
    }

    pub(super) fn leaves(&self, node: usize) -> bool {
        self.outside.contains(&node)
    }
}

/// # Errors
/// What data would be held against refers to what cannot be told.
pub(super) fn resolve<'s>(
    graph: &Graph<'s>,
    root: &'s Value,
    steps: &mut Steps,
) -> Result<Targets<'s>, InvalidSchema> {
    let refused = |error: ReferencingError| refusal(&ValidationError::from(error));
    let mut targets = Targets::default();
    if !root.is_object() {
        return Ok(targets);
    }
    let draft = Draft::default().detect(root);
    let resource = draft.create_resource_ref(root);
    let base = resource.id().unwrap_or(BASE);
    let registry = Registry::new().draft(draft).add(base, resource);
    let registry = registry.and_then(|all| all.prepare()).map_err(refused)?;
    let base = uri::from_str(base).map_err(refused)?;
    // Each schema with the base that it is met with, and whether data is held against it. Those of the shelves are
    // met too: a dynamic anchor leads there without a base.
    let mut open = vec![(root, registry.resolver(base), draft, true)];
    let mut seen = HashSet::new();
    while let Some((schema, resolver, draft, held)) = open.pop() {
        let Some(node) = graph.id(schema) else {
            continue;
        };
        if !seen.insert((node, resolver.base_uri(), draft, held)) {
            continue;
        }
        steps.take(1)?;
        for (key, value) in graph.nodes[node].map {
            if let (true, Value::String(reference)) = (is_reference(key), value) {
                let found = match key.as_str() {
                    "$recursiveRef" => resolver.lookup("#"),
                    _ => resolver.lookup(reference),
                };
                let found = match found {
                    Ok(found) => found,
                    Err(error) if held => return Err(refused(error)),
                    Err(_) => continue,
                };
                let (target, resolver, draft) = found.into_inner();
                let all = targets.own.entry((node, key)).or_default();
                all.extend(graph.dynamic(key, reference));
                match graph.id(target) {
                    Some(target) if graph.nodes[target].by_name => {
                        return Err(no_schema(reference));
                    }
                    Some(target) => drop(all.insert(target)),
                    None if !target.is_object() => {}
                    None if within(root, target) => return Err(no_schema(reference)),
                    None => drop(targets.outside.insert(node)),
                }
                if held {
                    open.push((target, resolver, draft, true));
                }
                continue;
            }
            let held = held && (HERE.contains(&key.as_str()) || THERE.contains(&key.as_str()));
            for child in graph.children(value) {
                let draft = draft.detect(child);
                match resolver.in_subresource(draft.create_resource_ref(child)) {
                    Ok(resolver) => open.push((child, resolver, draft, held)),
                    Err(error) if held => return Err(refused(error)),
                    Err(_) => {}
                }
            }
        }
    }
    Ok(targets)
}

fn is_reference(key: &str) -> bool {
    matches!(key, "$ref" | "$dynamicRef" | "$recursiveRef")
}

fn no_schema(reference: &str) -> InvalidSchema {
    InvalidSchema::new(format!("`{reference:.200}` refers to what is no schema"))
        .hint("put what is referred to under `$defs`")
}

/// Whether one value is a part of another, and not only the same.
fn within(all: &Value, part: &Value) -> bool {
    std::ptr::eq(all, part)
        || match all {
            Value::Array(items) => items.iter().any(|item| within(item, part)),
            Value::Object(map) => map.values().any(|value| within(value, part)),
            _ => false,
        }
}

impl<'s> Graph<'s> {
    fn id(&self, schema: &Value) -> Option<usize> {
        let map = std::ptr::from_ref(schema.as_object()?);
        self.ids.get(&map).copied()
    }

    /// The schemas in what stands under a keyword.
    fn children(&self, value: &'s Value) -> Vec<&'s Value> {
        match value {
            Value::Array(items) => items.iter().collect(),
            Value::Object(map) => match self.id(value) {
                Some(node) if !self.nodes[node].by_name => vec![value],
                _ => map.values().collect(),
            },
            _ => Vec::new(),
        }
    }

    /// What a reference may mean beside what it says: it depends on the way that led there.
    fn dynamic(&self, key: &str, reference: &str) -> Vec<usize> {
        let anchor = reference.split_once('#').map_or("", |(_, anchor)| anchor);
        let means = |node: &super::Node<'_>| match key {
            "$recursiveRef" => node.map.get("$recursiveAnchor") == Some(&Value::Bool(true)),
            _ => {
                let own = node.map.get("$dynamicAnchor").and_then(Value::as_str);
                own.is_some_and(|own| own == anchor)
            }
        };
        let all = self.nodes.iter().enumerate();
        let all = all.filter(|(_, node)| !node.by_name && means(node));
        all.map(|(number, _)| number).collect()
    }
}
