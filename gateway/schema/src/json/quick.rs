//! A quick yes: schemas of the usual keywords are held against the bytes themselves, without making values of them.
//! Whatever this cannot tell for sure, the validator decides.

use regex::{Regex, RegexBuilder};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Properties of one object that are followed: a bit each.
const PROPERTIES_MAX: usize = 64;
/// Texts that are compared one by one.
const TEXTS_MAX: usize = 32;
/// Schemas within a schema that are followed.
const NODES_MAX: usize = 256;
/// Numbers up to here are the same as integers and as floats.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
/// Versions in which all of these keywords mean what they mean here.
const VERSIONS: [&str; 2] = [
    "https://json-schema.org/draft/2020-12/schema",
    "http://json-schema.org/draft-07/schema#",
];

/// A schema that can be answered quickly.
#[derive(Debug)]
pub(super) struct Quick {
    nodes: Vec<Node>,
}

const NULL: u8 = 1;
const BOOLEAN: u8 = 2;
const INTEGER: u8 = 4;
const FRACTION: u8 = 8;
const STRING: u8 = 16;
const ARRAY: u8 = 32;
const OBJECT: u8 = 64;
const ANY: u8 = 127;

#[derive(Debug)]
struct Node {
    types: u8,
    /// One of these texts; then nothing else will do.
    one_of: Option<Vec<String>>,
    lengths: (usize, usize),
    pattern: Option<Regex>,
    /// Bounds of numbers, and whether the bound itself is within.
    least: Option<(f64, bool)>,
    most: Option<(f64, bool)>,
    counts: (usize, usize),
    items: Option<usize>,
    properties: Vec<(String, usize)>,
    required: u64,
    /// What other properties must be; `None` where there may be none.
    others: Option<usize>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            types: ANY,
            one_of: None,
            lengths: (0, usize::MAX),
            pattern: None,
            least: None,
            most: None,
            counts: (0, usize::MAX),
            items: None,
            properties: Vec::new(),
            required: 0,
            others: Some(EVERYTHING),
        }
    }
}

/// The node that takes everything.
const EVERYTHING: usize = 0;

impl Quick {
    /// `None` for a schema with anything else in it.
    pub(super) fn of(schema: &Value) -> Option<Self> {
        let version = schema.get("$schema").map(Value::as_str);
        if version.is_some_and(|v| v.is_none_or(|v| !VERSIONS.contains(&v))) {
            return None;
        }
        let mut plan = Plan {
            root: schema,
            nodes: vec![Some(Node::default())],
            known: Vec::new(),
        };
        // The second one is the root.
        plan.node(schema)?;
        Some(Self {
            nodes: plan.nodes.into_iter().collect::<Option<_>>()?,
        })
    }

    /// Whether the data is valid for sure.
    pub(super) fn is_valid(&self, data: &[u8]) -> bool {
        // Once for all: of bytes, each text would be looked at by itself.
        let Ok(text) = std::str::from_utf8(data) else {
            return false;
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        let root = At { all: self, node: 1 };
        root.deserialize(&mut reader).is_ok() && reader.end().is_ok()
    }
}

struct Plan<'a> {
    root: &'a Value,
    nodes: Vec<Option<Node>>,
    /// Definitions that have a node.
    known: Vec<(&'a str, usize)>,
}

impl<'a> Plan<'a> {
    fn node(&mut self, schema: &'a Value) -> Option<usize> {
        let map = match schema {
            Value::Bool(true) => return Some(EVERYTHING),
            Value::Object(map) => map,
            _ => return None,
        };
        if let Some(reference) = map.get("$ref") {
            return self.referred(reference.as_str()?, map);
        }
        let number = self.nodes.len();
        if number >= NODES_MAX {
            return None;
        }
        self.nodes.push(None);
        let node = self.read(map)?;
        *self.nodes.get_mut(number)? = Some(node);
        Some(number)
    }

    fn referred(&mut self, reference: &'a str, map: &Map<String, Value>) -> Option<usize> {
        let alone = map.keys().all(|key| key == "$ref" || is_remark(key));
        let name = reference
            .strip_prefix("#/$defs/")
            .or_else(|| reference.strip_prefix("#/definitions/"))
            .filter(|name| !name.contains(['/', '~', '%']));
        name?;
        let target = self.root.pointer(reference.strip_prefix('#')?);
        let target = target.filter(|_| alone)?;
        if let Some((_, node)) = self.known.iter().find(|(known, _)| *known == reference) {
            return Some(*node);
        }
        // Known before it is read, for it may refer to itself.
        if target.get("$ref").is_some() || !target.is_object() {
            return None;
        }
        self.known.push((reference, self.nodes.len()));
        self.node(target)
    }

    fn read(&mut self, map: &'a Map<String, Value>) -> Option<Node> {
        let mut node = Node::default();
        let mut names: Vec<&str> = Vec::new();
        let size = |value: &Value| usize::try_from(value.as_u64()?).ok();
        for (key, value) in map {
            match key.as_str() {
                "type" => node.types = types(value)?,
                "enum" | "const" if node.one_of.is_some() => return None,
                "enum" => node.one_of = Some(texts(value)?),
                "const" => node.one_of = Some(vec![value.as_str()?.to_owned()]),
                "minLength" => node.lengths.0 = size(value)?,
                "maxLength" => node.lengths.1 = size(value)?,
                "pattern" => node.pattern = Some(pattern(value.as_str()?)?),
                "minimum" => node.least = Some((bound(value)?, true)),
                "maximum" => node.most = Some((bound(value)?, true)),
                "minItems" => node.counts.0 = size(value)?,
                "maxItems" => node.counts.1 = size(value)?,
                "items" => node.items = Some(self.node(value)?),
                "properties" => {
                    for (name, schema) in value.as_object()? {
                        node.properties.push((name.clone(), self.node(schema)?));
                    }
                }
                "required" => {
                    let all = value.as_array()?.iter().map(Value::as_str);
                    names = all.collect::<Option<_>>()?;
                }
                "additionalProperties" if *value == Value::Bool(false) => node.others = None,
                "additionalProperties" => node.others = Some(self.node(value)?),
                "$schema" | "$defs" | "definitions" => {}
                key if is_remark(key) => {}
                _ => return None,
            }
        }
        for name in names {
            let at = node.properties.iter().position(|(known, _)| known == name);
            let at = at.unwrap_or_else(|| {
                node.properties.push((name.to_owned(), EVERYTHING));
                node.properties.len() - 1
            });
            // Not among `properties`: it is one of the others.
            let properties = map.get("properties");
            if properties.is_none_or(|all| all.get(name).is_none()) {
                node.properties.get_mut(at)?.1 = node.others?;
            }
            node.required |= 1u64.checked_shl(u32::try_from(at).ok()?)?;
        }
        (node.properties.len() <= PROPERTIES_MAX).then_some(node)
    }
}

/// Keys that ask nothing of the data.
fn is_remark(key: &str) -> bool {
    matches!(
        key,
        "title" | "description" | "$comment" | "default" | "examples" | "deprecated" | "readOnly"
    )
}

fn types(value: &Value) -> Option<u8> {
    let one = |name: &str| {
        Some(match name {
            "null" => NULL,
            "boolean" => BOOLEAN,
            "integer" => INTEGER,
            "number" => INTEGER | FRACTION,
            "string" => STRING,
            "array" => ARRAY,
            "object" => OBJECT,
            _ => return None,
        })
    };
    match value {
        Value::String(name) => one(name),
        Value::Array(names) => names
            .iter()
            .try_fold(0, |all, name| Some(all | one(name.as_str()?)?)),
        _ => None,
    }
}

/// A few texts; many are looked up elsewhere.
fn texts(value: &Value) -> Option<Vec<String>> {
    let all = value.as_array().filter(|all| all.len() <= TEXTS_MAX)?;
    let all = all.iter().map(|text| text.as_str().map(str::to_owned));
    all.collect()
}

/// Patterns that mean the same to everybody.
fn pattern(text: &str) -> Option<Regex> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "^$[]-_+*{},:/@#= ".contains(c);
    let odd = ["--", "[[", "[^", "[]", "[:", "{,", "[-", "-]"];
    let is_plain = text.chars().all(plain) && !odd.iter().any(|part| text.contains(part));
    // Within brackets these stand for themselves.
    let brackets = text
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split(']').next());
    let sound = brackets
        .clone()
        .all(|within| !within.contains(['^', '$', '{', '*', '+']));
    if !is_plain || !sound {
        return None;
    }
    let mut builder = RegexBuilder::new(text);
    let bounded = builder.size_limit(super::PATTERN_MAX);
    bounded.dfa_size_limit(super::PATTERN_MAX).build().ok()
}

fn bound(value: &Value) -> Option<f64> {
    value.as_f64().filter(|bound| bound.abs() < EXACT_MAX)
}

/// A place in the schema, for the value that comes next.
#[derive(Clone, Copy)]
struct At<'a> {
    all: &'a Quick,
    node: usize,
}

impl<'a> At<'a> {
    fn to(self, node: usize) -> Self {
        Self { node, ..self }
    }

    fn is<E: Error>(self, ty: u8) -> Result<&'a Node, E> {
        let takes = |node: &&Node| node.types & ty != 0 && (node.one_of.is_none() || ty == STRING);
        self.all
            .nodes
            .get(self.node)
            .filter(takes)
            .ok_or_else(unsure)
    }

    fn number<E: Error>(self, ty: u8, value: f64) -> Result<(), E> {
        let node = self.is(ty)?;
        let above = |(bound, within): (f64, bool)| value > bound || within && value == bound;
        let below = |(bound, within): (f64, bool)| value < bound || within && value == bound;
        let bounded = node.least.is_some() || node.most.is_some();
        let told = !bounded || value.abs() < EXACT_MAX;
        match told && node.least.is_none_or(above) && node.most.is_none_or(below) {
            true => Ok(()),
            false => Err(unsure()),
        }
    }
}

fn unsure<E: Error>() -> E {
    E::custom("not for sure")
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data of its schema")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.is(NULL).map(drop)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.is(BOOLEAN).map(drop)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.number(INTEGER, value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.number(INTEGER, value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.number(FRACTION, value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let node = self.is(STRING)?;
        if node.lengths != (0, usize::MAX) {
            let length = text.chars().count();
            if length < node.lengths.0 || length > node.lengths.1 {
                return Err(unsure());
            }
        }
        let one = |all: &Vec<String>| all.iter().any(|one| one == text);
        let like = |pattern: &Regex| pattern.is_match(text);
        match node.one_of.as_ref().is_none_or(one) && node.pattern.as_ref().is_none_or(like) {
            true => Ok(()),
            false => Err(unsure()),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let node = self.is(ARRAY)?;
        let mut count = 0;
        let within = self.to(node.items.unwrap_or(EVERYTHING));
        while items.next_element_seed(within)?.is_some() {
            count += 1;
        }
        match count >= node.counts.0 && count <= node.counts.1 {
            true => Ok(()),
            false => Err(unsure()),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let node = self.is(OBJECT)?;
        let (mut seen, mut next) = (0u64, 0);
        while let Some(at) = members.next_key_seed(Key { node, next })? {
            let Some(at) = at else {
                match node.others {
                    Some(others) => members.next_value_seed(self.to(others))?,
                    None => return Err(unsure()),
                }
                continue;
            };
            // Of two of one name the last one counts.
            if seen & 1 << at != 0 {
                return Err(unsure());
            }
            seen |= 1 << at;
            next = at + 1;
            let within = node
                .properties
                .get(at)
                .map_or(EVERYTHING, |(_, node)| *node);
            members.next_value_seed(self.to(within))?;
        }
        match seen & node.required == node.required {
            true => Ok(()),
            false => Err(unsure()),
        }
    }
}

/// The name of a member, as the number of the property; they mostly come in the order of the schema.
struct Key<'a> {
    node: &'a Node,
    next: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let all = &self.node.properties;
        let is = |at: &usize| all.get(*at).is_some_and(|(known, _)| known == name);
        Ok((self.next..all.len()).chain(0..self.next).find(is))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Schemas of the keywords that are followed, and of a few that are not.
    fn schemas() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!({})),
            Just(json!(true)),
            Just(json!({ "type": "integer", "minimum": 1, "maximum": 5 })),
            Just(json!({ "type": ["number", "null"], "maximum": 2.5 })),
            Just(json!({ "minimum": 0 })),
            Just(json!({ "type": "string", "minLength": 1, "maxLength": 3 })),
            Just(json!({ "pattern": "^[a-c]+$" })),
            Just(json!({ "enum": ["a", "b", ""] })),
            Just(json!({ "const": "a", "title": "t" })),
            Just(json!({ "type": "boolean" })),
            Just(json!({ "$ref": "#/$defs/short" })),
            Just(json!({ "$ref": "#/$defs/tree" })),
            Just(json!({ "multipleOf": 2 })),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let properties = prop::collection::btree_map("[a-d]", inner.clone(), 0..4);
            let required = prop::collection::btree_set("[a-d]", 0..3);
            let others = prop_oneof![
                Just(None),
                Just(Some(json!(false))),
                inner.clone().prop_map(Some)
            ];
            let object = (properties, required, others, any::<bool>());
            prop_oneof![
                object.prop_map(|(properties, required, others, typed)| {
                    let mut schema = json!({ "properties": properties, "required": required });
                    if let Some(others) = others {
                        schema["additionalProperties"] = others;
                    }
                    if typed {
                        schema["type"] = json!("object");
                    }
                    schema
                }),
                (inner, 0..3u8, 0..4u8).prop_map(|(items, least, most)| {
                    json!({ "items": items, "minItems": least, "maxItems": most })
                }),
            ]
        })
    }

    /// JSON as text, so that names come twice and numbers have every form.
    fn texts() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            prop::sample::select(vec![
                "null",
                "true",
                "1",
                "2",
                "7",
                "-1",
                "2.5",
                "1.0",
                "1e2",
                "1e400",
                "9007199254740993",
                "18446744073709551616",
                "-0",
                "\"\"",
                "\"a\"",
                "\"abc\"",
                "\"abcd\"",
                "\"\\u0061\"",
                "\"\u{e9}\"",
                "\"\\ud800\"",
            ])
            .prop_map(str::to_owned)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let member =
                ("[a-e]", inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
            prop_oneof![
                prop::collection::vec(member, 0..5)
                    .prop_map(|all| format!("{{{}}}", all.join(","))),
                prop::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(", "))),
            ]
        })
    }

    fn whole(mut schema: Value) -> Value {
        if let Some(map) = schema.as_object_mut() {
            let tree = json!({ "type": ["object", "integer"], "additionalProperties": { "$ref": "#/$defs/tree" } });
            map.insert(
                "$defs".into(),
                json!({ "short": { "maxLength": 1 }, "tree": tree }),
            );
        }
        schema
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn a_quick_yes_is_the_validators(schema in schemas(), text in texts()) {
            let schema = whole(schema);
            let Some(quick) = Quick::of(&schema) else { return Ok(()) };
            let value: Option<Value> = serde_json::from_str(&text).ok();
            let validator = jsonschema::options().with_pattern_options(super::super::patterns()).build(&schema);
            let valid = value.is_some_and(|value| validator.unwrap().is_valid(&value));
            prop_assert!(valid || !quick.is_valid(text.as_bytes()), "{schema} {text}");
        }
    }

    #[test]
    fn usual_data_is_answered_and_what_is_not_followed_is_left() {
        let order = json!({
            "type": "object", "required": ["id", "lines"], "additionalProperties": false,
            "properties": {
                "id": { "type": "string", "pattern": "^o-[0-9]+$", "description": "d" },
                "lines": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/line" } },
                "currency": { "enum": ["EUR", "USD"] },
            },
            "$defs": { "line": {
                "type": "object", "required": ["sku"],
                "properties": { "sku": { "type": "string", "minLength": 1 }, "price": { "type": "number", "minimum": 0 } },
            } },
        });
        let quick = Quick::of(&order).unwrap();
        for (data, answered) in [
            (
                r#"{"id":"o-1","lines":[{"sku":"a","price":1.5,"more":[{}]}],"currency":"EUR"}"#,
                true,
            ),
            (r#" {"lines" : [ {"sku":"\u0061"} ], "id":"o-77"} "#, true),
            (r#"{"id":"x","lines":[{"sku":"a"}]}"#, false),
            (r#"{"id":"o-1","lines":[]}"#, false),
            (r#"{"id":"o-1","lines":[{"sku":"a","price":-1}]}"#, false),
            (r#"{"id":"o-1","lines":[{"sku":"a"}],"other":1}"#, false),
            (r#"{"id":"o-1"}"#, false),
            (r#"{"id":"o-1","lines":[{"sku":"a"}]} x"#, false),
            (r#"{"id":"o-1","lines":[{"sku":"a"}]"#, false),
        ] {
            assert_eq!(quick.is_valid(data.as_bytes()), answered, "{data}");
        }
        for schema in [
            json!({ "$schema": "http://json-schema.org/draft-04/schema#" }),
            json!({ "properties": { "a": { "format": "date" } } }),
            json!({ "allOf": [{}] }),
            json!({ "$ref": "#" }),
            json!({ "$ref": "#/$defs/a", "type": "string", "$defs": { "a": {} } }),
            json!({ "$ref": "" }),
            json!({ "enum": ["a", 1] }),
            json!({ "pattern": "\\d" }),
            json!({ "pattern": "a.c" }),
            json!({ "items": [{}] }),
            json!(false),
        ] {
            assert!(Quick::of(&schema).is_none(), "{schema}");
        }
    }
}
