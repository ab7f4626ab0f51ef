//! Events: publish as the operator, show, explain.

use super::auth::Caller;
use super::endpoint::Endpoint;
use super::permit::Permit;
use crate::codec;
use crate::ingress::Problem;
use crate::run::Gateway;
use axum::Extension;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tradewind_adapter::Action;
use tradewind_engine::{Error, Journey, Origin, PublishError, SET_ASIDE};
use tradewind_event::Event;
use tradewind_policy::{Facts, Resource};
use tradewind_schema::Pattern;

/// Most events of one look at a stream.
const RECENT_MAX: usize = 1000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post(
            "/v1/streams/{stream}/events",
            "Publish one event or a batch, as the operator",
            "Published",
            post(publish),
        )
        .action(Action::Publish)
        .recorded_bare("publish")
        .asks_later()
        .body("CloudEvent"),
        Endpoint::get(
            "/v1/streams/{stream}/events",
            "The newest events of a stream, the oldest of them first",
            "[CloudEvent]",
            get(recent),
        )
        .action(Action::ReadPayload)
        .recorded("read-events")
        .asks_later()
        .query(&[
            (
                "type",
                "only this type, or those that begin so: `com.acme.*`",
            ),
            ("source", "only this source, likewise"),
            ("since", "none before this, milliseconds since 1970"),
            (
                "limit",
                "most events, 100 unless said otherwise, at most 1000",
            ),
        ]),
        Endpoint::get(
            "/v1/events/{stream}/{shard}/{offset}",
            "The event at a position, as it was stored",
            "CloudEvent",
            get(show),
        )
        .action(Action::ReadPayload)
        .recorded("read-event")
        .asks_later(),
        Endpoint::get(
            "/v1/explain",
            "What happened to an event",
            "[Journey]",
            get(explain),
        )
        .action(Action::ReadPayload)
        .recorded("explain")
        .asks_later()
        .query(&[(
            "event",
            "an id, a prefix of one (8 characters or more), stream@shard/offset, or a delivery id",
        )]),
    ]
}

async fn publish(
    State(gateway): State<Arc<Gateway>>,
    Path(stream): Path<String>,
    caller: Option<Extension<Caller>>,
    Extension(permit): Extension<Permit>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let events = codec::from_json(body).map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-event",
            "an event is not a valid CloudEvent; nothing was stored",
        )
        .detail(error.to_string())
    })?;
    let ids: Vec<String> = events.iter().map(|event| event.id().to_owned()).collect();
    let origin = Origin {
        source: "admin".into(),
        principal: match caller {
            Some(Extension(Caller(principal))) => format!("{principal} (admin API)").into(),
            None => "operator (admin API)".into(),
        },
        who: permit.who,
        dedupe_window: None,
    };
    let receipts = match gateway.front.publish(&stream, &origin, events).await {
        Err(PublishError::NoStream(name)) => {
            return Err(Error::NotFound(format!("no stream `{name}`")).into());
        }
        other => other?,
    };
    let events: Vec<Value> = ids
        .iter()
        .zip(&receipts)
        .map(|(id, receipt)| {
            json!({
                "id": id,
                "position": receipt.position,
                "duplicate": receipt.duplicate,
                "undecided": receipt.is_undecided(),
                "matched": receipt.matched,
                "due-ms": receipt.due_ms,
            })
        })
        .collect();
    Ok(Json(json!({ "stream": stream, "events": events })))
}

/// Which events, of those that the caller may read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recent {
    #[serde(rename = "type")]
    ty: Option<String>,
    source: Option<String>,
    #[serde(default)]
    since: u64,
    limit: Option<usize>,
}

async fn recent(
    State(gateway): State<Arc<Gateway>>,
    Path(stream): Path<String>,
    Query(wanted): Query<Recent>,
    Extension(permit): Extension<Permit>,
) -> Result<Response, Problem> {
    let [ty, source] = [wanted.ty, wanted.source].map(|text| text.as_deref().map(Pattern::read));
    let means = |pattern: &Option<Pattern>, text: &str| {
        pattern.as_ref().is_none_or(|pattern| pattern.means(text))
    };
    let judged = permit.is_judged(&gateway);
    let tell = |event: &Event| {
        let wanted = means(&ty, event.ty()) && means(&source, event.source());
        let may = || !judged || permit.may_read(&gateway, Resource::Stream(&stream), event);
        (wanted && may()).then(|| tradewind_event::json::encode(event))
    };
    let most = wanted.limit.unwrap_or(100).clamp(1, RECENT_MAX);
    let events = gateway
        .engine
        .recent(&stream, wanted.since, most, tell)
        .await?;
    let mut body = vec![b'['];
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(event);
    }
    body.push(b']');
    Ok(([(CONTENT_TYPE, "application/cloudevents-batch+json")], body).into_response())
}

async fn show(
    State(gateway): State<Arc<Gateway>>,
    Path((stream, shard, offset)): Path<(String, String, String)>,
    Extension(permit): Extension<Permit>,
) -> Result<Response, Problem> {
    let event = gateway
        .engine
        .event(&stream, &format!("{shard}/{offset}"))
        .await?;
    permit.read(&gateway, Resource::Stream(&stream), &event)?;
    let body = tradewind_event::json::encode(&event);
    Ok(([(CONTENT_TYPE, "application/cloudevents+json")], body).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    event: String,
}

async fn explain(
    State(gateway): State<Arc<Gateway>>,
    Query(named): Query<Named>,
    Extension(permit): Extension<Permit>,
) -> Result<Json<Vec<Journey>>, Problem> {
    let sees = |stream: &str| {
        let config = gateway.config.load();
        permit.owns(&config.checked, Resource::Stream(stream))
    };
    let unknown = || Error::NotFound(format!("no event `{}`", named.event));
    let mut journeys = match gateway.engine.explain_among(&named.event, sees).await {
        // In the same words as below.
        Err(Error::NotFound(_)) if permit.space.is_some() => return Err(unknown().into()),
        found => found?,
    };
    if permit.is_judged(&gateway) {
        let mut seen = Vec::with_capacity(journeys.len());
        for journey in journeys {
            if may_read(&gateway, &permit, &journey).await {
                seen.push(journey);
            }
        }
        journeys = seen;
        if journeys.is_empty() {
            return Err(match permit.space {
                // Whether it is there is the other's business.
                Some(_) => unknown().into(),
                None => Problem::denied(format!("{}: explain", permit.who)),
            });
        }
    }
    let config = gateway.config.load();
    for journey in &mut journeys {
        let stops = &mut journey.subscriptions;
        stops.retain(|stop| {
            permit.space.is_none()
                || permit.owns_subscription(&config.checked, plain(&stop.subscription))
        });
    }
    for stop in journeys.iter_mut().flat_map(|j| &mut j.subscriptions) {
        let name = plain(&stop.subscription);
        if let Some(subscription) = config.checked.subscriptions.get(name) {
            stop.owner.clone_from(&subscription.owner);
            stop.why.clone_from(&subscription.why);
        }
    }
    Ok(Json(journeys))
}

/// A replay is told of as `subscription (replay id)`.
fn plain(title: &str) -> &str {
    title.split(' ').next().unwrap_or_default()
}

/// Its predicates say what is in the event; what is set aside has the event within that counts.
async fn may_read(gateway: &Gateway, permit: &Permit, journey: &Journey) -> bool {
    if journey.ty == SET_ASIDE {
        let there = gateway.engine.event(&journey.stream, &journey.position);
        return match there.await {
            Ok(event) => permit.may_read(gateway, Resource::Stream(&journey.stream), &event),
            Err(_) => false,
        };
    }
    let facts = Facts::new(&journey.ty, &journey.source, journey.subject.as_deref());
    let read = tradewind_policy::Action::ReadPayload;
    let stream = Resource::Stream(&journey.stream);
    permit.allows(gateway, read, stream, facts)
}
