//! From a response to an outcome.

use super::dial::BoxError;
use super::failure::{Redact, failed, timed_out};
use super::platform::Platform;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use http::response::Parts;
use http_body::Body;
use http_body_util::BodyExt;
use std::pin::pin;
use std::time::SystemTime;
use tradewind_adapter::{Outcome, Reason, Replies, retry_after};
use tradewind_event::http::{self as binding, Message, Options};

const SPEC_VERSION: HeaderName = HeaderName::from_static("ce-specversion");

/// Reads responses within bounds.
pub(crate) struct Responses {
    pub(crate) max: usize,
    pub(crate) replies: Replies,
    pub(crate) platform: &'static Platform,
}

/// How much of a body there is.
enum Read {
    Whole(Bytes),
    /// The body goes on beyond the limit.
    TooLarge(Bytes),
    /// The time was over, or the attempt cancelled.
    CutOff(Bytes),
    Broken(Bytes, BoxError),
}

impl Responses {
    /// The outcome of a response. The status alone decides, but for a reply; reading ends when
    /// `stop` does.
    pub(crate) async fn outcome(
        &self,
        parts: &Parts,
        body: impl Body<Data = Bytes, Error = BoxError> + Unpin,
        stop: impl Future<Output = ()>,
        now: fn() -> SystemTime,
        redact: &Redact,
    ) -> Outcome {
        let read = self.read(&parts.headers, body, stop).await;
        let replies = parts.status.is_success() && self.replies == Replies::Accept;
        if replies && is_cloud_event(&parts.headers) {
            let outcome = self.reply(parts, read, redact);
            return self.judge(parts, outcome, redact);
        }
        let pause = parts.headers.get(RETRY_AFTER);
        let pause = pause.and_then(|v| retry_after(v.to_str().ok()?, now()));
        let detail = match parts.status.is_redirection() {
            true => "redirects are not followed (hint: configure the final url)".into(),
            false => redact.body(read.bytes()),
        };
        let outcome = Outcome::from_http_status(parts.status, pause, detail);
        self.judge(parts, outcome, redact)
    }

    fn judge(&self, parts: &Parts, outcome: Outcome, redact: &Redact) -> Outcome {
        let mut outcome = self.platform.judge(parts, outcome);
        if let Outcome::Accepted {
            receipt: Some(receipt),
            ..
        } = &mut outcome
        {
            *receipt = redact.text(receipt);
        }
        outcome
    }

    fn reply(&self, parts: &Parts, read: Read, redact: &Redact) -> Outcome {
        let whole = match read {
            Read::Whole(bytes) => bytes,
            Read::TooLarge(_) => {
                let why = format!(
                    "the reply is larger than {} bytes (hint: `response-max`)",
                    self.max
                );
                return reject(parts, "reply-too-large", why);
            }
            Read::CutOff(_) => return timed_out("before the whole reply came"),
            Read::Broken(_, error) => return failed(&*error, redact),
        };
        // An event that is stored, and that others read.
        let told = parts
            .headers
            .values()
            .any(|value| redact.shows(value.as_bytes()));
        if told || redact.shows(&whole) {
            let why = "the reply repeats what the gateway proved itself with".to_owned();
            return reject(parts, "invalid-reply", why);
        }
        let events = binding::decode(&parts.headers, whole, &Options::default());
        let mut events = match events.map(Message::into_events) {
            Ok(events) => events,
            Err(why) => return reject(parts, "invalid-reply", redact.text(&why.to_string())),
        };
        if events.len() > 1 {
            return reject(
                parts,
                "invalid-reply",
                "the reply is more than one event".into(),
            );
        }
        Outcome::Accepted {
            receipt: Some(parts.status.as_u16().to_string()),
            reply: events.pop(),
        }
    }

    async fn read(
        &self,
        headers: &HeaderMap,
        mut body: impl Body<Data = Bytes, Error = BoxError> + Unpin,
        stop: impl Future<Output = ()>,
    ) -> Read {
        let length = headers.get(CONTENT_LENGTH);
        let announced: Option<usize> = length.and_then(|v| v.to_str().ok()?.parse().ok());
        let mut bytes = BytesMut::new();
        let mut stop = pin!(stop);
        loop {
            let frame = tokio::select! {
                // First, so that a flood of empty frames cannot outlast it.
                biased;
                () = &mut stop => return Read::CutOff(bytes.freeze()),
                frame = body.frame() => frame,
            };
            let frame = match frame {
                None => return Read::Whole(bytes.freeze()),
                Some(Err(error)) => return Read::Broken(bytes.freeze(), error),
                Some(Ok(frame)) => frame,
            };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let room = self.max - bytes.len();
            bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
            // A body that is going to be too long is not read to the limit in vain.
            if data.len() > room || announced > Some(self.max) {
                return Read::TooLarge(bytes.freeze());
            }
        }
    }
}

impl Read {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(b) | Self::TooLarge(b) | Self::CutOff(b) | Self::Broken(b, _) => b,
        }
    }
}

fn reject(parts: &Parts, code: &str, why: String) -> Outcome {
    Outcome::Reject {
        disable: false,
        reason: Reason::new(code, why).with_status(parts.status.as_u16()),
    }
}

/// Whether a response says that it is an event (HTTP binding, section 3).
fn is_cloud_event(headers: &HeaderMap) -> bool {
    let prefix = b"application/cloudevents";
    let typed = headers.get(CONTENT_TYPE).is_some_and(|value| {
        let head = value.as_bytes().get(..prefix.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    });
    typed || headers.contains_key(SPEC_VERSION)
}
