//! Where a sink may deliver to: every spelling of a host, judged as the dialler reads it.

use crate::Target;
use crate::input::Cut;
use async_trait::async_trait;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use tradewind_adapter::Sink;
use tradewind_http::{HttpSink, Resolve};
use url::{Host, Url};

/// A first line that says whether loopback is allowed, then a URL.
pub(super) const URL: Target = Target {
    words: &[
        "public\n",
        "loopback\n",
        "http://",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "100.100.100.200",
        "localhost",
        "@",
        "%31",
        ":8080",
        "/a?b",
        "#",
    ],
    longest: 300,
    memory: 1 << 20,
    ..Target::new("url", judge)
};

struct Nowhere;

#[async_trait]
impl Resolve for Nowhere {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(Vec::new())
    }
}

fn judge(input: &[u8]) {
    let mut input = Cut(input);
    let loopback = input.line() == "loopback";
    let Ok(url) = std::str::from_utf8(input.rest()) else {
        return;
    };
    // TLS would have the certificates of the machine read each time.
    if url
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    {
        return;
    }
    let allowed: &[&str] = if loopback {
        &["127.0.0.0/8", "::1"]
    } else {
        &[]
    };
    let config = serde_json::json!({
        "url": url,
        "allow-http": true,
        "allow-private": allowed,
        "replies": "ignore",
    });
    let config = serde_json::from_value(config).unwrap();
    let sink = match HttpSink::with_resolver(&config, Arc::new(Nowhere)) {
        Ok(sink) => sink,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let shown = sink.describe();
    let Ok(ours) = Url::parse(&shown) else {
        // A label that says it is Punycode and is none is a name all the same: nobody has it.
        assert!(
            shown.contains("://xn--") || shown.contains(".xn--"),
            "{shown}"
        );
        return;
    };
    match ours.host() {
        Some(Host::Ipv4(ip)) => assert!(public_v4(ip) || loopback && ip.is_loopback(), "{ip}"),
        Some(Host::Ipv6(ip)) => assert!(public_v6(ip) || loopback && ip.is_loopback(), "{ip}"),
        Some(Host::Domain(_)) => {}
        None => panic!("{url} has no host"),
    }
    // Another reading of the same URL must lead to the same place; what it cannot read leads nowhere.
    if let Ok(theirs) = Url::parse(url) {
        let plain = |url: &Url| match url.host() {
            // An IPv4 address in IPv6 clothes is dialled as what it is.
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().to_string(),
            Some(Host::Domain(name)) => name.trim_end_matches('.').to_ascii_lowercase(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            None => String::new(),
        };
        assert_eq!(plain(&ours), plain(&theirs), "{url}");
        assert_eq!(ours.port_or_known_default(), theirs.port_or_known_default());
        assert_eq!((theirs.username(), theirs.password()), ("", None));
    }
}

fn public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a, b) == (100, b & 63 | 64)
        || (a, b, c) == (192, 0, 0)
        || (a, b) == (198, b & 1 | 18)
        || ip == Ipv4Addr::new(168, 63, 129, 16))
}

fn public_v6(ip: Ipv6Addr) -> bool {
    let first = ip.segments()[0];
    // Global unicast without 6to4; what leads to an IPv4 address is none of it.
    first & 0xe000 == 0x2000 && first != 0x2002 && ip.to_ipv4_mapped().is_none()
}
