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
use hyper::client::conn::{TrySendError, http1};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
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
struct Line {
    sender: http1::SendRequest<Payload>,
    connection: Pending<Result<(), hyper::Error>>,
}

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

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
            let idle = self.idle.take();
            let used = idle.is_some();
            let mut line = match idle {
                Some(line) => line,
                None => open(self.dial.clone(), self.target.clone()).await?,
            };
            match line.exchange(request).await {
                Ok((response, open)) => {
                    let line = open.then_some(line);
                    return Ok(response.map(|body| Answer::of(body, line, &self.idle)));
                }
                // One that was closed while it was idle gives the request back.
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if used => request = unsent,
                    _ => return Err(failed.into_error().into()),
                },
            }
        }
    }
}

fn open(mut dial: Dial, target: Uri) -> Pending<Result<Line, BoxError>> {
    Box::pin(async move {
        let stream = dial.call(target).await?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(super::client::HEAD_MAX)
            .handshake(stream)
            .await?;
        let connection = Box::pin(connection);
        Ok(Line { sender, connection })
    })
}

impl Line {
    /// Reads and writes what there is; false once the connection is over.
    fn drive(&mut self, context: &mut Context<'_>) -> bool {
        self.connection.as_mut().poll(context).is_pending()
    }

    /// Up to the head of the response, and whether the connection is still open then.
    async fn exchange(
        &mut self,
        request: Request<Payload>,
    ) -> Result<(Response<Incoming>, bool), TrySendError<Request<Payload>>> {
        let mut response = pin!(self.sender.try_send_request(request));
        let connection = &mut self.connection;
        let mut open = true;
        poll_fn(|context| {
            // Whatever ends it, the response says; a request that it has not taken comes back when it is gone.
            if open && connection.as_mut().poll(context).is_ready() {
                open = false;
                *connection = Box::pin(std::future::pending());
            }
            let response = ready!(response.as_mut().poll(context))?;
            Poll::Ready(Ok((response, open)))
        })
        .await
    }
}

impl Idle {
    fn lines(&self) -> MutexGuard<'_, Vec<(Instant, Line)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Line> {
        self.lines().pop().map(|(_, line)| line)
    }

    /// Keeps one whose exchange is over, if it takes another.
    fn keep(self: &Arc<Self>, line: Line) {
        if !line.sender.is_ready() {
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

impl Answer {
    fn of(body: Incoming, line: Option<Line>, idle: &Arc<Idle>) -> Self {
        let idle = Arc::clone(idle);
        let mut answer = Self { body, line, idle };
        answer.hang_up(answer.body.is_end_stream());
        answer
    }

    /// Leaves the line to others, once there is nothing more to read.
    fn hang_up(&mut self, ended: bool) {
        if ended && let Some(line) = self.line.take() {
            self.idle.keep(line);
        }
    }
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
        this.hang_up(matches!(frame, Poll::Ready(None)) || this.body.is_end_stream());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
