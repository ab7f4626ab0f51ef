//! The router of the admin API.

use super::auth::{Asks, Entry};
use super::endpoint::Endpoint;
use super::refusals::Refusals;
use super::{
    Guard, api_keys, audit, auth, body, compare, cutover, dead_letters, events, openapi, permit,
    replays, schedules, schemas, space, subscriptions, system, tail, xregistry,
};
use crate::ingress::Problem;
use crate::run::Gateway;
use axum::routing::get;
use axum::{Json, Router, middleware};
use http::StatusCode;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// All endpoints, the document's own included.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut all = system::endpoints();
    all.extend(subscriptions::endpoints());
    all.extend(compare::endpoints());
    all.extend(cutover::endpoints());
    all.extend(dead_letters::endpoints());
    all.extend(replays::endpoints());
    all.extend(schedules::endpoints());
    all.extend(schemas::endpoints());
    all.extend(xregistry::endpoints());
    all.extend(api_keys::endpoints());
    all.extend(events::endpoints());
    all.extend(tail::endpoints());
    all.extend(space::endpoints());
    #[cfg(feature = "backup")]
    all.extend(super::backups::endpoints());
    all.push(Endpoint::get(
        "/openapi.json",
        "This document",
        "Document",
        get(|| async { Json(openapi::document()) }),
    ));
    all
}

/// The admin API behind `guard`.
pub fn router(gateway: Arc<Gateway>, guard: Guard) -> Router {
    let endpoints = endpoints();
    let entry = Arc::new(Entry {
        guard,
        gateway: gateway.clone(),
        asks: asks(&endpoints),
        records: audit::records(&endpoints),
        later: permit::later(&endpoints),
        additional: Semaphore::new(gateway.site.load().admin_limits.requests),
        narrow: space::narrow(&endpoints),
        refusals: Refusals::default(),
    });
    endpoints
        .into_iter()
        .fold(Router::new(), |router, endpoint| {
            router.route(endpoint.path, endpoint.handler)
        })
        .fallback(|| async {
            Problem::new(
                StatusCode::NOT_FOUND,
                "unknown-path",
                "the admin API has no such path",
            )
            .hint("GET /openapi.json lists all of them")
        })
        .layer(middleware::from_fn_with_state(entry.clone(), audit::keep))
        .layer(middleware::from_fn_with_state(entry.clone(), body::whole))
        .layer(middleware::from_fn_with_state(entry, auth::check))
        .with_state(gateway)
}

/// What each endpoint asks of its caller.
fn asks(endpoints: &[Endpoint]) -> Asks {
    let entry = |endpoint: &Endpoint| ((endpoint.path, endpoint.method), endpoint.asks());
    endpoints.iter().map(entry).collect()
}
