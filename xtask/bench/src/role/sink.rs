//! S: what reading 1 KiB over HTTP costs by itself.

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;

pub(super) async fn run() -> std::io::Result<()> {
    super::serve(Router::new().route("/events", post(take))).await
}

async fn take(_body: Bytes) -> StatusCode {
    StatusCode::NO_CONTENT
}
