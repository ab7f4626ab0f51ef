//! F: what handing a request on costs by itself.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;

#[allow(
    clippy::disallowed_types,
    reason = "the baseline is the usual client, and its target is on loopback"
)]
type Client = hyper_util::client::legacy::Client<HttpConnector, Body>;

pub(super) async fn run(to: SocketAddr) -> std::io::Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    #[allow(clippy::disallowed_types, reason = "as above")]
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
    let router = Router::new()
        .route("/events", any(hand_on))
        .with_state((client, to));
    super::serve(router).await
}

async fn hand_on(
    State((client, to)): State<(Client, SocketAddr)>,
    mut request: Request,
) -> Result<Response, StatusCode> {
    let path = request.uri().path();
    *request.uri_mut() = format!("http://{to}{path}")
        .parse::<Uri>()
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    match client.request(request).await {
        Ok(answer) => Ok(answer.into_response()),
        Err(_) => Err(StatusCode::BAD_GATEWAY),
    }
}
