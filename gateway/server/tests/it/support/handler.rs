//! A real HTTP server on loopback that stands in for a function.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Delivered {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) struct Handler {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<VecDeque<u16>>>,
    reply: Arc<Mutex<Option<String>>>,
    delivered: mpsc::UnboundedReceiver<Delivered>,
}

impl Handler {
    /// Answers with these statuses first, then with 204.
    pub(crate) async fn start(script: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(
            script.iter().copied().collect::<VecDeque<u16>>(),
        ));
        let (sender, delivered) = mpsc::unbounded_channel();
        let statuses = script.clone();
        let reply = Arc::<Mutex<Option<String>>>::default();
        let replies = reply.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (statuses, sender) = (statuses.clone(), sender.clone());
                let replies = replies.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let (statuses, sender) = (statuses.clone(), sender.clone());
                    let reply = replies.lock().unwrap().clone();
                    async move {
                        let answer = answer(request, &statuses, &sender).await;
                        Ok::<_, Infallible>(replying(answer, reply))
                    }
                });
                tokio::spawn(async move {
                    Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
        });
        Self {
            address,
            script,
            reply,
            delivered,
        }
    }

    /// Answers with these statuses from now on, then with 204.
    pub(crate) fn script(&self, statuses: &[u16]) {
        *self.script.lock().unwrap() = statuses.iter().copied().collect();
    }

    /// From now on it answers with this event, in JSON, where it takes what it gets.
    pub(crate) fn replies(&self, event: String) {
        *self.reply.lock().unwrap() = Some(event);
    }

    /// The next request that comes.
    pub(crate) async fn next(&mut self) -> Delivered {
        tokio::time::timeout(std::time::Duration::from_secs(60), self.delivered.recv())
            .await
            .expect("nothing was delivered")
            .unwrap()
    }

    /// A subscription's sink that delivers here.
    pub(crate) fn sink(&self) -> String {
        format!(
            "{{ kind: http, url: \"http://{}/\", allow-private: [127.0.0.0/8] }}",
            self.address
        )
    }
}

fn replying(mut answer: Response<Full<Bytes>>, reply: Option<String>) -> Response<Full<Bytes>> {
    if let Some(event) = reply.filter(|_| answer.status().is_success()) {
        *answer.status_mut() = StatusCode::OK;
        let ty = "application/cloudevents+json".parse().unwrap();
        answer.headers_mut().insert("content-type", ty);
        *answer.body_mut() = Full::from(event);
    }
    answer
}

async fn answer(
    request: Request<Incoming>,
    script: &Mutex<VecDeque<u16>>,
    sender: &mpsc::UnboundedSender<Delivered>,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    #[allow(clippy::disallowed_methods)] // limited
    let body = Limited::new(body, 1 << 20).collect().await.unwrap();
    let status = script.lock().unwrap().pop_front().unwrap_or(204);
    sender
        .send(Delivered {
            headers: parts.headers,
            body: body.to_bytes(),
        })
        .ok();
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}
