//! Publishers: binary-mode CloudEvents of 1 KiB.

use crate::oracle::Oracle;
use crate::watch::Watch;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Bytes of a payload.
const PAYLOAD: usize = 1024;

/// Type and subject of the n-th event.
pub(crate) type Kind = Arc<dyn Fn(u64) -> (String, Option<String>) + Send + Sync>;

/// What is published, and how.
#[derive(Clone)]
pub(crate) struct Feed {
    pub(crate) gateway: SocketAddr,
    pub(crate) path: &'static str,
    /// Connections.
    pub(crate) publishers: u64,
    /// Events a second, at fixed times whatever the gateway does; `None`: each as soon as the one
    /// before is answered.
    pub(crate) rate: Option<f64>,
    pub(crate) kind: Kind,
}

/// Answers other than 2xx.
#[derive(Debug, Default, Clone)]
pub(crate) struct Refusals {
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Those of 429, 503 and 507 that do not say when to come again.
    pub(crate) without_retry_after: u64,
}

impl Refusals {
    pub(crate) fn total(&self) -> u64 {
        self.statuses.values().sum()
    }
}

struct Shared {
    feed: Feed,
    oracle: Oracle,
    watch: Watch,
    begun_us: u64,
    stop: AtomicBool,
    /// Numbers given out.
    next: AtomicU64,
    refusals: Mutex<Refusals>,
}

/// Publishers under way.
pub(crate) struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Load {
    /// Starts `publishers` as fast as they are acknowledged, cycling through `types`.
    pub(crate) fn start(
        oracle: &Oracle,
        gateway: SocketAddr,
        publishers: u64,
        types: &'static [&'static str],
    ) -> Self {
        let cycle = move |n| types[usize::try_from(n).unwrap_or_default() % types.len()].to_owned();
        let feed = Feed {
            gateway,
            path: "/events",
            publishers,
            rate: None,
            kind: Arc::new(move |n| (cycle(n), None)),
        };
        Self::feed(oracle, &Watch::default(), feed)
    }

    /// Starts a feed. Publishers reconnect for as long as they run.
    pub(crate) fn feed(oracle: &Oracle, watch: &Watch, feed: Feed) -> Self {
        let publishers = feed.publishers;
        let shared = Arc::new(Shared {
            feed,
            oracle: oracle.clone(),
            watch: watch.clone(),
            begun_us: watch.now_us(),
            stop: AtomicBool::default(),
            next: AtomicU64::default(),
            refusals: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for _ in 0..publishers {
            let shared = Arc::clone(&shared);
            let rng = fastrand::Rng::with_seed(fastrand::u64(..));
            tasks.spawn(async move { shared.publish(rng).await });
        }
        Self { shared, tasks }
    }

    /// What was refused so far.
    pub(crate) fn refused(&self) -> Refusals {
        self.shared.refusals().clone()
    }

    /// Lets every publisher finish its request; returns what was refused.
    pub(crate) async fn stop(mut self) -> Refusals {
        self.shared.stop.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
        self.shared.refusals().clone()
    }
}

impl Shared {
    fn refusals(&self) -> std::sync::MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self, status: u16, silent: bool) {
        let mut refusals = self.refusals();
        *refusals.statuses.entry(status).or_default() += 1;
        refusals.without_retry_after += u64::from(silent);
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Waits for the time of the next event; it stands, however late the event goes out.
    async fn next(&self) -> Option<(u64, u64)> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let due_us = match self.feed.rate {
            Some(rate) => self.begun_us + (n as f64 * 1e6 / rate) as u64,
            None => self.watch.now_us(),
        };
        self.watch.sleep_until(due_us).await;
        (!self.stopped()).then_some((n, due_us))
    }

    async fn publish(&self, mut rng: fastrand::Rng) {
        while !self.stopped() {
            let Some(mut sender) = connect(self.feed.gateway).await else {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            };
            loop {
                let Some((n, due_us)) = self.next().await else {
                    return;
                };
                if !self.one(&mut sender, n, due_us, &mut rng).await {
                    break;
                }
            }
        }
    }

    /// Publishes one; false when the connection is of no more use.
    async fn one(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
        n: u64,
        due_us: u64,
        rng: &mut fastrand::Rng,
    ) -> bool {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = format!("event-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let (ty, subject) = (self.feed.kind)(n);
        let mut payload = vec![0; PAYLOAD];
        rng.fill(&mut payload);
        self.oracle.sent(&id, &ty, &payload);
        let mut request = Request::post(self.feed.path)
            .header("host", "localhost")
            .header("content-type", "application/octet-stream")
            .header("ce-specversion", "1.0")
            .header("ce-id", &id)
            .header("ce-source", "/prove")
            .header("ce-type", &ty)
            .header("ce-due", due_us);
        if let Some(subject) = subject {
            request = request.header("ce-subject", subject);
        }
        let Ok(request) = request.body(Full::new(payload.into())) else {
            return false;
        };
        let Some(answer) = ask(sender, request).await else {
            return false;
        };
        let status = answer.status();
        if status.is_success() {
            self.oracle.acknowledged(&id);
            return true;
        }
        let silent = matches!(status.as_u16(), 429 | 503 | 507)
            && !answer.headers().contains_key("retry-after");
        self.refused(status.as_u16(), silent);
        tokio::time::sleep(Duration::from_millis(2)).await;
        true
    }
}

/// One request and its whole answer.
pub(crate) async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Option<Response<Bytes>> {
    sender.ready().await.ok()?;
    let (parts, body) = sender.send_request(request).await.ok()?.into_parts();
    let body = whole(body).await?;
    Some(Response::from_parts(parts, body))
}

/// The whole body of an answer.
#[allow(
    clippy::disallowed_methods,
    reason = "answers of the gateway under test are small"
)]
pub(crate) async fn whole(body: Incoming) -> Option<Bytes> {
    Some(body.collect().await.ok()?.to_bytes())
}

/// A connection to publish by.
pub(crate) async fn connect(gateway: SocketAddr) -> Option<SendRequest<Full<Bytes>>> {
    let stream = tokio::net::TcpStream::connect(gateway).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .ok()?;
    tokio::spawn(connection);
    Some(sender)
}
