//! Knative and Cloud Run services: CloudEvents by POST, and what Google pushes without them.

use super::foreign::{self, Held};
use super::timer;
use crate::Options;
use crate::crew::Work;
use crate::http::answer::Answer;
use crate::http::{Dialect, Refusal, plain_request, posts_only, work};
use bytes::Bytes;
use http::request::Parts;

pub(crate) struct Knative;

impl Dialect for Knative {
    fn at_once(&self, head: &Parts, requests: bool) -> Option<Answer> {
        posts_only(head, requests)
    }

    fn read(&self, head: &Parts, body: Bytes, options: &Options) -> Result<Work<Answer>, Refusal> {
        if let Some(work) = timer::scheduler(&head.headers, &body, options)? {
            return Ok(work);
        }
        match foreign::held(&head.headers, body, options)? {
            Held::Events(message) => Ok(match timer::ping(message)? {
                Ok(due) => due,
                Err(message) => work(&head.headers, message),
            }),
            Held::Payload(format, carried) => Ok(foreign::payload(format, carried)),
            Held::Unknown(body) if options.requests => plain_request(head, &body),
            Held::Unknown(_) => Err(foreign::no_event()),
        }
    }
}
