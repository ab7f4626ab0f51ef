//! By axum, and nothing between it and the handler. `LISTEN` says where.

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tradewind_sdk_bench::{Envelope, is_good};

// The media type is that of CloudEvents, which axum's own extractor of JSON takes as well; it is left out, as are
// the refusals that it words.
async fn orders(body: Bytes) -> StatusCode {
    match axum::Json::<Envelope>::from_bytes(&body) {
        Ok(axum::Json(event)) if is_good(&event.data) && !event.id.is_empty() => {
            StatusCode::NO_CONTENT
        }
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:0".into());
    let listener = TcpListener::bind(address).await?.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    axum::serve(listener, Router::new().route("/events", post(orders))).await
}
