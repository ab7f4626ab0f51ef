//! The credential of a request.

use crate::{Cause, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a caller shows.
pub(super) enum Presented<'a> {
    /// `x-api-key: <key>`, or `authorization: Bearer tw_...`
    Key(&'a str),
    /// `authorization: Basic <user:password>`
    Basic { user: String, password: String },
    /// Any other `authorization: Bearer <token>`.
    Token(&'a str),
}

impl<'a> Presented<'a> {
    /// The one credential of a request. Of two, one might be checked and the other believed.
    pub(super) fn of(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let lines = headers.get_all(AUTHORIZATION).iter().map(|v| (true, v));
        let keys = headers.get_all(API_KEY).iter().map(|v| (false, v));
        let mut all = lines.chain(keys);
        let (scheme, value) = match (all.next(), all.next()) {
            (None, _) => {
                return Err(Refusal::unverified(
                    Cause::Missing,
                    "there is no credential",
                ));
            }
            (Some(_), Some(_)) => return Err(malformed("there is more than one credential")),
            (Some(one), None) => one,
        };
        let text = value
            .to_str()
            .map_err(|_| malformed("the credential is no text"))?;
        match scheme {
            false => Ok(Self::Key(text)),
            true => Self::authorization(text),
        }
    }

    fn authorization(text: &'a str) -> Result<Self, Refusal> {
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(match rest.starts_with(super::api_key::PREFIX) {
                true => Self::Key(rest),
                false => Self::Token(rest),
            });
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(malformed("the scheme of `authorization` is not taken"));
        }
        let decoded = STANDARD.decode(rest.trim_start_matches(' ')).ok();
        let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = pair.ok_or_else(|| malformed("the user and password are no base64 of UTF-8"))?;
        match pair.split_once(':') {
            Some((user, password)) => Ok(Self::Basic {
                user: user.to_owned(),
                password: password.to_owned(),
            }),
            None => Err(malformed("there is no colon between user and password")),
        }
    }
}

fn malformed(reason: &str) -> Refusal {
    Refusal::unverified(Cause::Malformed, reason)
}
