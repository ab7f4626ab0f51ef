//! Google Cloud Functions, by the contract of the Functions Framework.

mod legacy;

pub(crate) use legacy::unwrapped;

use super::foreign::{self, Held};
use super::timer;
use crate::crew::Work;
use crate::http::answer::{self, Answer};
use crate::http::{Dialect, Refusal, delivery_id, plain_request, posts_only, work};
use crate::{InvalidOptions, Options};
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;

const SIGNATURE: &str = "FUNCTION_SIGNATURE_TYPE";

/// What is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Google {
    /// A function behind HTTP: whoever calls waits for the answer.
    Http,
    /// A function behind a trigger, which looks at the status only.
    Event,
}

impl Google {
    pub(crate) fn new(get: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidOptions> {
        match get(SIGNATURE).as_deref().unwrap_or_default() {
            "" | "http" | "typed" => Ok(Google::Http),
            "cloudevent" | "event" => Ok(Google::Event),
            other => Err(InvalidOptions {
                variable: SIGNATURE,
                reason: format!("`{other}` is none of http, typed, cloudevent and event"),
            }),
        }
    }
}

impl Dialect for Google {
    fn at_once(&self, head: &Parts, _: bool) -> Option<Answer> {
        let no_page = matches!(head.uri.path(), "/robots.txt" | "/favicon.ico");
        match self {
            Google::Http if !no_page => None,
            _ => posts_only(head, false),
        }
    }

    fn read(&self, head: &Parts, body: Bytes, options: &Options) -> Result<Work<Answer>, Refusal> {
        let headers = &head.headers;
        if let Some(work) = timer::scheduler(headers, &body, options)? {
            return Ok(work);
        }
        let mut work = match foreign::held(headers, body, options)? {
            Held::Events(message) => work(headers, message),
            Held::Payload(format, carried) => foreign::payload(format, carried),
            Held::Unknown(body) if *self == Google::Http => plain_request(head, &body)?,
            Held::Unknown(_) => return Err(foreign::no_event()),
        };
        // A gateway that calls the function itself reads the answer, whatever the signature.
        let read = *self == Google::Http || delivery_id(headers).is_some();
        work.one_way |= !read;
        Ok(work)
    }

    fn busy(&self, why: &str) -> Answer {
        answer::busy(StatusCode::TOO_MANY_REQUESTS, why)
    }
}
