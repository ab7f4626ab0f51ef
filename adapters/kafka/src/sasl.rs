//! Who we are, to brokers.

use crate::access::invalid;
use rdkafka::ClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_adapter::{Error, Reach, Secret};
use tradewind_identity::{BearerTokens, OAuth2};

/// Who we are, by SASL.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sasl {
    /// How it is shown. Since 0.1.
    pub mechanism: Mechanism,
    /// User name, for `plain` and SCRAM. Since 0.1.
    #[serde(default)]
    pub username: Option<String>,
    /// Password, for `plain` and SCRAM. Since 0.1.
    #[serde(default)]
    pub password: Option<Secret>,
    /// How tokens are obtained, for `oauthbearer`: by the grant of client credentials (RFC 6749, section 4.4). They
    /// are kept, and renewed ahead of their end. Since 0.1.
    #[serde(default)]
    pub oauth2: Option<OAuth2>,
}

/// Mechanisms of SASL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// The password itself: only over TLS.
    Plain,
    /// SCRAM with SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// SCRAM with SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
    /// A token (RFC 7628): only over TLS.
    Oauthbearer,
}

impl Mechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::Oauthbearer => "OAUTHBEARER",
        }
    }

    /// As the configuration has it.
    fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::ScramSha256 => "scram-sha-256",
            Self::ScramSha512 => "scram-sha-512",
            Self::Oauthbearer => "oauthbearer",
        }
    }
}

impl Sasl {
    /// Whether whoever listens could be us afterwards.
    pub(crate) fn needs_tls(&self) -> bool {
        matches!(self.mechanism, Mechanism::Plain | Mechanism::Oauthbearer)
    }

    /// Whether it is a part of librdkafka that OpenSSL comes with.
    pub(crate) fn needs_openssl(&self) -> bool {
        self.mechanism != Mechanism::Plain
    }

    pub(crate) fn shows_tokens(&self) -> bool {
        self.mechanism == Mechanism::Oauthbearer
    }

    pub(crate) fn set(&self, config: &mut ClientConfig) -> Result<(), Error> {
        let word = self.mechanism.word();
        config.set("sasl.mechanism", self.mechanism.name());
        match (self.mechanism, &self.username, &self.password, &self.oauth2) {
            (Mechanism::Oauthbearer, None, None, Some(_)) => Ok(()),
            (Mechanism::Oauthbearer, ..) => Err(invalid(
                "`sasl.mechanism: oauthbearer` takes `sasl.oauth2`, and neither `username` nor `password`; hint: \
                 `oauth2: { token-url: ..., client-id: ..., client-secret: ... }`",
            )),
            (_, Some(username), Some(password), None) => {
                config
                    .set("sasl.username", username)
                    .set("sasl.password", password.expose());
                Ok(())
            }
            _ => Err(invalid(format!(
                "`sasl.mechanism: {word}` takes `sasl.username` and `sasl.password`, and no `oauth2`"
            ))),
        }
    }

    /// Tokens, where they are what is shown, and whose they are.
    pub(crate) fn tokens(
        &self,
        reach: Option<&dyn Reach>,
    ) -> Result<Option<(BearerTokens, String)>, Error> {
        let Some(settings) = &self.oauth2 else {
            return Ok(None);
        };
        let Some(reach) = reach else {
            return Err(invalid(
                "nothing here asks for tokens, which `sasl.oauth2` needs; hint: build with the feature `http`",
            ));
        };
        let tokens = BearerTokens::oauth2(settings, reach, "cluster.sasl.oauth2")?;
        Ok(Some((tokens, settings.client_id.clone())))
    }
}
