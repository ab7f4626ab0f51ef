//! Plain HTTP/1.1: idle connections, each driven by whoever uses it.
//!
//! The usual client gives every connection a task, and every exchange wakes it twice. Here the task of
//! the attempt drives the connection itself.

use super::client::Payload;
use super::dial::{BoxError, Dial};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower_service::Service;

/// Connections to one target.
#[derive(Clone)]
pub(super) struct Lines {
    dial: Dial,
    target: Uri,
    host: HeaderValue,
    idle: Arc<Idle>,
}

#[derive(Default)]
struct Idle {
    /// The one that was used last is used first, so that what is not needed grows old.
    lines: Mutex<Vec<(Instant, Line)>>,
    swept: AtomicBool,
}

/// One connection, and the way of requests into it.
struct Line(Box<(http1::SendRequest<Payload>, Connection)>);

type Connection = http1::Connection<TokioIo<TcpStream>, Payload>;

impl Lines {
    /// None are open yet. `target` names host and port.
    pub(super) fn new(dial: Dial, target: Uri) -> Self {
        let authority = target
            .authority()
            .map_or("", |authority| authority.as_str());
        Self {
            dial,
            // An authority is made of characters that a header may have.
            host: HeaderValue::from_str(authority).unwrap_or_else(|_| HeaderValue::from_static("")),
            target,
            idle: Arc::default(),
        }
    }

    /// One exchange. A request that an idle connection did not take any more goes to another.
    pub(super) async fn request(
        &self,
        mut request: Request<Payload>,
    ) -> Result<Response<Answer>, BoxError> {
        if !request.headers().contains_key(HOST) {
            request.headers_mut().insert(HOST, self.host.clone());
        }
        // The target of a request to a server itself is its path.
        if let Some(path) = request.uri().path_and_query().cloned() {
            *request.uri_mut() = Uri::from(path);
        }
        loop {
            let (mut line, used) = match self.idle.take().await {
                Some(line) => (line, true),
                None => (self.open().await?, false),
            };
            match line.exchange(request).await {
                Ok(response) => return Ok(self.answer(line, response).await),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if used => request = unsent,
                    _ => return Err(failed.into_error().into()),
                },
            }
        }
    }

    async fn open(&self) -> Result<Line, BoxError> {
        let stream = self.dial.clone().call(self.target.clone()).await?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(super::client::HEAD_MAX)
            .handshake(stream)
            .await?;
        Ok(Line(Box::new((sender, connection))))
    }

    async fn answer(&self, mut line: Line, response: Response<Incoming>) -> Response<Answer> {
        let (head, body) = response.into_parts();
        let mut line = if body.is_end_stream() {
            let alive = poll_fn(|context| Poll::Ready(line.drive(context))).await;
            alive.then(|| self.idle.keep(line));
            None
        } else {
            Some(line)
        };
        let idle = self.idle.clone();
        Response::from_parts(
            head,
            Answer {
                body,
                line: line.take(),
                idle,
            },
        )
    }
}

impl Line {
    /// Reads and writes what there is; false once the connection is over.
    fn drive(&mut self, context: &mut Context<'_>) -> bool {
        Pin::new(&mut self.0.1).poll(context).is_pending()
    }

    async fn exchange(
        &mut self,
        request: Request<Payload>,
    ) -> Result<Response<Incoming>, hyper::client::conn::TrySendError<Request<Payload>>> {
        let (sender, connection) = &mut *self.0;
        let mut response = pin!(sender.try_send_request(request));
        let mut over = false;
        poll_fn(|context| {
            if !over {
                // Whatever ends it, the response says.
                over = Pin::new(&mut *connection).poll(context).is_ready();
            }
            response.as_mut().poll(context)
        })
        .await
    }
}

impl Idle {
    fn lines(&self) -> MutexGuard<'_, Vec<(Instant, Line)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that is still open.
    async fn take(&self) -> Option<Line> {
        loop {
            let (_, mut line) = self.lines().pop()?;
            if poll_fn(|context| Poll::Ready(line.drive(context))).await {
                return Some(line);
            }
        }
    }

    /// Keeps one whose exchange is over, if it takes another.
    fn keep(self: &Arc<Self>, line: Line) {
        if !line.0.0.is_ready() {
            return;
        }
        let mut lines = self.lines();
        if lines.len() < super::client::IDLE_MAX {
            lines.push((Instant::now(), line));
        }
        drop(lines);
        if !self.swept.swap(true, Ordering::Relaxed) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }
}

/// Closes what has been idle for too long, until nothing is left.
async fn sweep(idle: Weak<Idle>) {
    loop {
        tokio::time::sleep(super::client::IDLE_FOR / 2).await;
        let Some(idle) = idle.upgrade() else { return };
        let mut lines = idle.lines();
        lines.retain(|(since, _)| since.elapsed() < super::client::IDLE_FOR);
        if lines.is_empty() {
            idle.swept.store(false, Ordering::Relaxed);
            return;
        }
    }
}

/// The body of a response; reading it drives the connection.
pub(crate) struct Answer {
    body: Incoming,
    line: Option<Line>,
    idle: Arc<Idle>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        let mut frame = Pin::new(&mut this.body).poll_frame(context);
        if let Some(line) = &mut this.line {
            let open = line.drive(context);
            if frame.is_pending() {
                frame = Pin::new(&mut this.body).poll_frame(context);
            }
            if !open {
                this.line = None;
            }
        }
        if matches!(frame, Poll::Ready(None)) || this.body.is_end_stream() {
            if let Some(line) = this.line.take() {
                this.idle.keep(line);
            }
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
