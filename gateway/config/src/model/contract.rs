//! What data must look like.

use super::FromRegistry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// An agreement on the data of events, in one or more versions.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Contract {
    /// Who answers for it. Since 0.1.
    pub(crate) owner: Option<String>,
    /// What it is for. Since 0.1.
    pub(crate) why: Option<String>,
    /// The space whose events it is for. Default: those of all spaces. Since 0.1.
    pub(crate) space: Option<String>,
    /// Its language: `json-schema` (drafts 4 to 2020-12), `avro` or `protobuf`. Default `json-schema`; with
    /// `registry`, what the registry says. Since 0.1.
    pub(crate) format: Option<String>,
    /// What each version owes all earlier ones. Default `backward`; with `registry` `none`: what a version owes
    /// is the registry's to say. Since 0.1.
    pub(crate) compatibility: Option<Compatibility>,
    /// The versions, the oldest first. Events are held against the newest, unless their `dataschema`
    /// names another one. Since 0.1.
    #[serde(default)]
    pub(crate) versions: Vec<Version>,
    /// The subject of a registry that it is, in place of `versions`. Since 0.1.
    pub(crate) registry: Option<FromRegistry>,
    /// Which events it is for, beside those whose `dataschema` names a version. Since 0.1.
    #[serde(default)]
    pub(crate) events: Vec<Bound>,
    /// What happens to events that break it. Default `reject`. Since 0.1.
    #[serde(default)]
    pub(crate) on_failure: OnFailure,
}

/// What a version of a schema owes the earlier ones.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Compatibility {
    /// Who reads by it takes what was written by each earlier one.
    #[default]
    Backward,
    /// Who reads by an earlier one takes what is written by it.
    Forward,
    /// Both.
    Full,
    /// Nothing.
    None,
}

/// What happens to an event whose data breaks its schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnFailure {
    /// It is not taken: 422 for a sender; a message of a queue is set aside, as for `dead-letter`.
    #[default]
    Reject,
    /// It is taken and set aside: the stream gets an event of type `tradewind.source.refused` with the
    /// reason and the original in its place.
    DeadLetter,
    /// It is taken, with what is wrong in its attribute `tradewindviolation`.
    Annotate,
    /// It is not checked.
    Off,
}

/// A version of a schema.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Version {
    /// The file that it is in, relative to the folder of this one; at most 256 KiB. Since 0.1.
    pub(crate) file: Option<PathBuf>,
    /// The schema itself, in place of `file`: a map, or its text. Since 0.1.
    pub(crate) schema: Option<Value>,
    /// Full name of the message, where a Protobuf file has several. Since 0.1.
    pub(crate) message: Option<String>,
    /// The `dataschema` of the events that are held against this version. Nothing is ever fetched
    /// from it. Since 0.1.
    pub(crate) dataschema: Option<String>,
}

/// Events that a schema is for. Of several, the narrowest counts.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Bound {
    /// Their type, or how it begins: `com.example.*`. Since 0.1.
    #[serde(rename = "type")]
    pub(crate) ty: String,
    /// Their source, or how it begins. Default: any. Since 0.1.
    pub(crate) source: Option<String>,
    /// What happens to those that break it, if it differs from the schema's. Since 0.1.
    pub(crate) on_failure: Option<OnFailure>,
}
