//! The bytes of a connection, with what hyper leaves out: a bound on the unfinished heads of all
//! connections together, a body for the refusals that it writes itself, one write for the answers to
//! requests that came together, and an end that does not take the last answer with it.

use super::Problem;
use super::activity::Activity;
use super::budget::{Budget, Share};
use super::bundle::Bundle;
use super::connection::CONNECTION_WINDOW;
use super::frames::Frames;
use bytes::Bytes;
use http::StatusCode;
use std::io::{IoSlice, Result};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Bytes of a head that do not come out of the budget; a usual head has fewer.
const FREE: usize = 4 << 10;
/// What a sender may still send while it is told why nobody listens.
pub(super) const LINGER_BYTES: usize = 2 << 20;
pub(super) const LINGER: Duration = Duration::from_secs(1);
/// How much of that is taken at once.
const SCRAP: usize = 16 << 10;

/// Is told of each flood of frames.
pub(super) type Floods = Arc<dyn Fn() + Send + Sync>;

pub(super) struct Wire<S> {
    stream: S,
    /// Read already, and to be read again.
    start: Bytes,
    activity: Arc<Activity>,
    heads: Budget,
    /// The head that is being read, by number, and what it holds.
    head: Option<(u32, Share)>,
    /// Answers of HTTP/1.1 that wait for more of them.
    bundle: Bundle,
    /// A refusal of ours that is being written in place of hyper's.
    refusal: Vec<u8>,
    /// What those are told who speak something else.
    speaks: &'static str,
    /// Of HTTP/2: what is told of a flood, and the frames so far.
    frames: Option<(Frames, Floods)>,
    ended: bool,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, heads: Budget) -> Self {
        Self {
            stream,
            start: Bytes::new(),
            activity,
            heads,
            head: None,
            bundle: Bundle::default(),
            refusal: Vec::new(),
            speaks: "",
            frames: None,
            ended: false,
            lingering: None,
        }
    }

    /// Says this to who speaks something else.
    pub(super) fn speaks(&mut self, what: &'static str) {
        self.speaks = what;
    }

    /// Has these bytes read before those that are still to come.
    pub(super) fn put_back(&mut self, start: Bytes) {
        self.start = start;
    }

    /// Looks at frames from now on; what was put back is the beginning of them.
    pub(super) fn look_at_frames(&mut self, floods: Floods) {
        self.frames = Some((Frames::new(), floods));
    }

    /// Whether these bytes may be read on.
    fn calm(&mut self, bytes: &[u8]) -> bool {
        let Some((frames, floods)) = &mut self.frames else {
            return true;
        };
        let calm = frames.admit(bytes);
        if !calm {
            tracing::debug!("a connection with a flood of empty frames was closed");
            floods();
        }
        calm
    }

    /// Whether these bytes may be held, if they are part of a head.
    fn holds(&mut self, bytes: usize) -> bool {
        let Some(number) = self.activity.read() else {
            self.head = None;
            return true;
        };
        if self.head.as_ref().is_none_or(|(head, _)| *head != number) {
            self.head = Some((number, self.heads.share(FREE)));
        }
        self.head
            .as_mut()
            .is_none_or(|(_, share)| share.grow(bytes))
    }

    fn poll_bundle(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while let Some(waiting) = self.bundle.waiting() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, waiting))?;
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            self.bundle.written(written);
            self.activity.moved();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_bundle(cx))?;
        while !self.refusal.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.refusal))?;
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            self.refusal.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    /// Closing with unread bytes resets the connection, and the reset may overtake the answer. What
    /// still comes is taken in and forgotten, for a moment.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Windows keep senders of HTTP/2 from having more under way.
        let most = match self.frames {
            Some(_) => CONNECTION_WINDOW as usize,
            None => LINGER_BYTES,
        };
        let (until, left) = self
            .lingering
            .get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER)), most));
        let mut scrap = [MaybeUninit::uninit(); SCRAP];
        while !self.ended && *left > 0 {
            if until.as_mut().poll(cx).is_ready() {
                break;
            }
            let mut scrap = ReadBuf::uninit(&mut scrap);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut scrap)) {
                Ok(()) if !scrap.filled().is_empty() => {
                    *left = left.saturating_sub(scrap.filled().len());
                }
                _ => self.ended = true,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if !self.start.is_empty() {
            let fits = self.start.len().min(buf.remaining());
            let start = self.start.split_to(fits);
            buf.put_slice(&start);
            if self.start.is_empty() {
                // Whatever it was cut out of is let go.
                self.start = Bytes::new();
            }
            return match self.calm(&start) {
                true => Poll::Ready(Ok(())),
                false => Poll::Ready(Err(std::io::ErrorKind::ConnectionAborted.into())),
            };
        }
        // Nobody is made to wait for who has nothing more to say, and no answer goes with a head that cannot be read.
        ready!(self.poll_bundle(cx))?;
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        let bytes = buf.filled().len() - before;
        self.activity.moved();
        if bytes > 0 {
            let begun = self.activity.begun();
            self.bundle.read(begun);
        }
        if bytes == 0 {
            self.ended = true;
        } else if !self.holds(bytes) {
            return Poll::Ready(Err(std::io::ErrorKind::OutOfMemory.into()));
        } else if !self.calm(buf.filled().get(before..).unwrap_or_default()) {
            return Poll::Ready(Err(std::io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let begun = self.activity.begun();
        if self.frames.is_none() && self.activity.answers() && self.bundle.take(begun, bufs) {
            self.activity.wrote();
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        ready!(self.poll_refusal(cx))?;
        if let [buf] = bufs
            && !self.activity.answers()
            && let Some(refusal) = with_body(buf, self.speaks)
        {
            self.refusal = refusal;
            return Poll::Ready(Ok(buf.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs));
        self.activity.moved();
        self.activity.wrote();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.bundle.grows() {
            // Asked again without another answer, it goes.
            cx.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_refusal(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.lingering.is_none() {
            ready!(self.poll_refusal(cx))?;
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        self.poll_linger(cx).map(Ok)
    }
}

/// The refusal to write in place of one that hyper made from a head which it could not read; `None`
/// for everything else. It says nothing but that it is one.
fn with_body(written: &[u8], speaks: &'static str) -> Option<Vec<u8>> {
    if !written.starts_with(b"HTTP/1.1 4") || !written.ends_with(b"\r\n\r\n") {
        return None;
    }
    let head = std::str::from_utf8(written).ok()?;
    let mut lines = head.trim_end().lines();
    let status = lines.next()?.get(9..12)?;
    let bare = |line: &str| {
        let name = line.split(':').next().unwrap_or_default();
        let harmless = ["connection", "date"];
        line.eq_ignore_ascii_case("content-length: 0")
            || harmless
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
    };
    if !lines.all(bare) {
        return None;
    }
    let problem = match status {
        "431" => Problem::head_too_large(),
        "414" => Problem::new(
            StatusCode::URI_TOO_LONG,
            "uri-too-long",
            "the target of the request is longer than the gateway takes; nothing was stored",
        ),
        "400" => Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-request",
            "this is no HTTP request that the gateway can read; nothing was stored",
        )
        .hint(speaks),
        _ => return None,
    };
    let body = problem.body();
    let status = problem.status;
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    Some((head + &body).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn only_bare_refusals_are_replaced() {
        for (written, replaced) in [
            (
                "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 400 Bad Request\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n",
                false,
            ),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", false),
            (
                "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n",
                false,
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false),
            ("{\"HTTP/1.1 400\": \"\"}", false),
        ] {
            assert_eq!(
                with_body(written.as_bytes(), "").is_some(),
                replaced,
                "{written}"
            );
        }
    }

    #[tokio::test]
    async fn unfinished_heads_share_what_there_is() {
        let budget = Budget::new(1000);
        let connect = || {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let activity = Activity::new();
            let wire = Wire::new(ours, activity.clone(), budget.clone());
            (wire, theirs, activity)
        };
        let (mut wire, mut theirs, activity) = connect();
        let (mut other, mut others, _) = connect();
        let mut head = [0; FREE + 1000];
        theirs.write_all(&head).await.unwrap();
        wire.read_exact(&mut head).await.unwrap();
        // Small heads come through all the same.
        others.write_all(&head[..=FREE]).await.unwrap();
        other.read_exact(&mut head[..FREE]).await.unwrap();
        other.read_u8().await.unwrap_err();
        // The next head begins anew, and what belongs to a request is counted elsewhere.
        drop(activity.begin(http::Version::HTTP_11));
        theirs.write_all(&head).await.unwrap();
        wire.read_exact(&mut head).await.unwrap();
        let _under_way = activity.begin(http::Version::HTTP_11);
        theirs.write_all(&head).await.unwrap();
        wire.read_exact(&mut head).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_close_waits_for_what_still_comes_but_not_for_ever() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut wire = Wire::new(ours, Activity::new(), Budget::new(0));
        wire.write_all(b"no").await.unwrap();
        let closing = tokio::spawn(async move { wire.shutdown().await });
        // More than fits between the two: it is read although nobody wants it.
        theirs.write_all(&[0; 8192]).await.unwrap();
        let mut answer = Vec::new();
        theirs.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"no");
        assert!(!closing.is_finished());
        // Nothing more comes, and no end: the clock ends it.
        closing.await.unwrap().unwrap();
    }
}
