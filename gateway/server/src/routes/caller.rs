//! Where a request came from, as far as anybody may say so.
//!
//! The rule: the address that a connection comes from is a fact. What its request claims about the
//! way before counts where that address is one of `trusted-proxies`, and is followed from there
//! backwards, up to the first address that is not. Anything further left a stranger may have written.

use super::forwarded::{self, Hop};
use crate::ingress::Limits;
use http::header::{FORWARDED, HeaderName};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue};
use std::net::IpAddr;
use std::sync::Arc;
use tradewind_config::Network;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Proxies of which the way is told; more are circles, or lies.
const HOPS_MAX: usize = 16;

/// Who holds the connection, and who is believed.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// `None` where connections have no address.
    address: Option<IpAddr>,
    /// What the connection itself speaks.
    scheme: &'static str,
    trusted: Arc<[Network]>,
}

/// The way of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// From the caller to the last proxy.
    hops: Vec<IpAddr>,
    proto: HeaderValue,
    host: Option<HeaderValue>,
}

impl Caller {
    /// Whoever connects from `address`, by TLS or without.
    pub(crate) fn new(address: Option<IpAddr>, encrypted: bool, limits: &Limits) -> Self {
        Self {
            address,
            scheme: if encrypted { "https" } else { "http" },
            trusted: limits.trusted_proxies.clone(),
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.holds(address))
    }

    /// Whether what the caller says about the way is believed.
    pub(super) fn is_proxy(&self) -> bool {
        self.address.is_some_and(|address| self.trusts(address))
    }

    /// The way of a request with these headers.
    pub(super) fn way(&self, headers: &HeaderMap) -> Way {
        let mut way = Way {
            hops: self.address.into_iter().collect(),
            proto: HeaderValue::from_static(self.scheme),
            host: None,
        };
        if !self.is_proxy() {
            return way;
        }
        let last = |name: &HeaderName| forwarded::list(headers, name).pop();
        let told = forwarded::list(headers, &FOR);
        let (hops, plain) = match told.is_empty() {
            false => (told.iter().map(|hop| Hop::plain(hop)).collect(), true),
            true => (forwarded::elements(headers), false),
        };
        if plain || hops.is_empty() {
            let proto = last(&PROTO).and_then(|proto| proto_of(&proto));
            way.proto = proto.unwrap_or(way.proto);
            way.host = last(&HOST).and_then(|host| host_of(&host));
        }
        for hop in hops.iter().rev().take(HOPS_MAX) {
            // Each was written by the one after it, who is trusted.
            let proto = hop.proto.as_deref().and_then(proto_of);
            way.proto = proto.unwrap_or(way.proto);
            way.host = hop.host.as_deref().and_then(host_of).or(way.host);
            let Some(address) = hop.address else { break };
            way.hops.insert(0, address);
            if !self.trusts(address) {
                break;
            }
        }
        way
    }
}

fn proto_of(proto: &str) -> Option<HeaderValue> {
    let known = ["http", "https"].iter();
    let mut known = known.filter(|known| known.eq_ignore_ascii_case(proto));
    known.next().map(|known| HeaderValue::from_static(known))
}

fn host_of(host: &str) -> Option<HeaderValue> {
    let sound = !host.contains('@') && Authority::try_from(host).is_ok();
    sound.then(|| HeaderValue::try_from(host).ok()).flatten()
}

impl Way {
    /// Tells it to the function, in headers from which what nobody may claim was taken out. What is
    /// left of a claim is what the route says is to be passed on as it came.
    pub(super) fn tell(self, host: Option<HeaderValue>, headers: &mut HeaderMap) {
        let hops: Vec<String> = self.hops.iter().map(IpAddr::to_string).collect();
        let hops = HeaderValue::try_from(hops.join(", ")).ok();
        if let Some(hops) = hops.filter(|hops| !hops.is_empty()) {
            headers.append(FOR, hops);
        }
        headers.entry(PROTO).or_insert(self.proto);
        if let Some(host) = self.host.or(host) {
            headers.entry(HOST).or_insert(host);
        }
    }
}

/// Whether a header tells of the way.
pub(super) fn is_claim(name: &HeaderName) -> bool {
    [FOR, HOST, PROTO, FORWARDED].contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(address: &str, claims: &[(&'static str, &str)]) -> (String, String, String) {
        way_by(false, address, claims)
    }

    fn way_by(
        encrypted: bool,
        address: &str,
        claims: &[(&'static str, &str)],
    ) -> (String, String, String) {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|block| block.parse().unwrap());
        let limits = Limits {
            trusted_proxies: proxies.into(),
            ..Limits::default()
        };
        let mut headers = HeaderMap::new();
        for (name, value) in claims {
            headers.append(*name, value.parse().unwrap());
        }
        let caller = Caller::new(Some(address.parse().unwrap()), encrypted, &limits);
        let way = caller.way(&headers);
        let mut told = HeaderMap::new();
        way.tell(Some(HeaderValue::from_static("gateway")), &mut told);
        let told = |name| told[&name].to_str().unwrap().to_owned();
        (told(FOR), told(PROTO), told(HOST))
    }

    #[test]
    fn who_is_believed() {
        type Claims = &'static [(&'static str, &'static str)];
        let cases: &[(&str, Claims, (&str, &str, &str))] = &[
            // Strangers are not.
            ("192.0.2.1", &[], ("192.0.2.1", "http", "gateway")),
            (
                "192.0.2.1",
                &[
                    ("x-forwarded-for", "10.0.0.1, 198.51.100.7"),
                    ("x-forwarded-proto", "https"),
                    ("x-forwarded-host", "shop.example"),
                    ("forwarded", "for=198.51.100.7;proto=https"),
                ],
                ("192.0.2.1", "http", "gateway"),
            ),
            // A proxy is, in what it added.
            (
                "10.0.0.1",
                &[
                    ("x-forwarded-for", "198.51.100.7"),
                    ("x-forwarded-proto", "HTTPS"),
                    ("x-forwarded-host", "shop.example:8443"),
                ],
                ("198.51.100.7, 10.0.0.1", "https", "shop.example:8443"),
            ),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "127.0.0.1, 203.0.113.9, 198.51.100.7")],
                ("198.51.100.7, 10.0.0.1", "http", "gateway"),
            ),
            // So is the proxy before it.
            (
                "fd00::1",
                &[
                    ("x-forwarded-for", "1.2.3.4, 198.51.100.7:4711, 10.0.0.2"),
                    ("x-forwarded-for", "[fd00::2]:80"),
                ],
                (
                    "198.51.100.7, 10.0.0.2, fd00::2, fd00::1",
                    "http",
                    "gateway",
                ),
            ),
            // What is no address ends the way.
            (
                "10.0.0.1",
                &[
                    ("x-forwarded-for", "198.51.100.7, unknown"),
                    ("x-forwarded-proto", "gopher"),
                    ("x-forwarded-host", "a@b"),
                ],
                ("10.0.0.1", "http", "gateway"),
            ),
            (
                "10.0.0.1",
                &[
                    ("x-forwarded-proto", "http, https"),
                    ("x-forwarded-for", " , ,"),
                ],
                ("10.0.0.1", "https", "gateway"),
            ),
            // RFC 7239, where there is no other word.
            (
                "10.0.0.1",
                &[(
                    "forwarded",
                    r#"for=evil, for="198.51.100.7:1";proto=https;Host="shop.example", For=10.0.0.2;proto=http"#,
                )],
                ("198.51.100.7, 10.0.0.2, 10.0.0.1", "https", "shop.example"),
            ),
            (
                "10.0.0.1",
                &[("forwarded", r#"for="_hidden, for=1.2.3.4";proto=https"#)],
                ("10.0.0.1", "https", "gateway"),
            ),
            (
                "10.0.0.1",
                &[
                    ("forwarded", "for=1.2.3.4"),
                    ("x-forwarded-for", "198.51.100.7"),
                ],
                ("198.51.100.7, 10.0.0.1", "http", "gateway"),
            ),
        ];
        for (address, claims, told) in cases {
            let (hops, proto, host) = way(address, claims);
            let said = (hops.as_str(), proto.as_str(), host.as_str());
            assert_eq!(said, *told, "{address} {claims:?}");
        }
        // However long a way is claimed to be.
        let long = vec!["10.0.0.2"; 1000].join(",");
        let (hops, _, _) = way("10.0.0.1", &[("x-forwarded-for", &long)]);
        assert_eq!(hops.split(',').count(), HOPS_MAX + 1);
    }

    #[test]
    fn what_the_connection_speaks_is_told_unless_a_proxy_knows_better() {
        let claim = [("x-forwarded-proto", "http")];
        let none: &[(&str, &str)] = &[];
        for (encrypted, address, claims, told) in [
            (true, "192.0.2.1", none, "https"),
            (true, "192.0.2.1", &claim, "https"),
            (true, "10.0.0.1", none, "https"),
            (true, "10.0.0.1", &claim, "http"),
            (false, "192.0.2.1", none, "http"),
        ] {
            let (_, proto, _) = way_by(encrypted, address, claims);
            assert_eq!(proto, told, "{encrypted} {address} {claims:?}");
        }
    }
}
