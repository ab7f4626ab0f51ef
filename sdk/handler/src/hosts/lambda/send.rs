//! What is posted to the Runtime API: whole, or piece by piece with its end told in trailers.

use super::answer::Streaming;
use super::api::{BROKEN, ERROR_BODY, ERROR_TYPE, error};
use crate::response::Chunks;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Sleep, sleep_until};

pub(super) enum Sent {
    Whole(Full<Bytes>),
    Stream(Box<Pieces>),
}

/// A stream always ends well for HTTP. Lambda is told by trailers where it did not.
pub(super) struct Pieces {
    first: Option<Bytes>,
    chunks: Option<Chunks>,
    late: Pin<Box<Sleep>>,
}

impl Sent {
    pub(super) fn stream(streaming: Streaming) -> Self {
        Sent::Stream(Box::new(Pieces {
            first: Some(streaming.first),
            chunks: Some(streaming.body.chunks()),
            late: Box::pin(sleep_until(streaming.deadline)),
        }))
    }
}

impl Pieces {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Frame::data(first)));
        }
        let Some(chunks) = &mut self.chunks else {
            return Poll::Ready(None);
        };
        let failed = if self.late.as_mut().poll(cx).is_ready() {
            (
                "Function.TimedOut",
                "the stream was not done in time".to_owned(),
            )
        } else {
            match catch_unwind(AssertUnwindSafe(|| chunks.as_mut().poll_next(cx))) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(Some(Ok(piece)))) => {
                    return Poll::Ready(Some(Frame::data(piece)));
                }
                Ok(Poll::Ready(None)) => return Poll::Ready(None),
                // What went wrong is for the log: a trailer goes to the caller.
                Ok(Poll::Ready(Some(Err(error)))) => {
                    crate::log::warn("stream", "response", format_args!("cut off: {error}"));
                    (BROKEN, "the stream broke off".to_owned())
                }
                Err(_) => ("Function.Panicked", "the stream panicked".to_owned()),
            }
        };
        self.chunks = None;
        let (kind, message) = failed;
        let mut trailers = HeaderMap::new();
        trailers.insert(ERROR_TYPE, HeaderValue::from_static(kind));
        let document = STANDARD.encode(error(kind, &message));
        if let Ok(document) = HeaderValue::try_from(document) {
            trailers.insert(ERROR_BODY, document);
        }
        Poll::Ready(Some(Frame::trailers(trailers)))
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Sent::Whole(body) => Pin::new(body).poll_frame(cx),
            Sent::Stream(pieces) => pieces.poll(cx).map(|frame| frame.map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Sent::Whole(body) => body.is_end_stream(),
            Sent::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Sent::Whole(body) => body.size_hint(),
            Sent::Stream(_) => SizeHint::default(),
        }
    }
}
