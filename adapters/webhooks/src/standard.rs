//! Senders that follow Standard Webhooks.

use crate::config::Tolerance;
use crate::reader::{Reader, unreadable};
use crate::source::Source;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tradewind_adapter::{Error, ErrorKind, Parts, Refusal, Secret, Webhook};
use tradewind_event::Event;
use tradewind_formats::standard_webhooks::{Mapping, decode};
use tradewind_signatures::Verifier;
use tradewind_signatures::schemes::{STANDARD_WEBHOOKS, STANDARD_WEBHOOKS_ASYMMETRIC};

/// Settings of a source of kind `standard-webhooks`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Standard {
    /// Signing secrets as the sender shows them (`whsec_…`, or the public keys `whpk_…` of a sender that
    /// signs with a private one), the current one first; a message signed by any of them is taken, so that
    /// a secret can be changed without a gap. 1 to 8, no default. Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    secrets: Vec<Secret>,
    /// The `source` of the events, a URI-reference that names the sender. No default. Since 0.1.
    #[schemars(length(min = 1))]
    source: String,
    /// Dotted path of the JSON member that holds the type of the event. Default `type`. Since 0.1.
    #[serde(default = "type_from")]
    #[schemars(length(min = 1))]
    type_from: String,
    /// The type of messages without that member, or that are no JSON objects. Default
    /// `com.standardwebhooks.message`. Since 0.1.
    #[serde(default = "fallback_type")]
    #[schemars(length(min = 1))]
    fallback_type: String,
    /// How far the signed timestamp may lie in the past or the future. Default `300s`, at most `1h`.
    /// Since 0.1.
    #[serde(default)]
    tolerance: Option<Tolerance>,
}

fn type_from() -> String {
    "type".to_owned()
}

fn fallback_type() -> String {
    "com.standardwebhooks.message".to_owned()
}

pub(crate) fn build(config: Standard) -> Result<Arc<dyn Webhook>, Error> {
    let refuse = |reason: String| Error::new(ErrorKind::ConfigInvalid, "config", reason);
    // The configuration decides between the two, never the request.
    let public = |secret: &Secret| secret.expose().starts_with("whpk_");
    let scheme = match config.secrets.iter().any(public) {
        true => &STANDARD_WEBHOOKS_ASYMMETRIC,
        false => &STANDARD_WEBHOOKS,
    };
    let tolerance = config.tolerance.map_or(scheme.tolerance, |t| t.0);
    let verifier = Verifier::new(scheme, &config.secrets)?.with_tolerance(tolerance);
    if config.type_from.split('.').any(str::is_empty) {
        return Err(refuse(format!(
            "`type-from` must be the path of a JSON member, such as `type` or `data.kind`, not `{}`",
            config.type_from
        )));
    }
    // What every event will carry is checked once, here.
    Event::builder("id", &config.source, &config.fallback_type)
        .build()
        .map_err(|e| match e.attribute.as_str() {
            "type" => refuse(format!("`fallback-type` {}", e.reason)),
            name => refuse(format!("`{name}` {}", e.reason)),
        })?;
    let reader = Box::new(Messages {
        source: config.source,
        type_from: config.type_from,
        fallback_type: config.fallback_type,
    });
    Ok(Arc::new(Source::new(
        "standard-webhooks",
        verifier,
        reader,
        None,
    )))
}

/// Messages of one sender.
#[derive(Debug)]
struct Messages {
    source: String,
    type_from: String,
    fallback_type: String,
}

impl Reader for Messages {
    fn read(&self, parts: &Parts, id: Option<&str>, body: Bytes) -> Result<Vec<Event>, Refusal> {
        use tradewind_formats::Error;
        let mapping = Mapping {
            source: &self.source,
            type_from: &self.type_from,
            fallback_type: &self.fallback_type,
        };
        let content_type = match parts.headers.get(CONTENT_TYPE) {
            None => Ok(None),
            Some(value) => value
                .to_str()
                .map(Some)
                .map_err(|_| Error::HeaderInvalid("content-type")),
        };
        content_type
            .and_then(|content_type| {
                let id = id.ok_or(Error::HeaderMissing("webhook-id"))?;
                decode(mapping, id, content_type, body)
            })
            .map(|event| vec![event])
            .map_err(|error| unreadable(&error))
    }
}
