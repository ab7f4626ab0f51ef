//! What checking data by a schema may cost, before it is compiled.
//!
//! A schema is a graph. Some keywords apply further schemas to the same value (`allOf`, `$ref`), the others to
//! its parts. Many ways through the first kind multiply the work for each value; if a schema comes back to
//! itself over a part of the value in several ways, the work multiplies with each level of nesting.

mod levels;
mod references;

use super::keywords::{BY_NAME, DATA};
use super::patterns;
use crate::InvalidSchema;
use references::Targets;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most schemas in a document.
const NODES_MAX: usize = 2_000;
/// Deepest nesting of a document.
const DEPTH_MAX: usize = 64;
/// Longest pattern, in bytes: what is longer takes long to compile, or to find too large.
const PATTERN_MAX: usize = 8 << 10;
/// Most checks of one value.
const WAYS_MAX: u64 = 1_000;
/// Most checks of one part of the data, over all levels above it.
const PART_MAX: u64 = 10_000;
/// Options of an `enum` that cost as much as one more check, where they are not all texts.
const OPTIONS: usize = 10;
/// Most steps to find out what checking costs: a graph in which everything leads to everything has many more.
const STEPS_MAX: usize = 200_000;
/// Most checks that recursion may make of one.
const GROWTH_MAX: f64 = 100_000.0;
/// Keywords whose schemas apply to the same value.
const HERE: [&str; 10] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
    "$ref",
];
/// Keywords whose schemas apply to its parts.
const THERE: [&str; 10] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "items",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "contains",
];
/// Keywords that hold schemas which nothing applies until they are referred to.
const SHELVES: [&str; 2] = ["$defs", "definitions"];

/// Keywords that no data breaks.
const REMARKS: [&str; 15] = [
    "$schema",
    "$id",
    "id",
    "$anchor",
    "$dynamicAnchor",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];
/// Keywords that are broken by objects and lists alone.
const OF_CONTAINERS: [&str; 12] = [
    "additionalProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
    "additionalItems",
    "minProperties",
    "maxProperties",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
];
/// Bytes of a text that take as much as one more value.
const TEXT: usize = 50;
/// Values that take as much as one violation.
const COPIED: u64 = 8;

/// What checking data may cost.
#[derive(Debug)]
pub(super) struct Cost {
    /// Deepest nesting of data that can be checked in bounded time; `None` for any.
    pub(super) depth_max: Option<u32>,
    /// How many rules an object or a list may break.
    of_containers: u64,
    /// How many any other value may, or the name of a member.
    of_others: u64,
    /// How many times as many it may for each level that it lies deeper.
    growth: f64,
    /// To tell that none of some alternatives fits, the validator tells all that each of them lacks.
    pub(super) alternatives: bool,
    /// Names of members are held against schemas: what is wrong with one tells its object.
    names: bool,
}

impl Cost {
    /// # Errors
    /// Checking would take a time beyond bounds.
    pub(super) fn of(schema: &Value) -> Result<Self, InvalidSchema> {
        let mut graph = Graph::default();
        graph.add(schema, String::new(), false, 0)?;
        patterns::bound(&graph.patterns)?;
        let mut steps = Steps(0);
        graph.targets = references::resolve(&graph, schema, &mut steps)?;
        let edges = graph.edges(&mut steps)?;
        let ways = Ways::of(&edges, &mut steps)?;
        let rings = rings(&edges);
        let growth = growth(&edges, &ways, &rings, &mut steps)?;
        let checks: Vec<u64> = edges.iter().map(|edges| 1 + edges.more).collect();
        let most = levels::most(&edges, &ways, &rings, &checks, &mut Steps(0))?;
        if most > PART_MAX {
            return Err(InvalidSchema::new(format!(
                "one part of the data would be checked more than {PART_MAX} times"
            ))
            .hint("let alternatives share fewer schemas, or tell them apart outside of them"));
        }
        let broken = |containers| {
            let rules = graph.rules(&ways, containers);
            levels::most(&edges, &ways, &rings, &rules, &mut Steps(0))
        };
        Ok(Self {
            depth_max: depth_max(growth)?,
            of_containers: broken(true)?,
            of_others: broken(false)?,
            growth,
            alternatives: graph.has_alternatives(),
            names: graph
                .nodes
                .iter()
                .any(|node| !node.by_name && node.map.contains_key("propertyNames")),
        })
    }

    /// How many violations a value may have, so deep, where the parts that are copied count for what they take.
    pub(super) fn broken(&self, value: &Value, depth: u32) -> u64 {
        let (_, rules) = self.weighed(value, 0);
        let growth = self.growth.max(1.0).powf(f64::from(depth));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let rules = (rules as f64 * growth) as u64;
        rules
    }

    /// How large a value is, and how many rules it and its parts may break; its place is so long.
    fn weighed(&self, value: &Value, place: usize) -> (u64, u64) {
        let text = |text: &str| 1 + (text.len() / TEXT) as u64;
        let (mut size, mut broken, mut told, mut names) = (1, 0_u64, 0, 0);
        let mut add = |(more, rules): (u64, u64)| {
            size += more;
            broken = broken.saturating_add(rules);
        };
        let own = match value {
            Value::Array(items) => {
                let all = items.iter();
                all.for_each(|item| add(self.weighed(item, place)));
                self.of_containers
            }
            Value::Object(map) => {
                for (name, value) in map {
                    let (size, rules) = self.weighed(value, place + name.len());
                    add((size + text(name), rules));
                    told += text(name);
                    names += 1;
                }
                self.of_containers
            }
            Value::String(value) => {
                add((text(value), 0));
                self.of_others
            }
            _ => self.of_others,
        };
        // Alternatives keep a copy of what each of their violations is about; any other tells names at most.
        let copied = if self.alternatives { size } else { told };
        let each = 1 + ((place / TEXT) as u64 + copied) / COPIED;
        let of_name = if self.names { each } else { 1 };
        let of_names = self.of_others.saturating_mul(names).saturating_mul(of_name);
        let rules = own.saturating_mul(each).saturating_add(of_names);
        (size, broken.saturating_add(rules))
    }
}

fn depth_max(growth: f64) -> Result<Option<u32>, InvalidSchema> {
    if growth <= 1.0 {
        return Ok(None);
    }
    let levels = (GROWTH_MAX.ln() / growth.ln()).floor();
    if levels < 3.0 {
        return Err(InvalidSchema::new(format!(
            "it comes back to itself in {growth} ways for one part of the data: checking would take a time that grows beyond bounds"
        ))
        .hint("let fewer alternatives lead back, or tell them apart outside the recursion"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(Some(levels as u32))
}

/// How much was done so far.
struct Steps(usize);

impl Steps {
    fn take(&mut self, count: usize) -> Result<(), InvalidSchema> {
        self.0 += count;
        match self.0 <= STEPS_MAX {
            true => Ok(()),
            false => Err(InvalidSchema::new(
                "its schemas refer to each other in more ways than can be followed in bounded time",
            )
            .hint("let alternatives share fewer schemas")),
        }
    }
}

#[derive(Default)]
struct Graph<'s> {
    nodes: Vec<Node<'s>>,
    /// By address.
    ids: HashMap<*const Map<String, Value>, usize>,
    targets: Targets<'s>,
    patterns: BTreeSet<&'s str>,
}

struct Node<'s> {
    map: &'s Map<String, Value>,
    /// Its members are schemas and no keywords.
    by_name: bool,
}

impl Node<'_> {
    /// How many rules an object or a list may break here, or any other value; what applies to their parts aside, but
    /// for a part that may not be at all.
    fn rules(&self, containers: bool) -> u64 {
        if self.by_name {
            return 0;
        }
        let is_false = |value: &&Value| **value == Value::Bool(false);
        let falses = |value: &Value| match value {
            Value::Array(items) => items.iter().filter(is_false).count(),
            Value::Object(map) => map.values().filter(is_false).count(),
            other => usize::from(is_false(&other)),
        };
        let length = |value: &Value| value.as_array().map_or(0, Vec::len);
        let of = |(key, value): (&String, &Value)| match key.as_str() {
            key if REMARKS.contains(&key) => 0,
            key if OF_CONTAINERS.contains(&key) => usize::from(containers),
            "required" if value.is_array() => usize::from(containers) * length(value),
            "dependentRequired" | "dependencies" | "dependentSchemas" => {
                let all = value.as_object().into_iter().flat_map(Map::values);
                let lists: usize = all.map(length).sum();
                usize::from(containers) * (lists + falses(value))
            }
            // One of them applies to a part.
            "properties" | "items" | "prefixItems" | "propertyNames" => falses(value).min(1),
            "patternProperties" => falses(value),
            _ => 1 + falses(value),
        };
        self.map.iter().map(of).sum::<usize>().max(1) as u64
    }
}

/// Where a schema leads.
#[derive(Default)]
struct Edges {
    here: Vec<usize>,
    /// To the parts of this name.
    named: BTreeMap<String, Vec<usize>>,
    /// To parts of names that match something.
    matched: Vec<usize>,
    /// To all other parts.
    rest: Vec<usize>,
    /// Checks of the value itself beside the first.
    more: u64,
}

impl Edges {
    fn all(&self) -> impl Iterator<Item = usize> {
        let named = self.named.values().flatten();
        let others = self.here.iter().chain(&self.matched).chain(&self.rest);
        others.chain(named).copied()
    }
}

impl<'s> Graph<'s> {
    fn add(
        &mut self,
        schema: &'s Value,
        place: String,
        by_name: bool,
        depth: usize,
    ) -> Result<(), InvalidSchema> {
        let Value::Object(map) = schema else {
            return Ok(());
        };
        if depth > DEPTH_MAX || self.nodes.len() >= NODES_MAX {
            return Err(InvalidSchema::new(format!(
                "the schema has more than {DEPTH_MAX} levels or {NODES_MAX} schemas in it"
            )));
        }
        let node = self.nodes.len();
        self.nodes.push(Node { map, by_name });
        self.ids.insert(map, node);
        // Everything that may be referred to is a schema here, also what no keyword makes one.
        for (key, value) in map {
            if !by_name && DATA.contains(&key.as_str()) {
                continue;
            }
            let new: Vec<&str> = match (key.as_str(), value) {
                _ if by_name => Vec::new(),
                ("pattern", Value::String(pattern)) => vec![pattern],
                ("patternProperties", Value::Object(all)) => {
                    all.keys().map(String::as_str).collect()
                }
                _ => Vec::new(),
            };
            let too_long = new.iter().any(|pattern| pattern.len() > PATTERN_MAX);
            self.patterns.extend(new);
            if too_long {
                return Err(InvalidSchema::new(format!(
                    "{place}/{key}: a pattern of more than {} KiB",
                    PATTERN_MAX >> 10
                )));
            }
            let below = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
            let key = key.as_str();
            let names = !by_name && BY_NAME.contains(&key);
            self.within(value, below, names, depth + 1)?;
        }
        Ok(())
    }

    fn within(
        &mut self,
        value: &'s Value,
        place: String,
        by_name: bool,
        depth: usize,
    ) -> Result<(), InvalidSchema> {
        match value {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(i, item)| self.add(item, format!("{place}/{i}"), false, depth)),
            other => self.add(other, place, by_name, depth),
        }
    }

    fn edges(&self, steps: &mut Steps) -> Result<Vec<Edges>, InvalidSchema> {
        let all = (0..self.nodes.len()).map(|node| {
            let edges = self.leads(node);
            steps.take(1 + edges.all().count())?;
            Ok(edges)
        });
        all.collect()
    }

    fn leads(&self, node: usize) -> Edges {
        let Node { map, by_name } = self.nodes[node];
        let mut edges = Edges::default();
        for (key, value) in map.iter().filter(|_| !by_name) {
            match key.as_str() {
                "$ref" | "$dynamicRef" | "$recursiveRef" => {
                    edges
                        .here
                        .extend(self.targets.of(node, key).into_iter().flatten());
                    if self.targets.leaves(node) {
                        edges.rest.extend(self.anchored());
                    }
                }
                key if SHELVES.contains(&key) || key == "propertyNames" => {}
                key if HERE.contains(&key) => edges.here.extend(self.ids(value)),
                "properties" => {
                    let Value::Object(properties) = value else {
                        continue;
                    };
                    for (name, schema) in properties {
                        edges.named.insert(name.clone(), self.ids(schema));
                    }
                }
                "prefixItems" => {
                    let Value::Array(items) = value else { continue };
                    for (i, schema) in items.iter().enumerate() {
                        edges.named.insert(format!("[{i}]"), self.ids(schema));
                    }
                }
                "enum" => {
                    let options = value.as_array().map(Vec::as_slice).unwrap_or_default();
                    if !options.iter().all(Value::is_string) {
                        edges.more = (options.len() / OPTIONS) as u64;
                    }
                }
                "patternProperties" | "contains" => edges.matched.extend(self.ids(value)),
                "additionalProperties"
                | "unevaluatedProperties"
                | "items"
                | "additionalItems"
                | "unevaluatedItems" => edges.rest.extend(self.ids(value)),
                _ => {}
            }
        }
        edges
    }

    /// For each schema, the rules that a value may break there, its members' names included.
    fn rules(&self, ways: &Ways, containers: bool) -> Vec<u64> {
        let all = self.nodes.iter().map(|node| {
            let names = node.map.get("propertyNames").filter(|_| !node.by_name);
            let met = names.into_iter().flat_map(|names| self.ids(names));
            let met = met.flat_map(|names| &ways.0[names]);
            let names = met.map(|(met, times)| self.nodes[*met].rules(false) * times);
            node.rules(containers) + names.sum::<u64>()
        });
        all.collect()
    }

    fn has_alternatives(&self) -> bool {
        let mut all = self.nodes.iter().enumerate();
        all.any(|(number, node)| {
            let own = node.map.contains_key("anyOf") || node.map.contains_key("oneOf");
            own || self.targets.leaves(number)
        })
    }

    /// What the published schemas, which know no other, may lead to for a part of the data.
    fn anchored(&self) -> impl Iterator<Item = usize> {
        let named = |node: &Node<'_>| {
            node.map.contains_key("$dynamicAnchor") || node.map.contains_key("$recursiveAnchor")
        };
        let all = self.nodes.iter().enumerate();
        all.filter(move |(_, node)| !node.by_name && named(node))
            .map(|(number, _)| number)
    }

    /// The schemas that a value is, or holds one step below.
    fn ids(&self, value: &Value) -> Vec<usize> {
        let id = |value: &Value| {
            self.ids
                .get(&std::ptr::from_ref(value.as_object()?))
                .copied()
        };
        match value {
            Value::Array(items) => items.iter().filter_map(id).collect(),
            Value::Object(map) => match id(value) {
                Some(own) if !self.nodes[own].by_name => vec![own],
                _ => map.values().filter_map(id).collect(),
            },
            _ => Vec::new(),
        }
    }
}

/// For each schema, the schemas that a value meets there, each with how often.
struct Ways(Vec<BTreeMap<usize, u64>>);

impl Ways {
    fn of(edges: &[Edges], steps: &mut Steps) -> Result<Self, InvalidSchema> {
        let mut done: Vec<Option<BTreeMap<usize, u64>>> = vec![None; edges.len()];
        for node in 0..edges.len() {
            visit(node, edges, &mut done, &mut BTreeSet::new(), steps)?;
        }
        Ok(Self(
            done.into_iter().map(Option::unwrap_or_default).collect(),
        ))
    }
}

fn visit(
    node: usize,
    edges: &[Edges],
    done: &mut Vec<Option<BTreeMap<usize, u64>>>,
    above: &mut BTreeSet<usize>,
    steps: &mut Steps,
) -> Result<(), InvalidSchema> {
    if done[node].is_some() {
        return Ok(());
    }
    if !above.insert(node) {
        return Err(
            InvalidSchema::new("it refers to itself for the same data, without end")
                .hint("let a reference to itself stand under `properties` or `items`"),
        );
    }
    if above.len() > DEPTH_MAX * 4 {
        return Err(InvalidSchema::new(
            "references lead on in a chain that is too long",
        ));
    }
    let mut ways = BTreeMap::from([(node, 1)]);
    for next in &edges[node].here {
        visit(*next, edges, done, above, steps)?;
        steps.take(done[*next].as_ref().map_or(0, BTreeMap::len))?;
        for (met, times) in done[*next].iter().flatten() {
            let sum: &mut u64 = ways.entry(*met).or_default();
            *sum = sum.saturating_add(*times);
        }
    }
    let checks = ways.iter().fold(0, |sum: u64, (met, times)| {
        sum.saturating_add(times.saturating_mul(1 + edges[*met].more))
    });
    if checks > WAYS_MAX {
        return Err(InvalidSchema::new(format!(
            "one value would be checked more than {WAYS_MAX} times"
        ))
        .hint("let alternatives share fewer schemas"));
    }
    above.remove(&node);
    done[node] = Some(ways);
    Ok(())
}

/// The largest number of times that a schema comes back to itself for one part of a value.
fn growth(
    edges: &[Edges],
    ways: &Ways,
    rings: &[Option<usize>],
    steps: &mut Steps,
) -> Result<f64, InvalidSchema> {
    let mut most: u64 = 0;
    for (met, ring) in ways.0.iter().zip(rings) {
        let Some(ring) = ring else { continue };
        let back = |targets: &[usize]| {
            let within = targets.iter().filter(|t| rings[**t] == Some(*ring));
            within.count() as u64
        };
        // For a part of any name, and what is more or less of it for those that are named.
        let mut any: u64 = 0;
        let mut named: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (met, times) in met {
            let edges = &edges[*met];
            steps.take(1 + edges.named.len() + edges.rest.len() + edges.matched.len())?;
            let rest = times * back(&edges.rest);
            any += rest + times * back(&edges.matched);
            for (name, targets) in &edges.named {
                let (more, less) = named.entry(name).or_default();
                *more += times * back(targets);
                *less += rest;
            }
        }
        let names = named.values().map(|(more, less)| any + more - less);
        most = most.max(names.fold(any, u64::max));
    }
    #[expect(clippy::cast_precision_loss)]
    let most = most as f64;
    Ok(most)
}

/// For each schema that leads back to itself, a number that it shares with all that lie on its ways back.
fn rings(edges: &[Edges]) -> Vec<Option<usize>> {
    let next: Vec<Vec<usize>> = edges.iter().map(|edges| edges.all().collect()).collect();
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); next.len()];
    for (node, all) in next.iter().enumerate() {
        for to in all {
            before[*to].push(node);
        }
    }
    let mut rings = vec![None; next.len()];
    // Against the arrows, beginning with what is left last (Kosaraju's algorithm).
    for start in left(&next).into_iter().rev() {
        if rings[start].is_some() {
            continue;
        }
        rings[start] = Some(start);
        let mut open = vec![start];
        let mut count = 0;
        while let Some(node) = open.pop() {
            count += 1;
            for from in &before[node] {
                if rings[*from].is_none() {
                    rings[*from] = Some(start);
                    open.push(*from);
                }
            }
        }
        if count == 1 && !next[start].contains(&start) {
            // Taken for now, so that nothing else takes it along.
            rings[start] = Some(usize::MAX);
        }
    }
    let alone = |ring: &Option<usize>| *ring == Some(usize::MAX);
    rings
        .iter()
        .map(|ring| ring.filter(|_| !alone(ring)))
        .collect()
}

/// All nodes in the order in which a walk along the arrows is done with them.
fn left(next: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; next.len()];
    let mut order = Vec::with_capacity(next.len());
    for start in 0..next.len() {
        let mut open = vec![(start, 0)];
        while let Some((node, at)) = open.pop() {
            if at == 0 && std::mem::replace(&mut seen[node], true) {
                continue;
            }
            match next[node].get(at) {
                Some(to) => {
                    open.push((node, at + 1));
                    if !seen[*to] {
                        open.push((*to, 0));
                    }
                }
                None => order.push(node),
            }
        }
    }
    order
}
