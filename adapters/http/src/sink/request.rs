//! From deliveries to one request.

use super::config::{Config, Mode};
use super::platform::Platform;
use super::render::Rendering;
use super::sign::Signer;
use crate::api_key;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};
use tradewind_adapter::{
    Delivery, Error, ErrorKind, Reason, TRACEPARENT, TRACESTATE, TraceContext,
};
use tradewind_event::Event;
use tradewind_event::http::{self as binding, Format};

/// Headers that HTTP itself owns: framing, routing, connection (RFC 9110, section 7.6.1).
const RESERVED: [&str; 14] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "webhook-request-origin",
];
/// Prefixes that HTTP proxies, CloudEvents, Standard Webhooks and the gateway own.
const RESERVED_PREFIXES: [&str; 4] = ["proxy-", "ce-", "webhook-", "tradewind-"];

const DELIVERY_ID: HeaderName = HeaderName::from_static("tradewind-delivery-id");
const ATTEMPT: HeaderName = HeaderName::from_static("tradewind-attempt");
const SUBSCRIPTION: HeaderName = HeaderName::from_static("tradewind-subscription");
const PARENT: HeaderName = HeaderName::from_static(TRACEPARENT);
const STATE: HeaderName = HeaderName::from_static(TRACESTATE);
/// Room for these, an event's headers and `host`.
const ROOM: usize = 24;

/// Makes requests: all that is the same for every delivery of one sink.
pub(crate) struct Requests {
    uri: Uri,
    mode: Mode,
    rendering: Option<Rendering>,
    /// Configured headers and credentials.
    pub(crate) own: HeaderMap,
    /// These, and what every delivery bears.
    fixed: HeaderMap,
    signer: Option<Signer>,
    platform: &'static Platform,
}

impl Requests {
    /// `proof` is the same in each request.
    pub(crate) fn new(
        config: &Config,
        uri: Uri,
        platform: &'static Platform,
        proof: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Self, Error> {
        let mut own = HeaderMap::new();
        for (name, value) in &config.headers {
            let name = allowed("headers", name)?;
            own.insert(name.clone(), header("headers", &name, value)?);
        }
        if let Some((name, value)) = proof {
            if name != AUTHORIZATION {
                allowed("auth", name.as_str())?;
            }
            own.insert(name, value);
        }
        let agent = concat!("tradewind/", env!("CARGO_PKG_VERSION"));
        let mut fixed = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(agent))]);
        fixed.extend(own.clone());
        let signer = match config.signing.as_slice() {
            [] => None,
            secrets => Some(Signer::new(secrets)?),
        };
        Ok(Self {
            uri,
            mode: config.mode,
            rendering: Rendering::of(config)?,
            own,
            fixed,
            signer,
            platform,
        })
    }

    /// Adds what every delivery bears.
    pub(crate) fn bear(&mut self, header: Option<(HeaderName, HeaderValue)>) {
        self.fixed.extend(header);
    }

    /// One request for these deliveries; several only in batch mode. The error is final: the event
    /// cannot be written as HTTP, or not in the envelope that was asked for.
    pub(crate) fn make(
        &self,
        batch: &[Delivery],
        now: fn() -> SystemTime,
    ) -> Result<Request<Bytes>, Reason> {
        let mut headers = self.headers();
        let body = match (self.mode, batch) {
            (Mode::Binary | Mode::Structured, [one]) => self.encode(&one.event, &mut headers)?,
            _ => {
                let events: Vec<Event> = batch.iter().map(|d| d.event.clone()).collect();
                let (more, body) = binding::encode_batch(&events, Format::Json);
                headers.extend(more);
                body
            }
        };
        self.platform.takes(body.len())?;
        about(&mut headers, batch)
            .and_then(|()| self.finish(headers, body, || message_id(batch), now))
            .map_err(not_http)
    }

    /// One request for an event that is to be answered.
    pub(crate) fn ask(
        &self,
        event: &Event,
        now: fn() -> SystemTime,
    ) -> Result<Request<Bytes>, Reason> {
        let mut headers = self.headers();
        let body = self.encode(event, &mut headers)?;
        self.platform.takes(body.len())?;
        self.finish(headers, body, || event.id().to_owned(), now)
            .map_err(not_http)
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(ROOM);
        for (name, value) in &self.fixed {
            headers.append(name.clone(), value.clone());
        }
        headers
    }

    /// Whether deliveries are signed, which needs their whole body.
    pub(crate) fn signs(&self) -> bool {
        self.signer.is_some()
    }

    fn encode(&self, event: &Event, headers: &mut HeaderMap) -> Result<Bytes, Reason> {
        if let Some(rendering) = &self.rendering {
            return rendering.encode(event, headers);
        }
        Ok(match self.mode {
            Mode::Structured => {
                let (more, body) = binding::encode_structured(event, Format::Json);
                headers.extend(more);
                body
            }
            _ => binding::encode_binary_into(event, headers),
        })
    }

    fn finish(
        &self,
        mut headers: HeaderMap,
        body: Bytes,
        id: impl FnOnce() -> String,
        now: fn() -> SystemTime,
    ) -> Result<Request<Bytes>, String> {
        if let Some(signer) = &self.signer {
            let id = id();
            let seconds = now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |time| time.as_secs());
            let signature = signer.sign(&id, seconds, &body);
            let signature = signature.ok_or("the signature is no header")?;
            headers.insert("webhook-id", value(&id)?);
            headers.insert("webhook-timestamp", seconds.into());
            headers.insert("webhook-signature", signature);
        }
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn not_http(why: String) -> Reason {
    Reason::new("not-http", why)
}

/// What a handler needs to be idempotent: the id is the same on every attempt.
fn about(headers: &mut HeaderMap, batch: &[Delivery]) -> Result<(), String> {
    let ids = match batch {
        [one] => value(&one.id)?,
        _ => {
            let ids: Vec<&str> = batch.iter().map(|d| &*d.id).collect();
            value(&ids.join(","))?
        }
    };
    headers.insert(DELIVERY_ID, ids);
    let attempt = batch.iter().map(|d| d.attempt).max().unwrap_or(1);
    headers.insert(ATTEMPT, attempt.into());
    if let [one, ..] = batch {
        headers.insert(SUBSCRIPTION, value(&one.subscription)?);
    }
    let trace = batch.first().and_then(|first| match &first.trace {
        Some(trace) => Some((
            (&*trace.parent).into(),
            trace.state.as_deref().map(Cow::from),
        )),
        None => TraceContext::texts_of(&first.event),
    });
    if let Some((parent, state)) = trace {
        headers.insert(PARENT, value(&parent)?);
        if let Some(state) = &state {
            headers.insert(STATE, value(state)?);
        }
    }
    if let Some(replay) = batch.iter().find_map(|d| d.replay.as_deref()) {
        headers.insert("tradewind-replay", value(replay)?);
    }
    Ok(())
}

/// The id that is signed, by which receivers know repetitions: the delivery's identity, or for a batch one that names
/// exactly this batch.
fn message_id(batch: &[Delivery]) -> String {
    if let [one] = batch {
        return one.identity();
    }
    let mut hash = Sha256::new();
    for delivery in batch {
        hash.update(delivery.identity());
    }
    let digest = hash.finalize();
    format!("batch-{}", api_key::hex(&digest))
}

fn value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| "the delivery id is no header value".into())
}

fn allowed(place: &'static str, name: &str) -> Result<HeaderName, Error> {
    let parsed = HeaderName::try_from(name)
        .map_err(|_| invalid(place, format!("`{name}` is no header name")))?;
    let lower = parsed.as_str();
    if lower == "authorization" || lower == "cookie" {
        let message = format!("`{lower}` is a credential (hint: use `auth`)");
        return Err(invalid(place, message));
    }
    let owned = RESERVED_PREFIXES.iter().any(|p| lower.starts_with(p));
    if owned || RESERVED.contains(&lower) {
        let message = format!("`{lower}` is set by the gateway and cannot be configured");
        return Err(invalid(place, message));
    }
    Ok(parsed)
}

/// A configured header value. The error never repeats it.
fn header(place: &'static str, name: &HeaderName, text: &str) -> Result<HeaderValue, Error> {
    let visible = |b: u8| b == b' ' || b == b'\t' || b.is_ascii_graphic();
    HeaderValue::try_from(text)
        .ok()
        .filter(|_| text.bytes().all(visible))
        .ok_or_else(|| invalid(place, format!("the value of `{name}` is no header value")))
}

fn invalid(place: &'static str, message: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, place, message)
}
