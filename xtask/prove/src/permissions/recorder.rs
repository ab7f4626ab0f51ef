//! What stands between the gateway and moto, and keeps what was called.

use super::calls::{self, Call};
use crate::load;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::StatusCode;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Largest request.
const BODY_MAX: usize = 16 << 20;
/// How long a deletion takes here: longer than half of the time for which the source's messages are hidden.
const SLOW: Duration = Duration::from_millis(1500);

/// A server; it serves until the program ends.
pub(super) struct Recorder {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    behind: SocketAddr,
    calls: Mutex<Vec<Call>>,
}

impl Recorder {
    pub(super) async fn start(behind: SocketAddr) -> Result<Self, String> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.map_err(|e| e.to_string())?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let shared = Arc::new(Shared {
            behind,
            calls: Mutex::default(),
        });
        let app = axum::Router::new()
            .fallback(pass)
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, shared })
    }

    /// What was called so far.
    pub(super) fn calls(&self) -> Vec<Call> {
        let calls = self.shared.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let (mut head, body) = request.into_parts();
    let gone = || StatusCode::BAD_GATEWAY.into_response();
    #[allow(clippy::disallowed_methods, reason = "limited")]
    let Ok(body) = Limited::new(body, BODY_MAX).collect().await else {
        return gone();
    };
    let body: Bytes = body.to_bytes();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let made = calls::read(&head.headers, head.method.as_str(), path, &body);
    let slow = made.iter().any(|call| call.action == "sqs:DeleteMessage");
    let calls = shared.calls.lock();
    calls.unwrap_or_else(PoisonError::into_inner).extend(made);
    if slow {
        tokio::time::sleep(SLOW).await;
    }
    let Some(mut sender) = load::connect(shared.behind).await else {
        return gone();
    };
    // The length is told anew, of the body as a whole.
    head.headers.remove("transfer-encoding");
    let request = hyper::Request::from_parts(head, Full::new(body));
    match load::ask(&mut sender, request).await {
        Some(answer) => answer.map(Body::from).into_response(),
        None => gone(),
    }
}
