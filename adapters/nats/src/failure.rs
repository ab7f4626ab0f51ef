//! What errors of NATS mean: for a delivery, and for an operator.

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::{ConnectError, ConnectErrorKind};
use tradewind_adapter::{Error, ErrorKind, Outcome, Reason};
use tradewind_brokers::{patient, reject, retry};

/// Of the first connection.
pub(crate) fn connect(error: &ConnectError) -> Error {
    let (kind, hint) = match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => (
            ErrorKind::PermissionDenied,
            "; hint: check `auth`, and that the server knows this user",
        ),
        ConnectErrorKind::Tls => (
            ErrorKind::Unavailable,
            "; hint: check `tls.ca`, and that the certificate of the server has its name",
        ),
        ConnectErrorKind::ServerParse | ConnectErrorKind::Dns => {
            (ErrorKind::Unavailable, "; hint: check `servers`")
        }
        _ => (
            ErrorKind::Unavailable,
            "; hint: check `servers`, and whether they speak TLS",
        ),
    };
    Error::new(kind, "connect", format!("{error}{hint}"))
}

/// Of something that the server refused while a message was sent.
pub(crate) fn denied() -> Outcome {
    patient(
        "access-denied",
        "the server refused something; hint: this user must be allowed to publish to the subject",
    )
}

/// Of JetStream, asked for a stream or consumer.
pub(crate) fn stream(operation: &'static str, error: &dyn std::fmt::Display) -> Error {
    let text = error.to_string();
    let missing = ["stream not found", "consumer not found", "no responders"];
    let (kind, hint) = match missing.iter().any(|part| text.contains(part)) {
        true => (
            ErrorKind::NotFound,
            "; hint: JetStream must be on, and have this stream",
        ),
        false => (ErrorKind::Unavailable, ""),
    };
    Error::new(kind, operation, format!("{text}{hint}"))
}

/// Of a publication to JetStream.
pub(crate) fn publish(error: &PublishError) -> Outcome {
    let detail = error.to_string();
    match error.kind() {
        PublishErrorKind::StreamNotFound => patient(
            "not-found",
            format!(
                "{detail}; hint: no stream of JetStream takes this subject (or `jetstream: false`)"
            ),
        ),
        PublishErrorKind::MaxPayloadExceeded => reject("too-large", detail),
        PublishErrorKind::TimedOut => retry("timeout", detail),
        PublishErrorKind::MaxAckPending => Outcome::Retry {
            after: None,
            patience: None,
            throttled: true,
            reason: Reason::new("throttled", detail),
        },
        _ => retry("nats", detail),
    }
}
