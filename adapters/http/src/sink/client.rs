//! The pooled client.
#![allow(
    clippy::disallowed_types,
    reason = "this is the one place that builds a client: every connection passes the guard"
)]

use super::dial::{BoxError, Dial};
use super::line::{Answer, Lines};
use super::target::Target;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use std::time::Duration;
use tradewind_adapter::Body;

/// What is sent: an event, or the body of a request that is passed on.
pub(crate) type Payload = Either<Full<Bytes>, Body>;

/// Connections of one sink.
pub(crate) enum Pool {
    /// Where nothing is negotiated.
    Plain(Lines),
    /// TLS, HTTP/2.
    Shared(Client<HttpsConnector<Dial>, Payload>),
}

impl Pool {
    /// One exchange, up to the head of the response.
    pub(crate) async fn request(
        &self,
        request: Request<Payload>,
    ) -> Result<Response<Either<Answer, Incoming>>, BoxError> {
        Ok(match self {
            Self::Plain(lines) => lines.request(request).await?.map(Either::Left),
            Self::Shared(client) => client.request(request).await?.map(Either::Right),
        })
    }
}

/// Idle connections kept.
pub(super) const IDLE_MAX: usize = 64;
/// Time that an idle connection is kept; targets mostly close theirs after a minute.
pub(super) const IDLE_FOR: Duration = Duration::from_secs(50);
/// After so much silence an HTTP/2 connection that is in use is asked whether it lives, and for how long.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(10));
/// Most bytes of a response's head.
pub(super) const HEAD_MAX: usize = 64 << 10;

/// HTTP/1.1 and HTTP/2, as negotiated; `http2_only` skips the negotiation.
pub(crate) fn pool(tls: ClientConfig, dial: Dial, target: &Target, http2_only: bool) -> Pool {
    if !target.tls && !http2_only {
        return Pool::Plain(Lines::new(dial, target.uri.clone()));
    }
    let builder = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    let connector = match http2_only {
        true => builder.enable_http2().wrap_connector(dial),
        false => builder.enable_all_versions().wrap_connector(dial),
    };
    let client = Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_FOR)
        .pool_max_idle_per_host(IDLE_MAX)
        .http1_max_buf_size(HEAD_MAX)
        .http2_only(http2_only)
        // A connection whose other end is gone without a word is not used for a quarter of an hour more.
        .http2_keep_alive_interval(KEEP_ALIVE.0)
        .http2_keep_alive_timeout(KEEP_ALIVE.1)
        .build(connector);
    Pool::Shared(client)
}
