//! One request: read, decode, handle, answer.

use super::answer::{self, Answer};
use super::stream::Streamed;
use super::{Dialect, Options};
use crate::crew::{Crew, End, Responds, ToTheEnd, caught};
use bytes::Bytes;
use http::request::Parts;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// Why a request does not reach the handler.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// For the sender.
    pub(crate) why: String,
    /// More, for the log only.
    pub(crate) because: &'static str,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self {
            status,
            why: why.into(),
            because: "",
        }
    }
}

/// The request as it came.
fn raw(head: &Parts, body: &Bytes) -> Arc<Request<Bytes>> {
    Arc::new(Request::from_parts(head.clone(), body.clone()))
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A handler and what it needs to answer requests. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) crew: Crew,
    options: Arc<Options>,
    dialect: Arc<dyn Dialect>,
}

impl Service {
    pub(crate) fn new(crew: Crew, options: Options, dialect: Arc<dyn Dialect>) -> Self {
        let options = Options {
            requests: crew.requests,
            ..options
        };
        Self {
            crew,
            options: Arc::new(options),
            dialect,
        }
    }

    pub(crate) async fn answer<B>(self, request: Request<B>) -> Answer
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let dialect = self.dialect.clone();
        let (head, body) = request.into_parts();
        if let Some(answer) = dialect.at_once(&head, self.crew.requests) {
            return answer;
        }
        if self.crew.stopping.is_cancelled() {
            return dialect.unread(dialect.busy("the handler is stopping"));
        }
        let Ok(slot) = self.crew.slots.clone().try_acquire_owned() else {
            let busy = dialect.busy("the handler is busy; see TRADEWIND_CONCURRENCY");
            return dialect.unread(busy);
        };
        let deadline = Instant::now() + self.options.timeout;
        let body = match timeout_at(deadline, self.read(body)).await {
            Ok(Ok(body)) => body,
            Ok(Err(refusal)) => return dialect.unread(dialect.refuse(&head, &refusal)),
            Err(_) => {
                let late = Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body is late");
                return dialect.unread(dialect.refuse(&head, &late));
            }
        };
        let answer = self.handle(&head, body, deadline, slot).await;
        dialect.finish(&head, answer)
    }

    async fn handle(
        self,
        head: &Parts,
        body: Bytes,
        deadline: Instant,
        slot: tokio::sync::OwnedSemaphorePermit,
    ) -> Answer {
        let request = self.crew.requests.then(|| raw(head, &body));
        let mut work = match self.dialect.read(head, body, &self.options) {
            Ok(work) => work,
            Err(refusal) => {
                if !refusal.because.is_empty() {
                    self.crew
                        .warn("refused", format_args!("{}", refusal.because));
                }
                return self.dialect.refuse(head, &refusal);
            }
        };
        let deadline = work.deadline.unwrap_or(deadline);
        if work.responds == Responds::Whole && self.dialect.streams() {
            work.responds = Responds::Stream;
        }
        if let Some(request) = request {
            let items = work.items.iter_mut();
            for delivery in items.flat_map(|item| item.deliveries.iter_mut().flatten()) {
                if delivery.context.request().is_none() {
                    delivery.context = delivery.context.clone().with_request(request.clone());
                }
            }
        }
        let crew = self.crew.clone();
        let work = async move {
            let answer = crew.work(work, deadline).await;
            if let Some(streamed) = answer.extensions().get::<Streamed>() {
                streamed.keep(&crew, slot, deadline);
            }
            answer
        };
        // It goes on to its end when the sender hangs up.
        let ended = ToTheEnd::new(caught(work), &self.crew.tasks).await;
        ended.unwrap_or_else(|| answer::end(End::Panicked))
    }

    // What is collected is limited.
    #[allow(clippy::disallowed_methods)]
    async fn read<B>(&self, body: B) -> Result<Bytes, Refusal>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let max = self.options.body_max;
        match Limited::new(body, max).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(e) if e.is::<LengthLimitError>() => Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is above {max} bytes"),
            )),
            Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body broke off")),
        }
    }
}
