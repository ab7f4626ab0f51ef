//! Settings that most senders have.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};
use std::borrow::Cow;
use std::time::Duration;
use tradewind_adapter::Secret;

/// Settings of a source whose sender signs the body alone, or sends a secret along.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Secrets {
    /// Secrets as entered at the sender, the current one first; a request with a proof by any of them is
    /// taken, so that a secret can be changed without a gap. 1 to 8, no default. Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    pub(crate) secrets: Vec<Secret>,
}

/// Settings of a source whose sender signs a timestamp with the body.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Timed {
    /// Signing secrets as the sender shows them, the current one first; where the sender signs with a
    /// private key, its public keys. A request signed by any of them is taken, so that a secret can be
    /// changed without a gap. 1 to 8, no default. Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    secrets: Vec<Secret>,
    /// How far the signed timestamp may lie in the past or the future. Default `300s` (SendGrid: `600s`),
    /// at most `1h`. Since 0.1.
    #[serde(default)]
    tolerance: Option<Tolerance>,
}

/// Settings of a source whose sender signs the address that it was given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Addressed {
    /// Secrets as the sender shows them, the current one first; a request signed by any of them is taken,
    /// so that a secret can be changed without a gap. 1 to 8, no default. Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    secrets: Vec<Secret>,
    /// The address of this source exactly as it was entered at the sender, query included: it is part of
    /// what is signed, and the gateway cannot see it behind a proxy. No default. Since 0.1.
    #[schemars(length(min = 1))]
    public_url: String,
}

/// What all of them come to.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) secrets: Vec<Secret>,
    pub(crate) tolerance: Option<Duration>,
    pub(crate) public_url: Option<String>,
}

impl From<Secrets> for Settings {
    fn from(config: Secrets) -> Self {
        Self {
            secrets: config.secrets,
            tolerance: None,
            public_url: None,
        }
    }
}

impl From<Timed> for Settings {
    fn from(config: Timed) -> Self {
        Self {
            secrets: config.secrets,
            tolerance: config.tolerance.map(|t| t.0),
            public_url: None,
        }
    }
}

impl From<Addressed> for Settings {
    fn from(config: Addressed) -> Self {
        Self {
            secrets: config.secrets,
            tolerance: None,
            public_url: Some(config.public_url),
        }
    }
}

/// A tolerance for timestamps: a whole number and `s`, `m` or `h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tolerance(pub(crate) Duration);

impl Tolerance {
    /// Longest tolerance: so long can a recorded request be sent again unnoticed by the clock alone.
    const MAX: Duration = Duration::from_secs(3600);
}

impl<'de> Deserialize<'de> for Tolerance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let seconds = text
            .find(|c: char| !c.is_ascii_digit())
            .map(|end| text.split_at(end))
            .and_then(|(number, unit)| {
                let factor = match unit {
                    "s" => 1,
                    "m" => 60,
                    "h" => 3600,
                    _ => return None,
                };
                number.parse::<u64>().ok()?.checked_mul(factor)
            });
        match seconds.map(Duration::from_secs) {
            Some(tolerance) if tolerance <= Self::MAX => Ok(Self(tolerance)),
            Some(_) => Err(D::Error::custom(format!(
                "`{text}` is more than the longest tolerance, 1h"
            ))),
            None => Err(D::Error::custom(format!(
                "`{text}` is not a duration; hint: write a whole number and s, m or h, for instance 300s"
            ))),
        }
    }
}

impl JsonSchema for Tolerance {
    fn schema_name() -> Cow<'static, str> {
        "Tolerance".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(s|m|h)$",
            "description": "A whole number and `s`, `m` or `h`, at most `1h`"
        })
    }
}
