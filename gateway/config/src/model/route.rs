//! Routes: requests that a function answers.

use super::scalar::{Period, Size, text};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;
use std::num::NonZero;
use tradewind_adapter::Auth;

/// A route: requests that a function answers, while the caller waits.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Route {
    /// The space that it belongs to. Default `default`. Since 0.1.
    pub(crate) space: Option<String>,
    /// Path of the requests, for instance `/users/{id}`. A step `{name}` stands for any one step,
    /// `{*name}` at the end for all that follow. A written step goes before `{name}`, and that before
    /// `{*name}`. Since 0.1.
    pub(crate) path: String,
    /// Methods of the requests. `GET` takes `HEAD` along. Since 0.1.
    pub(crate) methods: Vec<Verb>,
    /// Who may call. Must be said: `api-keys: [name]`, or in words that nobody is asked. Since 0.1.
    pub(crate) auth: Option<Auth>,
    /// What the function is handed. Default `event`. Since 0.1.
    #[serde(default)]
    pub(crate) mode: Exchange,
    /// The function that answers: `kind` and the settings of that kind. Since 0.1.
    pub(crate) sink: Value,
    /// Path that is asked for at the target, with the parameters of `path`, for instance
    /// `/v1/users/{id}`; with `mode: proxy`. Default: the path as it came. Since 0.1.
    pub(crate) rewrite: Option<String>,
    /// Longest time until the answer begins; then 504. At most `24h`. Default `30s`. Since 0.1.
    pub(crate) timeout: Option<Period>,
    /// Longest pause within an answer that has begun; then it is cut off. At most `24h`.
    /// Default `60s`. Since 0.1.
    pub(crate) idle_timeout: Option<Period>,
    /// Largest request body, if it is to differ from `limits.body`. Since 0.1.
    pub(crate) max_body: Option<Size>,
    /// Most requests under way at once, answers that are still being sent included; beyond it, 503.
    /// Default 256. Since 0.1.
    pub(crate) concurrency: Option<NonZero<u32>>,
    /// Headers of the request that are withheld from the function unless they stand here:
    /// `authorization`, `cookie`, `x-api-key`, `forwarded`, `x-real-ip` and `x-forwarded-...`.
    /// Default: none. Since 0.1.
    #[serde(default)]
    pub(crate) forward: Vec<FieldName>,
    /// Lets pages of other origins call, and answers the questions that browsers ask first.
    /// Default: no. Since 0.1.
    pub(crate) cors: Option<Cors>,
    /// Appends the request as an event before the function is called; the answer names its position.
    /// Default: false. Since 0.1.
    #[serde(default)]
    pub(crate) record: bool,
    /// The stream of recorded requests. Default `default`. Since 0.1.
    pub(crate) stream: Option<String>,
    /// Who answers for it. Since 0.1.
    pub(crate) owner: Option<String>,
    /// What it is for. Since 0.1.
    pub(crate) why: Option<String>,
}

/// A method of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "they are what they are called")]
pub enum Verb {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

impl Verb {
    /// As it stands in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

/// What the function is handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exchange {
    /// An event of type `http.request`, which describes the request.
    #[default]
    Event,
    /// The request itself, streamed.
    Proxy,
}

/// What pages of other origins may do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cors {
    /// Origins that may call: `https://app.example.com`, `https://*.example.com`, or `*` for all.
    /// Since 0.1.
    pub origins: Vec<Origin>,
    /// Headers that they may send, beyond those that need no permission. Default: none. Since 0.1.
    #[serde(default)]
    pub headers: Vec<FieldName>,
    /// Headers of the answer that they may read, beyond those that need no permission.
    /// Default: none. Since 0.1.
    #[serde(default)]
    pub expose: Vec<FieldName>,
    /// Whether they may send cookies and other credentials. Default: false. Since 0.1.
    #[serde(default)]
    pub credentials: bool,
    /// How long browsers may remember these permissions. Default `10m`. Since 0.1.
    #[serde(default = "default_max_age")]
    pub max_age: Period,
}

fn default_max_age() -> Period {
    Period(std::time::Duration::from_secs(600))
}

/// Origins that may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Every origin.
    Any,
    /// This one.
    One(String),
    /// Those below a domain: what stands before and after the name of the host.
    Below {
        /// Scheme, `https://`.
        scheme: String,
        /// Domain with its dot, and the port, `.example.com:8443`.
        domain: String,
    },
}

impl Origin {
    /// Whether a browser's `Origin` is meant.
    pub fn covers(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one == origin,
            Self::Below { scheme, domain } => origin
                .strip_prefix(scheme.as_str())
                .and_then(|rest| rest.strip_suffix(domain.as_str()))
                .is_some_and(|label| {
                    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
                    !label.is_empty() && label.bytes().all(legal)
                }),
        }
    }
}

impl std::str::FromStr for Origin {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let refused = || {
            format!(
                "`{text}` is not an origin; hint: write scheme, host and port as browsers do, for instance https://app.example.com, or *"
            )
        };
        let (scheme, authority) = text.split_once("://").ok_or_else(refused)?;
        let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
        let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
        let domain = host.strip_prefix('*').unwrap_or(host);
        let wild = domain.len() < host.len();
        let legal = !domain.trim_matches('.').is_empty()
            && domain.bytes().all(lower)
            && domain.starts_with('.') == wild;
        if !matches!(scheme, "http" | "https") || !legal || port.parse::<u16>().is_err() {
            return Err(refused());
        }
        Ok(match wild {
            true => Self::Below {
                scheme: format!("{scheme}://"),
                domain: authority[1..].into(),
            },
            false => Self::One(text.into()),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::One(one) => f.write_str(one),
            Self::Below { scheme, domain } => write!(f, "{scheme}*{domain}"),
        }
    }
}

/// Name of a header, lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName(pub String);

impl std::str::FromStr for FieldName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        match !text.is_empty() && text.bytes().all(token) {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(format!(
                "`{text}` is not the name of a header; hint: write it without a colon, for instance x-request-id"
            )),
        }
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text!(Origin, "an origin such as https://app.example.com", {
    "type": "string",
    "description": "An origin: https://app.example.com, https://*.example.com, or *"
});
text!(FieldName, "the name of a header", { "type": "string" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let read = |text: &str| text.parse::<Origin>();
        for (pattern, covered, not) in [
            ("*", vec!["https://a.example", "null"], vec![]),
            (
                "https://app.example.com",
                vec!["https://app.example.com"],
                vec![
                    "http://app.example.com",
                    "https://app.example.com:8443",
                    "https://app.example.com.evil.example",
                    "https://x.app.example.com",
                    "null",
                    "",
                ],
            ),
            (
                "https://*.example.com",
                vec!["https://app.example.com", "https://a.b.example.com"],
                vec![
                    "https://example.com",
                    "https://.example.com",
                    "https://evilexample.com",
                    "https://evil.example/.example.com",
                    "https://user@a.example.com",
                    "https://evil.example:1.example.com",
                    "http://app.example.com",
                ],
            ),
            (
                "http://localhost:3000",
                vec!["http://localhost:3000"],
                vec!["http://localhost", "http://localhost:30000"],
            ),
        ] {
            let pattern = read(pattern).unwrap();
            for origin in covered {
                assert!(pattern.covers(origin), "{pattern} {origin}");
            }
            for origin in not {
                assert!(!pattern.covers(origin), "{pattern} {origin}");
            }
            assert_eq!(read(&pattern.to_string()), Ok(pattern));
        }
        for text in [
            "",
            "null",
            "example.com",
            "https://",
            "https://*",
            "https://*.",
            "https://a.*.example.com",
            "https://*example.com",
            "https://example.com/",
            "https://Example.com",
            "https://example.com:x",
            "ftp://example.com",
            "https://user@example.com",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
