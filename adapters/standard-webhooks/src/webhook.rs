//! Messages of one sender.

use crate::Config;
use bytes::Bytes;
use http::StatusCode;
use std::time::{Duration, SystemTime};
use tradewind_adapter::{Error, ErrorKind, Parts, Refusal, Verified, Webhook};
use tradewind_event::Event;
use tradewind_formats::standard_webhooks::{Mapping, decode};
use tradewind_signatures::{Verifier, schemes::STANDARD_WEBHOOKS};

#[derive(Debug)]
pub(crate) struct StandardWebhooks {
    verifier: Verifier,
    source: String,
    type_from: String,
    fallback_type: String,
    dedupe_window: Duration,
}

impl StandardWebhooks {
    pub(crate) fn new(config: Config) -> Result<Self, Error> {
        let refuse = |reason: String| Error::new(ErrorKind::ConfigInvalid, "config", reason);
        let tolerance = config.tolerance.0;
        let verifier =
            Verifier::new(&STANDARD_WEBHOOKS, &config.secrets)?.with_tolerance(tolerance);
        if config.type_from.split('.').any(str::is_empty) {
            return Err(refuse(format!(
                "`type-from` must be the path of a JSON member, such as `type` or `data.kind`, \
                 not `{}`",
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
        Ok(Self {
            verifier,
            source: config.source,
            type_from: config.type_from,
            fallback_type: config.fallback_type,
            // A recorded request passes the clock for the tolerance on both sides of its timestamp.
            dedupe_window: tolerance * 2,
        })
    }
}

impl Webhook for StandardWebhooks {
    fn verify(&self, parts: &Parts, body: &[u8], now: SystemTime) -> Result<Verified, Refusal> {
        let proof = self.verifier.verify(parts, body, now)?;
        Ok(Verified {
            principal: "standard-webhooks".to_owned(),
            method: proof.method(),
            dedupe_window: Some(self.dedupe_window),
        })
    }

    fn decode(&self, parts: &Parts, body: Bytes, _: &Verified) -> Result<Vec<Event>, Refusal> {
        let mapping = Mapping {
            source: &self.source,
            type_from: &self.type_from,
            fallback_type: &self.fallback_type,
        };
        let id = self
            .verifier
            .message_id(parts)
            .ok_or_else(|| refusal("the message has no id".to_owned()))?;
        let content_type = match parts.headers.get(http::header::CONTENT_TYPE) {
            None => None,
            Some(value) => Some(value.to_str().map_err(|_| {
                refusal("the header `content-type` holds more than visible ASCII".to_owned())
            })?),
        };
        decode(mapping, id, content_type, body)
            .map(|event| vec![event])
            .map_err(|error| refusal(error.to_string()))
    }
}

fn refusal(reason: String) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        code: "invalid-event",
        detail: Some(reason.clone()),
        reason,
    }
}
