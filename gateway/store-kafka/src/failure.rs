//! What errors of Kafka mean for the store's callers.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tradewind_store::Error;

/// Whether somebody else has begun to write under the same name.
pub(crate) fn is_fenced(error: &KafkaError) -> bool {
    let code = match error {
        KafkaError::Transaction(error) => error.code(),
        other => match other.rdkafka_error_code() {
            Some(code) => code,
            None => return false,
        },
    };
    matches!(
        code,
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch
    )
}

/// Of what was asked of the brokers.
pub(crate) fn failed(doing: &str, error: &KafkaError) -> Error {
    if is_fenced(error) {
        return Error::Fenced;
    }
    match is_refused(error) {
        true => Error::Failed(format!("{doing}: {error}")),
        false => Error::Away(format!("{doing}: {error}")),
    }
}

/// Whether it is refused, and not only out of reach.
pub(crate) fn is_refused(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::TransactionalIdAuthorizationFailed
                | Code::SaslAuthenticationFailed
                | Code::Authentication
        )
    )
}

/// Of what was done on a thread of its own.
pub(crate) fn joined<T>(
    done: Result<Result<T, Error>, tokio::task::JoinError>,
) -> Result<T, Error> {
    done.unwrap_or_else(|error| Err(Error::Failed(error.to_string())))
}
