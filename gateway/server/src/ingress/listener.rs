//! Connections are taken within their limits, each served by a task of its own.

use super::connection::serve;
use super::peers::Peers;
use super::{Budget, Limits};
use hyper::body::Incoming;
use hyper::service::Service;
use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
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

/// A connection of either kind.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Listener {
    async fn accept(&self) -> std::io::Result<(Box<dyn Stream>, Option<IpAddr>)> {
        Ok(match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are small and awaited: waiting to fill a packet only delays them.
                stream.set_nodelay(true)?;
                (Box::new(stream), Some(peer.ip()))
            }
            Listener::Unix(listener) => (Box::new(listener.accept().await?.0), None),
        })
    }
}

/// Serves connections until `stop`; then ends idle ones, lets requests under way finish, returns.
///
/// `limits` is asked for each connection; `refused` is told of each above the limit.
pub async fn accept<S, B>(
    listener: Listener,
    limits: impl Fn() -> Limits + Send,
    service: S,
    stop: CancellationToken,
    refused: impl Fn() + Send,
) where
    S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let tasks = TaskTracker::new();
    let peers = Peers::default();
    let heads = Budget::new(limits().head_memory);
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
        let place = match peers.place(peer, limits.connections_per_peer) {
            Some(place) if tasks.len() < limits.connections => place,
            _ => {
                refused();
                continue;
            }
        };
        let (service, stop) = (service.clone(), stop.clone());
        let heads = heads.clone();
        tasks.spawn(async move {
            let _place = place;
            serve(stream, &limits, heads, service, stop).await;
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}
