//! A server that behaves as a test tells it to.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, Outcome, Report, Sink};
use tradewind_event::Event;
use tradewind_http::{HttpSink, SinkConfig};

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// What a server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Answers.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Answers with a head, then never ends the body.
    Endless,
    /// Answers with a head, then says nothing more.
    Stall(Vec<(&'static str, String)>),
    /// Takes the request and never answers.
    Hang,
}

pub(crate) fn answer(status: u16) -> Act {
    Act::Answer(status, Vec::new(), Vec::new())
}

#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .unwrap_or_else(|| panic!("no {name}"))
            .to_str()
            .unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    pub(crate) connections: Arc<AtomicUsize>,
    _stop: Arc<Stop>,
}

struct Stop(CancellationToken);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Server {
    pub(crate) async fn start(act: Act) -> Self {
        Self::with(act, None).await
    }

    pub(crate) async fn with(act: Act, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stop = CancellationToken::new();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            connections: Arc::default(),
            _stop: Arc::new(Stop(stop.clone())),
        };
        let (seen, connections) = (Arc::clone(&server.seen), Arc::clone(&server.connections));
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let (act, seen, tls) = (act.clone(), Arc::clone(&seen), tls.clone());
                let serve = async move {
                    let service =
                        service_fn(move |request| respond(request, act.clone(), Arc::clone(&seen)));
                    let http = auto::Builder::new(TokioExecutor::new());
                    match tls {
                        None => {
                            let io = TokioIo::new(stream);
                            http.serve_connection(io, service).await.ok();
                        }
                        // A client that mistrusts us hangs up here.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                let io = TokioIo::new(stream);
                                http.serve_connection(io, service).await.ok();
                            }
                        }
                    }
                };
                tokio::spawn(stop.clone().run_until_cancelled_owned(serve));
            }
        }));
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A listener that nobody may connect to. The kernel keeps a connection waiting, so that none goes
/// unnoticed.
pub(crate) struct Trap(std::net::TcpListener);

impl Trap {
    pub(crate) fn new(address: &str) -> Self {
        Self::at(address).unwrap()
    }

    pub(crate) fn at(address: &str) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) fn assert_untouched(&self) {
        let error = self.0.accept().err();
        let error = error.unwrap_or_else(|| panic!("the trap was reached"));
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    }
}

async fn respond(
    request: Request<Incoming>,
    act: Act,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return std::future::pending().await;
    };
    seen.lock().unwrap().push(Seen {
        method: parts.method,
        uri: parts.uri,
        version: parts.version,
        headers: parts.headers,
        body: body.to_bytes(),
    });
    let head = |status, headers: Vec<(&'static str, String)>, body| {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            response.headers_mut().append(name, value.parse().unwrap());
        }
        response
    };
    Ok(match act {
        Act::Answer(status, headers, body) => {
            head(status, headers, Full::new(Bytes::from(body)).boxed())
        }
        Act::Endless => {
            let chunk = Bytes::from(vec![b'x'; 16 << 10]);
            let forever = futures_util::stream::repeat_with(move || Ok(Frame::data(chunk.clone())));
            head(200, Vec::new(), BoxBody::new(StreamBody::new(forever)))
        }
        Act::Stall(headers) => {
            let never = futures_util::stream::pending();
            head(200, headers, BoxBody::new(StreamBody::new(never)))
        }
        Act::Hang => std::future::pending().await,
    })
}

/// A sink from its settings, with the loopback network allowed.
pub(crate) fn sink(url: &str, mut settings: Value) -> HttpSink {
    settings["url"] = json!(url);
    settings["allow-private"] = json!(["127.0.0.0/8"]);
    HttpSink::new(&config(settings)).unwrap()
}

pub(crate) fn config(settings: Value) -> SinkConfig {
    serde_json::from_value(settings).unwrap()
}

pub(crate) fn event(id: &str) -> Event {
    Event::builder(id, "/test", "com.example.test")
        .data("application/json", format!("{{ \"id\": \"{id}\" }}"))
        .build()
        .unwrap()
}

pub(crate) fn delivery(event: Event) -> Delivery {
    Delivery {
        id: format!("default-0-7-{}", event.id()).into(),
        event,
        subscription: "test".into(),
        stream: "default".into(),
        position: "0/7".into(),
        attempt: 1,
        timeout: Duration::from_secs(30),
        replay: None,
        trace: None,
    }
}

pub(crate) async fn deliver(sink: &dyn Sink, batch: Vec<Delivery>) -> Vec<(usize, Outcome)> {
    let (report, mut outcomes) = Report::channel();
    sink.deliver(batch, report, CancellationToken::new()).await;
    let mut all = Vec::new();
    while let Some(outcome) = outcomes.try_recv() {
        all.push(outcome);
    }
    all
}

pub(crate) async fn one(sink: &dyn Sink, delivery: Delivery) -> Outcome {
    let mut all = deliver(sink, vec![delivery]).await;
    assert_eq!(all.len(), 1);
    all.remove(0).1
}

/// Code and detail of a failed attempt.
pub(crate) fn why(outcome: &Outcome) -> (String, String) {
    match outcome {
        Outcome::Retry { reason, .. } | Outcome::Reject { reason, .. } => {
            (reason.code.clone(), reason.detail.clone())
        }
        other => panic!("no failure: {other:?}"),
    }
}

pub(crate) fn accepted(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
}
