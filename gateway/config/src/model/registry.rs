//! Registries of schemas that others keep.

use super::network::Network;
use super::scalar::Period;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;
use tradewind_adapter::Secret;

/// A registry that speaks as Confluent's does. Schemas name it at `registry.name`, and sources that open frames at
/// `framed.registry`; nothing else is read from it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SchemaRegistry {
    /// Who answers for it. Since 0.1.
    pub owner: Option<String>,
    /// What it is for. Since 0.1.
    pub why: Option<String>,
    /// Its address: an `https` URL, with a path where its interface is below one. Since 0.1.
    pub url: String,
    /// How the gateway proves who it is. Default: not at all. Since 0.1.
    #[serde(default)]
    pub auth: Option<RegistryAuth>,
    /// PEM file with the certificate authorities to trust instead of the system's. Since 0.1.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Address blocks (CIDR) that may be reached although they are private, loopback or otherwise special. Default:
    /// none. Since 0.1.
    #[serde(default)]
    pub allow_private: Vec<Network>,
    /// Whether an `http` URL will do, which lets everybody on the way read along. Default false. Since 0.1.
    #[serde(default)]
    pub allow_http: bool,
    /// How often the latest versions are asked for, 5s to 7d. Default `5m`. Since 0.1.
    #[serde(default = "five_minutes")]
    pub refresh: Period,
    /// Longest time of one question, up to 60s. Default `10s`. Since 0.1.
    #[serde(default = "ten_seconds")]
    pub timeout: Period,
}

/// How the gateway proves to a registry who it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RegistryAuth {
    /// `authorization: Basic <user:password>`, which an API key of Confluent Cloud is, too. Since 0.1.
    Basic {
        /// User name, without a colon. Since 0.1.
        username: String,
        /// Password. Since 0.1.
        password: Secret,
    },
    /// `authorization: Bearer <token>`. Since 0.1.
    Bearer(Secret),
}

fn five_minutes() -> Period {
    Period(Duration::from_secs(300))
}

fn ten_seconds() -> Period {
    Period(Duration::from_secs(10))
}

/// The subject of a registry that a schema is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FromRegistry {
    /// The registry, of `schema-registries`. Since 0.1.
    pub name: String,
    /// The subject. Since 0.1.
    pub subject: String,
    /// Which version of it: a number, or `latest`. Default `latest`. Since 0.1.
    #[serde(default)]
    pub version: SubjectVersion,
    /// Full name of the message, where a Protobuf file has several. Since 0.1.
    #[serde(default)]
    pub message: Option<String>,
    /// The `dataschema` of events that are held against it. Nothing is ever fetched from it. Since 0.1.
    #[serde(default)]
    pub dataschema: Option<String>,
}

/// Which version of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubjectVersion {
    /// The one that was registered last.
    #[default]
    Latest,
    /// This one, which never changes.
    Number(u32),
}

impl SubjectVersion {
    /// Its number; `None` for the latest.
    pub fn number(self) -> Option<u32> {
        match self {
            Self::Latest => None,
            Self::Number(number) => Some(number),
        }
    }
}

impl<'de> Deserialize<'de> for SubjectVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let number = match &value {
            Value::String(text) if text == "latest" => return Ok(Self::Latest),
            Value::String(text) => text.parse().ok(),
            value => value.as_u64().and_then(|number| u32::try_from(number).ok()),
        };
        match number {
            Some(number) if number > 0 => Ok(Self::Number(number)),
            _ => Err(D::Error::custom(
                "no version of a subject; hint: write a number from 1, or latest",
            )),
        }
    }
}

impl Serialize for SubjectVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Latest => serializer.serialize_str("latest"),
            Self::Number(number) => serializer.serialize_u32(*number),
        }
    }
}

impl JsonSchema for SubjectVersion {
    fn schema_name() -> Cow<'static, str> {
        "SubjectVersion".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                { "type": "string", "const": "latest" },
                { "type": "integer", "minimum": 1 },
            ],
            "default": "latest",
        })
    }
}
