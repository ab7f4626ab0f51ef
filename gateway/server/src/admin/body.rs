//! Bodies of requests arrive whole and in time, before an endpoint sees them.

use crate::ingress::Problem;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use std::time::Duration;

/// The largest body: a candidate configuration.
const MOST: usize = 1 << 20;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the body within size and time.
#[allow(clippy::disallowed_methods, reason = "within cap and deadline")]
pub(super) async fn whole(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let refused = match tokio::time::timeout(PATIENCE, to_bytes(body, MOST)).await {
        Ok(Ok(body)) => return next.run(Request::from_parts(parts, Body::from(body))).await,
        Ok(Err(_)) => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "the body did not arrive whole, or is larger than the admin API takes",
        )
        .detail(format!("at most {MOST} bytes")),
        Err(_) => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-timeout",
            "the body took too long",
        )
        .detail(format!("at most {} s", PATIENCE.as_secs())),
    };
    refused.into_response()
}
