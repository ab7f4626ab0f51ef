//! Schemas that were registered while the gateway runs, as they are kept: a head and a body for each version.

use super::Key;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tradewind_schema::{
    Action, Binding, Compatibility, Definition, Pattern, Reference, Registered,
};
use tradewind_store::Op;

/// Before the heads; `d/` comes after all of them.
pub(crate) const HEADS: (&[u8], &[u8]) = (b"c/", b"c0");
/// Before the bodies.
const BODY: &str = "v/";

/// One schema in memory.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) head: Head,
    pub(crate) registered: Registered,
    /// When each version came.
    pub(crate) created_ms: Vec<u64>,
}

/// What is said of a schema as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Head {
    pub(crate) format: String,
    pub(crate) compatibility: Compatibility,
    pub(crate) on_failure: Action,
    pub(crate) events: Vec<Bound>,
    pub(crate) owner: Option<String>,
    pub(crate) why: Option<String>,
    /// Number of the next version: none is ever given twice.
    pub(crate) next: u32,
    /// Counts changes.
    pub(crate) epoch: u64,
    pub(crate) modified_ms: u64,
    pub(crate) deprecated: Option<Deprecated>,
}

/// Events that a schema is for, as in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Bound {
    #[serde(rename = "type")]
    pub(crate) ty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on_failure: Option<Action>,
}

/// That a schema is on its way out. Its events are held against it as before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deprecated {
    /// Since when.
    pub(crate) effective: String,
    /// When it may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) removal: Option<String>,
    /// The address of what takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alternative: Option<String>,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Body {
    pub(super) text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) references: Vec<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dataschema: Option<String>,
    pub(super) created_ms: u64,
}

impl Head {
    /// A schema without versions.
    pub(super) fn begin(&self, space: Option<&str>) -> Result<Registered, String> {
        let registered = Registered::new(&self.format, self.compatibility, self.on_failure);
        let mut registered = registered.map_err(|invalid| invalid.to_string())?;
        registered.space = space.map(str::to_owned);
        registered.bindings = self
            .events
            .iter()
            .map(|bound| Binding {
                ty: Pattern::read(&bound.ty),
                source: bound.source.as_deref().map(Pattern::read),
                on_failure: bound.on_failure.unwrap_or(self.on_failure),
            })
            .collect();
        Ok(registered)
    }

    pub(super) fn put(&self, key: &Key) -> Result<Op, serde_json::Error> {
        let value = serde_json::to_vec(self)?;
        Ok(Op::Put(head_key(key), value.into()))
    }
}

impl Body {
    pub(super) fn put(&self, key: &Key, number: u32) -> Result<Op, serde_json::Error> {
        let value = serde_json::to_vec(self)?;
        Ok(Op::Put(body_key(key, number), value.into()))
    }

    pub(super) fn definition(&self) -> Definition {
        Definition {
            text: self.text.clone(),
            message: self.message.clone(),
            references: self.references.clone(),
        }
    }
}

impl Kept {
    /// Bytes of all texts.
    pub(super) fn size(&self) -> usize {
        let versions = self.registered.versions.iter();
        versions.map(|version| version.definition.size()).sum()
    }
}

/// Names and spaces have no `/`.
fn path((space, name): &Key) -> String {
    format!("{}/{name}", space.as_deref().unwrap_or_default())
}

fn head_key(key: &Key) -> Bytes {
    format!("c/{}", path(key)).into()
}

pub(super) fn body_key(key: &Key, number: u32) -> Bytes {
    format!("{BODY}{}/{number:010}", path(key)).into()
}

/// From where to where its bodies lie.
pub(super) fn bodies(key: &Key) -> (Bytes, Bytes) {
    let path = path(key);
    (
        format!("{BODY}{path}/").into(),
        format!("{BODY}{path}0").into(),
    )
}

/// From where to where the bodies lie of the schema whose head this is; `None` where it is none.
pub(crate) fn bodies_of(head: &[u8]) -> Option<(Bytes, Bytes)> {
    Some(bodies(&key_of(head)?))
}

/// Removes all of a schema.
pub(super) fn forget(key: &Key) -> Vec<Op> {
    let (from, to) = bodies(key);
    vec![Op::Delete(head_key(key)), Op::DeleteRange(from, to)]
}

/// Which schema a head is of.
pub(super) fn key_of(head: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(head).ok()?;
    let (space, name) = text.strip_prefix("c/")?.split_once('/')?;
    Some((
        (!space.is_empty()).then(|| space.to_owned()),
        name.to_owned(),
    ))
}

/// Which version a body is.
pub(super) fn number_of(body: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(body).ok()?;
    text.rsplit_once('/')?.1.parse().ok()
}
