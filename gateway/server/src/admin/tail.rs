//! What happens, as it happens: NDJSON, or server-sent events where a browser asks.

use super::auth::{Caller, Shown};
use super::endpoint::Endpoint;
use super::permit::Permit;
use crate::run::Gateway;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Action, Peer};
use tradewind_engine::{Happening, judged};
use tradewind_policy::{self as policy, Resource};

/// How often it is asked whether the caller still may: proofs come to their end while nothing happens.
const LOOK: Duration = Duration::from_secs(5);

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/tail",
            "What happens from now on; a slow reader is told how much it missed",
            "Happening",
            get(tail),
        )
        .action(Action::Subscribe)
        .recorded("tail")
        .asks_later()
        .query(&[
            ("what", "only this, for instance `dead-lettered`"),
            ("stream", "only this stream"),
            ("name", "only this subscription or source"),
            ("id", "only events with this id"),
        ]),
    ]
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Only {
    what: Option<String>,
    stream: Option<String>,
    name: Option<String>,
    id: Option<String>,
}

impl Only {
    fn admits(&self, happening: &Happening) -> bool {
        let equal = |wanted: &Option<String>, actual: Option<&str>| {
            wanted.as_deref().is_none_or(|w| Some(w) == actual)
        };
        equal(&self.what, Some(&happening.what))
            && equal(&self.stream, happening.stream.as_deref())
            && equal(&self.name, happening.name.as_deref())
            && equal(&self.id, happening.id.as_deref())
    }
}

struct Tail {
    happenings: Receiver<Happening>,
    only: Only,
    gateway: Arc<Gateway>,
    permit: Permit,
    events: bool,
    stop: CancellationToken,
    /// What the caller has shown; `None` where it is the operator.
    shown: Option<Shown>,
    /// Of the configuration that it was last held against.
    generation: u64,
    look: Interval,
}

impl Tail {
    /// Whether the caller still may, and what: keys end, and are taken away.
    async fn still(&mut self) -> bool {
        let Some(shown) = &self.shown else {
            return true;
        };
        self.generation = self.gateway.config.load().generation;
        let permit = shown.still(&self.gateway, Action::Subscribe).await;
        match permit {
            Some(permit) => self.permit = permit,
            None => {
                tracing::info!(by = %self.permit.who, "a tail ended: its caller may not follow it any more");
                return false;
            }
        }
        true
    }

    /// Whether another configuration is in force than the caller was held against.
    fn is_outdated(&self) -> bool {
        self.gateway.config.load().generation != self.generation
    }

    /// What concerns no event is for those above policies.
    fn may_see(&self, happening: &Happening) -> bool {
        if !self.permit.is_judged(&self.gateway) {
            return true;
        }
        let bound = self.permit.space.is_some();
        if bound
            && !self
                .permit
                .concerns(&self.gateway.config.load().checked, happening)
        {
            return false;
        }
        if !self.gateway.engine.has_policies() {
            return true;
        }
        let (Some(stream), Some(event)) = (&happening.stream, &happening.event) else {
            return false;
        };
        let (subscribe, stream) = (policy::Action::Subscribe, Resource::Stream(stream));
        let engine = &self.gateway.engine;
        // What is set aside is seen by those who may see what is within.
        judged(event, |facts| {
            engine.decide(&self.permit.who, subscribe, stream, facts)
        })
        .allowed()
    }
}

/// What happens to an event before a target has said anything.
const OURS: [&str; 6] = [
    "received",
    "duplicate",
    "matched",
    "unmatched",
    "attempt",
    "accepted",
];

impl Tail {
    /// Takes out what a target said, which may be what it was sent, for who may not read that.
    fn withhold(&self, happening: &mut Happening) {
        let may_read = match (&happening.stream, &happening.event) {
            _ if !self.permit.is_judged(&self.gateway) => true,
            (Some(stream), Some(event)) => {
                // Of a replay, it is `subscription (replay id)`.
                let name = happening.name.as_deref().unwrap_or_default();
                let name = name.split(' ').next().unwrap_or_default();
                let of = Resource::Subscription { name, stream };
                self.permit.may_read(&self.gateway, of, event)
            }
            // It is about no event.
            _ => true,
        };
        let ours = OURS.contains(&happening.what.as_str()) || happening.position.is_none();
        let shown = ours || (may_read && self.permit.reads);
        if !shown {
            happening.detail = "withheld: for those who may read payloads".into();
        }
    }
}

async fn tail(
    State(gateway): State<Arc<Gateway>>,
    Query(only): Query<Only>,
    Extension(permit): Extension<Permit>,
    caller: Option<Extension<Caller>>,
    peer: Option<Extension<Arc<Peer>>>,
    headers: HeaderMap,
) -> Response {
    let events = headers
        .get(ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.contains("text/event-stream"));
    let mut look = interval_at(Instant::now() + LOOK, LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let tail = Tail {
        happenings: gateway.engine.happenings(),
        only,
        permit,
        events,
        stop: gateway.stop.clone(),
        shown: caller.map(|_| Shown {
            headers,
            peer: peer.map(|Extension(peer)| peer),
        }),
        // Asked anew before the first line, since one may have come into force meanwhile.
        generation: 0,
        look,
        gateway,
    };
    let lines = futures_util::stream::unfold(tail, |mut tail| async move {
        let line = next(&mut tail).await?;
        Some((Ok::<_, Infallible>(line), tail))
    });
    let mut response = Response::new(Body::from_stream(lines));
    let kind = if events {
        "text/event-stream"
    } else {
        "application/x-ndjson"
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn next(tail: &mut Tail) -> Option<Bytes> {
    loop {
        let (received, due) = tokio::select! {
            // However much happens.
            biased;
            () = tail.stop.cancelled() => return None,
            _ = tail.look.tick() => (None, true),
            received = tail.happenings.recv() => (Some(received), false),
        };
        if (due || tail.is_outdated()) && !tail.still().await {
            return None;
        }
        let Some(received) = received else {
            continue;
        };
        let json = match received {
            Ok(mut happening) if tail.only.admits(&happening) && tail.may_see(&happening) => {
                tail.withhold(&mut happening);
                serde_json::to_string(&happening).ok()?
            }
            Ok(_) => continue,
            Err(RecvError::Lagged(missed)) => {
                serde_json::json!({ "at_ms": 0, "what": "missed", "detail": format!("{missed} happenings") })
                    .to_string()
            }
            Err(RecvError::Closed) => return None,
        };
        let line = if tail.events {
            format!("data: {json}\n\n")
        } else {
            format!("{json}\n")
        };
        return Some(line.into());
    }
}
