//! Google Pub/Sub push, and what pushes as it does: a token shows who sends.

use crate::bearer::Bearer;
use crate::keys::{KeysFrom, Origin};
use crate::reader::Formats;
use crate::source::Source;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use tradewind_adapter::{Error, ErrorKind, Fetch, Webhook};
use tradewind_keys::{Issuer, Issuers};

/// Settings of a source of kind `google-pubsub-push`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Push {
    /// The audience of the tokens, as it was entered at the subscription; where nothing was entered, the
    /// whole address of the endpoint. 1 to 8, no default. Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    audiences: Vec<String>,
    /// E-mail addresses of the service accounts that push: every customer of Google can have a token made
    /// for this audience. 1 to 8, no default. Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    service_accounts: Vec<String>,
    /// File with the keys (JWKS) that count instead of those that Google publishes; nothing is fetched. For
    /// simulations: who has one of them can send anything. Default: none. Since 0.1.
    #[serde(default)]
    keys_file: Option<PathBuf>,
    /// Where the keys are fetched instead of where Google publishes them: a mirror, where the gateway does not reach
    /// the internet. Who serves it can send anything. Default: none. Since 0.1.
    #[serde(default)]
    keys_from: Option<KeysFrom>,
}

pub(crate) const KIND: &str = "google-pubsub-push";
/// In `iss` of every token of Google.
const ISSUER: &str = "https://accounts.google.com";
/// What its discovery document says.
const KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

pub(crate) fn build(
    config: Push,
    issuers: &Issuers,
    fetch: &Arc<dyn Fetch>,
) -> Result<Arc<dyn Webhook>, Error> {
    let refuse = |reason: String| Error::new(ErrorKind::ConfigInvalid, "config", reason);
    for (name, values) in [
        ("audiences", &config.audiences),
        ("service-accounts", &config.service_accounts),
    ] {
        if !(1..=8).contains(&values.len()) || values.iter().any(String::is_empty) {
            return Err(refuse(format!(
                "`{name}` must name 1 to 8, none of them empty"
            )));
        }
    }
    if let Some(name) = config.service_accounts.iter().find(|a| !a.contains('@')) {
        return Err(refuse(format!(
            "`service-accounts`: `{name}` is no e-mail address; hint: push@project.iam.gserviceaccount.com"
        )));
    }
    let origin = Origin {
        within: "",
        file: config.keys_file.as_deref(),
        from: config.keys_from.as_ref(),
        published: KEYS,
    };
    let issuer = origin.issuer(ISSUER, issuers, fetch, |at, fetch| {
        Issuer::new(ISSUER, at, fetch)
    })?;
    Ok(Arc::new(Source {
        kind: KIND,
        verifier: None,
        bearer: Some(Bearer {
            issuer,
            audiences: config.audiences,
            names: &["email"],
            senders: config.service_accounts,
            demand: Some("email_verified"),
        }),
        reader: Box::new(Formats::of(FORMATS)),
        handshake: None,
    }))
}

/// What does not give itself away as unwrapped is wrapped.
const FORMATS: &[&str] = &["google-pubsub-unwrapped", "google-pubsub-push"];
