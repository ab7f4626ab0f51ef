//! One connection, from its first byte to its end.

use super::activity::{Activity, Seen, UnderWay, Verdict};
use super::listener::{End, Shared};
use super::socket::Socket;
use super::start::{self, Protocol};
use super::tls::Stream;
use super::wire::Wire;
use super::{Additional, Encrypted, Limits, Tls};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a connection whose time is up may take to say so.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a stream and a connection of HTTP/2 may send that nobody has read yet.
pub(super) const STREAM_WINDOW: u32 = 128 << 10;
pub(super) const CONNECTION_WINDOW: u32 = 512 << 10;
/// What waits to be sent on a stream.
pub(super) const SEND_BUFFER: usize = 64 << 10;

/// Answers up to this size are as good as sent once they are made.
const BUFFERED: u64 = 64 << 10;

/// Fields of a head that hyper takes unless it is told otherwise.
const HYPER_HEADERS: usize = 100;

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

fn one(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // `Activity` watches over heads.
        .header_read_timeout(None)
        .half_close(limits.half_closed)
        .max_buf_size(limits.header_bytes.max(8 << 10));
    // For a number that it was told it makes room anew with each head.
    if limits.header_fields != HYPER_HEADERS {
        builder.max_headers(limits.header_fields);
    }
    builder
}

fn two(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(http2_head(limits))
        .max_pending_accept_reset_streams(limits.http2_resets)
        .max_local_error_reset_streams(limits.http2_mistakes)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(limits.header_timeout)
        .keep_alive_timeout(limits.header_timeout);
    builder
}

/// A connection of either protocol, while it is served.
trait Served: Future<Output = hyper::Result<()>> {
    /// Ends it once its requests are answered.
    fn end(self: Pin<&mut Self>);
}

impl<S, B> Served for http1::Connection<TokioIo<Wire<Stream>>, S>
where
    S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, B> Served for http2::Connection<TokioIo<Wire<Stream>>, S, TokioExecutor>
where
    S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

pub(super) async fn serve<S, B>(
    (socket, tls): (Socket, Option<Tls>),
    limits: &Limits,
    shared: Shared,
    service: S,
) where
    S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>
        + Send
        + Sync,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (activity, end) = (Activity::new(), shared.end.clone());
    let first = timeout(limits.header_timeout, async {
        let (stream, peer) = match &tls {
            None => (Stream::Plain(socket.clone()), None),
            Some(tls) => match tls.accept(socket.clone()).await {
                Ok(shaken) => shaken,
                Err(error) => {
                    tracing::debug!(%error, "a handshake of TLS failed");
                    return None;
                }
            },
        };
        let mut wire = Wire::new(stream, activity.clone(), shared.heads);
        wire.speaks(match &tls {
            None => "the listener speaks plain HTTP/1.1 and HTTP/2, without TLS",
            Some(_) => "the listener speaks HTTP/1.1 and HTTP/2 within TLS",
        });
        let (protocol, start) = start::head(&mut wire, limits.header_bytes).await?;
        if protocol == Protocol::Two {
            wire.look_at_frames(shared.floods);
        }
        wire.put_back(start);
        Some((wire, protocol, peer))
    });
    let (wire, protocol, peer) = tokio::select! {
        head = first => match head {
            Ok(Some(head)) => head,
            Ok(None) | Err(_) => return,
        },
        () = end.called.cancelled() => return,
    };
    let (noted, encrypted) = (activity.clone(), tls.is_some());
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        let (under_way, additional) = noted.begin(request.version());
        if additional {
            request.extensions_mut().insert(Additional);
        }
        if encrypted {
            request.extensions_mut().insert(Encrypted);
        }
        if let Some(peer) = &peer {
            request.extensions_mut().insert(peer.clone());
        }
        // Apart, so that a connection without a request has no room for one.
        let answer = Box::pin(service.call(request));
        async move {
            let answer = answer.await?;
            under_way.answered();
            Ok::<_, Infallible>(answer.map(|body| {
                Answer {
                    // One that does not fit into the buffers is a request under way until it ends.
                    under_way: body
                        .size_hint()
                        .exact()
                        .is_none_or(|size| size > BUFFERED)
                        .then_some(under_way),
                    body,
                }
            }))
        }
    });
    let io = TokioIo::new(wire);
    // Apart, so that those of whom no head has come yet have no room for it.
    match protocol {
        Protocol::One => {
            let served = one(limits).serve_connection(io, service);
            Box::pin(watched(served, socket, activity, limits, end)).await;
        }
        Protocol::Two => {
            let Ok(_place) = shared.multiplexed.try_acquire() else {
                tracing::debug!("a connection above the limit of HTTP/2 was closed");
                return;
            };
            let served = two(limits).serve_connection(io, service);
            Box::pin(watched(served, socket, activity, limits, end)).await;
        }
    }
}

/// What happens next on a connection.
enum Turn {
    Ended(hyper::Result<()>),
    Look,
    Stop,
}

/// Serves a connection to its end, and sees to it that there is one.
async fn watched(
    served: impl Served,
    socket: Socket,
    activity: Arc<Activity>,
    limits: &Limits,
    end: End,
) {
    let mut served = pin!(served);
    let mut look = pin!(tokio::time::sleep(limits.header_timeout));
    // Whether that is too late for a request under way.
    let mut late = true;
    let mut called = pin!(end.called.cancelled());
    let (mut listens, mut stopping) = (false, false);
    let mut seen = Seen::default();
    loop {
        let turn = poll_fn(|cx| {
            if let Poll::Ready(ended) = served.as_mut().poll(cx) {
                return Poll::Ready(Turn::Ended(ended));
            }
            // One task polls this from its first turn to its last, so that it has to be told only once whom to wake.
            let called = match std::mem::replace(&mut listens, true) {
                true => end.has_begun(),
                false => called.as_mut().poll(cx).is_ready(),
            };
            if called && !stopping {
                return Poll::Ready(Turn::Stop);
            }
            if late && let Some(soon) = activity.glance() {
                late = false;
                look.as_mut().reset(soon);
            }
            look.as_mut().poll(cx).map(|()| Turn::Look)
        });
        match turn.await {
            Turn::Ended(ended) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            Turn::Look => match activity.verdict(limits, stopping, || socket.peer(), &mut seen) {
                Verdict::Wait(until) => {
                    late = until > Instant::now() + FAREWELL;
                    look.as_mut().reset(until);
                    continue;
                }
                Verdict::Leave => return,
                Verdict::End if stopping => return,
                Verdict::End => {}
            },
            Turn::Stop => {}
        }
        served.as_mut().end();
        stopping = true;
        look.as_mut().reset(Instant::now() + FAREWELL);
    }
}

/// The body of an answer.
struct Answer<B> {
    body: B,
    under_way: Option<UnderWay>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Answer { body, under_way } = &mut *self;
        if let Some(under_way) = under_way {
            under_way.asked_for_more();
        }
        let frame = Pin::new(body).poll_frame(cx);
        if let (Some(under_way), Poll::Ready(Some(Ok(_)))) = (under_way, &frame) {
            under_way.handed_over();
        }
        frame
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
