//! A target that keeps the trace context of what it is given, and refuses now and then.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What came with one attempt.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) event: String,
    pub(super) accepted: bool,
    /// Headers of the request.
    pub(super) parent: String,
    pub(super) state: String,
    /// Of the event itself.
    pub(super) event_parent: String,
}

#[derive(Default)]
struct Seen {
    arrivals: Vec<Arrival>,
    refused: HashSet<String>,
    /// Nothing is accepted.
    down: bool,
}

#[derive(Clone, Default)]
pub(super) struct Target(Arc<Mutex<Seen>>);

impl Target {
    pub(super) async fn start(&self) -> Result<SocketAddr, String> {
        let router = Router::new()
            .route("/", post(take))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.map_err(|e| e.to_string())?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn down(&self, down: bool) {
        self.seen().down = down;
    }

    /// Attempts of an event.
    pub(super) fn of(&self, event: &str) -> Vec<Arrival> {
        let seen = self.seen();
        let of = seen
            .arrivals
            .iter()
            .filter(|arrival| arrival.event == event);
        of.cloned().collect()
    }
}

/// The first attempt of an event whose name begins with `twice` is refused.
async fn take(State(target): State<Target>, headers: HeaderMap) -> StatusCode {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let event = header("ce-id");
    let mut seen = target.seen();
    let accepted =
        !seen.down && (!event.starts_with("twice") || !seen.refused.insert(event.clone()));
    seen.arrivals.push(Arrival {
        event,
        accepted,
        parent: header("traceparent"),
        state: header("tracestate"),
        event_parent: header("ce-traceparent"),
    });
    match accepted {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}
