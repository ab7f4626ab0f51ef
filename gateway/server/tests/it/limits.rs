//! Strangers who take their time, send too much, or come all at once; and an engine that cannot.

use crate::support::http::raw;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Parts, Refusal, Verified, Webhook};
use tradewind_engine::{Happening, Origin, PublishError, Receipt};
use tradewind_event::Event;
use tradewind_server::admin::Metrics;
use tradewind_server::ingress::{
    Door, Ingress, Limits, Listener, Publisher, Site, Unmatched, accept,
};
use tradewind_server::run::SystemClock;

#[derive(Debug)]
struct Anything;

impl Webhook for Anything {
    fn verify(&self, _: &Parts, _: &[u8], _: SystemTime) -> Result<Verified, Refusal> {
        Ok(Verified {
            principal: "anybody".into(),
            method: "test",
            dedupe_window: None,
        })
    }
    fn decode(&self, _: &Parts, body: Bytes, _: &Verified) -> Result<Vec<Event>, Refusal> {
        let event = Event::builder("1", "/s", "t")
            .data("text/plain", body)
            .build();
        Ok(vec![event.unwrap()])
    }
}

type Verdict = fn() -> PublishError;

/// Refuses as told; without a verdict it takes nothing until it is released.
struct Unable {
    verdict: Option<Verdict>,
    waiting: Notify,
    release: Notify,
    seen: AtomicUsize,
}

impl Unable {
    fn new(verdict: Option<Verdict>) -> Arc<Self> {
        Arc::new(Self {
            verdict,
            waiting: Notify::new(),
            release: Notify::new(),
            seen: AtomicUsize::new(0),
        })
    }
}

#[async_trait]
impl Publisher for Unable {
    async fn publish(
        &self,
        _: &str,
        _: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        self.seen.fetch_add(1, Ordering::Relaxed);
        if let Some(verdict) = self.verdict {
            return Err(verdict());
        }
        self.waiting.notify_one();
        self.release.notified().await;
        let receipt = Receipt {
            position: "0/1".into(),
            duplicate: false,
            matched: 1,
        };
        Ok(vec![receipt; events.len()])
    }
    fn report(&self, _: Happening) {}
}

struct Front {
    address: SocketAddr,
    refused: Arc<AtomicUsize>,
    stop: CancellationToken,
    done: tokio::task::JoinHandle<()>,
}

async fn front(publisher: Arc<dyn Publisher>, limits: Limits, body_timeout: Duration) -> Front {
    let door = Door {
        name: "any".into(),
        webhook: Arc::new(Anything),
        stream: "default".into(),
        unmatched: Unmatched::Accept,
        body_max: 4096,
        body_timeout,
        batch_max: 10,
    };
    let site = Site {
        doors: HashMap::from([("/any".to_owned(), door)]),
        limits: limits.clone(),
        ..Site::default()
    };
    let ingress = Arc::new(Ingress::new(
        publisher,
        Arc::new(SystemClock::default()),
        Arc::new(ArcSwap::from_pointee(site)),
        Arc::new(Metrics::default()),
        &limits,
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = service_fn(move |request: Request<Incoming>| {
        let ingress = ingress.clone();
        async move { Ok::<_, Infallible>(ingress.handle(request).await) }
    });
    let refused = Arc::new(AtomicUsize::new(0));
    let counter = refused.clone();
    let stop = CancellationToken::new();
    let done = tokio::spawn(accept(
        Listener::Tcp(listener),
        move || limits.clone(),
        service,
        stop.clone(),
        move || {
            counter.fetch_add(1, Ordering::Relaxed);
        },
    ));
    Front {
        address,
        refused,
        stop,
        done,
    }
}

fn post(body: &str) -> Vec<u8> {
    format!(
        "POST /any HTTP/1.1\r\nhost: g\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn what_the_engine_cannot_do_is_told_with_a_time_to_come_back() {
    let cases: [(Verdict, u16, &str, Option<&str>); 5] = [
        (
            || PublishError::Later {
                reason: "append queue is full".into(),
                after: Duration::from_millis(1500),
                full: false,
            },
            503,
            "overloaded",
            Some("2"),
        ),
        (
            || PublishError::Later {
                reason: "disk is full".into(),
                after: Duration::from_secs(30),
                full: true,
            },
            507,
            "disk-full",
            Some("30"),
        ),
        (
            || PublishError::Unavailable("store failed: sector 7".into()),
            503,
            "unavailable",
            Some("5"),
        ),
        (
            || PublishError::NoStream("gone".into()),
            503,
            "reloading",
            Some("1"),
        ),
        (
            || PublishError::Invalid(vec![(0, "attribute `id`: is empty".into())]),
            400,
            "invalid-event",
            None,
        ),
    ];
    for (verdict, status, code, after) in cases {
        let front = front(Unable::new(Some(verdict)), Limits::default(), LONG).await;
        let answer = raw(front.address, &post("x")).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(
            answer.json()["type"],
            format!("urn:tradewind:problem:{code}")
        );
        assert_eq!(answer.header("retry-after"), after);
        assert!(!answer.text().contains("sector 7"), "{}", answer.text());
    }
}

#[tokio::test]
async fn requests_and_bytes_beyond_the_limit_are_told_to_come_back() {
    for limits in [
        Limits {
            requests: 1,
            ..Limits::default()
        },
        Limits {
            body_bytes: 10,
            ..Limits::default()
        },
    ] {
        let engine = Unable::new(None);
        let front = front(engine.clone(), limits, LONG).await;
        let first = tokio::spawn(async move { raw(front.address, &post("12345678")).await });
        engine.waiting.notified().await;
        let second = raw(front.address, &post("12345678")).await;
        assert_eq!(second.status, 503);
        assert_eq!(second.header("retry-after"), Some("1"));
        engine.release.notify_one();
        assert_eq!(first.await.unwrap().status, 202);
        // What the first one held is free again.
        engine.release.notify_one();
        assert_eq!(raw(front.address, &post("12345678")).await.status, 202);
    }
}

#[tokio::test]
async fn heads_are_bounded_in_count_and_size() {
    let front = front(Unable::new(None), Limits::default(), LONG).await;
    let many = "a: b\r\n".repeat(150);
    let large = format!("a: {}\r\n", "x".repeat(80 << 10));
    for headers in [many, large] {
        let request = format!("POST /any HTTP/1.1\r\nhost: g\r\n{headers}\r\n");
        assert_eq!(raw(front.address, request.as_bytes()).await.status, 431);
    }
}

#[tokio::test]
async fn heads_are_bounded_in_http2_as_well() {
    let limits = Limits {
        header_fields: 20,
        header_bytes: 8 << 10,
        ..Limits::default()
    };
    let engine = Unable::new(Some(|| PublishError::NoStream("gone".into())));
    let front = front(engine.clone(), limits, LONG).await;
    let mut sender = http2(front.address).await;
    // The client adds one, content-length.
    for (fields, length, most) in [
        (19, 1, None),
        (20, 1, Some("at most 20 header fields")),
        (120, 1, Some("at most 20 header fields")),
        (1, 8 << 10, Some("at most 8192 bytes of header fields")),
        (1, 16 << 10, Some("at most 8192 bytes of header fields")),
    ] {
        let mut request = Request::post(format!("http://{}/any", front.address))
            .body(Full::default())
            .unwrap();
        for _ in 0..fields {
            let value = "x".repeat(length).parse().unwrap();
            request.headers_mut().append("a", value);
        }
        let response = sender.send_request(request).await.unwrap();
        let status = response.status();
        #[allow(clippy::disallowed_methods)] // from our own server
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        match most {
            None => assert_eq!(status, 503, "{body}"),
            Some(most) => assert_eq!(
                body,
                serde_json::json!({
                    "type": "urn:tradewind:problem:head-too-large",
                    "title": "the head of the request is larger than the gateway takes; nothing was stored",
                    "status": 431,
                    "detail": most,
                })
            ),
        }
    }
    assert_eq!(engine.seen.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn slow_heads_are_hung_up_on_and_slow_bodies_refused() {
    let engine = Unable::new(None);
    let limits = Limits {
        header_timeout: SHORT,
        ..Limits::default()
    };
    let front = front(engine.clone(), limits, SHORT).await;
    // Nothing at all, a part of what could be either protocol, a part of a head.
    for start in ["", "P", "POST /any HTTP/1.1\r\nhost: g\r\na: "] {
        let mut stream = TcpStream::connect(front.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        // Ends only because the other side hangs up.
        stream.read_to_end(&mut rest).await.ok();
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
            "{rest:?}"
        );
    }
    let answer = raw(
        front.address,
        b"POST /any HTTP/1.1\r\nhost: g\r\nconnection: close\r\ncontent-length: 10\r\n\r\nabc",
    )
    .await;
    assert_eq!(answer.status, 408);
    assert_eq!(answer.json()["type"], "urn:tradewind:problem:body-timeout");
    assert_eq!(engine.seen.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_counted() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let engine = Unable::new(None);
    let front = front(engine.clone(), limits, LONG).await;
    let first = tokio::spawn(async move { raw(front.address, &post("x")).await });
    engine.waiting.notified().await;
    let mut second = TcpStream::connect(front.address).await.unwrap();
    let mut nothing = Vec::new();
    second.read_to_end(&mut nothing).await.ok();
    assert!(nothing.is_empty());
    assert_eq!(front.refused.load(Ordering::Relaxed), 1);
    engine.release.notify_one();
    assert_eq!(first.await.unwrap().status, 202);
}

#[tokio::test]
async fn a_stop_lets_the_request_under_way_finish_and_takes_no_other() {
    let engine = Unable::new(None);
    let front = front(engine.clone(), Limits::default(), LONG).await;
    let address = front.address;
    let under_way = tokio::spawn(async move { raw(address, &post("x")).await });
    engine.waiting.notified().await;
    let idle = TcpStream::connect(address).await.unwrap();
    front.stop.cancel();
    crate::support::eventually("the listener closes", || async {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    engine.release.notify_one();
    assert_eq!(under_way.await.unwrap().status, 202);
    // The idle one does not hold it up.
    front.done.await.unwrap();
    drop(idle);
}

async fn http2(address: SocketAddr) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn http2_is_spoken_too() {
    let engine = Unable::new(Some(|| PublishError::NoStream("gone".into())));
    let front = front(engine, Limits::default(), LONG).await;
    let mut sender = http2(front.address).await;
    let request = Request::post(format!("http://{}/any", front.address))
        .body(Full::new(Bytes::from_static(b"x")))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 503);
    #[allow(clippy::disallowed_methods)] // from our own server
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(!body.is_empty());
}
