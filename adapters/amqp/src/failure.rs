//! What errors of AMQP mean: for a delivery, and for an operator.

use tradewind_adapter::{Error, ErrorKind, Outcome};
use tradewind_brokers::{patient, retry};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Denied,
    NotFound,
    Passing,
}

/// The library shows the condition of an error (AMQP 1.0 §2.8.15) by its name only.
fn meaning(text: &str) -> Meaning {
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if has(&[
        "UnauthorizedAccess",
        "unauthorized",
        "Sasl",
        "SASL",
        "NotAllowed",
    ]) {
        Meaning::Denied
    } else if has(&["NotFound", "not-found", "not found"]) {
        Meaning::NotFound
    } else {
        Meaning::Passing
    }
}

fn hint(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Denied => {
            "; hint: check `username` and `password`, and what this user may do with the address"
        }
        Meaning::NotFound => "; hint: the peer has no node of this `address`",
        Meaning::Passing => "; hint: check `server`, and whether it speaks TLS",
    }
}

/// Of a connection, session or link.
pub(crate) fn error(operation: &'static str, error: &(dyn std::fmt::Debug + Sync)) -> Error {
    let text = format!("{error:?}");
    let meaning = meaning(&text);
    let kind = match meaning {
        Meaning::Denied => ErrorKind::PermissionDenied,
        Meaning::NotFound => ErrorKind::NotFound,
        Meaning::Passing => ErrorKind::Unavailable,
    };
    Error::new(kind, operation, format!("{text}{}", hint(meaning)))
}

/// Of a message that could not be handed over because there is no link.
pub(crate) fn outcome(error: &Error) -> Outcome {
    let code = match error.kind() {
        ErrorKind::PermissionDenied => "access-denied",
        ErrorKind::NotFound => "not-found",
        _ => return retry("connect", error.to_string()),
    };
    patient(code, error.to_string())
}
