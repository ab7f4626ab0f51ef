//! How bodies become events.

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use std::fmt::Debug;
use tradewind_adapter::{Foreign, Parts, Refusal};
use tradewind_event::http::{self as binding, Options, Percent};
use tradewind_event::{Event, Limits};
use tradewind_formats::{Among, Error, Message, github};

/// Reads the bodies of one sender, after their proof.
pub(crate) trait Reader: Debug + Send + Sync {
    /// The events in a body; `id` is the signed message id, where there is one.
    fn read(&self, parts: &Parts, id: Option<&str>, body: Bytes) -> Result<Vec<Event>, Refusal>;
}

/// As one of several formats.
#[derive(Debug)]
pub(crate) struct Formats(Among);

impl Formats {
    /// Those of these names; a test holds that there are such.
    pub(crate) fn of(names: &[&str]) -> Self {
        Self(Among::of(names))
    }

    fn events(&self, parts: &Parts, body: &Bytes) -> Result<Vec<Event>, Error> {
        let message = Message {
            headers: &parts.headers,
            body,
        };
        let format = match self.0.formats() {
            [only] => Some(*only),
            // What gives itself away as none is told what the last one lacks.
            all => self.0.detect(&message).or_else(|| all.last().copied()),
        };
        format.ok_or(Error::Unknown)?.decode(&message)
    }
}

impl Reader for Formats {
    fn read(&self, parts: &Parts, _: Option<&str>, body: Bytes) -> Result<Vec<Event>, Refusal> {
        self.events(parts, &body).map_err(|e| unreadable(&e))
    }
}

/// As the configuration says.
impl Reader for Foreign {
    fn read(&self, parts: &Parts, _: Option<&str>, body: Bytes) -> Result<Vec<Event>, Refusal> {
        self.events(&parts.headers, &body)
            .map_err(|e| unreadable(&e))
    }
}

/// As the CloudEvents adapter document for GitHub says.
#[derive(Debug)]
pub(crate) struct GitHub;

impl Reader for GitHub {
    fn read(&self, parts: &Parts, _: Option<&str>, body: Bytes) -> Result<Vec<Event>, Refusal> {
        match github::decode(&parts.headers, body) {
            Ok(event) => Ok(vec![event]),
            Err(error) => Err(unreadable(&error)),
        }
    }
}

/// Event Grid, in either of its schemas.
#[derive(Debug)]
pub(crate) struct Grid(pub(crate) Formats);

impl Reader for Grid {
    fn read(&self, parts: &Parts, id: Option<&str>, body: Bytes) -> Result<Vec<Event>, Refusal> {
        let content_type = parts.headers.get(CONTENT_TYPE).map(|v| v.as_bytes());
        if !content_type.is_some_and(|v| v.starts_with(b"application/cloudevents")) {
            return self.0.read(parts, id, body);
        }
        // The listener bounds the body; how many events it holds is bounded by that.
        let options = Options {
            percent: Percent::Strict,
            limits: Limits {
                event_bytes: usize::MAX,
                batch_bytes: usize::MAX,
                batch_events: tradewind_formats::MESSAGES_MAX,
            },
        };
        binding::decode(&parts.headers, body, &options)
            .map(binding::Message::into_events)
            .map_err(|e| refusal(e.status(), "invalid-event", &e))
    }
}

/// What the sender is told of a body that its secret vouches for.
pub(crate) fn unreadable(error: &Error) -> Refusal {
    let (status, code) = match error {
        Error::ContentType(..) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type"),
        _ => (StatusCode::BAD_REQUEST, "invalid-event"),
    };
    refusal(status, code, error)
}

fn refusal(status: StatusCode, code: &'static str, error: &dyn std::error::Error) -> Refusal {
    Refusal {
        status,
        code,
        cause: None,
        reason: error.to_string(),
        detail: Some(error.to_string()),
    }
}
