//! The loop: ask, handle, tell.

use super::api::{Api, Unanswered};
use super::{Told, read};
use crate::crew::Crew;
use crate::run::Exit;
use crate::{InvalidOptions, Options};
use bytes::Bytes;
use http::HeaderMap;
use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row after which the platform counts as gone, and the pause before each further question.
const PATIENCE: u32 = 6;
const PAUSE: Duration = Duration::from_millis(50);

/// Asks for invocations until the process is to stop.
pub(crate) async fn run(
    crew: Crew,
    options: Options,
    get: impl Fn(&str) -> Option<String>,
    asked: impl Future<Output = ()>,
) -> Exit {
    let missing = || InvalidOptions {
        variable: "AWS_LAMBDA_RUNTIME_API",
        reason: "is not set, as Lambda would do it; an emulator prints what to set".into(),
    };
    let address = get("AWS_LAMBDA_RUNTIME_API").filter(|address| !address.is_empty());
    let api = Api::new(&address.ok_or_else(missing)?)?;
    // Managed instances hand over several at once.
    let at_once = get("AWS_LAMBDA_MAX_CONCURRENCY").and_then(|n| n.parse::<u16>().ok());
    // Emulators may have no extensions: then nobody sends SIGTERM either.
    let extension = api.clone();
    tokio::spawn(async move { extension.extend().await.ok() });

    let loops: Vec<_> = (0..at_once.unwrap_or(1).max(1))
        .map(|_| tokio::spawn(ask(crew.clone(), options.clone(), api.clone())))
        .collect();
    let stopping = crew.stopping.clone();
    let mut outcome = Ok(());
    let ended = async {
        for task in loops {
            let ended = task.await;
            stopping.cancel();
            outcome = match (outcome, ended) {
                (Ok(()), Ok(ended)) => ended,
                (outcome, _) => outcome,
            };
        }
        outcome
    };
    let mut ended = std::pin::pin!(ended);
    tokio::select! {
        ended = &mut ended => return Ok(ended?),
        () = asked => {}
    }
    crew.stopping.cancel();
    Ok(ended.await?)
}

/// One invocation after the other.
async fn ask(crew: Crew, options: Options, api: Api) -> Result<(), Unanswered> {
    let mut failures = 0;
    loop {
        let next = tokio::select! {
            next = api.next() => next,
            () = crew.stopping.cancelled() => return Ok(()),
        };
        match next {
            Ok((headers, payload)) => {
                failures = 0;
                invocation(&crew, &options, &api, headers, payload).await;
            }
            Err(error) => {
                failures += 1;
                if failures == PATIENCE {
                    return Err(error);
                }
                tokio::time::sleep(PAUSE * failures).await;
            }
        }
    }
}

async fn invocation(crew: &Crew, options: &Options, api: &Api, headers: HeaderMap, payload: Bytes) {
    let id = headers.get("lambda-runtime-aws-request-id");
    let Some(id) = id.and_then(|id| id.to_str().ok()).filter(|id| is_id(id)) else {
        // There is nobody to tell; the pause keeps a broken platform from a hot loop.
        crew.warn("refused", format_args!("an invocation without request id"));
        return tokio::time::sleep(PAUSE).await;
    };
    let told = handle(crew, options, &headers, payload).await;
    if let Told::Failed { kind, message } = &told {
        crew.warn(id, format_args!("{kind}: {message}"));
    }
    if let Err(error) = api.tell(id, told).await {
        crew.warn(id, format_args!("Lambda was not told: {error}"));
    }
}

/// What an invocation ends with.
pub(crate) async fn handle(
    crew: &Crew,
    options: &Options,
    headers: &HeaderMap,
    payload: Bytes,
) -> Told {
    match read(headers, payload, options) {
        Ok(work) => {
            let end = work.deadline;
            let deadline = end.unwrap_or_else(|| Instant::now() + options.timeout);
            let mut told = crew.work(work, deadline).await.checked();
            if let Told::Stream(streaming) = &mut told {
                streaming.deadline = deadline;
            }
            told
        }
        Err(told) => told,
    }
}

/// It becomes a part of a path.
fn is_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    !id.is_empty() && id.bytes().all(plain)
}
