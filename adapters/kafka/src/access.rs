//! How brokers are reached, for source and sink alike.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tradewind_adapter::{Error, ErrorKind, Secret};

/// Brokers and how to get in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Access {
    /// Brokers to begin with, `host:port` each; the others are learnt from them. Since 0.1.
    pub brokers: Vec<String>,
    /// TLS to the brokers. Default: none. Since 0.1.
    pub tls: Option<Tls>,
    /// Who we are, by SASL. Default: nobody. Since 0.1.
    pub sasl: Option<Sasl>,
    /// Further settings of librdkafka, by their names there. Those that decide on durability and order are ours.
    /// Since 0.1.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// TLS to the brokers. Certificate and name of each are checked.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Tls {
    /// Authorities that vouch for the brokers, PEM: `${file:PATH}`. Default: those of the system. Since 0.1.
    pub ca: Option<String>,
    /// Our certificate, PEM: `${file:PATH}`. Since 0.1.
    pub certificate: Option<String>,
    /// Its private key, PEM: `${file:PATH}`. Since 0.1.
    pub key: Option<Secret>,
}

/// Who we are, by SASL.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sasl {
    /// How it is shown. Since 0.1.
    pub mechanism: Mechanism,
    /// User name. Since 0.1.
    pub username: String,
    /// Password. Since 0.1.
    pub password: Secret,
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
}

impl Mechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// What an operator may not set: the promises of the adapter, and what has a key of its own.
const OURS: &[&str] = &[
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.ssl.certificate.verification",
    "group.id",
    "isolation.level",
    "metadata.broker.list",
    "request.required.acks",
    "transactional.id",
];
/// Families of settings that have keys of their own.
const OURS_BY_PREFIX: &[&str] = &["sasl.", "security.", "ssl."];
/// Those of the families that say nothing secret.
const FREE: &[&str] = &["ssl.cipher.suites", "ssl.curves.list"];

impl Access {
    /// What a client is made with.
    ///
    /// # Errors
    /// Settings that cannot be right, or that this binary lacks the parts for.
    pub fn config(&self) -> Result<ClientConfig, Error> {
        if self.brokers.is_empty() || self.brokers.iter().any(|broker| !is_address(broker)) {
            return Err(invalid("`brokers` are `host:port` each, at least one"));
        }
        let mut config = ClientConfig::new();
        config
            .set_log_level(RDKafkaLogLevel::Warning)
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", "tradewind")
            // What is thought to be there is asked again soon after a broker went.
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        for (name, value) in &self.properties {
            let ours = OURS.contains(&name.as_str())
                || OURS_BY_PREFIX.iter().any(|prefix| name.starts_with(prefix));
            if ours && !FREE.contains(&name.as_str()) {
                return Err(invalid(format!(
                    "`properties.{name}` is not to be set here; hint: `tls` and `sasl` say how to get in, the \
                     rest keeps the promises of the gateway"
                )));
            }
            config.set(name, value);
        }
        let scram = |sasl: &Sasl| sasl.mechanism != Mechanism::Plain;
        if cfg!(not(feature = "tls"))
            && (self.tls.is_some() || self.sasl.as_ref().is_some_and(scram))
        {
            return Err(invalid(
                "this binary has Kafka without TLS and SCRAM; hint: build it with the feature `kafka-tls`",
            ));
        }
        let bare = |sasl: &Sasl| sasl.mechanism == Mechanism::Plain;
        if self.tls.is_none() && self.sasl.as_ref().is_some_and(bare) {
            return Err(invalid(
                "`sasl.mechanism: plain` sends the password itself; hint: add `tls`",
            ));
        }
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            tls.set(&mut config)?;
        }
        if let Some(sasl) = &self.sasl {
            config
                .set("sasl.mechanism", sasl.mechanism.name())
                .set("sasl.username", &sasl.username)
                .set("sasl.password", sasl.password.expose());
        }
        Ok(config)
    }

    pub(crate) fn describe(&self) -> String {
        self.brokers.join(",")
    }
}

impl Tls {
    fn set(&self, config: &mut ClientConfig) -> Result<(), Error> {
        config.set("ssl.endpoint.identification.algorithm", "https");
        match &self.ca {
            Some(ca) => config.set("ssl.ca.pem", ca),
            // Where systems keep them; the directory that OpenSSL was built with is on no other machine.
            None => config.set("ssl.ca.location", "probe"),
        };
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                config
                    .set("ssl.certificate.pem", certificate)
                    .set("ssl.key.pem", key.expose());
                Ok(())
            }
            (None, None) => Ok(()),
            _ => Err(invalid("`tls.certificate` and `tls.key` go together")),
        }
    }
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    !host.is_empty() && !host.contains([',', '/', '@', ' ']) && port.parse::<u16>().is_ok()
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "config", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(brokers: &[&str], properties: &[(&str, &str)]) -> Access {
        let own = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        Access {
            brokers: brokers.iter().map(|&broker| broker.into()).collect(),
            tls: None,
            sasl: None,
            properties: properties.iter().map(own).collect(),
        }
    }

    #[test]
    fn settings_that_break_promises_are_refused() {
        for (brokers, properties, part) in [
            (&["a:9092", "b:9092"][..], &[("linger.ms", "1")][..], None),
            (&[], &[], Some("brokers")),
            (&["a"], &[], Some("brokers")),
            (&["kafka://a:9092"], &[], Some("brokers")),
            (&["a:9092,b:9092"], &[], Some("brokers")),
            (&["a:9092"], &[("acks", "0")], Some("properties.acks")),
            (
                &["a:9092"],
                &[("sasl.password", "x")],
                Some("properties.sasl.password"),
            ),
            (&["a:9092"], &[("ssl.cipher.suites", "x")], None),
        ] {
            let made = access(brokers, properties).config();
            let error = made.err().map(|error| error.to_string());
            let found = error.as_deref().unwrap_or_default();
            assert_eq!(error.is_some(), part.is_some(), "{found}");
            assert!(found.contains(part.unwrap_or_default()), "{found}");
        }
    }

    #[test]
    #[cfg(not(feature = "tls"))]
    fn what_this_binary_lacks_is_named() {
        let mut access = access(&["a:9092"], &[]);
        access.tls = Some(Tls::default());
        let error = access.config().unwrap_err().to_string();
        assert!(error.contains("kafka-tls"), "{error}");
    }
}
