//! What became of one attempt.

use std::time::Duration;
use tradewind_event::Event;

/// The verdict of a sink on one delivery attempt. Drivers classify; the engine decides.
///
/// HTTP targets are classified by [`Outcome::from_http_status`], and nowhere else. In doubt `Retry`
/// is right: it ends as a dead letter by the subscription's policy, with its attempts on record.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The sink has taken the event.
    Accepted {
        /// What the sink calls it, for `explain`.
        receipt: Option<String>,
        /// An event that came back; appended before the delivery settles, where configured.
        reply: Option<Event>,
    },
    /// It may work later.
    Retry {
        /// The sink asked for this pause (`Retry-After`).
        after: Option<Duration>,
        /// Give up when this long has passed since the first attempt, whatever the retry policy
        /// says; for refusals that are usually final (401, 403, 404).
        patience: Option<Duration>,
        /// The sink is overloaded: slow down, not only this event.
        throttled: bool,
        /// Why.
        reason: Reason,
    },
    /// It never will: dead letter at once.
    Reject {
        /// The sink says it is gone for good (410): stop delivering to it.
        disable: bool,
        /// Why.
        reason: Reason,
    },
}

/// Why an attempt failed: recorded with the attempt, shown by `explain`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reason {
    /// Stable code in kebab case. Common ones: `http-status`, `throttled`, `redirect`, `gone`,
    /// `timeout`, `cancelled`, `connect`, `tls`, `dns`, `protocol`, `blocked-address`.
    pub code: String,
    /// Protocol status, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// At most 1 KiB of what the other side said; never a secret.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Reason {
    /// Longest detail kept, in bytes.
    pub const DETAIL_MAX: usize = 1024;

    /// A reason; `detail` is cut to [`Reason::DETAIL_MAX`].
    pub fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.len() > Self::DETAIL_MAX {
            detail.truncate(detail.floor_char_boundary(Self::DETAIL_MAX));
        }
        Self {
            code: code.into(),
            status: None,
            detail,
        }
    }
    /// Adds the protocol status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            Some(status) => write!(f, "{} {status}", self.code)?,
            None => f.write_str(&self.code)?,
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detail_is_cut_between_characters() {
        let cut = |text: String| Reason::new("x", text).detail.len();
        assert_eq!(cut("a".repeat(1024)), 1024);
        assert_eq!(cut("a".repeat(1025)), 1024);
        // Two bytes each, from an odd position on: one character would be split.
        assert_eq!(cut(format!("a{}", "é".repeat(600))), 1023);
        assert_eq!(cut("😀".repeat(1000)), 1024);
        assert_eq!(cut(String::new()), 0);
    }

    #[test]
    fn reads_as_one_line() {
        let reason = Reason::new("http-status", "no room").with_status(503);
        assert_eq!(reason.to_string(), "http-status 503: no room");
        assert_eq!(Reason::new("timeout", "").to_string(), "timeout");
    }

    #[test]
    fn survives_storage() {
        for reason in [
            Reason::new("timeout", ""),
            Reason::new("gone", "bye").with_status(410),
        ] {
            let text = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<Reason>(&text).unwrap(), reason);
        }
        let bare = serde_json::to_string(&Reason::new("timeout", "")).unwrap();
        assert_eq!(bare, r#"{"code":"timeout"}"#);
    }
}
