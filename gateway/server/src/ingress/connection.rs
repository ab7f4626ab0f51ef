//! One connection, from its first byte to its end.

use super::activity::{Activity, UnderWay, Verdict};
use super::wire::Wire;
use super::{Additional, Budget, Limits, Stream};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a connection whose time is up may take to say so.
const FAREWELL: Duration = Duration::from_secs(1);

/// Answers up to this size are as good as sent once they are made.
const BUFFERED: u64 = 64 << 10;

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

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        // `Activity` watches over heads.
        .header_read_timeout(None)
        .half_close(limits.half_closed)
        .max_headers(limits.header_fields)
        .max_buf_size(limits.header_bytes.max(8 << 10));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(http2_head(limits))
        // What a connection may send that nobody has read yet.
        .initial_stream_window_size(128 << 10)
        .initial_connection_window_size(512 << 10)
        .max_send_buf_size(64 << 10)
        .keep_alive_interval(limits.header_timeout)
        .keep_alive_timeout(limits.header_timeout);
    builder
}

pub(super) async fn serve<S, B>(
    stream: Box<dyn Stream>,
    limits: &Limits,
    heads: Budget,
    service: S,
    stop: CancellationToken,
) where
    S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let activity = Activity::new();
    let noted = activity.clone();
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        let (under_way, additional) = noted.begin(request.version());
        if additional {
            request.extensions_mut().insert(Additional);
        }
        let answer = service.call(request);
        async move {
            let answer = answer.await?;
            Ok::<_, Infallible>(answer.map(|body| {
                Answer {
                    // One that does not fit into the buffers is a request under way until it ends.
                    _under_way: body
                        .size_hint()
                        .exact()
                        .is_none_or(|size| size > BUFFERED)
                        .then_some(under_way),
                    body,
                }
            }))
        }
    });
    let io = TokioIo::new(Wire::new(stream, activity.clone(), heads));
    let builder = builder(limits);
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut look = pin!(tokio::time::sleep(limits.header_timeout));
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            () = look.as_mut() => match activity.verdict(limits, stopping) {
                Verdict::Wait(until) => look.as_mut().reset(until),
                Verdict::End if stopping => return,
                Verdict::End => {
                    connection.as_mut().graceful_shutdown();
                    stopping = true;
                    look.as_mut().reset(Instant::now() + FAREWELL);
                }
            },
            () = stop.cancelled(), if !stopping => {
                connection.as_mut().graceful_shutdown();
                stopping = true;
                look.as_mut().reset(Instant::now() + FAREWELL);
            }
        }
    }
}

/// The body of an answer.
struct Answer<B> {
    body: B,
    _under_way: Option<UnderWay>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
