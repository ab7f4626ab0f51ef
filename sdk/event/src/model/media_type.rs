//! Media types (RFC 2046, with the grammar of RFC 9110 §8.3.1).

/// What nearly every event has, and needs no parsing.
const COMMON: &str = "application/json";

/// Whether `value` is `type/subtype` with well-formed parameters.
pub(crate) fn check(value: &str) -> Result<(), &'static str> {
    const SHAPE: &str = "is no media type (RFC 2046); expected type/subtype, for instance \
                         application/json";
    if value == COMMON {
        return Ok(());
    }
    let bytes = value.as_bytes();
    let mut at = token(bytes, 0);
    if at == 0 || bytes.get(at) != Some(&b'/') {
        return Err(SHAPE);
    }
    let subtype = at + 1;
    at = token(bytes, subtype);
    if at == subtype {
        return Err(SHAPE);
    }
    while at < bytes.len() {
        at = spaces(bytes, at);
        if bytes.get(at) != Some(&b';') {
            return Err("has something after the media type that is no parameter (RFC 2046)");
        }
        at = spaces(bytes, at + 1);
        // RFC 9110 §5.6.6 allows empty parameters: a stray semicolon.
        if at == bytes.len() || bytes[at] == b';' {
            continue;
        }
        at = parameter(bytes, at)
            .ok_or("has a parameter that is not name=value or name=\"value\" (RFC 2046)")?;
    }
    Ok(())
}

fn parameter(bytes: &[u8], start: usize) -> Option<usize> {
    let equals = token(bytes, start);
    if equals == start || bytes.get(equals) != Some(&b'=') {
        return None;
    }
    let value = equals + 1;
    if bytes.get(value) != Some(&b'"') {
        let end = token(bytes, value);
        return (end > value).then_some(end);
    }
    let mut at = value + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => {
                if !matches!(bytes.get(at + 1)?, b'\t' | b' '..=b'~') {
                    return None;
                }
                at += 2;
            }
            b'\t' | b' '..=b'~' => at += 1,
            _ => return None,
        }
    }
}

fn token(bytes: &[u8], start: usize) -> usize {
    let tail = bytes.get(start..).unwrap_or_default();
    let len = tail.iter().position(|b| !is_token(*b));
    start + len.unwrap_or(tail.len())
}

fn spaces(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// The media type without its parameters.
pub(crate) fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// Whether the content is JSON: `*/json` or `*/*+json` (JSON format §3.1.1), case-insensitively.
pub(crate) fn is_json(value: &str) -> bool {
    if value == COMMON {
        return true;
    }
    match essence(value).split_once('/') {
        Some((_, subtype)) => subtype.eq_ignore_ascii_case("json") || ends_with(subtype, "+json"),
        None => false,
    }
}

/// Whether the content may travel as text: a textual media type, and bytes that are UTF-8 and are
/// not declared to be in another charset.
pub(crate) fn is_utf8_text(value: &str, bytes: &[u8]) -> bool {
    let Some((ty, subtype)) = essence(value).split_once('/') else {
        return false;
    };
    let charset = charset(value);
    let textual = ty.eq_ignore_ascii_case("text")
        || ends_with(subtype, "+xml")
        || TEXTUAL
            .iter()
            .any(|name| subtype.eq_ignore_ascii_case(name))
        || charset.is_some();
    let utf8 = match charset {
        None => true,
        Some(name) => ["utf-8", "utf8", "us-ascii"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known)),
    };
    textual
        && (if utf8 {
            std::str::from_utf8(bytes).is_ok()
        } else {
            false
        })
}

/// Subtypes that are text whatever their main type.
const TEXTUAL: [&str; 6] = [
    "ecmascript",
    "javascript",
    "toml",
    "x-www-form-urlencoded",
    "xml",
    "yaml",
];

fn charset(value: &str) -> Option<&str> {
    value.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"'))
    })
}

fn ends_with(value: &str, suffix: &str) -> bool {
    let at = value.len().wrapping_sub(suffix.len());
    value
        .get(at..)
        .is_some_and(|tail| tail.eq_ignore_ascii_case(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_checked() {
        for good in [
            "application/json",
            "text/plain; charset=utf-8",
            "text/plain;charset=\"utf-8\" ; a=b",
            "application/vnd.acme+json;version=2",
            "application/json;",
            "multipart/mixed; boundary=\"a \\\" b\"",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "xyz",
            "/",
            "text/",
            "/plain",
            "text/plain x",
            "text /plain",
            "text/plain;a",
            "text/plain;a=",
            "text/plain;a=\"",
            "text/plain;=b",
            "téxt/plain",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn json_is_recognised_by_its_subtype() {
        for json in [
            "application/json",
            "APPLICATION/JSON",
            "text/json; charset=utf-8",
            "application/vnd.x+JSON ; a=b",
            "application/cloudevents+json",
        ] {
            assert!(is_json(json), "{json}");
        }
        for other in [
            "application/jsonl",
            "application/xjson",
            "json",
            "text/plain; a=/json",
            "+json",
        ] {
            assert!(!is_json(other), "{other}");
        }
    }

    #[test]
    fn text_needs_utf8_and_a_matching_charset() {
        assert!(is_utf8_text("text/plain", "é".as_bytes()));
        assert!(is_utf8_text("application/xml", b"<a/>"));
        assert!(is_utf8_text("image/svg+xml;charset=UTF-8", b"<a/>"));
        assert!(!is_utf8_text("text/plain", &[0xff]));
        assert!(!is_utf8_text("text/plain; charset=iso-8859-1", b"plain"));
        assert!(!is_utf8_text("application/octet-stream", b"plain"));
    }
}
