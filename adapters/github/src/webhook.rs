//! Requests of GitHub.

use crate::Config;
use bytes::Bytes;
use http::StatusCode;
use std::time::{Duration, SystemTime};
use tradewind_adapter::{Error, Parts, Refusal, Verified, Webhook};
use tradewind_event::Event;
use tradewind_formats::github;
use tradewind_signatures::{Verifier, schemes::GITHUB};

/// GitHub signs no timestamp, so a delivery must be recognised for as long as it can be sent again.
const DEDUPE_WINDOW: Duration = Duration::from_secs(72 * 60 * 60);

#[derive(Debug)]
pub(crate) struct GitHub {
    verifier: Verifier,
}

impl GitHub {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            verifier: Verifier::new(&GITHUB, &config.secrets)?,
        })
    }
}

impl Webhook for GitHub {
    fn verify(&self, parts: &Parts, body: &[u8], now: SystemTime) -> Result<Verified, Refusal> {
        let proof = self.verifier.verify(parts, body, now)?;
        Ok(Verified {
            // The signature proves that the sender knows the secret and nothing more: the hook id
            // is an unsigned header, and the repository is what the body says of itself.
            principal: "github".to_owned(),
            method: proof.method(),
            dedupe_window: Some(DEDUPE_WINDOW),
        })
    }

    fn decode(&self, parts: &Parts, body: Bytes, _: &Verified) -> Result<Vec<Event>, Refusal> {
        match github::decode(&parts.headers, body) {
            Ok(event) => Ok(vec![event]),
            Err(error) => Err(refusal(&error)),
        }
    }
}

fn refusal(error: &tradewind_formats::Error) -> Refusal {
    let (status, code) = match error {
        tradewind_formats::Error::ContentType(..) => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type")
        }
        _ => (StatusCode::BAD_REQUEST, "invalid-event"),
    };
    Refusal {
        status,
        code,
        reason: error.to_string(),
        detail: Some(error.to_string()),
    }
}
