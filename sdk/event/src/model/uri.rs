//! URI syntax (RFC 3986).

const UNRESERVED_SUB: u8 = 1;
const COLON: u8 = 2;
const AT: u8 = 4;
const SLASH: u8 = 8;
const QUESTION: u8 = 16;
const PERCENT: u8 = 32;
const SCHEME: u8 = 64;

const USERINFO: u8 = UNRESERVED_SUB | COLON;
const PATH: u8 = UNRESERVED_SUB | COLON | AT | SLASH;
const QUERY: u8 = PATH | QUESTION;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut b = 0;
    while b < 256 {
        let c = b as u8;
        table[b] = match c {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'+' => UNRESERVED_SUB | SCHEME,
            b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b',' | b';' | b'=' => {
                UNRESERVED_SUB
            }
            b':' => COLON,
            b'@' => AT,
            b'/' => SLASH,
            b'?' => QUESTION,
            b'%' => PERCENT,
            _ => 0,
        };
        b += 1;
    }
    table
}

const CHARACTER: &str =
    "has a character that a URI cannot hold as it is; percent-encode it (RFC 3986)";
const SCHEMELESS: &str =
    "is not absolute: it needs a scheme, for instance https: or urn: (RFC 3986)";

/// Whether `value` is a URI, that is, has a scheme. A fragment is tolerated: schema identifiers have
/// one, and producers send it.
pub(crate) fn check_absolute(value: &str) -> Result<(), &'static str> {
    match scheme(value.as_bytes())? {
        Some(end) => hierarchy(value.as_bytes(), end + 1),
        None => Err(SCHEMELESS),
    }
}

/// Whether `value` is a URI-reference.
pub(crate) fn check_reference(value: &str) -> Result<(), &'static str> {
    let start = scheme(value.as_bytes())?.map_or(0, |end| end + 1);
    hierarchy(value.as_bytes(), start)
}

/// The place of the colon that ends the scheme.
fn scheme(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    let Some(end) = bytes
        .iter()
        .position(|b| matches!(b, b':' | b'/' | b'?' | b'#'))
    else {
        return Ok(None);
    };
    if bytes[end] != b':' {
        return Ok(None);
    }
    let well_formed = bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes[..end]
            .iter()
            .all(|b| CLASS[*b as usize] & SCHEME != 0);
    if well_formed {
        Ok(Some(end))
    } else {
        Err("has a colon in its first segment that ends no scheme (RFC 3986 §3.1, §4.2)")
    }
}

fn hierarchy(bytes: &[u8], start: usize) -> Result<(), &'static str> {
    let mut at = start;
    if bytes[at..].starts_with(b"//") {
        let start = at + 2;
        at = run(bytes, start, UNRESERVED_SUB)?;
        // Most authorities are a plain host.
        if !matches!(bytes.get(at), None | Some(b'/' | b'?' | b'#')) {
            let delimiter = |b: &u8| matches!(b, b'/' | b'?' | b'#');
            let len = bytes[at..].iter().position(delimiter);
            at = len.map_or(bytes.len(), |len| at + len);
            authority(&bytes[start..at])?;
        }
    }
    at = run(bytes, at, PATH)?;
    if bytes.get(at) == Some(&b'?') {
        at = run(bytes, at + 1, QUERY)?;
    }
    if bytes.get(at) == Some(&b'#') {
        at = run(bytes, at + 1, QUERY)?;
    }
    if at == bytes.len() {
        Ok(())
    } else {
        Err(CHARACTER)
    }
}

fn authority(bytes: &[u8]) -> Result<(), &'static str> {
    let host = match bytes.iter().position(|b| *b == b'@') {
        Some(at) => {
            whole(&bytes[..at], USERINFO)?;
            &bytes[at + 1..]
        }
        None => bytes,
    };
    let port = if host.first() == Some(&b'[') {
        let end = host
            .iter()
            .position(|b| *b == b']')
            .ok_or("has an address in brackets that does not end (RFC 3986 §3.2.2)")?;
        literal(&host[1..end])?;
        match &host[end + 1..] {
            [] => &[],
            [b':', port @ ..] => port,
            _ => return Err("has something between the address and the port (RFC 3986 §3.2)"),
        }
    } else {
        let end = host.iter().position(|b| *b == b':').unwrap_or(host.len());
        whole(&host[..end], UNRESERVED_SUB)?;
        host.get(end + 1..).unwrap_or_default()
    };
    if port.iter().all(u8::is_ascii_digit) {
        Ok(())
    } else {
        Err("has a port that is no number (RFC 3986 §3.2.3)")
    }
}

/// An IP literal: an IPv6 address, or `v<hex>.<anything>` for what may come after it.
fn literal(bytes: &[u8]) -> Result<(), &'static str> {
    const BAD: &str = "has no valid IP address in its brackets (RFC 3986 §3.2.2)";
    let text = std::str::from_utf8(bytes).map_err(|_| BAD)?;
    if let Some(future) = text.strip_prefix(['v', 'V']) {
        let (version, address) = future.split_once('.').ok_or(BAD)?;
        let version_fits = !version.is_empty() && version.bytes().all(|b| b.is_ascii_hexdigit());
        let address_fits =
            !address.is_empty() && address.bytes().all(|b| CLASS[b as usize] & USERINFO != 0);
        return if version_fits && address_fits {
            Ok(())
        } else {
            Err(BAD)
        };
    }
    text.parse::<std::net::Ipv6Addr>()
        .map(drop)
        .map_err(|_| BAD)
}

fn whole(bytes: &[u8], allowed: u8) -> Result<(), &'static str> {
    if run(bytes, 0, allowed)? == bytes.len() {
        Ok(())
    } else {
        Err(CHARACTER)
    }
}

/// The end of the longest stretch of allowed characters and percent escapes.
fn run(bytes: &[u8], mut at: usize, allowed: u8) -> Result<usize, &'static str> {
    while let Some(b) = bytes.get(at) {
        let class = CLASS[*b as usize];
        if class & allowed != 0 {
            at += 1;
        } else if class & PERCENT != 0 {
            let escape = bytes.get(at + 1..at + 3).unwrap_or_default();
            if escape.len() != 2 || !escape.iter().all(u8::is_ascii_hexdigit) {
                return Err("has a % that begins no escape of two hex digits (RFC 3986 §2.1)");
            }
            at += 3;
        } else {
            break;
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_checked() {
        for good in [
            "https://cloudevents.io",
            "#fragment",
            "/a/b?c=d#e",
            "urn:uuid:1",
            "a",
            "a/b:c",
            "//authority/path",
            "https://u:p@[::1]:80/%20?x=/?#/?",
            "mailto:a@b.c",
            "http://[v1.x:y]/",
            "http://h:/",
            "?q",
            "./a:b",
            "aws:s3.us-east-1.bucket",
            "https://",
            "file:///a",
        ] {
            assert_eq!(check_reference(good), Ok(()), "{good}");
        }
        for bad in [
            "a b",
            "1:b",
            "a\u{e9}",
            "%",
            "%2",
            "%zz",
            "http://[::1",
            "http://[::g]",
            "http://h:p",
            "<a>",
            "a#b#c",
            "http://[::1]x",
            "http://a@b@c/",
            ":",
            "{x}",
            "http://[v.x]/",
            "a\\b",
        ] {
            assert!(check_reference(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn absolute_needs_a_scheme() {
        assert_eq!(check_absolute("urn:a"), Ok(()));
        assert_eq!(check_absolute("https://a/b#/definitions/c"), Ok(()));
        for bad in ["", "a", "//a/b", "/a", "#a", "a/b:c"] {
            assert!(check_absolute(bad).is_err(), "{bad}");
        }
    }
}
