//! Targets on loopback: one path each for a good, a refusing and a silent one.

use crate::oracle::Oracle;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use std::net::SocketAddr;

/// Starts the targets; they run until the process ends.
pub(crate) async fn start(oracle: Oracle) -> std::io::Result<SocketAddr> {
    let router = Router::new()
        .route("/sink/{name}", post(take))
        .route("/refuse/{name}", post(refuse))
        .route("/hole/{name}", post(swallow))
        .with_state(oracle);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

fn note(oracle: &Oracle, name: &str, headers: &HeaderMap, body: &[u8]) {
    let header = |key: &str| {
        headers
            .get(key)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    };
    oracle.arrived(name, header("ce-id"), header("ce-type"), body);
}

async fn take(
    State(oracle): State<Oracle>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    note(&oracle, &name, &headers, &body);
    StatusCode::NO_CONTENT
}

async fn refuse(
    State(oracle): State<Oracle>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    note(&oracle, &name, &headers, &body);
    StatusCode::UNPROCESSABLE_ENTITY
}

async fn swallow() -> StatusCode {
    std::future::pending().await
}
