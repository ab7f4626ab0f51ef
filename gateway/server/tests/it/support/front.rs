//! Ingress alone, before an engine that does as it is told.

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Parts, Refusal, Verified, Webhook};
use tradewind_engine::{Exceeded, Happening, Origin, PublishError, Receipt};
use tradewind_event::Event;
use tradewind_policy::{self as policy, Policies, Principal};
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
            secret: None,
            key: None,
            scopes: None,
        })
    }
    fn decode(&self, _: &Parts, body: Bytes, _: &Verified) -> Result<Vec<Event>, Refusal> {
        let event = Event::builder("1", "/s", "t")
            .data("text/plain", body)
            .build();
        Ok(vec![event.unwrap()])
    }
}

pub(crate) type Verdict = fn() -> PublishError;

/// Refuses as told; without a verdict it takes nothing until it is released.
pub(crate) struct Unable {
    verdict: Option<Verdict>,
    pub(crate) waiting: Notify,
    pub(crate) release: Notify,
    pub(crate) seen: AtomicUsize,
}

impl Unable {
    pub(crate) fn new(verdict: Option<Verdict>) -> Arc<Self> {
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
            due_ms: None,
        };
        Ok(vec![receipt; events.len()])
    }
    fn room(&self, _: &str) -> Result<(), Exceeded> {
        Ok(())
    }
    fn decide(
        &self,
        who: &Principal,
        action: policy::Action,
        resource: policy::Resource<'_>,
    ) -> policy::Decision {
        Policies::off().decide(who, action, resource, policy::Facts::default())
    }
    fn count_denied(&self, _: policy::Action, _: &policy::Decision) {}
    fn listened(&self) -> bool {
        false
    }
    fn report(&self, _: Happening) {}
}

pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    pub(crate) refused: Arc<AtomicUsize>,
    pub(crate) stop: CancellationToken,
    pub(crate) done: tokio::task::JoinHandle<()>,
}

pub(crate) fn door() -> Door {
    Door {
        name: "any".into(),
        webhook: Arc::new(Anything),
        stream: "default".into(),
        unmatched: Unmatched::Accept,
        body_max: 4096,
        body_timeout: LONG,
        batch_max: 10,
        meter: OnceLock::new(),
        sender: Default::default(),
        may_claim: Default::default(),
        rate: None,
    }
}

/// One door that anybody may enter.
pub(crate) fn site(door: Door, limits: Limits) -> Site {
    Site {
        doors: HashMap::from([("/any".to_owned(), door)]),
        limits,
        ..Site::default()
    }
}

pub(crate) async fn front(
    publisher: Arc<dyn Publisher>,
    limits: Limits,
    body_timeout: Duration,
) -> Front {
    let door = Door {
        body_timeout,
        ..door()
    };
    open(publisher, site(door, limits)).await
}

pub(crate) async fn open(publisher: Arc<dyn Publisher>, site: Site) -> Front {
    let limits = site.limits.clone();
    let ingress = Arc::new(Ingress::new(
        publisher,
        Arc::new(SystemClock::default()),
        Arc::new(ArcSwap::from_pointee(site)),
        Arc::new(Metrics::default()),
        &limits,
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = move |peer| {
        let ingress = ingress.clone();
        service_fn(move |request: Request<Incoming>| {
            let ingress = ingress.clone();
            async move { Ok::<_, Infallible>(ingress.handle(peer, request).await) }
        })
    };
    let refused = Arc::new(AtomicUsize::new(0));
    let counter = refused.clone();
    let stop = CancellationToken::new();
    let done = tokio::spawn(accept(
        Listener::Tcp(listener),
        (move || limits.clone(), || None),
        service,
        stop.clone(),
        move |_| {
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

pub(crate) fn post(body: &str) -> Vec<u8> {
    format!(
        "POST /any HTTP/1.1\r\nhost: g\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(crate) const LONG: Duration = Duration::from_secs(60);
pub(crate) const SHORT: Duration = Duration::from_millis(100);

pub(crate) async fn http2(
    address: SocketAddr,
) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
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
