//! What the platforms that call over HTTP differ in.

use super::answer::{self, Answer};
use super::service::Refusal;
use super::{Options, accept, is_cloud_event, plain, request, verify};
use crate::crew::{End, Ends, Item, Order, Responds, Work, worst};
use crate::{Event, Outcome};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use tradewind_event::http::Message;

/// How a platform asks over HTTP, and how it is answered.
///
/// # Contract
/// - Pure: the body has been read, within its limit.
/// - `refuse` and `tell` of [`Work`] answer in the platform's own way, whatever came.
pub(crate) trait Dialect: Send + Sync + 'static {
    /// The answer to what is no work, by its head alone; `requests` says whether any request is.
    fn at_once(&self, head: &Parts, requests: bool) -> Option<Answer>;

    /// What is to be done.
    fn read(&self, head: &Parts, body: Bytes, options: &Options) -> Result<Work<Answer>, Refusal>;

    /// What does not reach the handler.
    fn refuse(&self, _head: &Parts, refusal: &Refusal) -> Answer {
        answer::problem(refusal.status, &refusal.why)
    }

    /// The handler takes no more just now.
    fn busy(&self, why: &str) -> Answer {
        answer::busy(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    /// Whether answers go out as they are, so that they may be streams.
    fn streams(&self) -> bool {
        true
    }

    /// The last word on an answer to what was not read: too large, too late, or too much at once.
    fn unread(&self, answer: Answer) -> Answer {
        answer
    }

    /// The last word on every answer to what was read.
    fn finish(&self, _head: &Parts, answer: Answer) -> Answer {
        answer
    }
}

/// CloudEvents by POST, and nothing else.
pub(crate) struct CloudEvents;

impl Dialect for CloudEvents {
    fn at_once(&self, head: &Parts, requests: bool) -> Option<Answer> {
        posts_only(head, requests)
    }

    fn read(&self, head: &Parts, body: Bytes, options: &Options) -> Result<Work<Answer>, Refusal> {
        if options.requests && !is_cloud_event(&head.headers) {
            verify(&head.headers, &body, options)?;
            return plain_request(head, &body);
        }
        Ok(work(&head.headers, accept(&head.headers, body, options)?))
    }
}

/// Refuses all but `POST`, unless any request is taken.
pub(crate) fn posts_only(head: &Parts, requests: bool) -> Option<Answer> {
    // Functions hosts send these on their own; they are no events.
    if matches!(head.uri.path(), "/robots.txt" | "/favicon.ico") {
        let why = "nothing is here";
        return Some(answer::problem(StatusCode::NOT_FOUND, why));
    }
    (head.method != Method::POST && !requests).then(answer::method_not_allowed)
}

/// The work of a request that holds no event: it is one itself.
pub(crate) fn plain_request(head: &Parts, body: &Bytes) -> Result<Work<Answer>, Refusal> {
    let event = plain::event(head, body)?;
    let context = request::context(&head.headers, &event, None);
    Ok(Work::one(Item::one(event, context), answer::end))
}

/// The work of a message, answered as it stands in the table of the crate's front page.
pub(crate) fn work(headers: &HeaderMap, message: Message) -> Work<Answer> {
    match message {
        Message::Binary(event) | Message::Structured(event) => {
            let context = request::context(headers, &event, None);
            Work::one(Item::one(event, context), answer::end)
        }
        Message::Batch(events) => {
            let count = events.len();
            let item = |(index, event): (usize, Event)| {
                let context = request::context(headers, &event, Some((index, count)));
                Item::one(event, context)
            };
            Work {
                items: events.into_iter().enumerate().map(item).collect(),
                order: Order::UntilRetry,
                one_way: false,
                responds: Responds::No,
                deadline: None,
                tell: Box::new(batch),
            }
        }
    }
}

/// The answer to a batch: the first one to be retried stands for all, since all will come again.
pub(crate) fn batch(ends: Ends) -> Answer {
    let ends: Vec<End> = ends.into_iter().map(|ends| worst(vec![ends])).collect();
    let mut replies = Vec::new();
    let mut rejected = Vec::new();
    for (index, end) in ends.into_iter().enumerate() {
        match end {
            End::Done(Outcome::Ack) => {}
            End::Done(Outcome::Reply(reply)) => replies.push(reply),
            End::Done(Outcome::Respond(_) | Outcome::Each(_)) => {
                return answer::end(End::retry("a batch takes no response"));
            }
            End::Done(Outcome::Reject { reason, .. }) => {
                rejected.push(format!("event {index}: {reason}"));
            }
            End::Done(Outcome::Retry {
                after,
                reason,
                cause,
            }) => {
                return answer::end(End::Done(Outcome::Retry {
                    after,
                    reason: format!("event {index}: {reason}"),
                    cause,
                }));
            }
            end => return answer::end(end),
        }
    }
    if rejected.is_empty() {
        return answer::replies(&replies);
    }
    answer::problem(StatusCode::UNPROCESSABLE_ENTITY, &rejected.join("; "))
}
