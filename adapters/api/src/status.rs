//! The one table that turns an HTTP status into an outcome.

use crate::{Outcome, Reason};
use http::StatusCode;
use std::time::{Duration, SystemTime};

/// No pause is taken for longer than this, whatever the other side writes.
const PAUSE_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

impl Outcome {
    /// How long a refusal that is usually final is retried (401, 403, 404 and their like): a target
    /// that is being redeployed, or whose permissions are being changed, shows them for a while.
    pub const PATIENCE: Duration = Duration::from_secs(5 * 60);

    /// Classifies the answer of an HTTP target.
    ///
    /// | Status | Outcome |
    /// |---|---|
    /// | 2xx | accepted |
    /// | 410 | rejected, and the sink is disabled |
    /// | 401, 403, 404 | retried for up to 5 minutes after the first attempt |
    /// | 408, 409, 425, 429, 5xx | retried |
    /// | 3xx and every other 4xx | rejected |
    ///
    /// A redirect is never followed, and trying again meets the same redirect: the event becomes a
    /// dead letter until the configuration names the final URL. A 4xx that the table does not name
    /// counts as 400 (RFC 9110, section 15); what is no final status of HTTP at all counts as 500.
    ///
    /// `retry_after` is what [`retry_after`] read. 429, and 503 with a pause, mean that the target
    /// asks the whole subscription to slow down. `detail` is what the other side said.
    pub fn from_http_status(
        status: StatusCode,
        retry_after: Option<Duration>,
        detail: impl Into<String>,
    ) -> Self {
        let reason = |code| Reason::new(code, detail).with_status(status.as_u16());
        let retry = |patience, throttled, reason| Self::Retry {
            after: retry_after,
            patience,
            throttled,
            reason,
        };
        match status.as_u16() {
            200..=299 => Self::Accepted {
                receipt: Some(status.as_u16().to_string()),
                reply: None,
            },
            410 => Self::Reject {
                disable: true,
                reason: reason("gone"),
            },
            300..=399 => Self::Reject {
                disable: false,
                reason: reason("redirect"),
            },
            401 | 403 | 404 => retry(Some(Self::PATIENCE), false, reason("http-status")),
            429 => retry(None, true, reason("throttled")),
            503 if retry_after.is_some() => retry(None, true, reason("throttled")),
            408 | 409 | 425 => retry(None, false, reason("http-status")),
            400..=499 => Self::Reject {
                disable: false,
                reason: reason("http-status"),
            },
            _ => retry(None, false, reason("http-status")),
        }
    }
}

/// The pause that a `Retry-After` header asks for: seconds, or an HTTP date (RFC 9110, section
/// 10.2.3). A date in the past asks for no pause; what is neither is ignored.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let pause = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        value.parse().map_or(Duration::MAX, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        until.duration_since(now).unwrap_or_default()
    };
    Some(pause.min(PAUSE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter per verdict: a(ccepted), d(isabled), r(ejected), p(atience), t(hrottled),
    /// l(ater).
    fn verdict(status: u16, pause: Option<Duration>) -> char {
        match Outcome::from_http_status(StatusCode::from_u16(status).unwrap(), pause, "said") {
            Outcome::Accepted { receipt, reply } => {
                assert_eq!((receipt, reply), (Some(status.to_string()), None));
                'a'
            }
            Outcome::Reject { disable, reason } => {
                assert_eq!(reason.status, Some(status));
                if disable { 'd' } else { 'r' }
            }
            Outcome::Retry {
                after,
                patience,
                throttled,
                reason,
            } => {
                assert_eq!(after, pause, "{status}");
                assert_eq!(reason.status, Some(status));
                assert_eq!(reason.detail, "said");
                match (patience, throttled) {
                    (Some(p), false) => {
                        assert_eq!(p.as_secs(), 300);
                        'p'
                    }
                    (None, true) => 't',
                    (None, false) => 'l',
                    other => panic!("{status}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn the_whole_table() {
        for status in 100..=999 {
            let expected = match status {
                200..=299 => 'a',
                410 => 'd',
                401 | 403 | 404 => 'p',
                429 => 't',
                408 | 409 | 425 => 'l',
                300..=499 => 'r',
                _ => 'l',
            };
            assert_eq!(verdict(status, None), expected, "{status}");
        }
        for status in [400, 402, 405, 406, 411, 413, 414, 415, 418, 422, 431, 451] {
            assert_eq!(verdict(status, None), 'r', "{status}");
        }
    }

    #[test]
    fn a_pause_is_passed_on_and_503_with_one_throttles() {
        let pause = Some(Duration::from_secs(7));
        for (status, expected) in [
            (503, 't'),
            (429, 't'),
            (500, 'l'),
            (502, 'l'),
            (408, 'l'),
            (404, 'p'),
            (400, 'r'),
        ] {
            assert_eq!(verdict(status, pause), expected, "{status}");
        }
    }

    #[test]
    fn retry_after_in_both_forms() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let table = [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 5 ", Some(5)),
            ("99999999999999999999999", Some(PAUSE_MAX.as_secs())),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:49:47 GMT", Some(10)),
            ("Sun Nov  6 08:49:38 1994", Some(1)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(PAUSE_MAX.as_secs())),
            ("", None),
            ("-1", None),
            ("+5", None),
            ("1.5", None),
            ("soon", None),
            ("0x10", None),
        ];
        for (value, expected) in table {
            let pause = retry_after(value, now).map(|p| p.as_secs());
            assert_eq!(pause, expected, "{value}");
        }
    }
}
