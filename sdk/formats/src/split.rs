//! The elements of a batch as they stand in the body.

use crate::Error;
use crate::pick::{Text, unmarked};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Most messages that are read from one body.
pub const MESSAGES_MAX: usize = 10_000;

/// The elements of the list at `path`, each as it was written. Empty: the body is the list, or one message; a step
/// `*` leads into every member.
pub(crate) fn elements<'b>(body: &'b [u8], path: &str) -> Result<Vec<&'b RawValue>, Error> {
    let body = unmarked(body);
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

/// What stands at a path, as it was written.
pub(crate) fn value<'b>(json: &'b [u8], path: &str) -> Option<&'b [u8]> {
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    let members: Vec<(Cow<'_, str>, &RawValue)> = pairs(json)?;
    let (_, value) = members.into_iter().rev().find(|(name, _)| name == head)?;
    let value = value.get().as_bytes();
    match rest {
        "" => Some(value),
        rest => self::value(value, rest),
    }
}

/// Most members of an object that is looked at whole.
const MEMBERS_MAX: usize = 1024;

/// The names of an object's members, where it has few.
pub(crate) fn members(json: &[u8]) -> Option<Vec<Cow<'_, str>>> {
    let names: Vec<_> = pairs::<IgnoredAny>(json)?;
    Some(names.into_iter().map(|(name, _)| name).collect())
}

/// The members of an object.
pub(crate) fn pairs<'b, T: Deserialize<'b>>(json: &'b [u8]) -> Option<Vec<(Cow<'b, str>, T)>> {
    struct Pairs<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
        type Value = Option<Vec<(Cow<'de, str>, T)>>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(Text(name)) = map.next_key()? {
                if pairs.len() == MEMBERS_MAX {
                    return Err(serde::de::Error::custom("too many members"));
                }
                pairs.push((name, map.next_value()?));
            }
            Ok(Some(pairs))
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(unmarked(json));
    let pairs = deserializer.deserialize_map(Pairs(PhantomData)).ok()?;
    deserializer.end().ok()?;
    pairs
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
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
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
