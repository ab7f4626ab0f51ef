//! Clients that publish at a fixed rate, and how long their requests take.

use crate::load::connect;
use crate::oracle::Oracle;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Their key.
pub(super) const KEY: &str = "tw_good_fedcba9876543210fedcba9876543210fedcba9876543210";

const CLIENTS: u64 = 4;
/// Between two requests of one client.
const EVERY: Duration = Duration::from_millis(20);
/// Latencies in one window; the figure is the median of the windows' p99.
const WINDOW: usize = 200;

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    failed: AtomicU64,
    took: Mutex<Vec<Duration>>,
}

impl Shared {
    fn took(&self) -> MutexGuard<'_, Vec<Duration>> {
        self.took.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clients, until they are stopped.
pub(super) struct Good {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Good {
    pub(super) fn start(oracle: &Oracle, gateway: SocketAddr) -> Self {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        for client in 0..CLIENTS {
            let (shared, oracle) = (shared.clone(), oracle.clone());
            let mut rng = fastrand::Rng::with_seed(fastrand::u64(..));
            tasks.spawn(async move {
                let mut n = 0;
                let mut sender = None;
                // Late ticks are made up for, and the wait counts: no coordinated omission.
                let mut tick = tokio::time::interval(EVERY);
                while !shared.stop.load(Ordering::Relaxed) {
                    let due = tick.tick().await;
                    n += 1;
                    let id = format!("good-{client}-{n}");
                    let payload: Bytes = std::iter::repeat_with(|| rng.u8(..)).take(1024).collect();
                    oracle.sent(&id, "prove.good", &payload);
                    let published = publish(gateway, &mut sender, &id, payload).await;
                    shared.took().push(due.elapsed());
                    if published == Some(true) {
                        oracle.acknowledged(&id);
                    } else {
                        sender = None;
                        shared.failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        Self { shared, tasks }
    }

    /// Lets them go on for a while.
    pub(super) async fn publish_for(&self, period: Duration) {
        tokio::time::sleep_until(Instant::now() + period).await;
    }

    /// Forgets what was measured.
    pub(super) fn clear(&self) {
        self.shared.took().clear();
    }

    /// The median, over windows of some seconds, of the 99th percentile.
    pub(super) fn p99(&self) -> Duration {
        let took = self.shared.took().clone();
        let mut windows: Vec<Duration> = took
            .chunks(WINDOW)
            .filter(|window| window.len() == WINDOW || took.len() < WINDOW)
            .map(|window| {
                let mut window = window.to_vec();
                window.sort_unstable();
                window[(window.len() * 99 / 100).min(window.len() - 1)]
            })
            .collect();
        windows.sort_unstable();
        windows.get(windows.len() / 2).copied().unwrap_or_default()
    }

    /// Ends them; returns how many requests failed.
    pub(super) async fn stop(mut self) -> u64 {
        self.shared.stop.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
        self.shared.failed.load(Ordering::Relaxed)
    }
}

type Sender = hyper::client::conn::http1::SendRequest<Full<Bytes>>;

async fn publish(
    gateway: SocketAddr,
    sender: &mut Option<Sender>,
    id: &str,
    payload: Bytes,
) -> Option<bool> {
    if sender.is_none() {
        *sender = connect(gateway).await;
    }
    let request = Request::post("/api")
        .header("host", "localhost")
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/octet-stream")
        .header("ce-specversion", "1.0")
        .header("ce-id", id)
        .header("ce-source", "/prove")
        .header("ce-type", "prove.good")
        .body(Full::new(payload))
        .ok()?;
    let answer = sender.as_mut()?.send_request(request).await.ok()?;
    let taken = answer.status().is_success();
    #[allow(
        clippy::disallowed_methods,
        reason = "answers of the gateway under test are small"
    )]
    answer.into_body().collect().await.ok()?;
    Some(taken)
}
