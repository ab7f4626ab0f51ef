//! Refusals as RFC 9457 problem details.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;
use tradewind_adapter::{Cause, Refusal};
use tradewind_engine::{Exceeded, PublishError};

/// A refusal; boxed, because it is the rare way out of every step.
#[derive(Debug, Clone)]
pub struct Problem(Box<Details>);

impl std::ops::Deref for Problem {
    type Target = Details;
    fn deref(&self) -> &Details {
        &self.0
    }
}

impl std::ops::DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

/// What the caller is told, and what only the log is told.
#[derive(Debug, Clone)]
pub struct Details {
    /// Status of the answer.
    pub status: StatusCode,
    /// Stable code in kebab case; `type` is `urn:tradewind:problem:<code>`.
    pub code: &'static str,
    /// One sentence that is the same for every problem of this code.
    pub title: &'static str,
    /// What it was this time.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The events concerned, by index in the request.
    pub events: Vec<At>,
    /// What a version of a schema breaks.
    pub violations: Vec<String>,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// Value of the header `allow`.
    pub allow: Option<Cow<'static, str>>,
    /// Value of the header `www-authenticate` of a 401.
    pub challenge: Option<HeaderValue>,
    /// For the log and `tail` only.
    pub reason: Option<String>,
    /// What was wrong with a proof, for the counter only.
    pub cause: Option<Cause>,
}

/// RFC 9457, with members of ours.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    ty: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    events: &'a [At],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    violations: &'a [String],
}

/// One event of a request that is at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct At {
    /// Index in the request, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub detail: String,
}

impl Problem {
    /// A problem without details.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self(Box::new(Details {
            status,
            code,
            title,
            detail: None,
            hint: None,
            events: Vec::new(),
            violations: Vec::new(),
            retry_after: None,
            allow: None,
            challenge: None,
            reason: None,
            cause: None,
        }))
    }
    /// Adds what it was this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// Adds when to come back.
    #[must_use]
    pub fn after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// More fields, or more bytes of them, than a request may have.
    pub(super) fn head_too_large() -> Self {
        Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "head-too-large",
            "the head of the request is larger than the gateway takes; nothing was stored",
        )
    }

    /// The gateway takes no requests just now.
    pub fn overloaded(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "the gateway is at its limit; nothing was stored",
        )
        .detail(detail)
        .after(Duration::from_secs(1))
    }

    /// Policies keep somebody from doing this, who is known. Why is for the log only.
    pub fn denied(reason: impl Into<String>) -> Self {
        let mut problem = Self::new(
            StatusCode::FORBIDDEN,
            "policy-denied",
            "policies do not allow this to whom the request comes from; nothing was done",
        );
        problem.reason = Some(reason.into());
        problem.cause = Some(Cause::NotAllowed);
        problem
    }

    /// What the log is told: the detailed reason where there is one.
    pub fn log_line(&self) -> String {
        let what = self
            .reason
            .as_deref()
            .or(self.detail.as_deref())
            .unwrap_or(self.title);
        let mut line = format!("{} {}: {what}", self.status.as_u16(), self.code);
        for at in self.events.iter().take(3) {
            line.push_str(&format!("; event {}: {}", at.index, at.detail));
        }
        line
    }

    /// The body.
    pub fn body(&self) -> String {
        let Details {
            code,
            title,
            status,
            detail,
            hint,
            events,
            violations,
            ..
        } = &**self;
        let body = Body {
            ty: format!("urn:tradewind:problem:{code}"),
            title,
            status: status.as_u16(),
            detail: detail.as_deref(),
            hint: hint.as_deref(),
            events,
            violations,
        };
        // Texts and numbers: nothing in it can fail.
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// The whole answer.
    pub fn answer(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(self.body()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(pause) = self.retry_after {
            let seconds = pause.as_millis().div_ceil(1000).max(1) as u64;
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        let allow = self.allow.as_deref();
        if let Some(allow) = allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 asks for a challenge; signatures have no scheme.
            let challenge = self.challenge.clone();
            headers.insert(
                WWW_AUTHENTICATE,
                challenge.unwrap_or(HeaderValue::from_static("Tradewind")),
            );
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let title = match refusal.status {
            StatusCode::FORBIDDEN if refusal.cause == Some(Cause::NotAllowed) => {
                "this is not allowed to whom the request comes from"
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "the request is not authenticated",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "the source does not take this content type",
            StatusCode::SERVICE_UNAVAILABLE => {
                "the gateway cannot check now who sends this; nothing was stored; send it again"
            }
            _ => "the source cannot read this request; nothing was stored",
        };
        let mut problem = Self::new(refusal.status, refusal.code, title);
        let known = refusal.cause == Some(Cause::NotAllowed);
        if !known
            && matches!(
                refusal.status,
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            )
        {
            // One code for every cause: the sender learns nothing by trying.
            problem.code = "unauthenticated";
            problem.status = StatusCode::UNAUTHORIZED;
        } else {
            problem.detail = refusal.detail;
        }
        problem.reason = Some(match refusal.cause {
            Some(cause) => format!("{}, {}: {}", refusal.code, cause.label(), refusal.reason),
            None => format!("{}: {}", refusal.code, refusal.reason),
        });
        problem.cause = refusal.cause;
        if refusal.cause == Some(Cause::Unavailable) {
            problem.retry_after = Some(Duration::from_secs(30));
        }
        problem
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "quota-exceeded",
            "the space is above its quota; nothing was stored",
        )
        .detail(exceeded.to_string())
        .after(exceeded.after)
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let at = |events: Vec<(usize, String)>, lead: &str| {
            events
                .into_iter()
                .map(|(index, what)| At {
                    index,
                    detail: format!("{lead}{what}"),
                })
                .collect()
        };
        match error {
            PublishError::Invalid(events) => {
                let mut problem = Self::new(
                    StatusCode::BAD_REQUEST,
                    "invalid-event",
                    "an event is not a valid CloudEvent; nothing was stored",
                );
                problem.events = at(events, "");
                problem
            }
            PublishError::Denied(events) => {
                let reasons = events.iter().take(3);
                let reasons: Vec<_> = reasons
                    .map(|(index, why)| format!("event {index}: {why}"))
                    .collect();
                let mut problem = Self::denied(reasons.join("; "));
                let denied = |(index, _)| At {
                    index,
                    detail: "may not be published here".into(),
                };
                problem.events = events.into_iter().map(denied).collect();
                problem
            }
            PublishError::Schema(events) => {
                let mut problem = Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "schema-violation",
                    "the data of an event breaks its schema; nothing was stored",
                );
                problem.events = at(events, "");
                problem
            }
            PublishError::Conflict(events) => {
                let mut problem = Self::new(
                    StatusCode::CONFLICT,
                    "conflict",
                    "an event with the same source and id but other content is stored already; \
                     nothing was stored",
                )
                .hint("give a changed event a new id");
                problem.events = at(events, "original at ");
                problem
            }
            PublishError::Later {
                reason,
                after,
                full,
            } => {
                let status = if full {
                    StatusCode::INSUFFICIENT_STORAGE
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                };
                let code = if full { "disk-full" } else { "overloaded" };
                Self::new(
                    status,
                    code,
                    "the gateway is at its limit; nothing was stored",
                )
                .detail(reason)
                .after(after)
            }
            PublishError::Quota(exceeded) => exceeded.into(),
            // Configuration names only streams that exist: the stream went with a reload.
            PublishError::NoStream(stream) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "reloading",
                "the configuration is changing; nothing was stored",
            )
            .detail(format!("stream `{stream}` is not there now"))
            .after(Duration::from_secs(1)),
            other => {
                let mut problem = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "the gateway cannot store events now; send it again",
                )
                .after(Duration::from_secs(5));
                problem.reason = Some(other.to_string());
                problem
            }
        }
    }
}
