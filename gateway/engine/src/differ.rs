//! Replies held against each other: what of them counts, and where they differ.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tradewind_adapter::{TRACEPARENT, TRACESTATE};
use tradewind_event::Event;

/// Attributes that are each responder's own.
const OWN: [&str; 6] = ["id", "source", "time", crate::HOPS, TRACEPARENT, TRACESTATE];
/// Most differences that are told of two replies.
const MOST: usize = 100;
/// Data beyond it is compared byte by byte, and not as JSON: every responder decides how large its replies are.
const JSON_MAX: usize = 1 << 20;

/// What of replies is not compared, besides `id`, `source`, `time` and traces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignored {
    /// JSON pointers into their data, as steps; `*` stands for any one step.
    paths: Vec<Vec<String>>,
    attributes: BTreeSet<String>,
}

impl Ignored {
    /// Fields by JSON pointer, whose step `*` stands for every member or item, and attributes by name.
    ///
    /// # Errors
    /// A pointer that is none.
    pub fn new<'a>(
        pointers: impl IntoIterator<Item = &'a str>,
        attributes: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let steps = |pointer: &str| {
            let rest = pointer.strip_prefix('/').filter(|rest| !rest.is_empty());
            let rest = rest.ok_or_else(|| {
                format!("`{pointer}` is no JSON pointer to a field (hint: write `/name`)")
            })?;
            let step = |step: &str| step.replace("~1", "/").replace("~0", "~");
            Ok::<_, String>(rest.split('/').map(step).collect())
        };
        Ok(Self {
            paths: pointers.into_iter().map(steps).collect::<Result<_, _>>()?,
            attributes: attributes.into_iter().map(str::to_owned).collect(),
        })
    }

    fn drops(&self, attribute: &str) -> bool {
        OWN.contains(&attribute) || self.attributes.contains(attribute)
    }
}

/// One place where two replies differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// `type` or another attribute, or `data` with the JSON pointer into it, for instance `data/total`.
    pub at: String,
    /// What the old one has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What the new one has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// What counts of a reply, in one form whatever the order of its members: equal bytes mean equal replies.
pub(crate) fn normal(reply: &Event, ignored: &Ignored) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in attributes(reply, ignored) {
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        out.extend_from_slice(value.as_bytes());
        out.push(0);
    }
    out.push(0);
    match (data(reply, ignored), reply.data()) {
        (Some(mut json), _) => {
            json.sort_all_objects();
            out.extend_from_slice(json.to_string().as_bytes());
        }
        (None, Some(data)) => {
            out.push(1);
            out.extend_from_slice(&data.bytes);
        }
        (None, None) => {}
    }
    out
}

/// Where two replies differ, at most 100 places.
pub fn differences(old: &Event, new: &Event, ignored: &Ignored) -> Vec<Difference> {
    let mut found = Found(Vec::new());
    let (was, is) = (attributes(old, ignored), attributes(new, ignored));
    let names: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    for name in names {
        let text = |side: &BTreeMap<&str, String>| side.get(name).map(|v| Value::from(v.as_str()));
        found.unequal(name, text(&was), text(&is));
    }
    let (was, is) = (data(old, ignored), data(new, ignored));
    match (&was, &is) {
        (Some(was), Some(is)) => found.within("data", was, is),
        _ => {
            let shown = |json: Option<Value>, event: &Event| {
                json.or_else(|| Some(text(&event.data()?.bytes)))
            };
            found.unequal("data", shown(was, old), shown(is, new));
        }
    }
    found.0
}

fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => format!("{} bytes that are no text", bytes.len()).into(),
    }
}

fn attributes<'e>(reply: &'e Event, ignored: &Ignored) -> BTreeMap<&'e str, String> {
    let all = reply.attributes();
    all.filter(|(name, _)| !ignored.drops(name))
        .map(|(name, value)| (name, value.to_canonical().into_owned()))
        .collect()
}

fn data(reply: &Event, ignored: &Ignored) -> Option<Value> {
    reply.data_json_bytes().filter(|b| b.len() <= JSON_MAX)?;
    let mut json = reply.data_json()?;
    for path in &ignored.paths {
        remove(&mut json, path);
    }
    whole(&mut json);
    Some(json)
}

fn remove(value: &mut Value, path: &[String]) {
    let [step, rest @ ..] = path else { return };
    match value {
        Value::Object(map) if rest.is_empty() && step == "*" => map.clear(),
        Value::Object(map) if rest.is_empty() => drop(map.remove(step)),
        Value::Object(map) if step == "*" => map.values_mut().for_each(|v| remove(v, rest)),
        Value::Object(map) => {
            if let Some(inner) = map.get_mut(step) {
                remove(inner, rest);
            }
        }
        // An item is blanked: the others keep their places.
        Value::Array(items) if step == "*" => {
            for item in items {
                blank(item, rest);
            }
        }
        Value::Array(items) => {
            let index = step.parse::<usize>().ok();
            if let Some(item) = index.and_then(|index| items.get_mut(index)) {
                blank(item, rest);
            }
        }
        _ => {}
    }
}

fn blank(item: &mut Value, rest: &[String]) {
    match rest {
        [] => *item = Value::Null,
        rest => remove(item, rest),
    }
}

/// `1.0` and `1` are the same number to whoever reads JSON, and languages write either.
fn whole(value: &mut Value) {
    /// Beyond it, not every whole number can be told from the next one.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or(f64::NAN);
            if float.fract() == 0.0 && float.abs() < EXACT {
                *value = Value::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole),
        Value::Object(map) => map.values_mut().for_each(whole),
        _ => {}
    }
}

struct Found(Vec<Difference>);

impl Found {
    fn unequal(&mut self, at: &str, old: Option<Value>, new: Option<Value>) {
        if old != new && self.0.len() < MOST {
            self.0.push(Difference {
                at: at.to_owned(),
                old,
                new,
            });
        }
    }

    fn within(&mut self, at: &str, old: &Value, new: &Value) {
        if old == new || self.0.len() >= MOST {
            return;
        }
        let child = |step: &str| format!("{at}/{}", step.replace('~', "~0").replace('/', "~1"));
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                for key in keys {
                    self.either(&child(key), old.get(key), new.get(key));
                }
            }
            (Value::Array(old), Value::Array(new)) => {
                for index in 0..old.len().max(new.len()) {
                    let at = child(&index.to_string());
                    self.either(&at, old.get(index), new.get(index));
                }
            }
            _ => self.unequal(at, Some(old.clone()), Some(new.clone())),
        }
    }

    fn either(&mut self, at: &str, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (Some(old), Some(new)) => self.within(at, old, new),
            (old, new) => self.unequal(at, old.cloned(), new.cloned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tradewind_event::Attribute;

    fn reply(id: &str, data: &str) -> Event {
        let built = Event::builder(id, format!("/by/{id}"), "order.charged")
            .time("2026-01-01T00:00:00Z")
            .data("application/json", data.to_owned());
        built.build().unwrap()
    }

    fn ignored(pointers: &[&str]) -> Ignored {
        Ignored::new(pointers.iter().copied(), ["subject"]).unwrap()
    }

    #[test]
    fn what_is_the_same_and_where_it_is_not() {
        // old, new, ignored, places that differ
        let table: &[(&str, &str, &[&str], &[&str])] = &[
            (r#"{"a":1,"b":2}"#, r#"{ "b": 2, "a": 1.0 }"#, &[], &[]),
            (r#"{"a":1}"#, r#"{"a":1.5}"#, &[], &["data/a"]),
            (r#"{"a":1}"#, r#"{"a":"1"}"#, &[], &["data/a"]),
            (r#"{"a":null}"#, r#"{}"#, &[], &["data/a"]),
            (r#"{"at":1,"x":2}"#, r#"{"at":9,"x":2}"#, &["/at"], &[]),
            (
                r#"{"i":[{"t":1},{"t":2}]}"#,
                r#"{"i":[{"t":3},{"t":4}]}"#,
                &["/i/*/t"],
                &[],
            ),
            (r#"{"i":[1,2]}"#, r#"{"i":[1]}"#, &["/i/0"], &["data/i/1"]),
            (r#"{"i":[1,2]}"#, r#"{"i":[9,2]}"#, &["/i/0"], &[]),
            (
                r#"{"a/b":{"~":1}}"#,
                r#"{"a/b":{"~":2}}"#,
                &[],
                &["data/a~1b/~0"],
            ),
            (
                r#"{"a/b":{"~":1}}"#,
                r#"{"a/b":{"~":2}}"#,
                &["/a~1b/~0"],
                &[],
            ),
            ("{", "{}", &[], &["data"]),
            ("{", "{", &[], &[]),
        ];
        for (old, new, pointers, places) in table {
            let (old, new, ignored) = (reply("o", old), reply("n", new), ignored(pointers));
            let found = differences(&old, &new, &ignored);
            let found: Vec<&str> = found.iter().map(|d| d.at.as_str()).collect();
            assert_eq!(found, *places, "{old:?} {new:?}");
            let equal = normal(&old, &ignored) == normal(&new, &ignored);
            assert_eq!(equal, places.is_empty(), "{old:?} {new:?}");
        }
    }

    #[test]
    fn attributes_count_but_for_the_responders_own_and_those_that_are_ignored() {
        let old = reply("o", "1");
        let with = |name, value| old.with_attribute(name, Attribute::String(value)).unwrap();
        for (name, value, counts) in [
            ("id", "7", false),
            ("source", "/else", false),
            ("time", "2027-01-01T00:00:00Z", false),
            ("traceparent", "00-1", false),
            ("subject", "ignored", false),
            ("type", "order.refused", true),
            ("tenant", "a", true),
        ] {
            let new = with(name, value);
            let ignored = ignored(&[]);
            let at = differences(&old, &new, &ignored).pop().map(|d| d.at);
            assert_eq!(at.as_deref(), counts.then_some(name));
            assert_eq!(normal(&old, &ignored) != normal(&new, &ignored), counts);
        }
    }

    #[test]
    fn a_pointer_that_is_none_is_refused() {
        for wrong in ["", "/", "name", "data.name"] {
            let error = Ignored::new([wrong], []).unwrap_err();
            assert!(error.contains("JSON pointer"), "{error}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-3i64..3).prop_map(Value::from),
            (-3.0f64..3.0).prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..3)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        /// The digest and the list of differences never contradict each other.
        #[test]
        fn equal_means_without_a_difference(old in json(), new in json(), ignore: bool) {
            let (old, new) = (reply("o", &old.to_string()), reply("n", &new.to_string()));
            let ignored = ignored(if ignore { &["/a", "/b/*"] } else { &[] });
            let equal = normal(&old, &ignored) == normal(&new, &ignored);
            prop_assert_eq!(equal, differences(&old, &new, &ignored).is_empty());
            prop_assert!(differences(&old, &old, &ignored).is_empty());
        }
    }
}
