//! A sink that counts: which numbers arrived, whether they were whole, how often.

use super::publisher::data;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// What arrived, one bit for each number at each place.
#[derive(Debug)]
pub(crate) struct Tally {
    arrived: Vec<AtomicU64>,
    first: AtomicU64,
    repeated: AtomicU64,
    fault: Mutex<Option<String>>,
}

impl Tally {
    /// Room for numbers below `slots`.
    pub(crate) fn new(slots: u64) -> Arc<Self> {
        Arc::new(Self {
            arrived: (0..=slots / 64).map(|_| AtomicU64::new(0)).collect(),
            first: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            fault: Mutex::default(),
        })
    }
    /// Numbers that arrived, each counted once.
    pub(crate) fn first(&self) -> u64 {
        self.first.load(Ordering::Relaxed)
    }
    /// Arrivals beyond the first of each.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }
    /// The first thing that was wrong.
    pub(crate) fn fault(&self) -> Option<String> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.clone()
    }

    fn arrived(&self, base: u64, headers: &HeaderMap, body: &[u8]) {
        let id = headers.get("ce-id").and_then(|id| id.to_str().ok());
        let number = id.and_then(|id| id.parse::<u64>().ok());
        let whole = number.is_some_and(|n| data(n, body.len()) == body && !body.is_empty());
        let slot = number.unwrap_or_default() + base;
        match self.arrived.get((slot / 64) as usize).filter(|_| whole) {
            Some(word) => {
                let bit = 1 << (slot % 64);
                if word.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
                    self.first.fetch_add(1, Ordering::Relaxed);
                } else {
                    self.repeated.fetch_add(1, Ordering::Relaxed);
                }
            }
            None => {
                let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
                fault.get_or_insert_with(|| format!("{id:?} arrived altered, or was never sent"));
            }
        }
    }
}

/// An address on loopback at which nobody listens yet.
pub(crate) fn reserve() -> Result<SocketAddr, String> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|e| e.to_string())
}

/// Listens: `/take/<base>` counts, `/fail` answers 503. Aborting the task ends it.
pub(crate) async fn listen(
    address: SocketAddr,
    tally: Arc<Tally>,
) -> Result<JoinHandle<()>, String> {
    let router = Router::new()
        .route("/take/{base}", post(take))
        .route("/fail", post(fail))
        .with_state(tally);
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.map_err(|e| e.to_string())?;
    Ok(tokio::spawn(async move {
        axum::serve(listener, router).await.ok();
    }))
}

async fn take(
    State(tally): State<Arc<Tally>>,
    Path(base): Path<u64>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    tally.arrived(base, &headers, &body);
    StatusCode::NO_CONTENT
}

async fn fail() -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}
