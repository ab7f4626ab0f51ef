//! Azure Event Grid, which has two ways to show who sends, and may show both.

use crate::bearer::Bearer;
use crate::handshake;
use crate::keys::{KeysFrom, Origin};
use crate::reader::{Formats, Grid};
use crate::source::Source;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use tradewind_adapter::{Error, ErrorKind, Fetch, Secret, Webhook};
use tradewind_keys::{Issuer, Issuers};
use tradewind_signatures::{Verifier, schemes};

/// Settings of a source of kind `azure-event-grid`: `secrets`, `entra`, or both.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct EventGrid {
    /// What stands behind `code=` in the endpoint that Event Grid was given, the current one first; a
    /// request with any of them is taken, so that a secret can be changed without a gap. At most 8. Default:
    /// none is asked for. Since 0.1.
    #[serde(default)]
    #[schemars(length(max = 8))]
    secrets: Vec<Secret>,
    /// The tokens that Event Grid sends along where the subscription says so. Default: none is asked for.
    /// Since 0.1.
    #[serde(default)]
    entra: Option<Entra>,
}

/// Tokens of Microsoft Entra ID.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Entra {
    /// The id of the tenant, a GUID. No default. Since 0.1.
    tenant: String,
    /// The id or the URI of the application that stands for this endpoint, as it was entered at the
    /// subscription. 1 to 8, no default. Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    audiences: Vec<String>,
    /// Ids of the applications that may send. Default: Event Grid's own in Azure's public cloud,
    /// `4962773b-9cdb-44cf-a8bf-237846a00ab7`. Since 0.1.
    #[serde(default = "event_grid")]
    #[schemars(length(min = 1, max = 8))]
    applications: Vec<String>,
    /// File with the keys (JWKS) that count instead of those that Microsoft publishes; nothing is fetched. For
    /// simulations: who has one of them can send anything. Default: none. Since 0.1.
    #[serde(default)]
    keys_file: Option<PathBuf>,
    /// Where the keys are fetched instead of where Microsoft publishes them: a mirror, where the gateway does not reach
    /// the internet. Who serves it can send anything. Default: none. Since 0.1.
    #[serde(default)]
    keys_from: Option<KeysFrom>,
}

fn event_grid() -> Vec<String> {
    vec!["4962773b-9cdb-44cf-a8bf-237846a00ab7".into()]
}

const KIND: &str = "azure-event-grid";

pub(crate) fn build(
    config: EventGrid,
    issuers: &Issuers,
    fetch: &Arc<dyn Fetch>,
) -> Result<Arc<dyn Webhook>, Error> {
    if config.secrets.is_empty() && config.entra.is_none() {
        return Err(refuse(
            "nothing shows who sends; hint: `secrets`, `entra`, or both",
        ));
    }
    let verifier = match config.secrets.is_empty() {
        true => None,
        false => Some(Verifier::new(&schemes::EVENT_GRID, &config.secrets)?),
    };
    let bearer = config.entra.map(|entra| bearer(entra, issuers, fetch));
    Ok(Arc::new(Source {
        kind: KIND,
        verifier,
        bearer: bearer.transpose()?,
        reader: Box::new(Grid(Formats::of(&[KIND]))),
        handshake: Some(handshake::event_grid),
    }))
}

fn bearer(config: Entra, issuers: &Issuers, fetch: &Arc<dyn Fetch>) -> Result<Bearer, Error> {
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    let lengths: Vec<usize> = config.tenant.split('-').map(str::len).collect();
    // `common` and the like would let in the applications of every tenant.
    if lengths != [8, 4, 4, 4, 12] || !config.tenant.split('-').all(digits) {
        return Err(refuse("`entra.tenant` must be the GUID of one tenant"));
    }
    for (name, values) in [
        ("audiences", &config.audiences),
        ("applications", &config.applications),
    ] {
        if !(1..=8).contains(&values.len()) || values.iter().any(String::is_empty) {
            return Err(refuse(format!(
                "`entra.{name}` must name 1 to 8, none of them empty"
            )));
        }
    }
    let tenant = config.tenant.to_ascii_lowercase();
    let base = format!("https://login.microsoftonline.com/{tenant}");
    let origin = Origin {
        within: "entra.",
        file: config.keys_file.as_deref(),
        from: config.keys_from.as_ref(),
        published: &format!("{base}/discovery/v2.0/keys"),
    };
    let issuer = origin.issuer(&base, issuers, fetch, |at, fetch| {
        Issuer::new(format!("{base}/v2.0"), at, fetch)
            // Tokens of the first version, which applications have unless they are told otherwise.
            .also(format!("https://sts.windows.net/{tenant}/"))
    })?;
    Ok(Bearer {
        issuer,
        audiences: config.audiences,
        names: &["azp", "appid"],
        senders: config.applications,
        demand: None,
    })
}

fn refuse(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "config", reason)
}
