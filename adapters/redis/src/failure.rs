//! What errors of Redis mean: for a delivery, and for an operator.

use redis::RedisError;
use tradewind_adapter::{Error, ErrorKind, Outcome, Reason};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Denied,
    WrongType,
    Full,
    Passing,
}

fn meaning(error: &RedisError) -> Meaning {
    match error.code() {
        Some("NOAUTH" | "WRONGPASS" | "NOPERM") => Meaning::Denied,
        Some("WRONGTYPE") => Meaning::WrongType,
        Some("OOM") => Meaning::Full,
        _ if error.to_string().contains("uthentication") => Meaning::Denied,
        _ => Meaning::Passing,
    }
}

fn hint(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Denied => {
            "; hint: check `username` and `password`; a source calls XGROUP, XREADGROUP, XAUTOCLAIM, XCLAIM and XACK, a \
             sink XADD"
        }
        Meaning::WrongType => "; hint: the key holds something that is no stream",
        Meaning::Full => "; hint: the server is at its `maxmemory`",
        Meaning::Passing => "",
    }
}

pub(crate) fn error(operation: &'static str, error: &RedisError) -> Error {
    let meaning = meaning(error);
    let kind = match meaning {
        Meaning::Denied => ErrorKind::PermissionDenied,
        Meaning::WrongType => ErrorKind::ConfigInvalid,
        Meaning::Full => ErrorKind::Throttled,
        Meaning::Passing => ErrorKind::Unavailable,
    };
    Error::new(kind, operation, format!("{error}{}", hint(meaning)))
}

pub(crate) fn outcome(error: &RedisError) -> Outcome {
    let meaning = meaning(error);
    let (code, patience) = match meaning {
        Meaning::Denied => ("access-denied", Some(Outcome::PATIENCE)),
        Meaning::WrongType => ("wrong-type", Some(Outcome::PATIENCE)),
        Meaning::Full => ("throttled", None),
        Meaning::Passing => ("redis", None),
    };
    Outcome::Retry {
        after: None,
        patience,
        throttled: meaning == Meaning::Full,
        reason: Reason::new(code, format!("{error}{}", hint(meaning))),
    }
}
