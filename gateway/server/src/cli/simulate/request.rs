//! One request, as its provider would make it; and spoiled, where that is asked for.

use super::issued::{Keys, prove};
use super::providers::{Asks, Event, Proof, Provider};
use crate::cli::failure::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use http::{Request, Uri};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tradewind_adapter::{Parts, Secret};
use tradewind_signatures::{Algorithm, KeyFormat, Scheme, Signer, Verifier};

/// What is wrong with a spoiled request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Tamper {
    /// Proof by another secret
    Secret,
    /// A byte of the body is another
    Body,
    /// There is no proof
    Unsigned,
    /// It was signed two hours ago
    Time,
}

/// What to make.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) provider: &'a Provider,
    pub(super) event: &'a Event,
    pub(super) url: &'a Uri,
    pub(super) public_url: &'a str,
    /// Of a scheme.
    pub(super) secret: Option<&'a Secret>,
    /// Of a sender that publishes its keys.
    pub(super) keys: Option<&'a Keys>,
    pub(super) body: Option<&'a [u8]>,
    pub(super) tamper: Option<Tamper>,
    pub(super) now_ms: u64,
    pub(super) unique: String,
}

/// A request, ready to be sent.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
    /// The signature of a text by the provider's secret, for what handshakes ask.
    pub(super) signature: Option<String>,
}

const TWO_HOURS: u64 = 7200;

pub(super) fn make(order: &Order<'_>) -> Result<Made, Failure> {
    let event = order.event;
    let seconds = order.now_ms / 1000;
    possible(order)?;
    let fill = |text: &str| filled(text, &order.unique, seconds);
    let mut body = match order.body {
        Some(body) => body.to_vec(),
        None => fill(event.body).into_bytes(),
    };
    let mut parts = Parts {
        method: event.method.parse().map_err(wrong)?,
        uri: target(order.url, event.query)?,
        headers: http::HeaderMap::new(),
        peer: None,
    };
    for (name, value) in event.headers {
        let value = HeaderValue::from_str(&fill(value)).map_err(wrong)?;
        parts.headers.insert(HeaderName::from_static(name), value);
    }
    let signed_at = match order.tamper {
        Some(Tamper::Time) => seconds.saturating_sub(TWO_HOURS),
        _ => seconds,
    };
    match order.provider.proof {
        Proof::Scheme(scheme) => sign(scheme, order, &mut parts, &body, signed_at)?,
        Proof::Issued(issued) => body = prove(issued, order, &mut parts, body, signed_at)?,
    }
    if order.tamper == Some(Tamper::Body) {
        spoil(&mut body);
    }
    let host = order.url.authority().map_or("localhost", |a| a.as_str());
    parts
        .headers
        .insert(HOST, HeaderValue::from_str(host).map_err(wrong)?);
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    Ok(Made {
        signature: signature(order)?,
        parts,
        body: body.into(),
    })
}

/// Puts a proof by the secret into a request.
fn sign(
    scheme: &Scheme<'_>,
    order: &Order<'_>,
    parts: &mut Parts,
    body: &[u8],
    signed_at: u64,
) -> Result<(), Failure> {
    if order.event.signed && order.tamper != Some(Tamper::Unsigned) {
        let own = secret(order)?;
        let stranger = Secret::new("another secret of some length");
        let (secret, strange) = match (order.tamper, scheme.algorithm) {
            (Some(Tamper::Secret), Algorithm::EcdsaP256 | Algorithm::Ed25519) => (own, true),
            (Some(Tamper::Secret), _) if matches!(scheme.key, KeyFormat::Text) => {
                (&stranger, false)
            }
            (Some(Tamper::Secret), _) => (own, true),
            _ => (own, false),
        };
        let signer = Signer::new(scheme, secret, order.public_url)
            .map_err(|error| Failure::usage(format!("the secret: {}", error.message())))?;
        // A proof of something else is what another key would make.
        let what = match strange {
            true => [body, b" "].concat(),
            false => body.to_vec(),
        };
        signer
            .sign(parts, signed_at, &what)
            .map_err(|error| Failure::new(error.message()))?;
    }
    Ok(())
}

fn secret<'a>(order: &Order<'a>) -> Result<&'a Secret, Failure> {
    let missing = || Failure::usage("the secret is missing");
    order.secret.ok_or_else(missing)
}

/// What would not be noticed is not spoiled.
fn possible(order: &Order<'_>) -> Result<(), Failure> {
    let (covered, timed) = match order.provider.proof {
        Proof::Scheme(scheme) => (
            scheme.algorithm != Algorithm::Token,
            scheme.places.iter().any(|place| place.timestamp.is_some()),
        ),
        Proof::Issued(issued) => (issued.covers_body(), true),
    };
    let kind = order.provider.kind;
    let refuse = |why: String| Err(Failure::usage(why).hint("take another kind of --tamper"));
    match order.tamper {
        Some(_) if !order.event.signed => Err(Failure::usage(format!(
            "{kind} signs no `{}`",
            order.event.name
        ))),
        Some(Tamper::Body) if !covered => refuse(format!(
            "{kind} sends a secret along, which protects no body"
        )),
        Some(Tamper::Body) if order.event.body.is_empty() && order.body.is_none() => {
            refuse(format!("`{}` has no body", order.event.name))
        }
        Some(Tamper::Time) if !timed => refuse(format!("{kind} signs no time")),
        _ => Ok(()),
    }
}

/// One byte, such that a form or a document stays one.
fn spoil(body: &mut [u8]) {
    let letter = body
        .iter_mut()
        .rev()
        .find(|byte| byte.is_ascii_alphanumeric());
    if let Some(byte) = letter {
        *byte = if *byte == b'0' { b'1' } else { b'0' };
    }
}

fn filled(text: &str, unique: &str, seconds: u64) -> String {
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or_default()
        .to_string();
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(at) = rest.find(['%', '@']) {
        out.push_str(&rest[..at]);
        let mark = &rest[at..];
        // Escapes of a form stay.
        let escape = mark.len() > 2 && mark.as_bytes()[1..3].iter().all(u8::is_ascii_hexdigit);
        let (with, skipped) = match mark.as_bytes() {
            [b'@', b's', ..] => (seconds.to_string(), 2),
            [b'@', b't', ..] => (time.clone(), 2),
            [b'%', ..] if !escape => (unique.to_owned(), 1),
            _ => (mark[..1].to_owned(), 1),
        };
        out.push_str(&with);
        rest = &mark[skipped..];
    }
    out + rest
}

/// Path and query of the request line.
fn target(url: &Uri, query: &str) -> Result<Uri, Failure> {
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let link = match (query.is_empty(), path.contains('?')) {
        (true, _) => "",
        (false, false) => "?",
        (false, true) => "&",
    };
    format!("{path}{link}{query}")
        .parse()
        .map_err(|error: http::uri::InvalidUri| wrong(error))
}

fn wrong(error: impl std::fmt::Display) -> Failure {
    Failure::usage(error.to_string())
}

/// What the answer to a handshake must hold.
fn signature(order: &Order<'_>) -> Result<Option<String>, Failure> {
    let (Some(Asks::Signature(_, _, text)), Proof::Scheme(scheme)) =
        (order.event.asks, order.provider.proof)
    else {
        return Ok(None);
    };
    let verifier = Verifier::new(scheme, std::slice::from_ref(secret(order)?))
        .map_err(|error| Failure::usage(format!("the secret: {}", error.message())))?;
    Ok(Some(verifier.respond(text.as_bytes())))
}

impl Made {
    pub(super) fn request(&self) -> Request<Bytes> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.headers_mut() = self.parts.headers.clone();
        request
    }

    /// As HTTP/1.1.
    pub(super) fn text(&self) -> String {
        let Parts {
            method,
            uri,
            headers,
            ..
        } = &self.parts;
        let mut text = format!("{method} {uri} HTTP/1.1\r\n");
        for (name, value) in headers {
            text.push_str(&format!(
                "{name}: {}\r\n",
                String::from_utf8_lossy(value.as_bytes())
            ));
        }
        text + "\r\n" + &String::from_utf8_lossy(&self.body)
    }

    /// The same for programs; a body that is no text stands in Base64.
    pub(super) fn json(&self) -> Value {
        let Parts {
            method,
            uri,
            headers,
            ..
        } = &self.parts;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value).into()));
        let headers: Map<String, Value> = headers.collect();
        let mut request = json!({
            "method": method.as_str(), "target": uri.to_string(), "headers": headers,
        });
        match std::str::from_utf8(&self.body) {
            Ok(body) => request["body"] = body.into(),
            Err(_) => request["body_base64"] = STANDARD.encode(&self.body).into(),
        }
        request
    }
}
