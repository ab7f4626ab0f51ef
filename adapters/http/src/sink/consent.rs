//! The consent of a target (HTTP 1.1 Web Hooks for Event Delivery 1.0.2, section 4): asked for before it is
//! sent to, and the rate that it allows.

use super::caller::Caller;
use super::config::Handshake;
use super::failure::failed;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tradewind_adapter::{Error, ErrorKind, Outcome, Reason};

const ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const RATE: HeaderName = HeaderName::from_static("webhook-request-rate");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// How long a consent counts.
const CONSENT: Duration = Duration::from_secs(24 * 3600);
/// How long it is not asked for again after a refusal.
const COOL_DOWN: Duration = Duration::from_secs(10);
/// A target may just be setting itself up.
const PATIENCE: Duration = Duration::from_secs(300);
const MINUTE: Duration = Duration::from_secs(60);

/// Asks one target.
pub(crate) struct Consent {
    uri: Uri,
    headers: HeaderMap,
    origin: String,
    /// What is asked for, deliveries per minute.
    rate: Option<u32>,
    known: Mutex<Known>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    until: Option<Instant>,
    refused: Option<(Instant, Outcome)>,
    pause: Duration,
    next: Option<Instant>,
}

impl Consent {
    /// `own` are the headers that every request to the target bears.
    pub(crate) fn new(config: &Handshake, uri: Uri, own: &HeaderMap) -> Result<Self, Error> {
        let invalid = |place, why: &str| Error::new(ErrorKind::ConfigInvalid, place, why);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        let name = &config.origin;
        if name.is_empty() || name.len() > 253 || !name.bytes().all(plain) {
            let why = "not a DNS name (hint: write gateway.example.com)";
            return Err(invalid("handshake.origin", why));
        }
        if config.rate == Some(0) {
            return Err(invalid("handshake.rate", "not 1 or more"));
        }
        let mut headers = own.clone();
        let value = |text: &str| {
            HeaderValue::from_str(text).map_err(|e| invalid("handshake", &e.to_string()))
        };
        headers.insert(ORIGIN, value(name)?);
        if let Some(rate) = config.rate {
            headers.insert(RATE, value(&rate.to_string())?);
        }
        Ok(Self {
            uri,
            headers,
            origin: name.clone(),
            rate: config.rate,
            known: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    /// What deliveries bear.
    pub(crate) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        Some((ORIGIN, self.headers.get(&ORIGIN)?.clone()))
    }

    /// Returns when one more delivery may be sent, or says why none may before `deadline`.
    pub(crate) async fn obtain(&self, caller: &Caller, deadline: Instant) -> Result<(), Outcome> {
        if !self.is_given() {
            let _turn = self.turn.lock().await;
            if !self.is_given() {
                self.ask(caller).await?;
            }
        }
        let at = self.slot(deadline)?;
        tokio::time::sleep_until(at).await;
        Ok(())
    }

    fn is_given(&self) -> bool {
        self.known()
            .until
            .is_some_and(|until| Instant::now() < until)
    }

    async fn ask(&self, caller: &Caller) -> Result<(), Outcome> {
        if let Some((at, outcome)) = &self.known().refused
            && at.elapsed() < COOL_DOWN
        {
            return Err(outcome.clone());
        }
        let answer = self.answer(caller).await;
        let mut known = self.known();
        match answer {
            Ok(rate) => {
                known.refused = None;
                known.until = Some(Instant::now() + CONSENT);
                known.pause = rate.map(|rate| MINUTE / rate).unwrap_or_default();
                Ok(())
            }
            Err(outcome) => {
                known.refused = Some((Instant::now(), outcome.clone()));
                Err(outcome)
            }
        }
    }

    /// Deliveries per minute; `None` for as many as come.
    async fn answer(&self, caller: &Caller) -> Result<Option<u32>, Outcome> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::OPTIONS;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let call = caller.prove(request).await?;
        let redact = call.redact.clone();
        let response = caller.send(call).await;
        let (head, _) = response.map_err(|e| failed(&*e, &redact))?.into_parts();
        let refuse = |why: String| {
            Err(Outcome::Retry {
                after: None,
                patience: Some(PATIENCE),
                throttled: false,
                reason: Reason::new("no-consent", redact.text(&why))
                    .with_status(head.status.as_u16()),
            })
        };
        // The header is the consent; the status says nothing.
        let Some(allowed) = text(&head.headers, &ALLOWED_ORIGIN) else {
            return refuse(format!(
                "the target did not answer OPTIONS with `{ALLOWED_ORIGIN}`"
            ));
        };
        if allowed != "*" && !allowed.eq_ignore_ascii_case(&self.origin) {
            return refuse(format!(
                "the target allows the origin `{allowed}`, not `{}`",
                self.origin
            ));
        }
        match text(&head.headers, &ALLOWED_RATE) {
            Some("*") => Ok(None),
            // Who asked for a rate and was told none keeps to it.
            None => Ok(self.rate),
            Some(rate) => match rate.parse::<u32>() {
                Ok(rate) if rate > 0 => Ok(Some(rate)),
                _ => refuse(format!("the target allows the rate `{rate}`")),
            },
        }
    }

    /// The moment of the next delivery, which is then taken.
    fn slot(&self, deadline: Instant) -> Result<Instant, Outcome> {
        let now = Instant::now();
        let mut known = self.known();
        let at = known.next.map_or(now, |next| next.max(now));
        if known.pause.is_zero() {
            return Ok(now);
        }
        if at >= deadline {
            return Err(Outcome::Retry {
                after: Some(at - now),
                patience: None,
                throttled: true,
                reason: Reason::new("throttled", "the rate that the target allows is used up"),
            });
        }
        known.next = Some(at + known.pause);
        Ok(at)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}
