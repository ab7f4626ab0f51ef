//! The pooled client.
#![allow(
    clippy::disallowed_types,
    reason = "this is the one place that builds a client: every connection passes the guard"
)]

use super::dial::Dial;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use std::time::Duration;
use tradewind_adapter::Body;

/// What is sent: an event, or the body of a request that is passed on.
pub(crate) type Payload = Either<Full<Bytes>, Body>;

/// Connections of one sink.
pub(crate) type Pool = Client<HttpsConnector<Dial>, Payload>;

/// Idle connections kept.
const IDLE_MAX: usize = 64;
/// Time that an idle connection is kept; targets mostly close theirs after a minute.
const IDLE_FOR: Duration = Duration::from_secs(50);
/// Most bytes of a response's head.
const HEAD_MAX: usize = 64 << 10;

/// HTTP/1.1 and HTTP/2, as negotiated; `http2_only` skips the negotiation.
pub(crate) fn pool(tls: ClientConfig, dial: Dial, http2_only: bool) -> Pool {
    let builder = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    let connector = match http2_only {
        true => builder.enable_http2().wrap_connector(dial),
        false => builder.enable_all_versions().wrap_connector(dial),
    };
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_FOR)
        .pool_max_idle_per_host(IDLE_MAX)
        .http1_max_buf_size(HEAD_MAX)
        .http2_only(http2_only)
        .build(connector)
}
