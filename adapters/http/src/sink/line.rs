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
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
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
            let line = match idle {
                Some(line) => line.looked_at().await,
                None => Some(open(self.dial.clone(), self.target.clone()).await?),
            };
            let Some(mut line) = line else { continue };
            match line.exchange(request).await {
                Ok(response) => return Ok(answer(line, response, self.idle.clone()).await),
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

async fn answer(line: Line, response: Response<Incoming>, idle: Arc<Idle>) -> Response<Answer> {
    let (head, body) = response.into_parts();
    let line = if body.is_end_stream() {
        if let Some(line) = line.looked_at().await {
            idle.keep(line);
        }
        None
    } else {
        Some(line)
    };
    Response::from_parts(head, Answer { body, line, idle })
}

impl Line {
    /// Reads and writes what there is; false once the connection is over.
    fn drive(&mut self, context: &mut Context<'_>) -> bool {
        self.connection.as_mut().poll(context).is_pending()
    }

    /// The line, if it is still open.
    async fn looked_at(mut self) -> Option<Self> {
        let open = poll_fn(|context| Poll::Ready(self.drive(context))).await;
        open.then_some(self)
    }

    async fn exchange(
        &mut self,
        request: Request<Payload>,
    ) -> Result<Response<Incoming>, hyper::client::conn::TrySendError<Request<Payload>>> {
        let Self { sender, connection } = self;
        let mut response = pin!(sender.try_send_request(request));
        let mut over = false;
        poll_fn(|context| {
            if !over {
                // Whatever ends it, the response says.
                over = connection.as_mut().poll(context).is_ready();
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
        let ended = matches!(frame, Poll::Ready(None)) || this.body.is_end_stream();
        if ended && let Some(line) = this.line.take() {
            this.idle.keep(line);
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
