//! GitLab, which has two ways to show who sends.

use crate::config::{Settings, Tolerance};
use crate::sender::{Reads, Sender};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tradewind_adapter::{Error, ErrorKind, Secret, Webhook};
use tradewind_signatures::schemes;

/// Settings of a source of kind `gitlab`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct GitLab {
    /// Secrets as entered at GitLab, the current one first; a request with a proof by any of them is
    /// taken, so that a secret can be changed without a gap. 1 to 8, no default. Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    secrets: Vec<Secret>,
    /// What shows that a request is GitLab's. Default: secret-token. Since 0.1.
    #[serde(default)]
    scheme: Proof,
    /// How far the signed timestamp may lie in the past or the future; only with `signing-token`.
    /// Default `300s`, at most `1h`. Since 0.1.
    #[serde(default)]
    tolerance: Option<Tolerance>,
}

/// What shows that a request is GitLab's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Proof {
    /// The secret itself in `X-Gitlab-Token`. Protects neither the body nor against repetition.
    #[default]
    SecretToken,
    /// A signature as of Standard Webhooks; the secrets are `whsec_…`.
    SigningToken,
}

const FORMATS: &[&str] = &[
    "gitlab-push",
    "gitlab-tag-push",
    "gitlab-issue",
    "gitlab-note",
    "gitlab-merge-request",
    "gitlab-wiki-page",
    "gitlab-pipeline",
    "gitlab-job",
    "gitlab",
];

pub(crate) fn build(config: GitLab) -> Result<Arc<dyn Webhook>, Error> {
    let scheme = match config.scheme {
        Proof::SecretToken if config.tolerance.is_some() => {
            let reason = "`tolerance` has no use with a secret token, which has no time";
            return Err(Error::new(ErrorKind::ConfigInvalid, "config", reason));
        }
        Proof::SecretToken => &schemes::GITLAB_TOKEN,
        Proof::SigningToken => &schemes::STANDARD_WEBHOOKS,
    };
    let sender = Sender {
        kind: "gitlab",
        scheme,
        reads: Reads::Formats(FORMATS),
        handshake: None,
    };
    sender.build(Settings {
        secrets: config.secrets,
        tolerance: config.tolerance.map(|t| t.0),
        public_url: None,
    })
}
