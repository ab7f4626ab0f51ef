//! Which addresses a delivery may reach: the guard against server-side request forgery.
//!
//! The guard judges addresses, not URLs, and it is asked about the very address that is dialled
//! (see `dial`), so that a name which changes its answer gains nothing.

use super::config::Cidr;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// Everything that is no public unicast address (IANA special-purpose registry).
const BLOCKED_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(168, 63, 129, 16, 32), // Azure's platform address: public in form only
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// Only 2000::/3 is global unicast; this is what is special within it. Loopback, private, mapped,
/// translated (NAT64), link-local, multicast and discard addresses all lie outside.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);
const BLOCKED_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 0, 23), // protocol assignments, Teredo among them
    v6(0x2001, 0xdb8, 0, 32),
    v6(0x2002, 0, 0, 16), // 6to4
    v6(0x3fff, 0, 0, 20),
];

/// Where clouds hand out credentials: never allowed, whatever the configuration says.
const METADATA_V4: [Ipv4Net; 4] = [
    v4(100, 100, 100, 200, 32), // Alibaba
    v4(168, 63, 129, 16, 32),   // Azure
    v4(169, 254, 0, 0, 16),     // AWS, Google, Azure, Oracle and others; all of link-local
    v4(192, 0, 0, 192, 32),     // Oracle
];
const METADATA_V6: [Ipv6Net; 3] = [
    v6(0xfd00, 0xec2, 0, 32), // AWS
    v6(0xfd20, 0xce, 0, 32),  // Google
    v6(0xfe80, 0, 0, 10),
];

/// Why an address, a name or a port is not dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blocked {
    Metadata(IpAddr),
    Special(IpAddr),
    Own(IpAddr),
    Plaintext(IpAddr),
    LocalName(IpAddr),
    Tokens(IpAddr),
    Port(u16),
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metadata(ip) => write!(f, "{ip} is a metadata or link-local address"),
            Self::Special(ip) => write!(
                f,
                "{ip} is no public address (hint: `allow-private` can allow it)"
            ),
            Self::Own(ip) => write!(
                f,
                "{ip} is an address of this machine (hint: `allow-private` can allow it)"
            ),
            Self::Plaintext(ip) => write!(
                f,
                "{ip} would be reached without TLS (hint: use https, or say `allow-http: true`)"
            ),
            Self::LocalName(ip) => write!(
                f,
                "a local name resolves to {ip} (hint: `allow-private` can allow that)"
            ),
            Self::Tokens(ip) => write!(
                f,
                "{ip} is neither this machine nor a metadata service, and would be reached without TLS \
                 (hint: use https)"
            ),
            Self::Port(port) => write!(
                f,
                "port {port} is not allowed (hint: 80, 443 and 1024 and above are, and \
                 `allow-ports`)"
            ),
        }
    }
}

impl std::error::Error for Blocked {}

/// The rules of one sink, or of one server of tokens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    /// Servers of tokens are named by the configuration alone, and some of them are where nothing else may be
    /// reached: metadata services.
    tokens: bool,
    allow: Vec<IpNet>,
    ports: Vec<u16>,
    /// The sink speaks plain HTTP, and only `allow` permits that.
    plaintext: bool,
}

impl Guard {
    pub(crate) fn new(allow: &[Cidr], ports: &[u16], plaintext: bool) -> Self {
        Self {
            tokens: false,
            allow: allow.iter().map(|cidr| cidr.0).collect(),
            ports: ports.to_vec(),
            plaintext,
        }
    }

    /// The rules of a server of tokens: anywhere by TLS, and without it no further than this machine and
    /// metadata services.
    pub(crate) fn of_tokens(plaintext: bool) -> Self {
        Self {
            tokens: true,
            plaintext,
            ..Self::default()
        }
    }

    /// May this address be dialled? A `local` name (see [`is_local_name`]) reaches only what is
    /// explicitly allowed.
    pub(crate) fn address(&self, ip: IpAddr, local: bool) -> Result<(), Blocked> {
        let ip = ip.to_canonical();
        if self.tokens {
            return match self.plaintext && !ip.is_loopback() && !is_metadata(ip) {
                true => Err(Blocked::Tokens(ip)),
                false => Ok(()),
            };
        }
        if is_metadata(ip) || embedded(ip).is_some_and(|v4| is_metadata(v4.into())) {
            return Err(Blocked::Metadata(ip));
        }
        if self.allows(ip) {
            return Ok(());
        }
        if is_special(ip) {
            return Err(Blocked::Special(ip));
        }
        if local {
            return Err(Blocked::LocalName(ip));
        }
        if self.plaintext {
            return Err(Blocked::Plaintext(ip));
        }
        Ok(())
    }

    /// May this connection be used? One whose ends are the same machine leads to our own listeners.
    pub(crate) fn connection(&self, local: IpAddr, peer: IpAddr) -> Result<(), Blocked> {
        let (local, peer) = (local.to_canonical(), peer.to_canonical());
        if local == peer && !self.tokens && !self.allows(peer) {
            return Err(Blocked::Own(peer));
        }
        Ok(())
    }

    /// May this port be dialled? Below 1024 other services live, which HTTP could be made to feed.
    pub(crate) fn port(&self, port: u16) -> Result<(), Blocked> {
        if matches!(port, 80 | 443 | 1024..) || self.ports.contains(&port) {
            return Ok(());
        }
        Err(Blocked::Port(port))
    }

    fn allows(&self, ip: IpAddr) -> bool {
        self.allow.iter().any(|net| net.contains(&ip))
    }
}

/// Names that mean this machine or this network.
pub(crate) fn is_local_name(host: &str) -> bool {
    let top = host.rsplit('.').next().unwrap_or(host);
    matches!(top, "localhost" | "internal" | "local" | "localdomain")
}

fn is_metadata(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => METADATA_V4.iter().any(|net| net.contains(&ip)),
        IpAddr::V6(ip) => METADATA_V6.iter().any(|net| net.contains(&ip)),
    }
}

fn is_special(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => BLOCKED_V4.iter().any(|net| net.contains(&ip)),
        IpAddr::V6(ip) => {
            !GLOBAL_V6.contains(&ip) || BLOCKED_V6.iter().any(|net| net.contains(&ip))
        }
    }
}

/// The IPv4 address that an IPv6 one leads to: compatible, translated (NAT64), 6to4, Teredo.
fn embedded(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = ip else { return None };
    let s = ip.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, _, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        [0x2001, 0, _, _, _, _, high, low] => Some(v4(!high, !low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn allowing(nets: &[&str]) -> Guard {
        let nets: Vec<Cidr> = nets.iter().map(|n| Cidr(n.parse().unwrap())).collect();
        Guard::new(&nets, &[], false)
    }

    #[test]
    fn blocks_end_where_they_should() {
        // Each block's neighbours on both sides, which are public.
        let public = [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.1.255",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "8.8.8.8",
            "2000::",
            "2001:200::",
            "2001:4860:4860::8888",
            "2001:db7:ffff::",
            "2001:db9::",
            "2003::",
            "2606:4700::1111",
            "3ffe:ffff::",
            "3fff:1000::",
            "::ffff:8.8.8.8",
        ];
        for address in public {
            assert_eq!(
                Guard::default().address(ip(address), false),
                Ok(()),
                "{address}"
            );
        }
        let special = [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.0",
            "127.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.255",
            "192.0.2.0",
            "192.0.2.255",
            "192.88.99.0",
            "192.88.99.255",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.0",
            "198.51.100.255",
            "203.0.113.0",
            "203.0.113.255",
            "224.0.0.0",
            "255.255.255.255",
            "1fff:ffff::",
            "2001::",
            "2001:1ff:ffff::",
            "2001:db8::",
            "2001:db8:ffff::",
            "2002::",
            "2002:ffff::",
            "3fff::",
            "3fff:fff:ffff::",
            "4000::",
        ];
        for address in special {
            let address = ip(address);
            assert_eq!(
                Guard::default().address(address, false),
                Err(Blocked::Special(address))
            );
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_and_no_more() {
        let guard = allowing(&["10.1.0.0/16", "::1/128"]);
        for address in ["10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "::1"] {
            assert_eq!(guard.address(ip(address), true), Ok(()), "{address}");
        }
        for address in ["10.0.255.255", "10.2.0.0", "::2", "127.0.0.1"] {
            assert!(guard.address(ip(address), false).is_err(), "{address}");
        }
    }

    #[test]
    fn a_connection_to_this_machine_is_refused() {
        let (own, other) = (ip("8.8.8.8"), ip("8.8.4.4"));
        assert_eq!(allowing(&[]).connection(other, own), Ok(()));
        assert_eq!(allowing(&[]).connection(own, own), Err(Blocked::Own(own)));
        assert_eq!(
            allowing(&[]).connection(ip("::ffff:8.8.8.8"), own),
            Err(Blocked::Own(own))
        );
        assert_eq!(allowing(&["8.8.8.8/32"]).connection(own, own), Ok(()));
    }

    #[test]
    fn servers_of_tokens_have_rules_of_their_own() {
        let (plain, tls) = (Guard::of_tokens(true), Guard::of_tokens(false));
        for address in [
            "127.0.0.1",
            "::1",
            "169.254.169.254",
            "fd00:ec2::254",
            "fe80::1",
        ] {
            assert_eq!(plain.address(ip(address), true), Ok(()), "{address}");
            assert_eq!(plain.connection(ip(address), ip(address)), Ok(()));
        }
        for address in [
            "10.0.0.1",
            "8.8.8.8",
            "192.168.1.1",
            "fd12::1",
            "2606:4700::1111",
        ] {
            let blocked = Err(Blocked::Tokens(ip(address)));
            assert_eq!(plain.address(ip(address), false), blocked);
            assert_eq!(tls.address(ip(address), false), Ok(()), "{address}");
        }
    }

    #[test]
    fn local_names() {
        for name in [
            "localhost",
            "a.localhost",
            "metadata.google.internal",
            "db.local",
        ] {
            assert!(is_local_name(name), "{name}");
        }
        for name in [
            "example.com",
            "localhost.example",
            "internal.example",
            "notlocalhost",
        ] {
            assert!(!is_local_name(name), "{name}");
        }
    }
}
