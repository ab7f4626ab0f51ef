//! A request as an event of type `http.request`.

use super::caller::Caller;
use super::exchange::Match;
use super::headers;
use super::route::Route;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tradewind_engine::HOPS;
use tradewind_event::{Attribute, Event};

use crate::ingress::Problem;

/// `data` of the event.
#[derive(Serialize)]
struct Data<'a> {
    method: &'a str,
    path: &'a str,
    host: &'a str,
    params: &'a BTreeMap<String, String>,
    query: BTreeMap<Cow<'a, str>, Vec<Cow<'a, str>>>,
    headers: BTreeMap<&'a str, String>,
    #[serde(flatten)]
    body: Option<Body<'a>>,
}

/// As CloudEvents have it: JSON as JSON, text as text, anything else in Base64.
#[derive(Serialize)]
enum Body<'a> {
    #[serde(rename = "body")]
    Json(&'a RawValue),
    #[serde(rename = "body")]
    Text(&'a str),
    #[serde(rename = "body_base64")]
    Binary(String),
}

/// The event of a request.
pub(super) fn event(
    route: &Route,
    (parts, caller): (&Parts, &Caller),
    matched: &Match,
    body: &[u8],
    (unix_ms, hops): (u64, u32),
) -> Result<Event, Problem> {
    let host = headers::host(parts);
    let mut seen = parts.headers.clone();
    headers::seen(route, caller, host.clone(), &mut seen);
    let mut query: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    for (key, value) in pairs {
        query.entry(key).or_default().push(value);
    }
    let data = Data {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        host: host
            .as_ref()
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default(),
        params: &matched.params,
        query,
        headers: listed(&seen),
        body: read(&seen, body),
    };
    let broken = |error: String| {
        let mut problem = Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-event",
            "the request cannot be written as an event",
        );
        problem.reason = Some(error);
        problem
    };
    let data = serde_json::to_vec(&data).map_err(|e| broken(e.to_string()))?;
    let hops = i32::try_from(hops.saturating_add(1)).unwrap_or(i32::MAX);
    let time = i64::try_from(unix_ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let mut event = Event::builder(
        id(unix_ms),
        format!("/routes/{}", route.name),
        "http.request",
    )
    .subject(parts.uri.path())
    .extension(HOPS, Attribute::Integer(hops))
    .data("application/json", data);
    if let Some(time) = time {
        event = event.time(time.to_string());
    }
    event.build().map_err(|e| broken(e.to_string()))
}

fn listed(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut listed: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        match listed.get_mut(name.as_str()) {
            Some(list) => {
                list.push_str(", ");
                list.push_str(&value);
            }
            None => {
                listed.insert(name.as_str(), value.into_owned());
            }
        }
    }
    listed
}

fn read<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<Body<'a>> {
    if body.is_empty() {
        return None;
    }
    let ty = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let ty = ty.unwrap_or_default().split(';').next().unwrap_or_default();
    let ty = ty.trim().to_ascii_lowercase();
    let json = ty == "application/json" || ty.ends_with("+json");
    if json && let Ok(value) = serde_json::from_slice(body) {
        return Some(Body::Json(value));
    }
    Some(match std::str::from_utf8(body) {
        Ok(text) => Body::Text(text),
        Err(_) => Body::Binary(STANDARD.encode(body)),
    })
}

/// An id that no other request has: what the process drew at its first one, and a count.
fn id(unix_ms: u64) -> String {
    static DRAWN: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let drawn = DRAWN.get_or_init(|| {
        let mut bytes = [0; 8];
        match crate::run::random(&mut bytes) {
            Ok(()) => u64::from_be_bytes(bytes),
            Err(_) => unix_ms,
        }
    });
    format!("{drawn:016x}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
