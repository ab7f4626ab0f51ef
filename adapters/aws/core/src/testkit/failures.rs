//! Failures that every adapter must tell, with the permission or the setting that is to change.

use super::{Answer, Wire, canned, event, one};
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{ErrorKind, Outcome, Sink, Source};

/// What is expected of a failure.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    answer: (u16, &'static str, &'static str),
    /// Code of a sink's reason, kind of a source's error.
    code: &'static str,
    kind: ErrorKind,
    /// Given up after a while, whatever the retry policy.
    patience: bool,
    /// `@`: the permission.
    hint: &'static str,
}

const fn told(
    answer: (u16, &'static str, &'static str),
    (code, kind): (&'static str, ErrorKind),
    patience: bool,
    hint: &'static str,
) -> Told {
    Told {
        answer,
        code,
        kind,
        patience,
        hint,
    }
}

const DENIED: (&str, ErrorKind) = ("access-denied", ErrorKind::PermissionDenied);
const THROTTLED: (&str, ErrorKind) = ("throttled", ErrorKind::Throttled);
const FAILED: (&str, ErrorKind) = ("aws-failed", ErrorKind::Unavailable);
const MISSING: (&str, ErrorKind) = ("not-found", ErrorKind::NotFound);

/// Common to all services ("Common errors" of their API references).
const TABLE: &[Told] = &[
    told((400, "AccessDeniedException", "not you"), DENIED, true, "@"),
    told(
        (403, "UnrecognizedClientException", "no such key"),
        DENIED,
        true,
        "`aws.keys`",
    ),
    told(
        (403, "InvalidClientTokenId", "no such key"),
        DENIED,
        true,
        "`aws.keys`",
    ),
    told(
        (403, "ExpiredTokenException", "expired"),
        DENIED,
        true,
        "`aws.keys`",
    ),
    told(
        (
            403,
            "InvalidSignatureException",
            "Signature expired: 20260101T000000Z",
        ),
        DENIED,
        true,
        "the clock of this machine is wrong",
    ),
    told(
        (403, "RequestTimeTooSkewed", "too far"),
        DENIED,
        true,
        "the clock of this machine is wrong",
    ),
    told(
        (400, "RequestExpired", "too old"),
        DENIED,
        true,
        "the clock of this machine is wrong",
    ),
    told((400, "ThrottlingException", "slow"), THROTTLED, false, ""),
    told(
        (400, "ResourceNotFoundException", "none"),
        MISSING,
        true,
        "check name, account and region",
    ),
    told((500, "InternalFailure", "oops"), FAILED, false, ""),
];

/// Every failure that a service may tell of a call, at a sink; `permission` is what the hint names.
pub async fn refusals(wire: Wire, permission: &str, sink: impl Fn(&str) -> Arc<dyn Sink>) {
    for row in TABLE {
        let (status, code, message) = row.answer;
        let origin = canned(wire, Answer::Failure(status, code, message)).await;
        let outcome = one(&*sink(&origin), event("e-1", 10)).await;
        let Outcome::Retry {
            patience,
            throttled,
            reason,
            ..
        } = outcome
        else {
            panic!("{code}: {outcome:?}")
        };
        assert_eq!(reason.code, row.code, "{code}: {reason}");
        assert_eq!(patience.is_some(), row.patience, "{code}: {reason}");
        assert_eq!(throttled, row.code == "throttled", "{code}: {reason}");
        let hint = row.hint.replace('@', permission);
        assert!(reason.detail.contains(&hint), "{code}: {reason}");
        assert!(reason.detail.contains(code), "{code}: {reason}");
    }
}

/// The same at a source.
pub async fn sources(wire: Wire, permission: &str, source: impl Fn(&str) -> Arc<dyn Source>) {
    for row in TABLE {
        let (status, code, message) = row.answer;
        let origin = canned(wire, Answer::Failure(status, code, message)).await;
        let error = source(&origin)
            .receive(1, Duration::ZERO)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), row.kind, "{code}: {error}");
        let hint = row.hint.replace('@', permission);
        assert!(error.to_string().contains(&hint), "{code}: {error}");
    }
}
