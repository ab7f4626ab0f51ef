//! A request that holds no event, as one of type `http.request`: with the members that a gateway's
//! routes give it.

use super::Refusal;
use crate::Event;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// What names the request, where the platform says.
const NAMES: [&str; 3] = [
    "function-execution-id",
    "x-cloud-trace-context",
    "traceparent",
];

#[derive(Serialize)]
struct Data<'a> {
    method: &'a str,
    path: &'a str,
    host: &'a str,
    params: Map<String, Value>,
    query: Map<String, Value>,
    headers: Map<String, Value>,
    /// JSON as it was written: numbers keep their digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

pub(crate) fn event(head: &Parts, body: &Bytes) -> Result<Event, Refusal> {
    let mut headers = Map::new();
    for name in head.headers.keys() {
        let values = head.headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|v| String::from_utf8_lossy(v.as_bytes()))
            .collect();
        headers.insert(name.to_string(), values.join(", ").into());
    }
    let mut query = Map::new();
    let pairs = head.uri.query().unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let values = query.entry(name).or_insert_with(|| json!([]));
        if let Some(values) = values.as_array_mut() {
            values.push(value.into());
        }
    }
    let host = head.headers.get("host").and_then(|host| host.to_str().ok());
    let mut data = Data {
        method: head.method.as_str(),
        path: head.uri.path(),
        host: host.unwrap_or_default(),
        params: Map::new(),
        query,
        headers,
        body: None,
        body_base64: None,
    };
    match (serde_json::from_slice(body), std::str::from_utf8(body)) {
        _ if body.is_empty() => {}
        (Ok(value), _) => data.body = Some(value),
        (_, Ok(text)) => data.body = to_raw_value(text).ok(),
        _ => data.body_base64 = Some(STANDARD.encode(body)),
    }
    let data = serde_json::to_string(&data).unwrap_or_default();
    let named = |name: &&str| {
        head.headers
            .get(*name)?
            .to_str()
            .ok()
            .filter(|id| !id.is_empty())
    };
    let id = NAMES.iter().find_map(named).map(str::to_owned);
    let digest = || {
        let digest = Sha256::digest(&data);
        digest[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    Event::builder(id.unwrap_or_else(digest), "/requests", "http.request")
        .subject(head.uri.path())
        .data("application/json", data)
        .build()
        .map_err(|e| Refusal::new(StatusCode::BAD_REQUEST, e.to_string()))
}
