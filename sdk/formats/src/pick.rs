//! A few scalars out of a large JSON document, in one pass and without a tree.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Dotted paths, taken apart once. A number as a step leads into a list; a dot that belongs to a key is
/// written `\.`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    root: Node,
    count: usize,
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// Slots of the answer that a scalar here fills.
    slots: Vec<usize>,
    /// By key, sorted.
    below: Vec<(String, Node)>,
    /// Indexes that lead on, sorted, each with its place in `below`.
    indexes: Vec<(usize, usize)>,
}

/// What was found, slot by slot.
pub(crate) type Found<'de> = Vec<Option<Cow<'de, str>>>;

impl Paths {
    pub(crate) fn new(paths: &[impl AsRef<str>]) -> Self {
        let mut root = Node::default();
        for (slot, path) in paths.iter().enumerate() {
            root.add(Some(path.as_ref()).filter(|path| !path.is_empty()), slot);
        }
        root.index();
        Self {
            root,
            count: paths.len(),
        }
    }

    /// Texts, numbers and booleans at these paths of an object, as text; `None` where there is nothing,
    /// `null`, or no scalar. Values that no attribute can hold (empty, control characters,
    /// noncharacters) count as nothing.
    pub(crate) fn pick<'de>(&self, json: &'de [u8]) -> serde_json::Result<Found<'de>> {
        self.read(json, |deserializer, walk| {
            deserializer.deserialize_map(walk)
        })
    }

    /// The same of any JSON value, for whoever does not know yet what it is.
    pub(crate) fn pick_any<'de>(&self, json: &'de [u8]) -> serde_json::Result<Found<'de>> {
        self.read(json, |deserializer, walk| {
            deserializer.deserialize_any(walk)
        })
    }

    fn read<'de>(
        &self,
        json: &'de [u8],
        walk: impl FnOnce(&mut Json<'de>, Walk<'_, '_, 'de>) -> serde_json::Result<()>,
    ) -> serde_json::Result<Found<'de>> {
        let (mut found, mut rounded) = (vec![None; self.count], Vec::new());
        let mut deserializer = serde_json::Deserializer::from_slice(unmarked(json));
        walk(
            &mut deserializer,
            Walk {
                node: &self.root,
                found: &mut found,
                control: false,
                numbers: Numbers::Noted(&mut rounded),
            },
        )?;
        deserializer.end()?;
        if !rounded.is_empty() {
            // Two large ids must not become one: what a double cannot hold is looked up as it was written.
            let walk = Walk {
                node: &self.root,
                found: &mut found,
                control: false,
                numbers: Numbers::Written(&rounded),
            };
            walk.deserialize(&mut serde_json::Deserializer::from_slice(unmarked(json)))?;
        }
        Ok(found)
    }
}

/// As [`Paths::pick`], for paths that are needed once.
pub(crate) fn pick<'de>(
    json: &'de [u8],
    paths: &[impl AsRef<str>],
) -> serde_json::Result<Found<'de>> {
    Paths::new(paths).pick(json)
}

/// The text at one path, whatever characters it has.
pub(crate) fn text<'de>(json: &'de [u8], path: &str) -> Option<Cow<'de, str>> {
    let paths = Paths::new(&[path]);
    let (mut found, mut rounded) = ([None], Vec::new());
    let mut deserializer = serde_json::Deserializer::from_slice(unmarked(json));
    let walk = Walk {
        node: &paths.root,
        found: &mut found,
        control: true,
        numbers: Numbers::Noted(&mut rounded),
    };
    deserializer.deserialize_map(walk).ok()?;
    found.into_iter().next()?
}

/// Without the byte order mark that some write before JSON, and RFC 8259 lets a reader overlook.
pub(crate) fn unmarked(json: &[u8]) -> &[u8] {
    json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json)
}

type Json<'de> = serde_json::Deserializer<serde_json::de::SliceRead<'de>>;

impl Node {
    fn add(&mut self, path: Option<&str>, slot: usize) {
        let Some(path) = path else {
            return self.slots.push(slot);
        };
        let mut dots = path.match_indices('.').map(|(at, _)| at);
        let end = dots.find(|at| !path[..*at].ends_with('\\'));
        let (head, rest) = match end {
            Some(at) => (&path[..at], Some(&path[at + 1..])),
            None => (path, None),
        };
        let head = head.replace("\\.", ".");
        let at = match self
            .below
            .binary_search_by(|(key, _)| key.as_str().cmp(&head))
        {
            Ok(at) => at,
            Err(at) => {
                self.below.insert(at, (head, Self::default()));
                at
            }
        };
        self.below[at].1.add(rest, slot);
    }

    fn index(&mut self) {
        for (at, (key, node)) in self.below.iter_mut().enumerate() {
            let index = key.parse().ok();
            self.indexes.extend(index.map(|index: usize| (index, at)));
            node.index();
        }
        self.indexes.sort_unstable();
    }

    fn at(&self, key: &str) -> Option<&Self> {
        let found = self
            .below
            .binary_search_by(|(known, _)| known.as_str().cmp(key));
        found.ok().map(|at| &self.below[at].1)
    }
}

/// Whether an attribute can hold this character.
fn fits(c: char) -> bool {
    !c.is_control() && !matches!(u32::from(c), 0xFDD0..=0xFDEF) && u32::from(c) & 0xFFFE != 0xFFFE
}

struct Walk<'w, 'p, 'de> {
    node: &'p Node,
    found: &'w mut [Option<Cow<'de, str>>],
    /// Whether texts with control characters count.
    control: bool,
    numbers: Numbers<'w>,
}

/// What becomes of numbers that are rounded when they are read.
enum Numbers<'w> {
    /// Their slots are noted.
    Noted(&'w mut Vec<usize>),
    /// The numbers of these slots are taken as they were written, and nothing else is.
    Written(&'w [usize]),
}

impl Numbers<'_> {
    fn again(&mut self) -> Numbers<'_> {
        match self {
            Self::Noted(slots) => Numbers::Noted(slots),
            Self::Written(slots) => Numbers::Written(slots),
        }
    }
}

impl<'de> Walk<'_, '_, 'de> {
    fn below<'a>(&'a mut self, node: &'a Node) -> Walk<'a, 'a, 'de> {
        Walk {
            node,
            found: self.found,
            control: self.control,
            numbers: self.numbers.again(),
        }
    }

    fn keep(self, value: Cow<'de, str>, is_rounded: bool) {
        let slots = &self.node.slots;
        if slots.is_empty() || value.is_empty() || !self.control && !value.chars().all(fits) {
            return;
        }
        let Numbers::Noted(rounded) = self.numbers else {
            return;
        };
        if !rounded.is_empty() {
            rounded.retain(|slot| !slots.contains(slot));
        }
        if is_rounded {
            rounded.extend(slots);
        }
        for slot in slots {
            self.found[*slot] = Some(value.clone());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Numbers::Written(rounded) = self.numbers else {
            return deserializer.deserialize_any(self);
        };
        let wanted = || self.node.slots.iter().filter(|slot| rounded.contains(slot));
        if wanted().next().is_none() {
            return deserializer.deserialize_any(self);
        }
        let written = <&RawValue>::deserialize(deserializer)?.get();
        if written.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            for slot in wanted() {
                self.found[*slot] = Some(Cow::Borrowed(written));
            }
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            match self.node.at(&key) {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(node) => map.next_value_seed(self.below(node))?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let (node, mut passed) = (self.node, 0);
        for (index, at) in &node.indexes {
            while passed < *index {
                if seq.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(());
                }
                passed += 1;
            }
            let seed = self.below(&node.below[*at].1);
            if seq.next_element_seed(seed)?.is_none() {
                return Ok(());
            }
            passed += 1;
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.keep(Cow::Borrowed(text), false);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.keep(Cow::Owned(text.to_owned()), false);
        Ok(())
    }

    fn visit_bool<E: Error>(self, bool: bool) -> Result<(), E> {
        self.keep(Cow::Borrowed(if bool { "true" } else { "false" }), false);
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.keep(Cow::Owned(number.to_string()), false);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.keep(Cow::Owned(number.to_string()), false);
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.keep(Cow::Owned(number.to_string()), true);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A key, borrowed where it has no escapes.
pub(crate) struct Text<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;
        impl<'de> Visitor<'de> for Key {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn picked(json: &str, paths: &[&str]) -> Vec<Option<String>> {
        pick(json.as_bytes(), paths)
            .unwrap()
            .into_iter()
            .map(|value| value.map(Cow::into_owned))
            .collect()
    }

    #[test]
    fn finds_scalars_and_nothing_else() {
        let json = r#" {"a":"x","b":{"c":7,"d":[{"c":8}],"e":null,"c2":true},"b.c":"trap",
            "f":"","g":"\u0007","h":-1.5,"":"k","i":"\u00e9\"","j":{"":1}} "#;
        let table = [
            ("a", Some("x")),
            ("b.c", Some("7")),
            ("b.c2", Some("true")),
            ("b", None),
            ("b.d", None),
            ("b.d.c", None),
            (r"b\.c", Some("trap")),
            ("b.d.0.c", Some("8")),
            ("b.d.1.c", None),
            ("b.e", None),
            ("a.x", None),
            ("f", None),
            ("g", None),
            ("h", Some("-1.5")),
            ("i", Some("é\"")),
            ("", None),
            ("absent", None),
        ];
        let paths = table.map(|(path, _)| path);
        let expected = table.map(|(_, value)| value.map(str::to_owned));
        assert_eq!(picked(json, &paths), expected);
    }

    #[test]
    fn borrows_what_has_no_escapes() {
        let found = pick(br#"{"a":"plain","b":"esc\n"}"#, &["a"]).unwrap();
        assert!(matches!(found[0], Some(Cow::Borrowed("plain"))));
    }

    /// Rounded, two ids would be one.
    #[test]
    fn numbers_that_a_double_cannot_hold_are_taken_as_they_were_written() {
        let json = r#"{"id":123456789012345678901,"of":{"list":[0,{"n":-1.50}]},"n":1.0,"o":2.5,"o":"x","p":"x",
            "p":2.50,"q":1.5e3,"q":null,"r":{"r":1.5},"r":1e2,"small":7}"#;
        let table = [
            ("id", Some("123456789012345678901")),
            ("of.list.1.n", Some("-1.50")),
            ("n", Some("1.0")),
            ("o", Some("x")),
            ("p", Some("2.50")),
            ("q", Some("1.5e3")),
            ("r", Some("1e2")),
            ("r.r", Some("1.5")),
            ("small", Some("7")),
            ("id", Some("123456789012345678901")),
        ];
        let expected = table.map(|(_, value)| value.map(str::to_owned));
        assert_eq!(picked(json, &table.map(|(path, _)| path)), expected);
    }

    #[test]
    fn takes_the_last_of_two() {
        assert_eq!(picked(r#"{"a":1,"a":2}"#, &["a"]), [Some("2".to_owned())]);
    }

    #[test]
    fn refuses_what_is_no_object() {
        for json in [
            "",
            "[]",
            "1",
            "null",
            "\"a\"",
            "{",
            "{\"a\"}",
            "{}x",
            "\u{feff}\u{feff}{}",
        ] {
            assert!(pick(json.as_bytes(), &["a"]).is_err(), "{json}");
        }
        // Depth costs no stack where nothing is wanted.
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(pick(deep.as_bytes(), &["a"]).is_ok());
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~é]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 30, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ab]", inner, 0..3).prop_map(|m| json!(m)),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_the_tree(tree in prop::collection::btree_map("[ab]", tree(), 0..3)) {
            let tree = json!(tree);
            let paths = ["a", "b", "a.a", "a.b", "b.a", "a.b.a", "b.b.b", "a.0", "a.1.b", "b.0.0"];
            let expected = paths.map(|path| {
                let value = tree.pointer(&format!("/{}", path.replace('.', "/")))?;
                match value {
                    Value::String(text) => Some(text.clone()).filter(|t| !t.is_empty()),
                    Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
                    _ => None,
                }
            });
            prop_assert_eq!(picked(&tree.to_string(), &paths), expected);
        }
    }
}
