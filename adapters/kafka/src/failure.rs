//! What errors of Kafka mean: for a delivery, and for an operator.

use crate::pass::Pass;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tradewind_adapter::{Error, ErrorKind, Outcome, Reason};

/// What went wrong, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Denied,
    NotFound,
    TooLarge,
    Throttled,
    Timeout,
    Passing,
}

fn meaning(code: Option<Code>) -> Meaning {
    match code {
        Some(
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::SaslAuthenticationFailed
            | Code::Authentication,
        ) => Meaning::Denied,
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
            Meaning::NotFound
        }
        Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::InvalidRecord) => {
            Meaning::TooLarge
        }
        Some(Code::QueueFull | Code::ThrottlingQuotaExceeded) => Meaning::Throttled,
        Some(Code::MessageTimedOut | Code::OperationTimedOut | Code::RequestTimedOut) => {
            Meaning::Timeout
        }
        _ => Meaning::Passing,
    }
}

/// What to look at.
fn hint(code: Option<Code>) -> &'static str {
    match code {
        Some(Code::TopicAuthorizationFailed) => {
            "; hint: this principal needs READ (source) or WRITE (sink) on the topic"
        }
        Some(Code::GroupAuthorizationFailed) => "; hint: this principal needs READ on the group",
        Some(Code::ClusterAuthorizationFailed) => {
            "; hint: this principal needs IDEMPOTENT_WRITE on the cluster"
        }
        Some(Code::SaslAuthenticationFailed | Code::Authentication) => {
            "; hint: check `sasl` and its mechanism, and with `oauthbearer` whom the token is for (`scopes`, `audience`)"
        }
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition) => {
            "; hint: the topic is not there, and brokers may not make it by themselves"
        }
        Some(Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve) => {
            "; hint: check `brokers`, and whether they speak TLS"
        }
        _ => "",
    }
}

/// Of a delivery that the producer or a broker refused. Where brokers do not let us in, deliveries run out of time, and
/// `pass` knows why.
pub(crate) fn outcome(error: &KafkaError, pass: &Pass) -> Outcome {
    let code = error.rdkafka_error_code();
    if let (Meaning::Timeout, Some(why)) = (meaning(code), pass.refusal()) {
        return kept_out(&why);
    }
    let detail = format!("{error}{}", hint(code));
    let retry = |name: &str, patience, throttled| Outcome::Retry {
        after: None,
        patience,
        throttled,
        reason: Reason::new(name, &*detail),
    };
    match meaning(code) {
        Meaning::Denied => retry("access-denied", Some(Outcome::PATIENCE), false),
        Meaning::NotFound => retry("not-found", Some(Outcome::PATIENCE), false),
        Meaning::TooLarge => Outcome::Reject {
            disable: false,
            reason: Reason::new("too-large", &*detail),
        },
        Meaning::Throttled => retry("throttled", None, true),
        Meaning::Timeout => retry("timeout", None, false),
        Meaning::Passing => retry("kafka", None, false),
    }
}

/// With what to look at, where that is not said.
fn with_hint(why: &str) -> String {
    match why.contains("hint: ") {
        true => why.to_owned(),
        false => format!("{why}{}", hint(Some(Code::Authentication))),
    }
}

/// Of a delivery that did not go, since brokers do not let us in.
pub(crate) fn kept_out(why: &str) -> Outcome {
    Outcome::Retry {
        after: None,
        patience: Some(Outcome::PATIENCE),
        throttled: false,
        reason: Reason::new("access-denied", with_hint(why)),
    }
}

/// Of an operation of the source, or of a look at the cluster.
pub(crate) fn error(operation: &'static str, error: &KafkaError, pass: &Pass) -> Error {
    let code = error.rdkafka_error_code();
    // What is told first of a refusal is that no broker is there; why is told beside it.
    if let Some(why) = pass.refusal() {
        return Error::new(ErrorKind::PermissionDenied, operation, with_hint(&why));
    }
    let kind = match meaning(code) {
        Meaning::Denied => ErrorKind::PermissionDenied,
        Meaning::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, operation, format!("{error}{}", hint(code)))
}
