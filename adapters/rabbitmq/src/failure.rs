//! What errors of RabbitMQ mean: for a delivery, and for an operator.

use lapin::ErrorKind as Kind;
use tradewind_adapter::{Error, ErrorKind, Outcome};
use tradewind_brokers::{patient, retry, unavailable};

// Reply codes of AMQP 0.9.1 §1.1.
const ACCESS_REFUSED: u16 = 403;
const NOT_FOUND: u16 = 404;
const NOT_ALLOWED: u16 = 530;

fn code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        Kind::ProtocolError(error) => Some(error.kind().get_id()),
        _ => None,
    }
}

pub(crate) fn error(operation: &'static str, error: &lapin::Error) -> Error {
    let (kind, hint) = match code(error) {
        Some(ACCESS_REFUSED) => (
            ErrorKind::PermissionDenied,
            "; hint: check `username` and `password`; a source needs `read` of the queue, a sink `write` of the exchange",
        ),
        Some(NOT_ALLOWED) => (
            ErrorKind::PermissionDenied,
            "; hint: check `virtual-host`, and that this user may enter it",
        ),
        Some(NOT_FOUND) => (
            ErrorKind::NotFound,
            "; hint: queues and exchanges are not made by the gateway",
        ),
        _ => (
            ErrorKind::Unavailable,
            "; hint: check `server`, and whether it speaks TLS",
        ),
    };
    Error::new(kind, operation, format!("{error}{hint}"))
}

pub(crate) fn silent() -> Error {
    unavailable(
        "connect",
        "no answer in time; hint: check `server`, and whether it speaks TLS",
    )
}

/// Of a message that could not be published.
pub(crate) fn outcome(error: &lapin::Error) -> Outcome {
    match code(error) {
        Some(ACCESS_REFUSED | NOT_ALLOWED) => {
            patient("access-denied", self::error("publish", error).message())
        }
        Some(NOT_FOUND) => patient("not-found", self::error("publish", error).message()),
        _ => retry("rabbitmq", error.to_string()),
    }
}
