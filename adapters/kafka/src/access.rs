//! How brokers are reached, for source and sink alike.

use crate::pass::Pass;
use crate::sasl::Sasl;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tradewind_adapter::{Error, ErrorKind, Reach, Secret};

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
        let openssl = self.tls.is_some() || self.sasl.as_ref().is_some_and(Sasl::needs_openssl);
        if cfg!(not(feature = "tls")) && openssl {
            return Err(invalid(
                "this binary has Kafka without TLS, SCRAM and OAUTHBEARER; hint: build it with the feature `kafka-tls`",
            ));
        }
        if self.tls.is_none() && self.sasl.as_ref().is_some_and(Sasl::needs_tls) {
            return Err(invalid(
                "`sasl.mechanism` is one that sends the password or the token itself; hint: add `tls`",
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
            sasl.set(&mut config)?;
        }
        Ok(config)
    }

    /// Whether clients show tokens, which this crate gets for its own.
    pub fn shows_tokens(&self) -> bool {
        self.sasl.as_ref().is_some_and(Sasl::shows_tokens)
    }

    /// What clients show besides their settings.
    ///
    /// # Errors
    /// Settings that cannot be right, and no way to a server of tokens where one is asked.
    pub(crate) fn pass(&self, reach: Option<&dyn Reach>) -> Result<Pass, Error> {
        self.config()?;
        let tokens = match &self.sasl {
            Some(sasl) => sasl.tokens(reach)?,
            None => None,
        };
        Ok(Pass::new(tokens))
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
    #[cfg(feature = "tls")]
    fn each_mechanism_takes_what_it_shows() {
        let oauth2 = r#"{"token-url":"https://a/t","client-id":"c","client-secret":"s"}"#;
        let tokens = format!(r#""oauth2":{oauth2}"#);
        let both = format!(r#""username":"u","password":"p",{tokens}"#);
        for (mechanism, tls, rest, part) in [
            ("plain", true, r#""username":"u","password":"p""#, None),
            (
                "plain",
                false,
                r#""username":"u","password":"p""#,
                Some("add `tls`"),
            ),
            (
                "scram-sha-256",
                false,
                r#""username":"u","password":"p""#,
                None,
            ),
            (
                "scram-sha-256",
                false,
                r#""username":"u""#,
                Some("sasl.password"),
            ),
            ("oauthbearer", true, tokens.as_str(), None),
            ("oauthbearer", false, tokens.as_str(), Some("add `tls`")),
            (
                "oauthbearer",
                true,
                r#""username":"u","password":"p""#,
                Some("sasl.oauth2"),
            ),
            ("plain", true, both.as_str(), Some("no `oauth2`")),
        ] {
            let mut access = access(&["a:9092"], &[]);
            let sasl = format!(r#"{{"mechanism":"{mechanism}",{rest}}}"#);
            access.sasl = serde_json::from_str(&sasl).unwrap();
            access.tls = tls.then(Tls::default);
            let error = access.config().err().map(|error| error.to_string());
            let found = error.as_deref().unwrap_or_default();
            assert_eq!(error.is_some(), part.is_some(), "{sasl}: {found}");
            assert!(found.contains(part.unwrap_or_default()), "{sasl}: {found}");
        }
        // Who cannot ask for tokens says so when the configuration is read.
        let mut access = access(&["a:9092"], &[]);
        let sasl = format!(r#"{{"mechanism":"oauthbearer","oauth2":{oauth2}}}"#);
        access.sasl = serde_json::from_str(&sasl).unwrap();
        access.tls = Some(Tls::default());
        let error = access.pass(None).unwrap_err().to_string();
        assert!(error.contains("sasl.oauth2"), "{error}");
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
