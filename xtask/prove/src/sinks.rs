//! Targets on loopback: one path each for a good, a refusing and a silent one.

use crate::oracle::Oracle;
use crate::watch::Watch;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use std::net::SocketAddr;

/// Starts the targets; they run until the process ends.
pub(crate) async fn start(oracle: Oracle) -> std::io::Result<SocketAddr> {
    watched(oracle, Watch::default()).await
}

/// Starts targets whose arrivals are timed.
pub(crate) async fn watched(oracle: Oracle, watch: Watch) -> std::io::Result<SocketAddr> {
    let router = Router::new()
        .route("/sink/{name}", post(take))
        .route("/refuse/{name}", post(refuse))
        .route("/hole/{name}", post(swallow))
        .with_state((oracle, watch));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// The `sink` of a subscription that is sent to one of them.
pub(crate) fn at(sinks: SocketAddr, way: &str, name: &str) -> String {
    format!(
        "sink: {{ kind: http, url: \"http://{sinks}/{way}/{name}\", allow-http: true, allow-private: [127.0.0.0/8] }}"
    )
}

fn note((oracle, watch): &(Oracle, Watch), name: &str, headers: &HeaderMap, body: &[u8]) {
    let header = |key: &str| {
        headers
            .get(key)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    };
    // A replay repeats on purpose.
    let replayed = headers.contains_key("tradewind-replay");
    if let Ok(due) = header("ce-due").parse()
        && !replayed
    {
        watch.arrived(name, due);
    }
    let name = format!("{name}{}", if replayed { " (replay)" } else { "" });
    oracle.arrived(&name, header("ce-id"), header("ce-type"), body);
}

async fn take(
    State(state): State<(Oracle, Watch)>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    note(&state, &name, &headers, &body);
    StatusCode::NO_CONTENT
}

async fn refuse(
    State(state): State<(Oracle, Watch)>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    note(&state, &name, &headers, &body);
    StatusCode::UNPROCESSABLE_ENTITY
}

async fn swallow() -> StatusCode {
    std::future::pending().await
}
