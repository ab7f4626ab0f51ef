//! A few scalars out of a large JSON document, in one pass and without a tree.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Texts, numbers and booleans at these dotted paths of an object, as text; `None` where there is
/// nothing, `null`, or no scalar. A number as a step leads into a list. Values that no attribute can
/// hold (empty, control characters) count as nothing.
pub(crate) fn pick<'de>(
    json: &'de [u8],
    paths: &[impl AsRef<str>],
) -> Result<Vec<Option<Cow<'de, str>>>, serde_json::Error> {
    read(json, paths, |deserializer, walk| {
        deserializer.deserialize_map(walk)
    })
}

/// The same of any JSON value, for whoever does not know yet what it is.
pub(crate) fn pick_any<'de>(
    json: &'de [u8],
    paths: &[impl AsRef<str>],
) -> Result<Vec<Option<Cow<'de, str>>>, serde_json::Error> {
    read(json, paths, |deserializer, walk| {
        deserializer.deserialize_any(walk)
    })
}

/// The text at one path, whatever characters it has.
pub(crate) fn text<'de>(json: &'de [u8], path: &str) -> Option<Cow<'de, str>> {
    let wanted = [(0, path)];
    let mut found = [None];
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let walk = Walk {
        wanted: &wanted,
        found: &mut found,
        control: true,
    };
    deserializer.deserialize_map(walk).ok()?;
    found.into_iter().next()?
}

type Json<'de> = serde_json::Deserializer<serde_json::de::SliceRead<'de>>;

fn read<'de>(
    json: &'de [u8],
    paths: &[impl AsRef<str>],
    walk: impl FnOnce(&mut Json<'de>, Walk<'_, '_, 'de>) -> serde_json::Result<()>,
) -> serde_json::Result<Vec<Option<Cow<'de, str>>>> {
    let mut found = vec![None; paths.len()];
    let wanted: Vec<Wanted<'_>> = paths.iter().map(AsRef::as_ref).enumerate().collect();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    walk(
        &mut deserializer,
        Walk {
            wanted: &wanted,
            found: &mut found,
            control: false,
        },
    )?;
    deserializer.end()?;
    Ok(found)
}

/// Slot of the answer, and what is left of its path.
type Wanted<'p> = (usize, &'p str);

struct Walk<'w, 'p, 'de> {
    wanted: &'w [Wanted<'p>],
    found: &'w mut [Option<Cow<'de, str>>],
    /// Whether texts with control characters count.
    control: bool,
}

impl<'p, 'de> Walk<'_, 'p, 'de> {
    /// What is wanted below one member.
    fn below(&self, key: &str) -> Vec<Wanted<'p>> {
        self.wanted
            .iter()
            .filter_map(|(slot, path)| Some((*slot, step(path, key)?)))
            .collect()
    }

    fn keep(self, value: Cow<'de, str>) {
        if value.is_empty() || !self.control && value.chars().any(char::is_control) {
            return;
        }
        for (slot, _) in self.wanted.iter().filter(|(_, rest)| rest.is_empty()) {
            self.found[*slot] = Some(value.clone());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            let below = self.below(&key);
            if below.is_empty() {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(Walk {
                    wanted: &below,
                    found: self.found,
                    control: self.control,
                })?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for index in 0_usize.. {
            let below = self.below(&index.to_string());
            let seed = Walk {
                wanted: &below,
                found: self.found,
                control: self.control,
            };
            let more = match below.is_empty() {
                true => seq.next_element::<IgnoredAny>()?.is_some(),
                false => seq.next_element_seed(seed)?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.keep(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.keep(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_bool<E: Error>(self, bool: bool) -> Result<(), E> {
        self.keep(Cow::Borrowed(if bool { "true" } else { "false" }));
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.keep(Cow::Owned(number.to_string()));
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.keep(Cow::Owned(number.to_string()));
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.keep(Cow::Owned(number.to_string()));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// What is left of `path` below `key`; `None` where it does not lead there. A dot that belongs to a
/// key is written `\.`.
fn step<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    let end = path
        .match_indices('.')
        .map(|(at, _)| at)
        .find(|at| !path[..*at].ends_with('\\'));
    let (head, rest) = match end {
        Some(at) => (&path[..at], &path[at + 1..]),
        None if path.is_empty() => return None,
        None => (path, ""),
    };
    let same = match head.contains('\\') {
        true => head.replace("\\.", ".") == key,
        false => head == key,
    };
    same.then_some(rest)
}

/// A key, borrowed where it has no escapes.
pub(crate) struct Text<'de>(pub(crate) Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Text<'de> {
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
            "\u{feff}{}",
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
