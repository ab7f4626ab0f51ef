//! The URL of a sink, taken apart once and rebuilt in one canonical form.
//!
//! Resolvers read `0x7f.1`, `2130706433` and `127.0.0.1` as the same address. Here every such
//! spelling becomes the address, so that what is judged is what is dialled.

use http::Uri;
use http::uri::{Authority, Scheme};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host: an address, or a name that has to be resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Address(IpAddr),
    Name(String),
}

/// A destination.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

impl Target {
    /// Reads a URL. The error never repeats it: it may hold secrets.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        if url.contains('#') {
            return Err("a fragment (`#`) is never sent: leave it out".into());
        }
        let uri: Uri = url.parse().map_err(|e| format!("no URL: {e}"))?;
        let mut parts = uri.into_parts();
        let tls = match parts.scheme.as_ref().map(Scheme::as_str) {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("not an https:// URL".into()),
        };
        let authority = parts.authority.take().ok_or("no host")?;
        if authority.as_str().contains('@') {
            return Err("user and password do not belong in a URL (hint: use `auth`)".into());
        }
        let host = parse_host(authority.host())?;
        let port = match authority.as_str().get(authority.host().len()..) {
            None | Some("") => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(port) => port
                .strip_prefix(':')
                .filter(|p| p.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|p| p.parse().ok())
                .filter(|p| *p != 0)
                .ok_or("no valid port")?,
        };
        let shown = match &host {
            Host::Address(IpAddr::V6(ip)) => format!("[{ip}]"),
            Host::Address(ip) => ip.to_string(),
            Host::Name(name) => name.clone(),
        };
        let default = if tls { 443 } else { 80 };
        let shown = if port == default {
            shown
        } else {
            format!("{shown}:{port}")
        };
        parts.authority = Some(Authority::try_from(shown).map_err(|e| format!("no host: {e}"))?);
        let uri = Uri::from_parts(parts).map_err(|e| format!("no URL: {e}"))?;
        Ok(Self {
            uri,
            host,
            port,
            tls,
        })
    }

    /// Scheme and authority.
    pub(crate) fn origin(&self) -> String {
        let (scheme, authority) = (self.uri.scheme_str(), self.uri.authority());
        let authority = authority.map(Authority::as_str).unwrap_or_default();
        format!("{}://{authority}", scheme.unwrap_or_default())
    }

    /// Adds a pair to the query.
    pub(crate) fn ask(&mut self, pair: &str) -> Result<(), String> {
        let (path, query) = (self.uri.path(), self.uri.query());
        let asked = match query {
            None | Some("") => format!("{path}?{pair}"),
            Some(query) => format!("{path}?{query}&{pair}"),
        };
        let mut parts = self.uri.clone().into_parts();
        let asked = asked.parse().map_err(|_| "the query is too long")?;
        parts.path_and_query = Some(asked);
        self.uri = Uri::from_parts(parts).map_err(|_| "no URL with this query")?;
        Ok(())
    }

    /// For people: the query, which often holds a token, is left out.
    pub(crate) fn describe(&self) -> String {
        let (scheme, authority) = (self.uri.scheme_str(), self.uri.authority());
        let base = format!(
            "{}://{}{}",
            scheme.unwrap_or_default(),
            authority.map(Authority::as_str).unwrap_or_default(),
            self.uri.path()
        );
        match self.uri.query() {
            Some(_) => base + "?...",
            None => base,
        }
    }
}

/// Reads a host as the dialler will: an address in any spelling, or a plain name.
pub(crate) fn parse_host(host: &str) -> Result<Host, String> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or("no valid host")?;
        let ip: Ipv6Addr = inner
            .parse()
            .map_err(|_| "brackets hold no IPv6 address".to_owned())?;
        return Ok(Host::Address(IpAddr::V6(ip).to_canonical()));
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let label = |label: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(allowed)
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err("no valid host name".into());
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    // However large a number is, it is no name: some resolvers cut it to 32 bits.
    let numeric = last.bytes().all(|b| b.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    if numeric {
        return legacy_v4(&host)
            .map(|ip| Host::Address(ip.into()))
            .ok_or_else(|| "neither a name nor an IPv4 address".into());
    }
    Ok(Host::Name(host))
}

/// One part of an IPv4 address: decimal, octal with a leading 0, hexadecimal with 0x.
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x") {
        // An empty hexadecimal number is zero to the classic parsers.
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text.get(1..)?, 8),
        None => (text, 10),
    };
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// An IPv4 address as `inet_aton` reads it: one to four parts, the last one fills the rest.
fn legacy_v4(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    let rest = 32 - 8 * first.len();
    if last >> rest != 0 {
        return None;
    }
    let high = first
        .iter()
        .enumerate()
        .fold(0, |sum, (i, part)| sum | (part << (24 - 8 * i)));
    u32::try_from(high | last).ok().map(Ipv4Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_address_is_that_address() {
        let table = [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("0X7F000001", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("127.0.1", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("0177.0.0.01", "127.0.0.1"),
            ("0x7f.0x0.0x0.0x1", "127.0.0.1"),
            ("127.0.0x0.1", "127.0.0.1"),
            ("0", "0.0.0.0"),
            ("0x", "0.0.0.0"),
            ("169.16689662", "169.254.169.254"),
            ("[::1]", "::1"),
            ("[::ffff:127.0.0.1]", "127.0.0.1"),
            ("[::FFFF:a9fe:a9fe]", "169.254.169.254"),
        ];
        for (host, ip) in table {
            let expected = Host::Address(ip.parse().unwrap());
            assert_eq!(parse_host(host), Ok(expected), "{host}");
        }
    }

    #[test]
    fn what_is_neither_address_nor_name_is_refused() {
        for host in [
            "",
            ".",
            "..",
            "a..b",
            "256.256.256.256",
            "1.2.3.4.5",
            "4294967296",
            "0x100000000",
            "0x10000000000000000",
            "127.0x10000000000000000",
            "1.2.3.08",
            "127.0.0.1..",
            "1.2.3.256",
            "[example.com]",
            "[127.0.0.1]",
            "[::1",
            "[fe80::1%25eth0]",
            "exa mple.com",
            "exam%70le.com",
            "exämple.com",
            "a:b",
        ] {
            assert!(parse_host(host).is_err(), "{host}");
        }
        let long = format!("{}.com", "a".repeat(64));
        assert!(parse_host(&long).is_err());
        for host in [
            "example.com",
            "a-b.example",
            "x_y.example",
            "1e100.net",
            "0xg.com",
        ] {
            assert_eq!(parse_host(host), Ok(Host::Name(host.into())), "{host}");
        }
    }

    #[test]
    fn urls() {
        let shown = |url: &str| Target::parse(url).map(|t| (t.uri.to_string(), t.describe()));
        let table = [
            (
                "https://Example.COM/a?token=b",
                "https://example.com/a?token=b",
                "https://example.com/a?...",
            ),
            (
                "https://example.com.:443",
                "https://example.com/",
                "https://example.com/",
            ),
            (
                "http://0x7f.1:8080/x",
                "http://127.0.0.1:8080/x",
                "http://127.0.0.1:8080/x",
            ),
            (
                "https://[::1]:8443/",
                "https://[::1]:8443/",
                "https://[::1]:8443/",
            ),
        ];
        for (url, uri, describe) in table {
            assert_eq!(shown(url), Ok((uri.into(), describe.into())), "{url}");
        }
        for url in [
            "",
            "/relative",
            "example.com",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://",
            "https:///path",
            "https://user:hunter2@example.com/",
            "https://user@example.com/",
            "https://example.com:0/",
            "https://example.com:65536/",
            "https://example.com:/",
            "https://example.com:+80/",
            "https://example.com/#hunter2",
            "gopher://example.com/",
            "https://[example.com]/",
        ] {
            let error = shown(url).unwrap_err();
            assert!(!error.contains("hunter2"), "{url}: {error}");
        }
    }
}
