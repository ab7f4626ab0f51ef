//! Bodies of requests arrive whole, in time and within the budget of all bodies, before an endpoint sees them.

use super::auth::Entry;
use crate::ingress::{Cap, FREE, announced, read};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The largest body that is taken whatever `limits.body` says: a candidate configuration.
const LEAST: usize = 1 << 20;

/// Reads the body as ingress does.
pub(super) async fn whole(
    State(entry): State<Arc<Entry>>,
    request: Request,
    next: Next,
) -> Response {
    let cap = {
        let in_force = entry.gateway.config.load();
        let limits = &in_force.checked.config.limits;
        Cap {
            bytes: usize::try_from(limits.body.0).map_or(usize::MAX, |bytes| bytes.max(LEAST)),
            time: limits.body_timeout.0,
            beyond: "the body is larger than the admin API takes",
        }
    };
    let (parts, body) = request.into_parts();
    let mut share = entry.gateway.site.load().budget.share(FREE);
    let body = match announced(cap, &parts.headers) {
        Ok(()) => read(cap, &parts.headers, body, &mut share).await,
        Err(problem) => Err(problem),
    };
    match body {
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(problem) => problem.into_response(),
    }
}
