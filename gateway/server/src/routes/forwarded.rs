//! Headers in which proxies tell of each other: lists of addresses, and RFC 7239.

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use std::net::{IpAddr, SocketAddr};

/// One step of the way, as the proxy behind it saw it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hop {
    /// `None` where it is hidden, unknown, or nothing that can be read.
    pub(super) address: Option<IpAddr>,
    pub(super) proto: Option<String>,
    pub(super) host: Option<String>,
}

impl Hop {
    /// Of an address alone, with or without a port.
    pub(super) fn plain(text: &str) -> Self {
        Self {
            address: address(text),
            ..Self::default()
        }
    }
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let one = bare.unwrap_or(text).parse::<IpAddr>();
    let one = one.or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    one.ok().map(|address| address.to_canonical())
}

/// The items of a list that may be spread over several headers. One that is no text is an item that
/// cannot be read.
pub(super) fn list(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let all = headers.get_all(name).iter();
    let items = all.flat_map(|value| split(value.to_str().unwrap_or("unreadable"), b','));
    items
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The elements of `forwarded` (RFC 7239, section 4).
pub(super) fn elements(headers: &HeaderMap) -> Vec<Hop> {
    let read = |element: &String| {
        let mut hop = Hop::default();
        for pair in split(element, b';') {
            let Some((key, value)) = pair.split_once('=') else {
                continue;
            };
            let value = plain(value.trim());
            match key.trim().to_ascii_lowercase().as_str() {
                "for" => hop.address = address(&value),
                "proto" => hop.proto = Some(value),
                "host" => hop.host = Some(value),
                _ => {}
            }
        }
        hop
    };
    list(headers, &FORWARDED).iter().map(read).collect()
}

/// Cuts at a mark that stands outside of quotes.
fn split(text: &str, mark: u8) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        if escaped {
            escaped = false;
            return false;
        }
        match c {
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => return !quoted && c == char::from(mark),
        }
        false
    })
    .map(str::trim)
}

/// A token, or what stands within quotes.
fn plain(value: &str) -> String {
    let quoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    let Some(quoted) = quoted else {
        return value.to_owned();
    };
    let mut escaped = false;
    let kept = |c: &char| {
        escaped = *c == '\\' && !escaped;
        !escaped
    };
    quoted.chars().filter(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_their_pairs() {
        let mut headers = HeaderMap::new();
        for value in [
            r#"for="a,b;c\"d, e";proto=https, For="[2001:db8::1]:4711""#,
            "host=h;by=x;for=192.0.2.1 ; proto = http,,nonsense",
        ] {
            headers.append(FORWARDED, value.parse().unwrap());
        }
        let hop = |address: Option<&str>, proto: Option<&str>, host: Option<&str>| Hop {
            address: address.map(|a| a.parse().unwrap()),
            proto: proto.map(str::to_owned),
            host: host.map(str::to_owned),
        };
        assert_eq!(
            elements(&headers),
            [
                hop(None, Some("https"), None),
                hop(Some("2001:db8::1"), None, None),
                hop(Some("192.0.2.1"), Some("http"), Some("h")),
                hop(None, None, None),
            ]
        );
    }
}
