//! Proofs that are the same in each request.

use crate::config::{Basic, Keyed};
use crate::invalid;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tradewind_adapter::{Error, Secret};

/// What need not be written otherwise in a query (RFC 3986, section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where a proof stands.
#[derive(Clone, PartialEq, Eq)]
pub enum Fixed {
    /// In a header.
    Header(HeaderName, HeaderValue),
    /// In the query, as it is written there.
    Query(String),
}

impl std::fmt::Debug for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header(name, _) => write!(f, "{name}: [secret]"),
            Self::Query(_) => f.write_str("[secret]"),
        }
    }
}

pub(crate) fn bearer(token: &Secret) -> Result<Fixed, Error> {
    header(AUTHORIZATION, &format!("Bearer {}", token.expose()))
}

pub(crate) fn basic(basic: &Basic) -> Result<Fixed, Error> {
    if basic.username.contains(':') {
        return Err(invalid("a user name has no colon"));
    }
    let pair = format!("{}:{}", basic.username, basic.password.expose());
    header(AUTHORIZATION, &format!("Basic {}", STANDARD.encode(pair)))
}

pub(crate) fn function_key(key: &Secret) -> Result<Fixed, Error> {
    header(HeaderName::from_static("x-functions-key"), key.expose())
}

pub(crate) fn key(keyed: &Keyed) -> Result<Fixed, Error> {
    let name = match (&keyed.header, &keyed.query) {
        (Some(_), Some(_)) => return Err(invalid("`header` or `query`: not both")),
        (None, Some(name)) => {
            if name.is_empty() {
                return Err(invalid("`query` is empty: write the name of a parameter"));
            }
            let write = |text| utf8_percent_encode(text, UNRESERVED).to_string();
            let pair = format!("{}={}", write(name), write(keyed.key.expose()));
            return Ok(Fixed::Query(pair));
        }
        (Some(name), None) => HeaderName::try_from(name.to_ascii_lowercase())
            .map_err(|_| invalid(format!("`{name}` is no header name")))?,
        (None, None) => HeaderName::from_static("x-api-key"),
    };
    header(name, keyed.key.expose())
}

/// The error never repeats the value.
pub(crate) fn header(name: HeaderName, text: &str) -> Result<Fixed, Error> {
    let visible = |b: u8| b == b' ' || b == b'\t' || b.is_ascii_graphic();
    let value = HeaderValue::try_from(text)
        .ok()
        .filter(|_| text.bytes().all(visible));
    let mut value =
        value.ok_or_else(|| invalid(format!("the value of `{name}` is no header value")))?;
    value.set_sensitive(true);
    Ok(Fixed::Header(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(header: Option<&str>, query: Option<&str>, key: &str) -> Keyed {
        Keyed {
            key: Secret::new(key),
            header: header.map(Into::into),
            query: query.map(Into::into),
        }
    }

    #[test]
    fn keys_stand_where_they_are_asked_for() {
        let at = |header, query, value| key(&keyed(header, query, value));
        let named = |name: &'static str| {
            Fixed::Header(
                HeaderName::from_static(name),
                HeaderValue::from_static("s3"),
            )
        };
        assert_eq!(at(None, None, "s3").unwrap(), named("x-api-key"));
        assert_eq!(at(Some("X-Key"), None, "s3").unwrap(), named("x-key"));
        let query = at(None, Some("code"), "a&b=c /é").unwrap();
        assert_eq!(query, Fixed::Query("code=a%26b%3Dc%20%2F%C3%A9".into()));
        for (header, query, value) in [
            (Some("a"), Some("b"), "hunter2"),
            (Some("a b"), None, "hunter2"),
            (None, Some(""), "hunter2"),
            (None, None, "hunter2\r\nx: y"),
        ] {
            let error = at(header, query, value).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn nothing_shows() {
        let shown = format!(
            "{:?} {:?}",
            bearer(&Secret::new("hunter2")).unwrap(),
            key(&keyed(None, Some("k"), "hunter2")).unwrap()
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
