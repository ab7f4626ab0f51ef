//! The source: CloudEvents posted to the gateway, in any content mode.

mod config;
mod raw;

pub use config::{Config, Percent, Raw};

use bytes::Bytes;
use http::header::{ALLOW, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use std::sync::Arc;
use std::time::SystemTime;
use tradewind_adapter::{
    Answer, Build, Callers, Error, ErrorKind, Foreign, Parts, Pending, Refusal, Verified, Webhook,
    WebhookAdapter,
};
use tradewind_event::http::{self as binding, Message, Options};
use tradewind_event::{Event, Limits};

const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const REQUEST_RATE: HeaderName = HeaderName::from_static("webhook-request-rate");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// Takes CloudEvents over HTTP.
pub struct HttpSource {
    callers: Callers,
    options: Options,
    origins: Vec<String>,
    foreign: Option<Foreign>,
    raw: Option<Raw>,
}

/// Most events that any configuration takes in one batch.
const BATCH_MAX: usize = 100_000;

impl HttpSource {
    /// A source with these settings.
    ///
    /// # Errors
    /// Where the settings cannot work, with a hint.
    pub fn new(config: Config, build: &Build) -> Result<Self, Error> {
        let callers = Callers::new(config.auth.as_ref(), build)?;
        let batch_max = config.batch_max.unwrap_or(BATCH_MAX);
        if !(1..=BATCH_MAX).contains(&batch_max) {
            return Err(invalid("batch-max", "not 1 to 100000".into()));
        }
        for origin in &config.allowed_origins {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
            if origin.is_empty() || !origin.bytes().all(allowed) {
                let message = format!("`{origin}` is no DNS name");
                return Err(invalid("allowed-origins", message));
            }
        }
        if let Some(raw) = &config.raw {
            raw.event(&HeaderMap::new(), Bytes::new())
                .map_err(|e| invalid("raw", e.to_string()))?;
        }
        let foreign = Foreign::new(config.format.as_deref(), config.mapping.as_ref())?;
        // The listener bounds the body, and mostly the batch; here only the number of events counts.
        let limits = Limits {
            event_bytes: usize::MAX,
            batch_bytes: usize::MAX,
            batch_events: batch_max,
        };
        let percent = match config.percent {
            Percent::Strict => binding::Percent::Strict,
            Percent::Lenient => binding::Percent::Lenient,
        };
        Ok(Self {
            callers,
            options: Options { percent, limits },
            origins: config.allowed_origins,
            foreign,
            raw: config.raw,
        })
    }
}

impl HttpSource {
    /// The events in a body that does not claim to be one.
    fn plain(&self, parts: &Parts, body: Bytes) -> Result<Vec<Event>, Refusal> {
        match (&self.foreign, &self.raw) {
            (Some(foreign), raw) => match (foreign.events(&parts.headers, &body), raw) {
                (Err(tradewind_formats::Error::Unknown), Some(raw)) => one(raw, parts, body),
                (events, _) => events.map_err(|e| unreadable(&e)),
            },
            (None, Some(raw)) => one(raw, parts, body),
            (None, None) => Err(no_event()),
        }
    }
}

fn one(raw: &Raw, parts: &Parts, body: Bytes) -> Result<Vec<Event>, Refusal> {
    let event = raw
        .event(&parts.headers, body)
        .map_err(|e| unreadable(&e))?;
    Ok(vec![event])
}

impl WebhookAdapter for HttpSource {
    const KIND: &'static str = crate::KIND;
    type Config = Config;

    fn build(config: Config, build: &Build) -> Result<Arc<dyn Webhook>, Error> {
        Ok(Arc::new(Self::new(config, build)?))
    }
}

impl Webhook for HttpSource {
    fn verifies_head(&self) -> bool {
        true
    }

    fn missing<'a>(
        &'a self,
        parts: &'a Parts,
        _body: &'a [u8],
        _now: SystemTime,
    ) -> Option<Pending<'a>> {
        self.callers.missing(&parts.headers)
    }

    fn scheme(&self) -> Option<HeaderValue> {
        self.callers.challenge()
    }

    fn verify(&self, parts: &Parts, _body: &[u8], now: SystemTime) -> Result<Verified, Refusal> {
        self.callers
            .verify(&parts.headers, parts.peer.as_deref(), now)
    }

    fn decode(
        &self,
        parts: &Parts,
        body: Bytes,
        _verified: &Verified,
    ) -> Result<Vec<Event>, Refusal> {
        match binding::decode(&parts.headers, body.clone(), &self.options) {
            Ok(message) => Ok(Message::into_events(message)),
            Err(binding::Error::NotCloudEvent) if names_attributes(&parts.headers) => {
                Err(no_event())
            }
            Err(binding::Error::NotCloudEvent) => self.plain(parts, body),
            Err(e) => Err(Refusal {
                status: e.status(),
                code: "invalid-event",
                cause: None,
                reason: e.to_string(),
                detail: Some(e.to_string()),
            }),
        }
    }

    /// The handshake of CloudEvents webhooks (HTTP 1.1 Web Hooks for Event Delivery, section 4).
    /// Only origins that are configured are consented to. A callback address comes from the sender
    /// and is never called; the answer is immediate.
    fn challenge(&self, parts: &Parts, _body: &[u8]) -> Option<Answer> {
        if parts.method != Method::OPTIONS {
            return None;
        }
        let origin = parts.headers.get(REQUEST_ORIGIN)?;
        let asked = origin.to_str().ok()?;
        if !self.origins.iter().any(|o| o.eq_ignore_ascii_case(asked)) {
            return None;
        }
        let mut headers = HeaderMap::new();
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
        headers.insert(ALLOWED_ORIGIN, origin.clone());
        if parts.headers.contains_key(REQUEST_RATE) {
            headers.insert(ALLOWED_RATE, HeaderValue::from_static("*"));
        }
        Some(Answer {
            headers,
            ..Answer::of(StatusCode::OK)
        })
    }
}

impl std::fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSource").finish_non_exhaustive()
    }
}

/// Whether a request tried to be an event in binary mode: then it is no plain body, but a mistake.
fn names_attributes(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("ce-"))
}

fn no_event() -> Refusal {
    let hint = "the request is no CloudEvent (hint: send the header `ce-specversion: 1.0` with \
                ce-id, ce-source and ce-type, or content-type application/cloudevents+json)";
    Refusal {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        code: "not-an-event",
        cause: None,
        reason: "no CloudEvent, and the source reads no others (`format`, `mapping`, `raw`)".into(),
        detail: Some(hint.into()),
    }
}

fn unreadable(error: &dyn std::error::Error) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        code: "invalid-event",
        cause: None,
        reason: error.to_string(),
        detail: Some(error.to_string()),
    }
}

fn invalid(place: &'static str, message: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, place, message)
}
