//! The one type that secrets live in.

use serde::{Deserialize, Deserializer};

/// A secret: never printed, never serialised.
///
/// `Debug` shows `[secret]`, and there is neither `Display` nor `Serialize`. An empty one is refused
/// when configuration is read: an empty secret would verify what anybody signs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }
    /// The value itself; keep it out of logs and errors.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = String::deserialize(deserializer)?;
        if value.is_empty() {
            return Err(serde::de::Error::custom("a secret must not be empty"));
        }
        Ok(Self(value))
    }
}

impl schemars::JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "minLength": 1,
            "description": "A secret; write a reference: ${env:NAME} or ${file:PATH}"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shows() {
        #[derive(Debug, Deserialize)]
        struct Config {
            #[allow(dead_code, reason = "shown by Debug")]
            secrets: Vec<Secret>,
        }
        let config: Config = serde_json::from_str(r#"{"secrets":["hunter2"]}"#).unwrap();
        assert_eq!(format!("{config:?}"), "Config { secrets: [[secret]] }");
        assert!(!format!("{config:#?}").contains("hunter2"));
    }

    #[test]
    fn empty_is_refused_and_the_error_shows_no_value() {
        let read = |json: &str| serde_json::from_str::<Secret>(json);
        let error = read("\"\"").unwrap_err().to_string();
        assert!(error.starts_with("a secret must not be empty"), "{error}");
        assert!(read("null").is_err());
        assert_eq!(read("\"x\"").unwrap().expose(), "x");
    }
}
