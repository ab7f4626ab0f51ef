//! Any sender, described in the configuration.

use crate::config::Tolerance;
use crate::source::Source;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{Error, ErrorKind, Foreign, Mapping, Secret, Webhook};
use tradewind_signatures::Verifier;
use tradewind_signatures::{self as signatures, KeyFormat, Piece, Place, Places, Scheme, Stamp};

/// Settings of a source of kind `webhook`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Generic {
    /// Secrets as entered at the sender, the current one first; a request signed by any of them is taken,
    /// so that a secret can be changed without a gap. 1 to 8, no default. Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    secrets: Vec<Secret>,
    /// How the sender signs. No default. Since 0.1.
    signature: Signature,
    /// The address of this source exactly as it was entered at the sender; only where `signed` has
    /// `{url}`. Since 0.1.
    #[serde(default)]
    public_url: Option<String>,
    /// How far a signed timestamp may lie in the past or the future. Default `300s`, at most `1h`.
    /// Since 0.1.
    #[serde(default)]
    tolerance: Option<Tolerance>,
    /// Reads bodies in this format: a name of docs/reference/formats.md such as `paypal`, or `auto` for
    /// the first that a body gives itself away as. Either this or `mapping`. Since 0.1.
    #[serde(default)]
    format: Option<String>,
    /// Reads JSON bodies and forms by templates of your own. Since 0.1.
    #[serde(default)]
    mapping: Option<Mapping>,
}

/// How an unknown sender signs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Signature {
    /// Header with the signature.
    #[schemars(length(min = 1))]
    header: String,
    /// What stands before the signature, for instance `sha256=`. Default: nothing.
    #[serde(default)]
    prefix: String,
    /// Between the parts of the header, where it has several, for instance `,`. Default: it is one.
    #[serde(default)]
    separator: Option<char>,
    /// Default: hmac-sha256.
    #[serde(default)]
    algorithm: Algorithm,
    /// How the signature is written. Default: hex.
    #[serde(default)]
    encoding: Encoding,
    /// How the secret is written. Default: text.
    #[serde(default)]
    key: Key,
    /// What is signed: text with `{body}` at its end, and `{timestamp}`, `{url}` or `{@x-name}` for a
    /// header; `{form}` instead of the body for sorted fields. Default `{body}`.
    #[serde(default)]
    signed: Option<String>,
    /// Header with the timestamp, in seconds since the Unix epoch. Default: none is signed.
    #[serde(default)]
    timestamp_header: Option<String>,
    /// What stands before the timestamp, where it is a part of the signature's header, for instance `t=`.
    #[serde(default)]
    timestamp_part: Option<String>,
}

/// What a signature is.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Algorithm {
    /// HMAC with SHA-1.
    HmacSha1,
    /// HMAC with SHA-256.
    #[default]
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
    /// No signature but the secret itself. Protects neither the body nor against repetition.
    Token,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Encoding {
    /// Hexadecimal.
    #[default]
    Hex,
    /// Standard base64 with padding.
    Base64,
    /// The URL-safe alphabet of base64, without padding.
    Base64Url,
}

/// How a secret is written.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Key {
    /// Its text is the key.
    #[default]
    Text,
    /// Standard base64 of the key.
    Base64,
    /// Hexadecimal of the key.
    Hex,
}

const FIVE_MINUTES: Duration = Duration::from_secs(300);

pub(crate) fn build(config: &Generic) -> Result<Arc<dyn Webhook>, Error> {
    let refuse = |reason: String| Error::new(ErrorKind::ConfigInvalid, "config", reason);
    let Some(reader) = Foreign::new(config.format.as_deref(), config.mapping.as_ref())? else {
        return Err(refuse(
            "nothing says how bodies are read; hint: `format: auto`, or a `mapping` with `source` and `type`"
                .into(),
        ));
    };
    let signature = &config.signature;
    let timestamp = match (&signature.timestamp_header, &signature.timestamp_part) {
        (None, None) => None,
        (Some(name), None) => Some(Stamp::Header(name)),
        (None, Some(tag)) => Some(Stamp::Part(tag)),
        (Some(_), Some(_)) => {
            return Err(refuse(
                "`timestamp-header` and `timestamp-part` are two places: keep one".into(),
            ));
        }
    };
    let algorithm = signature.algorithm.into();
    let text = signature.signed.as_deref().unwrap_or(match algorithm {
        signatures::Algorithm::Token => "",
        _ => "{body}",
    });
    let signed = template(text).map_err(|e| refuse(format!("`signed`: {e}")))?;
    let places = [Places {
        signature: Place::Header(&signature.header),
        id: None,
        timestamp,
    }];
    let bytes = (16, 1024);
    let scheme = Scheme {
        name: KIND,
        places: &places,
        prefix: &signature.prefix,
        separator: signature.separator,
        algorithm,
        encoding: match signature.encoding {
            Encoding::Hex => signatures::Encoding::Hex,
            Encoding::Base64 => signatures::Encoding::Base64,
            Encoding::Base64Url => signatures::Encoding::Base64Url,
        },
        key: match signature.key {
            Key::Text => KeyFormat::Text,
            Key::Base64 => KeyFormat::Base64 { prefix: "", bytes },
            Key::Hex => KeyFormat::Hex { bytes },
        },
        signed: &signed,
        tolerance: config.tolerance.map_or(FIVE_MINUTES, |t| t.0),
    };
    let verifier = Verifier::at(&scheme, &config.secrets, config.public_url.as_deref())?;
    if config.tolerance.is_some() && verifier.window().is_none() {
        return Err(refuse(
            "`tolerance` has no use: no timestamp is signed".into(),
        ));
    }
    Ok(Arc::new(Source::new(
        KIND,
        verifier,
        Box::new(reader),
        None,
    )))
}

const KIND: &str = "webhook";

impl From<Algorithm> for signatures::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::HmacSha1 => Self::HmacSha1,
            Algorithm::HmacSha256 => Self::HmacSha256,
            Algorithm::HmacSha512 => Self::HmacSha512,
            Algorithm::Token => Self::Token,
        }
    }
}

/// `{timestamp}.{body}` taken apart.
fn template(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let Some((place, behind)) = after.split_once('}') else {
            return Err("a `{` is never closed".into());
        };
        pieces.push(match place {
            "body" => Piece::Body,
            "form" => Piece::Form,
            "timestamp" => Piece::Timestamp,
            "url" => Piece::Url,
            place => match place.strip_prefix('@') {
                Some(name) => Piece::Header(name),
                None => {
                    return Err(format!(
                        "`{{{place}}}` is unknown (there are: body, form, timestamp, url, @header)"
                    ));
                }
            },
        });
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}
