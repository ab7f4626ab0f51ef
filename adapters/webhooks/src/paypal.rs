//! PayPal, whose certificate has to be fetched.

use crate::certificates::Certificates;
use crate::config::Tolerance;
use crate::reader::{Formats, Reader};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tradewind_adapter::{Error, ErrorKind, Fetch, Parts, Pending, Refusal, Verified, Webhook};
use tradewind_event::Event;
use tradewind_signatures::Fault;
use tradewind_signatures::paypal::{Claim, Terms};

/// Settings of a source of kind `paypal`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PayPal {
    /// The id that PayPal gave the webhook; no secret, but signed. No default. Since 0.1.
    #[schemars(length(min = 1))]
    webhook_id: String,
    /// Whose certificates are taken. Default: live. Since 0.1.
    #[serde(default)]
    environment: Environment,
    /// How far the signed time may lie in the past or the future. Default `300s`, at most `1h`. Since 0.1.
    #[serde(default)]
    tolerance: Option<Tolerance>,
    /// File with the authorities (PEM) that may have issued the certificate, instead of those of this machine.
    /// Default: none. Since 0.1.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// File with a certificate (PEM) that counts whatever messages name; nothing is fetched, and nobody else
    /// vouches for it. For simulations and emulators: who has its key can send anything. Default: none. Since
    /// 0.1.
    #[serde(default)]
    keys_file: Option<PathBuf>,
}

/// PayPal's two worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Environment {
    /// Real money.
    #[default]
    Live,
    /// The sandbox, where everybody may send what they like.
    Sandbox,
}

const KIND: &str = "paypal";
const FIVE_MINUTES: Duration = Duration::from_secs(300);

pub(crate) fn build(
    config: PayPal,
    fetch: &Arc<dyn Fetch>,
    shared: &Arc<Certificates>,
) -> Result<Arc<dyn Webhook>, Error> {
    let plain = |b: u8| b.is_ascii_graphic() && b != b'|';
    if config.webhook_id.is_empty() || !config.webhook_id.bytes().all(plain) {
        let reason =
            "`webhook-id` must be the id that PayPal shows, for instance 8PT597110X687430L";
        return Err(Error::new(ErrorKind::ConfigInvalid, "config", reason));
    }
    Ok(Arc::new(Source {
        terms: Terms {
            webhook_id: config.webhook_id,
            sandbox: config.environment == Environment::Sandbox,
            tolerance: config.tolerance.map_or(FIVE_MINUTES, |t| t.0),
        },
        // Its file holds the chain.
        certificates: shared.or(
            fetch,
            [config.ca.as_deref(), config.keys_file.as_deref()],
            |_| false,
        )?,
        formats: Formats::of(&[KIND]),
    }))
}

#[derive(Debug)]
struct Source {
    terms: Terms,
    certificates: Arc<Certificates>,
    formats: Formats,
}

impl Source {
    fn check(&self, parts: &Parts, body: &[u8], now: SystemTime) -> Result<Verified, Fault> {
        let claim = Claim::read(parts, &self.terms, now)?;
        let url = claim.certificate_url();
        let judge = |certificate: &_| claim.verify(certificate, &self.terms, body);
        self.certificates.vouched(url, now, judge)?;
        Ok(Verified {
            principal: KIND.to_owned(),
            method: "signature",
            dedupe_window: Some(self.terms.tolerance * 2),
            secret: None,
            key: None,
            scopes: None,
        })
    }
}

impl Webhook for Source {
    fn missing<'a>(
        &'a self,
        parts: &'a Parts,
        _: &'a [u8],
        now: SystemTime,
    ) -> Option<Pending<'a>> {
        let url = Claim::read(parts, &self.terms, now).ok()?.certificate_url();
        self.certificates.missing(url, now)
    }

    fn verify(&self, parts: &Parts, body: &[u8], now: SystemTime) -> Result<Verified, Refusal> {
        self.check(parts, body, now).map_err(|fault| fault.of(KIND))
    }

    fn decode(&self, parts: &Parts, body: Bytes, _: &Verified) -> Result<Vec<Event>, Refusal> {
        self.formats.read(parts, None, body)
    }
}
