//! AWS Lambda, by its Runtime API.

mod answer;
mod api;
mod read;
mod records;
mod run;
mod sqs;
#[cfg(test)]
mod tests;
mod trigger;

use crate::Options;
use crate::crew::Crew;
use answer::Told;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use read::read;
pub(crate) use run::run;

/// What would be posted of an invocation: 200 for a response, 500 for an error.
pub(crate) async fn posted(
    crew: &Crew,
    options: &Options,
    headers: &HeaderMap,
    payload: Bytes,
) -> Response<Bytes> {
    match run::handle(crew, options, headers, payload).await {
        Told::Answer(body) => Response::new(body),
        Told::Failed { kind, message } => {
            let mut answer = Response::new(api::error(kind, &message));
            *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            let kind = HeaderValue::from_static(kind);
            answer.headers_mut().insert(api::ERROR_TYPE, kind);
            answer
        }
    }
}
