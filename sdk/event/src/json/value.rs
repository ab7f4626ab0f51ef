//! JSON as a tree.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads a document as a tree. Unlike `serde_json`'s own reading, nothing in it is a name with a meaning: there, an object
/// with the member `$serde_json::private::RawValue` is what its text says, read anew and to any depth.
///
/// # Errors
/// What is no JSON, or nested more than 127 deep.
pub fn value(document: &[u8]) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(document);
    let value = Tree.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Whether data of which nobody says what it is can be taken for JSON: it begins as an object or array, and is one.
pub fn is_tree(data: &[u8]) -> bool {
    matches!(data.first(), Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(data).is_ok()
}

struct Tree;

impl<'de> DeserializeSeed<'de> for Tree {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = elements.next_element_seed(Tree)? {
            all.push(element);
        }
        Ok(Value::Array(all))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let member = members.next_value_seed(Tree)?;
            all.insert(name, member);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::value;
    use serde_json::json;

    #[test]
    fn no_name_has_a_meaning() {
        let document = br#"{"$serde_json::private::RawValue":"{\"id\":1}","a":[1,-2,3.5,null,true,"x"],"a":18446744073709551615}"#;
        let found = value(document).unwrap();
        let expected = json!({"a": 18_446_744_073_709_551_615_u64});
        assert_eq!(found["a"], expected["a"]);
        assert_eq!(found["$serde_json::private::RawValue"], json!("{\"id\":1}"));
        assert_eq!(found.get("id"), None);
    }

    #[test]
    fn depth_and_what_stands_behind_are_looked_at() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(value(deep(127).as_bytes()).is_ok());
        assert!(value(deep(128).as_bytes()).is_err());
        assert!(value(b"{} x").is_err());
        assert!(value(b"1e999").is_err());
    }
}
