//! Connections are taken within their limits, each served by a task of its own.

use super::connection::serve;
use super::peers::Peers;
use super::socket::Socket;
use super::wire::Floods;
use super::{Budget, Limits, Tls};
use hyper::body::Incoming;
use hyper::service::Service;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where connections come from.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

impl Listener {
    async fn accept(&self) -> std::io::Result<(Socket, Option<IpAddr>)> {
        Ok(match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are small and awaited: waiting to fill a packet only delays them.
                stream.set_nodelay(true)?;
                (stream.into(), Some(peer.ip().to_canonical()))
            }
            Listener::Unix(listener) => (listener.accept().await?.0.into(), None),
        })
    }
}

/// What the connections of a listener share.
#[derive(Clone)]
pub(super) struct Shared {
    /// Bytes of unfinished heads.
    pub(super) heads: Budget,
    /// Connections that may speak HTTP/2.
    pub(super) multiplexed: Arc<Semaphore>,
    /// Is told of floods of frames.
    pub(super) floods: Floods,
    pub(super) end: End,
}

/// Tells the connections of a listener that it ends. They look at each of their turns, which takes no lock, and are
/// woken once.
#[derive(Clone, Default)]
pub(super) struct End {
    begun: Arc<AtomicBool>,
    /// Cancelled after that.
    pub(super) called: CancellationToken,
}

impl End {
    fn begin(&self) {
        self.begun.store(true, Ordering::Release);
        self.called.cancel();
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }
}

impl Shared {
    fn new(limits: &Limits, floods: Floods) -> Self {
        Self {
            heads: Budget::new(limits.head_memory),
            multiplexed: Arc::new(Semaphore::new(limits.http2_connections())),
            floods,
            end: End::default(),
        }
    }
}

/// Why a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// There were too many.
    TooMany,
    /// It sent frames of HTTP/2 that ask for work and bring nothing, too many in a short time.
    Flood,
}

/// Serves connections until `stop`; then ends idle ones, lets requests under way finish, returns.
///
/// `limits` and `tls` are asked for each connection; `service` makes what answers those of this address;
/// `closed` is told of each that is closed for what it does.
pub async fn accept<S, B>(
    listener: Listener,
    (limits, tls): (impl Fn() -> Limits + Send, impl Fn() -> Option<Tls> + Send),
    service: impl Fn(Option<IpAddr>) -> S + Send,
    stop: CancellationToken,
    closed: impl Fn(Closed) + Send + Sync + 'static,
) where
    S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let tasks = TaskTracker::new();
    let peers = Peers::default();
    let closed = Arc::new(closed);
    let told = Arc::clone(&closed);
    let shared = Shared::new(&limits(), Arc::new(move || told(Closed::Flood)));
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            stream = listener.accept() => stream,
        };
        let (stream, peer) = match stream {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or the peer was gone already: others may still come.
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let limits = limits();
        let trusted = |peer| limits.trusted_proxies.iter().any(|net| net.holds(peer));
        let most = match peer.is_some_and(trusted) {
            true => limits.connections,
            false => limits.connections_per_peer,
        };
        let place = match peers.place(peer, most) {
            Some(place) if tasks.len() < limits.connections => place,
            _ => {
                closed(Closed::TooMany);
                continue;
            }
        };
        let service = service(peer);
        let (shared, tls) = (shared.clone(), tls());
        tasks.spawn(async move {
            let _place = place;
            serve((stream, tls), &limits, shared, service).await;
        });
    }
    drop(listener);
    shared.end.begin();
    tasks.close();
    tasks.wait().await;
}
