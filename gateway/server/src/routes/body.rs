//! Bodies on their way through: what callers send, capped, and what functions answer, watched.

use super::meter::Meter;
use super::route::Route;
use crate::ingress::{Problem, Share};
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use tradewind_adapter::BoxError;

const FLOWING: u8 = 0;
const WHOLE: u8 = 1;
const TOO_LARGE: u8 = 2;
const BROKEN: u8 = 3;

/// How far a request's body has come; outlives the body.
#[derive(Debug, Clone, Default)]
pub(super) struct Upload(Arc<AtomicU8>);

impl Upload {
    fn note(&self, state: u8) {
        self.0.store(state, Ordering::Relaxed);
    }

    /// What is wrong on the caller's side, where the exchange `failed` or took too long.
    pub(super) fn problem(&self, route: &Route, failed: bool) -> Option<Problem> {
        match self.0.load(Ordering::Relaxed) {
            TOO_LARGE => Some(too_large(route)),
            BROKEN => Some(broken()),
            FLOWING if !failed => Some(slow(route.timeout)),
            _ => None,
        }
    }
}

/// The body of a request, up to the cap of the route.
pub(super) struct Capped<B> {
    inner: B,
    left: usize,
    upload: Upload,
}

impl<B: Body<Data = Bytes> + Unpin> Capped<B> {
    pub(super) fn new(inner: B, max: usize) -> Self {
        let upload = Upload::default();
        if inner.is_end_stream() {
            upload.note(WHOLE);
        }
        Self {
            inner,
            left: max,
            upload,
        }
    }

    pub(super) fn upload(&self) -> Upload {
        self.upload.clone()
    }
}

impl<B> Body for Capped<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                self.upload.note(BROKEN);
                return Poll::Ready(Some(Err(error.into())));
            }
            None => {
                self.upload.note(WHOLE);
                return Poll::Ready(None);
            }
        };
        match self
            .left
            .checked_sub(frame.data_ref().map_or(0, Bytes::len))
        {
            Some(left) => self.left = left,
            None => {
                self.upload.note(TOO_LARGE);
                let error = "the body is larger than the route takes";
                return Poll::Ready(Some(Err(error.into())));
            }
        }
        if self.inner.is_end_stream() {
            self.upload.note(WHOLE);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The whole body, where an event is made of it.
pub(super) async fn whole<B>(
    route: &Route,
    mut body: Capped<B>,
    share: &mut Share,
) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let upload = body.upload();
    let reading = async {
        let mut all = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| upload.problem(route, true).unwrap_or_else(broken))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if !share.grow(data.len()) {
                return Err(Problem::overloaded("too many bytes of bodies under way"));
            }
            all.extend_from_slice(&data);
        }
        Ok(all.freeze())
    };
    tokio::time::timeout(route.body_timeout, reading)
        .await
        .unwrap_or_else(|_| Err(slow(route.body_timeout)))
}

pub(super) fn too_large(route: &Route) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "the body is larger than the route takes",
    )
    .detail(format!("at most {} bytes", route.body_max))
}

fn broken() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "body-broken",
        "the body did not arrive whole",
    )
}

fn slow(limit: Duration) -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "body-timeout",
        "the body took too long",
    )
    .detail(format!("at most {} s", limit.as_secs_f64()))
}

/// A place among the requests that a route has under way; held until the answer is sent whole.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    meter: Meter,
}

impl Slot {
    pub(super) fn take(route: &Route, meter: &Meter) -> Result<Self, Problem> {
        let permit = route.slots.clone().try_acquire_owned().map_err(|_| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "route-busy",
                "the route has as many requests under way as it may",
            )
            .after(Duration::from_secs(1))
        })?;
        meter.under_way.inc();
        Ok(Self {
            _permit: permit,
            meter: meter.clone(),
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.meter.under_way.dec();
    }
}

/// The body of an answer, as the function sends it. A pause longer than the route allows ends it.
#[derive(Debug)]
pub struct Streamed {
    inner: tradewind_adapter::Body,
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    slot: Slot,
}

impl Streamed {
    pub(super) fn new(inner: tradewind_adapter::Body, idle: Duration, slot: Slot) -> Self {
        Self {
            inner,
            idle,
            timer: None,
            waiting: false,
            slot,
        }
    }

    fn cut_off(&self, error: &BoxError) {
        self.slot.meter.cut_off.inc();
        let route = &*self.slot.meter.route;
        tracing::warn!(route, %error, "an answer was cut off");
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            self.waiting = false;
            if let Some(Err(error)) = &frame {
                self.cut_off(error);
            }
            return Poll::Ready(frame);
        }
        // Most answers are whole when they begin, and never need the timer.
        let until = Instant::now() + self.idle;
        let fresh = !std::mem::replace(&mut self.waiting, true);
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if fresh {
            timer.as_mut().reset(until);
        }
        ready!(timer.as_mut().poll(context));
        let error = "the function paused for too long".into();
        self.cut_off(&error);
        Poll::Ready(Some(Err(error)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
