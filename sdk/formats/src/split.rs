//! The elements of a batch as they stand in the body.

use crate::Error;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Most messages that are read from one body.
pub const MESSAGES_MAX: usize = 10_000;

/// The elements of the list at `path`, each as it was written. Empty: the body is the list, or one message; a step
/// `*` leads into every member.
pub(crate) fn elements<'b>(body: &'b [u8], path: &str) -> Result<Vec<&'b RawValue>, Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let alone =
        path.is_empty() && body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if alone {
        let one = <&RawValue>::deserialize(&mut deserializer);
        let one = one.and_then(|one| deserializer.end().map(|()| one));
        return one
            .map(|one| vec![one])
            .map_err(|e| Error::Body(e.to_string()));
    }
    let found = To(path)
        .deserialize(&mut deserializer)
        .and_then(|found| deserializer.end().map(|()| found))
        .map_err(|e| Error::Body(e.to_string()))?;
    match found {
        None => Err(Error::Body(format!("there is no list `{path}`"))),
        Some(elements) if elements.len() > MESSAGES_MAX => Err(Error::Body(format!(
            "{} messages in one body, at most {MESSAGES_MAX} are read",
            elements.len()
        ))),
        Some(elements) => Ok(elements),
    }
}

struct To<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for To<'_> {
    type Value = Option<Vec<&'de RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            "" => serde::Deserialize::deserialize(deserializer).map(Some),
            _ => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for To<'_> {
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (head, rest) = self.0.split_once('.').unwrap_or((self.0, ""));
        let mut found: Self::Value = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if head == "*" {
                found
                    .get_or_insert_with(Vec::new)
                    .extend(map.next_value_seed(To(rest))?.unwrap_or_default());
            } else if key == head {
                found = map.next_value_seed(To(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
