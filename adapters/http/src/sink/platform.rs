//! What is known of whoever runs the function behind a URL.

use http::response::Parts;
use std::time::Duration;
use tradewind_adapter::{Outcome, Reason};

/// A platform that runs functions behind HTTP: limits, and what its answers mean besides what HTTP says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform {
    /// The kind in configuration.
    pub kind: &'static str,
    /// Largest request, in bytes of its body.
    pub bytes_max: Option<usize>,
    /// Longest time until it answers.
    pub time_max: Option<Duration>,
    /// The header that has its own name of the call.
    pub receipt: Option<&'static str>,
    /// Statuses besides 429 that mean that it has more to do than it can.
    pub overload: &'static [u16],
    /// What to look at, by status.
    pub hints: &'static [(u16, &'static str)],
}

/// Any server.
pub(crate) const ANY: Platform = Platform {
    kind: crate::KIND,
    bytes_max: None,
    time_max: None,
    receipt: None,
    overload: &[],
    hints: &[],
};

impl Platform {
    /// Whether a request of this size is taken.
    pub(crate) fn takes(&self, bytes: usize) -> Result<(), Reason> {
        match self.bytes_max {
            Some(max) if bytes > max => Err(Reason::new(
                "too-large",
                format!("{bytes} bytes as a request, `{}` takes {max}", self.kind),
            )),
            _ => Ok(()),
        }
    }

    /// What an answer means here, when HTTP alone says this.
    pub(crate) fn judge(&self, head: &Parts, mut outcome: Outcome) -> Outcome {
        let status = head.status.as_u16();
        match &mut outcome {
            Outcome::Accepted { receipt, .. } => {
                let own = self.receipt.and_then(|name| head.headers.get(name));
                if let Some(own) = own.and_then(|value| value.to_str().ok()) {
                    *receipt = Some(own.chars().take(200).collect());
                }
            }
            Outcome::Retry {
                throttled, reason, ..
            } => {
                if self.overload.contains(&status) {
                    *throttled = true;
                    reason.code = "throttled".into();
                }
                self.hint(status, reason);
            }
            Outcome::Reject { reason, .. } => self.hint(status, reason),
            _ => {}
        }
        outcome
    }

    fn hint(&self, status: u16, reason: &mut Reason) {
        let known = self.hints.iter().find(|(known, _)| *known == status);
        if let Some((_, hint)) = known {
            let lead = if reason.detail.is_empty() { "" } else { "; " };
            // What it said gives way to what to do about it.
            let room = Reason::DETAIL_MAX.saturating_sub(hint.len() + "; hint: ".len());
            let end = reason.detail.floor_char_boundary(room);
            reason.detail.truncate(end);
            reason.detail.push_str(&format!("{lead}hint: {hint}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;

    const SOME: Platform = Platform {
        kind: "some",
        bytes_max: Some(10),
        receipt: Some("x-call-id"),
        overload: &[503],
        hints: &[(401, "look at `auth`"), (413, "it is too large")],
        ..ANY
    };

    fn judged(status: u16, said: &str) -> Outcome {
        let head = Response::builder()
            .status(status)
            .header("x-call-id", "c-1");
        let (head, ()) = head.body(()).unwrap().into_parts();
        SOME.judge(&head, Outcome::from_http_status(head.status, None, said))
    }

    #[test]
    fn answers_mean_what_the_platform_says() {
        assert!(
            matches!(judged(202, ""), Outcome::Accepted { receipt: Some(own), .. } if own == "c-1")
        );
        let Outcome::Retry {
            throttled, reason, ..
        } = judged(503, "busy")
        else {
            panic!("503 is not retried");
        };
        assert!(
            throttled && reason.to_string() == "throttled 503: busy",
            "{reason}"
        );
        let said = "x".repeat(2000);
        for (status, said, told) in [
            (401, "no", "http-status 401: no; hint: look at `auth`"),
            (401, "", "http-status 401: hint: look at `auth`"),
            (413, "", "http-status 413: hint: it is too large"),
            (500, "no", "http-status 500: no"),
        ] {
            let (Outcome::Retry { reason, .. } | Outcome::Reject { reason, .. }) =
                judged(status, said)
            else {
                panic!("{status} is accepted");
            };
            assert_eq!(reason.to_string(), told);
        }
        let Outcome::Retry { reason, .. } = judged(401, &said) else {
            panic!("401 is not retried");
        };
        assert!(reason.detail.len() <= Reason::DETAIL_MAX && reason.detail.ends_with("`auth`"));
    }

    #[test]
    fn what_is_too_large_is_not_sent() {
        assert_eq!(SOME.takes(10), Ok(()));
        assert_eq!(SOME.takes(11).unwrap_err().code, "too-large");
        assert_eq!(ANY.takes(usize::MAX), Ok(()));
    }
}
