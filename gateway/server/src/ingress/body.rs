//! Bodies: refused by what the head says, then read within cap, deadline and budget.

use super::budget::Share;
use super::{Door, Problem};
use bytes::{Bytes, BytesMut};
use futures_util::future::poll_immediate;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::timeout;

/// What a connection holds while its body is waited for: buffers of the head and of the body, and
/// the request itself. It comes out of the budget, which so bounds how many there are.
const WAITING: usize = 28 << 10;

/// What a body may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cap {
    /// Most bytes.
    pub(crate) bytes: usize,
    /// Longest time.
    pub(crate) time: Duration,
    /// What a larger one is told.
    pub(crate) beyond: &'static str,
}

impl From<&Door> for Cap {
    fn from(door: &Door) -> Self {
        Self {
            bytes: door.body_max,
            time: door.body_timeout,
            beyond: "the body is larger than the source takes; nothing was stored",
        }
    }
}

/// What the head alone rules out, before a byte of the body is asked for.
pub(crate) fn announced(cap: Cap, headers: &HeaderMap) -> Result<(), Problem> {
    let coded = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if coded {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-encoding",
            "compressed bodies are not taken",
        )
        .hint("send the body without content-encoding"));
    }
    match length(headers) {
        Some(length) if length > cap.bytes as u64 => Err(too_large(cap)),
        _ => Ok(()),
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

fn too_large(cap: Cap) -> Problem {
    let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", cap.beyond);
    problem.detail(format!("at most {} bytes", cap.bytes))
}

fn hold(share: &mut Share, bytes: usize) -> Result<(), Problem> {
    if share.grow(bytes) {
        Ok(())
    } else {
        Err(Problem::overloaded("too many bytes of bodies under way"))
    }
}

/// The body, as it came.
pub(crate) async fn read<B>(
    cap: Cap,
    headers: &HeaderMap,
    body: B,
    share: &mut Share,
) -> Result<Bytes, Problem>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: std::fmt::Display,
{
    let head = headers.iter().fold(0, |size, (name, value)| {
        size + name.as_str().len() + value.len()
    });
    hold(share, head)?;
    let reading = Reading {
        cap,
        announced: length(headers).unwrap_or_default(),
        body: std::pin::pin!(body),
        share,
        waiting: None,
        first: Bytes::new(),
        rest: BytesMut::new(),
    };
    let mut whole = std::pin::pin!(reading.whole());
    // Most bodies came with their head, and need no timer.
    if let Some(whole) = poll_immediate(&mut whole).await {
        return whole;
    }
    timeout(cap.time, whole).await.unwrap_or_else(|_| {
        Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-timeout",
            "the body took too long; nothing was stored",
        )
        .detail(format!("at most {} s", cap.time.as_secs())))
    })
}

struct Reading<'a, B> {
    cap: Cap,
    /// Length that the head promises.
    announced: u64,
    body: Pin<&'a mut B>,
    share: &'a mut Share,
    /// What is taken for the wait, once something did not come with the head.
    waiting: Option<Share>,
    first: Bytes,
    rest: BytesMut,
}

impl<B> Reading<'_, B>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: std::fmt::Display,
{
    async fn whole(mut self) -> Result<Bytes, Problem> {
        while let Some(frame) = self.frame().await? {
            let frame = frame.map_err(|error| {
                let mut problem = Problem::new(
                    StatusCode::BAD_REQUEST,
                    "body-broken",
                    "the body did not arrive whole; nothing was stored",
                );
                problem.reason = Some(error.to_string());
                problem
            })?;
            if let Ok(data) = frame.into_data() {
                self.take(data)?;
            }
        }
        Ok(if self.rest.is_empty() {
            self.first
        } else {
            self.rest.freeze()
        })
    }

    async fn frame(&mut self) -> Result<Option<Result<Frame<Bytes>, B::Error>>, Problem> {
        if self.waiting.is_some() {
            return Ok(self.body.frame().await);
        }
        if let Some(there) = poll_immediate(self.body.frame()).await {
            return Ok(there);
        }
        hold(self.waiting.insert(self.share.beside()), WAITING)?;
        Ok(self.body.frame().await)
    }

    fn take(&mut self, data: Bytes) -> Result<(), Problem> {
        if self.first.len() + self.rest.len() + data.len() > self.cap.bytes {
            return Err(too_large(self.cap));
        }
        hold(self.share, data.len())?;
        // One frame is the usual case: it is kept as it came.
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = data;
            return Ok(());
        }
        if self.rest.is_empty() {
            // Announced within the cap; what does not come is never touched.
            let announced = usize::try_from(self.announced).unwrap_or_default();
            self.rest.reserve(announced.min(self.cap.bytes));
            self.rest
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&data);
        Ok(())
    }
}
