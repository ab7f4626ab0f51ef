//! Who calls: holders of credentials, or anybody. One mechanism for sources, routes and the admin API.

mod action;
pub mod api_key;
mod authorizer;
mod callers;
mod jwt;
mod presented;

pub use action::Action;
pub use api_key::{ApiKey, KeySecret};
pub use authorizer::{AUTHORIZE, Authorizer, Sinks};
pub use callers::Callers;
pub use jwt::{Issuers, Jwt, Texts, Tokens};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// What stands for nobody being asked.
pub(crate) const OPEN: &str = "none-i-understand";

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Who shows one of these.
    Proofs(Box<Proofs>),
    /// Anybody who reaches the listener. The name is long on purpose.
    NoneIUnderstand,
}

/// Proofs of which any one will do. A request with two credentials is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Proofs {
    /// Holders of these API keys, as `authorization: Bearer <key>` or `x-api-key: <key>`. Since 0.1.
    #[serde(default)]
    pub api_keys: Option<Vec<String>>,
    /// Holders of these API keys, as HTTP Basic: the user is the id of the key, the password the whole key.
    /// For senders that know nothing else. Since 0.1.
    #[serde(default)]
    pub basic: Option<Vec<String>>,
    /// Holders of tokens (JWT) of an issuer. Since 0.1.
    #[serde(default)]
    pub jwt: Option<Jwt>,
    /// Holders of certificates that `tls.client-ca` vouches for, by one of the subject's alternative names:
    /// `uri:spiffe://acme/shop`, `dns:shop.example`, `email:shop@acme.example`; `/*` at the end of a `uri:` stands
    /// for whatever follows. Since 0.1.
    #[serde(default)]
    pub certificates: Option<Vec<String>>,
    /// Whom a function knows. It stands alone: what it is shown is its to judge. Since 0.1.
    #[serde(default)]
    pub authorizer: Option<Authorizer>,
}

impl Proofs {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Auth;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a map such as `{{ api-keys: [name] }}`, or `{OPEN}`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Auth, E> {
                match text {
                    OPEN => Ok(Auth::NoneIUnderstand),
                    other => Err(E::unknown_variant(
                        other,
                        &[
                            "{ api-keys: [name] }",
                            "{ basic: [name] }",
                            "{ jwt: ... }",
                            "{ certificates: [name] }",
                            "{ authorizer: ... }",
                            OPEN,
                        ],
                    )),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Auth, A::Error> {
                let proofs = Proofs::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Auth::Proofs(Box::new(proofs)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Auth {
    fn schema_name() -> Cow<'static, str> {
        "Auth".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let proofs = Proofs::json_schema(generator);
        json_schema!({
            "description": "Who may call.",
            "oneOf": [
                proofs,
                {
                    "const": OPEN,
                    "description": "Anybody who reaches the listener. The name is long on purpose. Since 0.1."
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests;
