//! Answering a request with a response.

use crate::describe::Replies;
use crate::{Context, Event, IntoOutcome, Outcome};
use bytes::Bytes;
use futures_core::Stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Waker, Poll};

/// Why a stream broke off. For the log: who reads the answer only learns that it is not whole.
pub(crate) type Broken = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Broken>> + Send>>;

/// The answer to a request, status and headers and all; for handlers that take an
/// [`Request`](crate::Request) or are called by those who want no event.
///
/// ```
/// use tradewind::Response;
///
/// Response::json(&[1, 2]).status(201).header("location", "/orders/7");
/// Response::text("no such order").status(404);
/// ```
///
/// A status from 500 on is an answer like any other: a failure that is to be tried again is an
/// [`Error`](crate::Error). A trigger that nobody waits at takes no response: there the event fails, with a reason that
/// says so.
///
/// **Streams** are passed on piece by piece where the host can: as an HTTP server, and on AWS Lambda behind a function
/// URL whose invoke mode is `RESPONSE_STREAM` (`TRADEWIND_INVOKE_MODE=response-stream`). Elsewhere they are collected up
/// to `TRADEWIND_REPLY_MAX` bytes; one that has more is a failure that says so. The deadline holds until the
/// end, and a stream that fails, or is not done by then, leaves an answer that is visibly cut off.
#[derive(Clone)]
pub struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// What the author said that cannot be: told when it is looked at.
    pub(crate) wrong: Option<String>,
}

/// What an answer holds.
#[derive(Clone)]
pub(crate) enum Body {
    Whole(Bytes),
    /// Taken by whoever comes first.
    Stream(Arc<Mutex<Option<Chunks>>>),
}

impl Body {
    /// The pieces; the whole body as one.
    pub(crate) fn chunks(self) -> Chunks {
        match self {
            Body::Whole(bytes) => Box::pin(Once(Some(bytes))),
            Body::Stream(shared) => {
                let taken = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
                taken.unwrap_or_else(|| Box::pin(Once(None)))
            }
        }
    }
}

/// Why a stream was not collected: for the caller, and for the log.
#[cfg(feature = "hosts")]
pub(crate) struct Cut {
    pub(crate) reason: String,
    pub(crate) cause: Option<String>,
}

/// Collects a body, at most so many bytes.
#[cfg(feature = "hosts")]
pub(crate) async fn whole(body: Body, max: usize) -> Result<Body, Cut> {
    let mut chunks = match body {
        Body::Whole(bytes) => return Ok(Body::Whole(bytes)),
        stream => stream.chunks(),
    };
    let mut collected = bytes::BytesMut::new();
    while let Some(piece) = std::future::poll_fn(|cx| chunks.as_mut().poll_next(cx)).await {
        let piece = piece.map_err(|error| Cut {
            reason: "the response broke off".into(),
            cause: Some(error.to_string()),
        })?;
        if collected.len() + piece.len() > max {
            let reason = format!(
                "the response has more than {max} bytes, and this host takes it whole; see TRADEWIND_REPLY_MAX"
            );
            return Err(Cut {
                reason,
                cause: None,
            });
        }
        collected.extend_from_slice(&piece);
    }
    Ok(Body::Whole(collected.freeze()))
}

struct Once(Option<Bytes>);

impl Stream for Once {
    type Item = Result<Bytes, Broken>;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Waker<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

impl Response {
    /// 200 with these bytes.
    pub fn bytes(content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::of(content_type, Body::Whole(body.into()))
    }
    /// 200 with this text.
    pub fn text(body: impl Into<String>) -> Self {
        Self::bytes("text/plain; charset=utf-8", body.into())
    }
    /// 200 with this as JSON. What does not serialise is a failure, told when it is answered.
    pub fn json(body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => Self::bytes("application/json", bytes),
            Err(error) => {
                let mut response = Self::bytes("application/json", Bytes::new());
                response.wrong = Some(format!("the response is no JSON: {error}"));
                response
            }
        }
    }
    /// A status alone.
    pub fn empty(status: u16) -> Self {
        let mut response = Self::bytes("text/plain", Bytes::new());
        response.headers.clear();
        response.status(status)
    }
    /// 200 with what this stream gives, piece by piece.
    ///
    /// ```
    /// # use tradewind::{Bytes, Response};
    /// # fn rows() -> impl futures_core::Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    /// #     futures_util::stream::iter([Ok(Bytes::from_static(b"row"))])
    /// # }
    /// Response::stream("text/csv", rows());
    /// ```
    pub fn stream<S, E>(content_type: &str, body: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let chunks: Chunks = Box::pin(Boxed(Box::pin(body)));
        Self::of(
            content_type,
            Body::Stream(Arc::new(Mutex::new(Some(chunks)))),
        )
    }
    /// Sets the status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        match StatusCode::from_u16(status) {
            Ok(status) if status.as_u16() >= 200 => self.status = status,
            _ => self.wrong = Some(format!("{status} is no status of a response")),
        }
        self
    }
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            _ => self.wrong = Some(format!("`{name}` and its value make no header")),
        }
        self
    }

    fn of(content_type: &str, body: Body) -> Self {
        let response = Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body,
            wrong: None,
        };
        response.header(CONTENT_TYPE.as_str(), content_type)
    }
}

struct Boxed<S>(Pin<Box<S>>);

impl<S, E> Stream for Boxed<S>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<Broken>,
{
    type Item = Result<Bytes, Broken>;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Waker<'_>) -> Poll<Option<Self::Item>> {
        let next = self.0.as_mut().poll_next(cx);
        next.map(|item| item.map(|piece| piece.map_err(Into::into)))
    }
}

/// A response of the `http` crate.
impl<B: Into<Bytes>> From<http::Response<B>> for Response {
    fn from(response: http::Response<B>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body: Body::Whole(body.into()),
            wrong: None,
        }
    }
}

impl IntoOutcome for Response {
    const REPLIES: Replies = Replies::Responds;

    fn into_outcome(self, _: &Event, _: &Context) -> Outcome {
        match self.wrong {
            None => Outcome::Respond(self),
            // The same code says the same the next time.
            Some(reason) => Outcome::Reject {
                reason,
                cause: None,
            },
        }
    }
}
