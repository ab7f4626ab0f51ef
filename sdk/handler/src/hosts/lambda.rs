//! AWS Lambda, by its Runtime API.

mod answer;
mod api;
mod read;
mod records;
mod run;
mod send;
mod sqs;
#[cfg(test)]
mod tests;
mod trigger;

use crate::Options;
use crate::crew::Crew;
use crate::response::Body;
use answer::Told;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use read::read;
pub(crate) use run::run;
pub(crate) use sqs::message;

/// What would be posted of an invocation: 200 for a response, 500 for an error.
pub(crate) async fn posted(
    crew: &Crew,
    options: &Options,
    headers: &HeaderMap,
    payload: Bytes,
) -> Response<Bytes> {
    match run::handle(crew, options, headers, payload).await {
        Told::Answer(body) => Response::new(body),
        Told::Stream(streaming) => {
            let mut pieces = streaming.first.to_vec();
            let body = crate::response::whole(streaming.body, options.reply_max).await;
            let mut answer = match body {
                Ok(Body::Whole(body)) => {
                    pieces.extend_from_slice(&body);
                    Response::new(pieces.into())
                }
                Ok(Body::Stream(_)) => Response::new(pieces.into()),
                Err(cut) => {
                    let mut answer = Response::new(api::error(api::BROKEN, &cut.reason));
                    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    answer
                }
            };
            let mode = HeaderValue::from_static("streaming");
            answer.headers_mut().insert(api::MODE, mode);
            answer
        }
        Told::Failed { kind, message } => {
            let mut answer = Response::new(api::error(kind, &message));
            *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            let kind = HeaderValue::from_static(kind);
            answer.headers_mut().insert(api::ERROR_TYPE, kind);
            answer
        }
    }
}
