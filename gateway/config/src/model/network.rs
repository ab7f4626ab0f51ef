//! Blocks of addresses.

use super::scalar::text;
use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

/// A block of addresses, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether an address belongs to it. An IPv4 address written as IPv6 is the IPv4 address.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl std::str::FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let net = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(|one| one.to_canonical().into()));
        net.map(|net| Self(net.trunc())).map_err(|_| {
            format!(
                "`{text}` is no address block; hint: write for instance 10.0.0.0/8, or one address"
            )
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text!(Network, "an address block such as 10.0.0.0/8", {
    "type": "string",
    "description": "A block of addresses: 10.0.0.0/8, fd12::/16, or one address"
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", "10.1.2.3", "11.0.0.1"),
            ("10.9.9.9/8", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("fd12::/16", "fd12::1", "fd13::1"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            let block: Network = block.parse().unwrap();
            assert!(block.holds(inside.parse().unwrap()), "{block} {inside}");
            assert!(!block.holds(outside.parse().unwrap()), "{block} {outside}");
            assert_eq!(block.to_string().parse(), Ok(block));
        }
        for text in ["", "10.0.0.0/33", "10.0.0", "proxy.example.com", "*"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
