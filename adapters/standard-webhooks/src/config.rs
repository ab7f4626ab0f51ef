//! Settings of the source.

use serde::{Deserialize, Deserializer, de::Error};
use std::borrow::Cow;
use std::time::Duration;
use tradewind_adapter::Secret;

/// Settings of a source of kind `standard-webhooks`.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Signing secrets as the sender shows them (`whsec_…`), the current one first; a message signed
    /// by any of them is taken, so that a secret can be changed without a gap. 1 to 8, no default.
    /// Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    pub secrets: Vec<Secret>,
    /// The `source` of the events, a URI-reference that names the sender. No default. Since 0.1.
    #[schemars(length(min = 1))]
    pub source: String,
    /// Dotted path of the JSON member that holds the type of the event. Default `type`. Since 0.1.
    #[serde(default = "type_from")]
    #[schemars(length(min = 1))]
    pub type_from: String,
    /// The type of messages without that member, or that are no JSON objects. Default
    /// `com.standardwebhooks.message`. Since 0.1.
    #[serde(default = "fallback_type")]
    #[schemars(length(min = 1))]
    pub fallback_type: String,
    /// How far the signed timestamp may lie in the past or the future. Default `300s`, at most `1h`.
    /// Since 0.1.
    #[serde(default)]
    pub tolerance: Tolerance,
}

fn type_from() -> String {
    "type".to_owned()
}

fn fallback_type() -> String {
    "com.standardwebhooks.message".to_owned()
}

/// A tolerance for timestamps: a whole number and `s`, `m` or `h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance(pub Duration);

impl Tolerance {
    /// Longest tolerance: so long can a recorded request be sent again unnoticed by the clock alone.
    pub const MAX: Duration = Duration::from_secs(3600);
}

impl Default for Tolerance {
    fn default() -> Self {
        Self(tradewind_signatures::schemes::STANDARD_WEBHOOKS.tolerance)
    }
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

impl schemars::JsonSchema for Tolerance {
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
