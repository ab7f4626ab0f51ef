//! What callers do goes into the audit log: before it is done, and how it ended.

use super::auth::{Caller, Entry as Door};
use super::endpoint::Endpoint;
use super::openapi;
use super::permit::Permit;
use crate::ingress::Problem;
use crate::run::Gateway;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tradewind_audit::Entry;
use tradewind_config::DEFAULT_SPACE;

/// The largest body that goes into a line.
const BODY_MAX: usize = 4 << 10;

/// What is recorded of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recorded {
    /// What its caller does, for instance `purge`.
    pub(super) what: &'static str,
    /// The body goes with it: it says what exactly, and holds neither payloads nor secrets.
    pub(super) body: bool,
}

/// The parameters that an endpoint has, by name.
type Names = &'static [(&'static str, &'static str)];

/// The schema of its body, where it has one.
type Schema = Option<&'static str>;

/// By path and method, lower case.
pub(super) type Records = HashMap<(&'static str, &'static str), (Recorded, Names, Schema)>;

pub(super) fn records(endpoints: &[Endpoint]) -> Records {
    let entry = |endpoint: &Endpoint| {
        let recorded = (endpoint.recorded?, endpoint.query, endpoint.body);
        Some(((endpoint.path, endpoint.method), recorded))
    };
    endpoints.iter().filter_map(entry).collect()
}

pub(super) async fn keep(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let Some(((recorded, names, schema), pattern)) = door.recorded(&request) else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    // It has arrived already, within its limit.
    #[allow(clippy::disallowed_methods, reason = "buffered and bounded before")]
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let by = parts.extensions.get::<Caller>();
    let by = by.map_or("operator", |Caller(principal)| principal);
    // Read now, not at the start: most gateways are asked for nothing of this for days.
    let keys = || schema.map(openapi::keys).unwrap_or_default();
    let said = recorded.body.then(|| said(&body, &keys())).flatten();
    let mut entry = entry(
        &door.gateway,
        recorded.what,
        by,
        (&pattern, &parts.uri),
        (names, said),
    );
    if entry.space.is_none() {
        // What a caller that is bound does, it does in its space.
        let permit = parts.extensions.get::<Permit>();
        let space = permit.and_then(|permit| permit.space.as_deref());
        let space = space.filter(|space| *space != DEFAULT_SPACE);
        entry.space = space.map(str::to_owned);
    }
    let of = match door.gateway.audit.record(vec![entry.clone()]).await {
        Ok(of) => of,
        Err(error) => {
            tracing::error!(%error, "refused: the audit log cannot be written");
            return unrecorded().into_response();
        }
    };
    // On its own: what has begun ends, and is told, also where the caller hangs up.
    let done = tokio::spawn(async move {
        let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
        let outcome = answer.status().as_u16().to_string();
        door.gateway.audit.ended(of, entry, outcome).await;
        answer
    });
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR.into_response();
    done.await.unwrap_or_else(failed)
}

fn unrecorded() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "audit-failed",
        "nothing was done: what is done is recorded first, and the audit log cannot be written",
    )
    .hint("see the log of the gateway, and whether its disk has room")
    .after(Duration::from_secs(5))
}

impl Door {
    fn recorded(&self, request: &Request) -> Option<((Recorded, Names, Schema), String)> {
        let pattern = request.extensions().get::<MatchedPath>()?.as_str();
        let method = match request.method() {
            &Method::GET | &Method::HEAD => "get",
            &Method::POST => "post",
            &Method::DELETE => "delete",
            _ => return None,
        };
        let recorded = self.records.get(&(pattern, method))?;
        Some((*recorded, pattern.to_owned()))
    }
}

/// What nobody reads may be anything, and is left out.
fn said(body: &Bytes, keys: &[String]) -> Option<Value> {
    let small = body.len() <= BODY_MAX;
    let read = small.then(|| serde_json::from_slice(body).ok()).flatten();
    let mut said: Map<String, Value> = read?;
    said.retain(|key, _| keys.contains(key));
    (!said.is_empty()).then_some(Value::Object(said))
}

/// What is known before it is done: whom it is for is looked up, so that the log can be read without the
/// configuration of that time.
fn entry(
    gateway: &Gateway,
    what: &str,
    by: &str,
    (pattern, uri): (&str, &Uri),
    (names, said): (Names, Option<Value>),
) -> Entry {
    let mut detail = Map::new();
    let mut object = said.as_ref().and_then(|said| {
        let name = said.get("subscription")?.as_str()?;
        Some(("subscription", name.to_owned()))
    });
    for (name, value) in pattern.split('/').zip(uri.path().split('/')) {
        let Some(name) = name.strip_prefix('{').and_then(|n| n.strip_suffix('}')) else {
            continue;
        };
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        match (name, pattern) {
            ("name", _) if pattern.starts_with("/v1/subscriptions/") => {
                object = Some(("subscription", value));
            }
            ("stream", _) => object = Some(("stream", value)),
            ("schema", _) => object = Some(("schema", value)),
            _ => drop(detail.insert(name.into(), value.into())),
        }
    }
    // As with bodies: a token in the wrong place as well.
    let pairs = uri.query().into_iter().flat_map(|query| query.split('&'));
    let known = pairs.filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        names.iter().any(|(known, _)| *known == name)
    });
    let query = known.collect::<Vec<_>>().join("&");
    if !query.is_empty() {
        detail.insert("query".into(), query.into());
    }
    if let Some(said) = said {
        detail.insert("body".into(), said);
    }
    let config = gateway.config.load();
    // Which schema it is depends on its space, which the query or the caller says.
    let named = object.as_ref().filter(|(kind, _)| *kind != "schema");
    let of = named.and_then(|(kind, name)| {
        let all = config.checked.objects().into_iter();
        all.into_iter()
            .find(|o| o.object == *kind && o.name == *name)
    });
    let (owner, why, space) = of.map_or((None, None, None), |object| {
        (object.owner, object.why, object.space)
    });
    Entry {
        what: what.into(),
        by: by.into(),
        object: object.map(|(kind, name)| format!("{kind} {name}")),
        owner,
        why,
        space: space.filter(|space| space != DEFAULT_SPACE),
        detail: (!detail.is_empty()).then_some(Value::Object(detail)),
        ..Entry::default()
    }
}

#[cfg(test)]
mod tests {
    use crate::admin::router::endpoints;

    #[test]
    fn what_needs_a_right_is_recorded() {
        for endpoint in endpoints() {
            let place = (endpoint.method, endpoint.path);
            let asked = endpoint.asks().is_some();
            assert_eq!(endpoint.recorded.is_some(), asked, "{place:?}");
        }
    }
}
