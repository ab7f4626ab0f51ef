//! Which bodies OpenWhisk's controller takes for Base64: it goes by their media type, whatever the bytes are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// Texts among the applications that the controller knows. JSON of other names it decodes, or decodes where it can.
const TEXTS: [&str; 9] = [
    "atom+xml",
    "javascript",
    "json",
    "rss+xml",
    "soap+xml",
    "x-www-form-urlencoded",
    "xhtml+xml",
    "xml",
    "xml-dtd",
];
/// Texts that it knows as such without a `charset`.
const PLAIN: [&str; 11] = [
    "cache-manifest",
    "calendar",
    "css",
    "csv",
    "event-stream",
    "html",
    "plain",
    "richtext",
    "tab-separated-values",
    "uri-list",
    "xml",
];
/// What is binary with a `charset`, too.
const BINARY: [&str; 4] = ["cbor", "octet-stream", "pdf", "zip"];

/// Whether a body of this type goes into the controller as Base64.
fn is_base64(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE);
    // It takes `text/html` then.
    let Some(Ok(content_type)) = content_type.map(|value| value.to_str()) else {
        return false;
    };
    let content_type = content_type.to_ascii_lowercase();
    let (name, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
    let (main, sub) = name.trim().split_once('/').unwrap_or_default();
    let has_charset = || {
        let mut parameters = parameters.split(';');
        parameters.any(|one| one.trim_start().starts_with("charset="))
    };
    let is_text = match main {
        "text" => PLAIN.contains(&sub) || has_charset(),
        "application" if TEXTS.contains(&sub) => true,
        "application" if sub.ends_with("+json") || BINARY.contains(&sub) => false,
        "application" => has_charset(),
        _ => false,
    };
    !is_text
}

/// JSON that looks like Base64 (`true`, `1234`) is decoded as such.
fn is_mistaken(headers: &HeaderMap, text: &str) -> bool {
    let json = headers.get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes().to_ascii_lowercase();
        value.trim_ascii_start().starts_with(b"application/json")
    });
    let text = text.trim();
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    json && !text.is_empty() && text.len().is_multiple_of(4) && text.bytes().all(digit)
}

/// A body as the controller is to read it; nothing where it cannot hand it on as it is.
pub(crate) fn body(headers: &HeaderMap, body: &Bytes) -> Option<String> {
    if body.is_empty() {
        return Some(String::new());
    }
    let text = std::str::from_utf8(body).ok();
    match is_base64(headers) || text.is_some_and(|text| is_mistaken(headers, text)) {
        true => Some(STANDARD.encode(body)),
        false => text.map(str::to_owned),
    }
}

/// What the controller makes of a body.
pub(crate) fn read(headers: &HeaderMap, text: &str) -> Option<Bytes> {
    match is_base64(headers) || is_mistaken(headers, text) {
        true => Some(STANDARD.decode(text.trim()).ok()?.into()),
        false => Some(Bytes::copy_from_slice(text.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn every_body_arrives_as_it_was() {
        for (content_type, sent, encoded) in [
            ("application/octet-stream", &b"abcd"[..], true),
            ("application/octet-stream", b"\xff\x00", true),
            ("application/octet-stream; charset=utf-8", b"abcd", true),
            ("image/svg+xml; charset=utf-8", b"<svg/>", true),
            ("application/json", b"{\"a\":1}", false),
            ("application/json", b" true\n", true),
            ("Application/JSON; charset=utf-8", b"1234", true),
            ("application/problem+json", b"{}", true),
            ("application/cloudevents+json", b"{}", true),
            ("application/xml", b"<a/>", false),
            ("application/vnd.shop+xml", b"<a/>", true),
            ("application/vnd.shop+xml; charset=utf-8", b"<a/>", false),
            ("application/x-www-form-urlencoded", b"abcd", false),
            ("text/plain", b"abcd", false),
            ("text/shop", b"abcd", true),
            ("text/shop; charset=utf-8", b"abcd", false),
            ("", b"abcd", true),
        ] {
            let value = HeaderValue::from_static(content_type);
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value)]);
            let sent = Bytes::from_static(sent);
            let text = body(&headers, &sent).unwrap();
            assert_eq!(text.as_bytes() != sent, encoded, "{content_type}: {text}");
            assert_eq!(read(&headers, &text), Some(sent), "{content_type}: {text}");
        }
        let none = HeaderMap::new();
        assert_eq!(body(&none, &"abcd".into()), Some("abcd".into()));
        assert_eq!(body(&none, &Bytes::from_static(b"\xff")), None);
        assert_eq!(body(&none, &Bytes::new()), Some(String::new()));
    }
}
