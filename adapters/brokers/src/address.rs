//! Addresses of brokers.

use crate::invalid;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use tradewind_adapter::Error;

/// `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(String);

impl JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "`host:port`" })
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused =
            || format!("`{text}` is no address (hint: write host:port, without a scheme)");
        let (host, port) = text.rsplit_once(':').ok_or_else(refused)?;
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let fits = !host.is_empty()
            && !host.contains(['/', '@', ' ', ','])
            && (bracketed || !host.contains(':'))
            && port.parse::<u16>().is_ok_and(|port| port > 0);
        match fits {
            true => Ok(Self(text)),
            false => Err(refused()),
        }
    }
}

impl Address {
    /// The host, an address of IPv6 without its brackets.
    pub fn host(&self) -> &str {
        let host = self.0.rsplit_once(':').map_or(&*self.0, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    pub fn port(&self) -> u16 {
        let port = self.0.rsplit_once(':').map(|(_, port)| port.parse());
        port.and_then(Result::ok).unwrap_or_default()
    }

    /// Whether what is sent there stays on this machine.
    pub fn is_near(&self) -> bool {
        let host = self.host();
        let ip = host.parse::<std::net::IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses to send a password to another machine where everybody on the way can read it.
///
/// # Errors
/// Without TLS, to another machine.
pub fn guard_password<'a>(
    mut servers: impl Iterator<Item = &'a Address>,
    tls: bool,
) -> Result<(), Error> {
    match tls || servers.all(Address::is_near) {
        true => Ok(()),
        false => Err(invalid(
            "a password or token would be sent as it is to another machine; hint: add `tls`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_host_and_port() {
        for (text, expected) in [
            ("a.example:4222", Some(("a.example", 4222, false))),
            ("127.0.0.1:1", Some(("127.0.0.1", 1, true))),
            ("localhost:1", Some(("localhost", 1, true))),
            ("localhost.example:1", Some(("localhost.example", 1, false))),
            ("[::1]:1", Some(("::1", 1, true))),
            ("::1:1", None),
            ("a", None),
            (":1", None),
            ("a:0", None),
            ("a:65536", None),
            ("nats://a:1", None),
            ("u@a:1", None),
        ] {
            let found = Address::try_from(text.to_owned());
            let found = found.as_ref().ok();
            let found = found.map(|a| (a.host(), a.port(), a.is_near()));
            assert_eq!(found, expected, "{text}");
        }
    }
}
