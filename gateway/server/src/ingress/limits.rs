//! Connections within limits: how many, how long, how large a head.

use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What strangers may use up before anything is known about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at once (default 4096); more are closed at once.
    pub connections: usize,
    /// Most requests under way at once (default 1024); more are answered 503.
    pub requests: usize,
    /// Most header fields of a request (default 100); more are answered 431.
    pub header_fields: usize,
    /// Most bytes of a request's head (default 64 KiB); more are answered 431.
    pub header_bytes: usize,
    /// Longest time that a request's head may take, and a connection may idle (default 10 s).
    pub header_timeout: Duration,
    /// Most bytes of request bodies held at once (default 256 MiB); beyond it, 503.
    pub body_bytes: usize,
    /// Most streams of one HTTP/2 connection (default 256).
    pub http2_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            requests: 1024,
            header_fields: 100,
            header_bytes: 64 << 10,
            header_timeout: Duration::from_secs(10),
            body_bytes: 256 << 20,
            http2_streams: 256,
        }
    }
}

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
    async fn accept(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are small and awaited: waiting to fill a packet only delays them.
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Listener::Unix(listener) => Box::new(listener.accept().await?.0),
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
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let tasks = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            stream = listener.accept() => stream,
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                // Out of descriptors, or the peer was gone already: others may still come.
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let limits = limits();
        if tasks.len() >= limits.connections {
            refused();
            continue;
        }
        let (service, stop) = (service.clone(), stop.clone());
        tasks.spawn(async move {
            let seen = Arc::new(AtomicBool::new(false));
            let noted = seen.clone();
            let service = service_fn(move |request| {
                noted.store(true, Ordering::Relaxed);
                service.call(request)
            });
            serve(stream, &limits, service, &seen, stop).await;
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// The largest head that HTTP/2 hands over: above the limit, and 32 bytes more for each field as
/// RFC 9113 section 6.5.2 counts. Beyond it the stream is reset, which clients may take as leave to
/// try again; what is handed over is answered.
fn http2_head(limits: &Limits) -> u32 {
    let fields = limits.header_fields.saturating_mul(32);
    let size = limits
        .header_bytes
        .saturating_add(fields)
        .saturating_add(16 << 10);
    u32::try_from(size).unwrap_or(u32::MAX)
}

async fn serve<S, B>(
    stream: Box<dyn Stream>,
    limits: &Limits,
    service: S,
    seen: &AtomicBool,
    stop: CancellationToken,
) where
    S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(limits.header_fields)
        .max_buf_size(limits.header_bytes.max(8 << 10));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(http2_head(limits))
        .initial_stream_window_size(256 << 10)
        .initial_connection_window_size(1 << 20)
        .keep_alive_interval(limits.header_timeout)
        .keep_alive_timeout(limits.header_timeout);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // Which protocol it is to be is read without a timeout of its own.
    let mut first = pin!(tokio::time::sleep(limits.header_timeout));
    let mut stopping = false;
    let mut waiting = true;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            () = first.as_mut(), if waiting => {
                if !seen.load(Ordering::Relaxed) {
                    return;
                }
                waiting = false;
            }
            () = stop.cancelled(), if !stopping => {
                connection.as_mut().graceful_shutdown();
                stopping = true;
            }
        }
    }
}
