//! Publishers: binary-mode CloudEvents of 1 KiB, as fast as they are acknowledged.

use crate::oracle::Oracle;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Publishers under way.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answers: Arc<Mutex<Answers>>,
    tasks: JoinSet<()>,
}

/// How often each status was answered, with and without a `Retry-After`.
pub(crate) type Answers = BTreeMap<(u16, bool), u64>;

impl Load {
    /// Starts `publishers`, each cycling through `types`. They reconnect for as long as they run.
    pub(crate) fn start(
        oracle: &Oracle,
        gateway: SocketAddr,
        publishers: u64,
        types: &'static [&'static str],
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let stop = Arc::new(AtomicBool::new(false));
        let answers = Arc::new(Mutex::new(Answers::new()));
        let mut tasks = JoinSet::new();
        for _ in 0..publishers {
            let (oracle, stop, answers) = (oracle.clone(), stop.clone(), answers.clone());
            let mut rng = fastrand::Rng::with_seed(fastrand::u64(..));
            tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let Some(mut sender) = connect(gateway).await else {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        continue;
                    };
                    while !stop.load(Ordering::Relaxed) {
                        let n = NEXT.fetch_add(1, Ordering::Relaxed);
                        let id = format!("event-{n}");
                        let ty = types[usize::try_from(n).unwrap_or_default() % types.len()];
                        let payload: Bytes =
                            std::iter::repeat_with(|| rng.u8(..)).take(1024).collect();
                        oracle.sent(&id, ty, &payload);
                        let Ok(request) = Request::post("/events")
                            .header("host", "localhost")
                            .header("content-type", "application/octet-stream")
                            .header("ce-specversion", "1.0")
                            .header("ce-id", &id)
                            .header("ce-source", "/prove")
                            .header("ce-type", ty)
                            .body(Full::new(payload))
                        else {
                            return;
                        };
                        let Ok(answer) = sender.send_request(request).await else {
                            break;
                        };
                        let status = answer.status();
                        let told = answer.headers().contains_key("retry-after");
                        #[allow(
                            clippy::disallowed_methods,
                            reason = "answers of the gateway under test are small"
                        )]
                        if answer.into_body().collect().await.is_err() {
                            break;
                        }
                        *lock(&answers).entry((status.as_u16(), told)).or_default() += 1;
                        if status.is_success() {
                            oracle.acknowledged(&id, ty);
                        } else {
                            tokio::time::sleep(Duration::from_millis(2)).await;
                        }
                    }
                }
            });
        }
        Self {
            stop,
            answers,
            tasks,
        }
    }

    /// What was answered so far.
    pub(crate) fn answers(&self) -> Answers {
        lock(&self.answers).clone()
    }

    /// How many requests were refused so far.
    pub(crate) fn refused(&self) -> u64 {
        let answers = self.answers();
        let refused = answers.iter().filter(|((status, _), _)| *status >= 300);
        refused.map(|(_, count)| count).sum()
    }

    /// Lets every publisher finish its request; returns how many requests were refused.
    pub(crate) async fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
        self.refused()
    }
}

fn lock(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn connect(
    gateway: SocketAddr,
) -> Option<hyper::client::conn::http1::SendRequest<Full<Bytes>>> {
    let stream = tokio::net::TcpStream::connect(gateway).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .ok()?;
    tokio::spawn(connection);
    Some(sender)
}
