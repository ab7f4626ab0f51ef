//! Answers that go out piece by piece.

use super::answer::Answer;
use crate::crew::Crew;
use crate::response::{Body, Broken, Chunks};
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// What of an answer is still to come. It lies among the answer's extensions.
#[derive(Clone)]
pub(crate) struct Streamed {
    pub(crate) body: Body,
    keeping: Arc<Mutex<Option<Keeping>>>,
}

/// What stays taken until the last piece is out: a place among those handled at once, and the end of the process.
struct Keeping {
    deadline: Instant,
    crew: Crew,
    _slot: OwnedSemaphorePermit,
    _task: TaskTrackerToken,
}

impl Streamed {
    pub(crate) fn new(body: Body) -> Self {
        Self {
            body,
            keeping: Arc::default(),
        }
    }

    pub(crate) fn keep(&self, crew: &Crew, slot: OwnedSemaphorePermit, deadline: Instant) {
        let keeping = Keeping {
            deadline,
            _task: crew.tasks.token(),
            crew: crew.clone(),
            _slot: slot,
        };
        *self.keeping.lock().unwrap_or_else(PoisonError::into_inner) = Some(keeping);
    }
}

/// The body of an answer.
pub(crate) enum Pieces {
    Whole(Full<Bytes>),
    Stream(Box<Flowing>),
}

pub(crate) struct Flowing {
    chunks: Chunks,
    late: Option<Pin<Box<Sleep>>>,
    keeping: Option<Keeping>,
}

/// An answer as hyper sends it.
pub(crate) fn body(mut answer: Answer) -> Response<Pieces> {
    let Some(Streamed { body, keeping }) = answer.extensions_mut().remove() else {
        return answer.map(|body| Pieces::Whole(Full::new(body)));
    };
    let keeping = keeping
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let flowing = Flowing {
        chunks: body.chunks(),
        late: keeping
            .as_ref()
            .map(|kept| Box::pin(sleep_until(kept.deadline))),
        keeping,
    };
    answer.map(|_| Pieces::Stream(Box::new(flowing)))
}

impl Flowing {
    /// A stream that broke, or was too late, is an error of the connection: who reads must not take it for whole.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        if let Some(late) = &mut self.late
            && late.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Some(Err(self.broken("not done at its deadline".into()))));
        }
        let polled = catch_unwind(AssertUnwindSafe(|| self.chunks.as_mut().poll_next(cx)));
        match polled {
            Ok(Poll::Ready(Some(Err(error)))) => Poll::Ready(Some(Err(self.broken(error)))),
            Ok(polled) => polled,
            Err(_) => Poll::Ready(Some(Err(self.broken("the stream panicked".into())))),
        }
    }

    fn broken(&mut self, error: Broken) -> Broken {
        if let Some(kept) = self.keeping.take() {
            kept.crew.warn("response", format_args!("cut off: {error}"));
        }
        error
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Pieces::Whole(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Pieces::Stream(flowing) => flowing
                .poll(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Pieces::Whole(body) => body.is_end_stream(),
            Pieces::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Pieces::Whole(body) => body.size_hint(),
            Pieces::Stream(_) => SizeHint::default(),
        }
    }
}

/// An answer with all of its pieces; nothing where it breaks off.
pub(crate) async fn whole(answer: Answer) -> Option<Answer> {
    let (head, body) = body(answer).into_parts();
    let mut pieces = Box::pin(body);
    let mut collected = bytes::BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| pieces.as_mut().poll_frame(cx)).await {
        collected.extend_from_slice(frame.ok()?.data_ref()?);
    }
    Some(Response::from_parts(head, collected.freeze()))
}
