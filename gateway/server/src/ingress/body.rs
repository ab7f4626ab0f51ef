//! Bodies: refused by what the head says, then read within cap, deadline and budget.

use super::budget::Share;
use super::{Door, Problem};
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt;
use tradewind_adapter::Parts;

/// What the head alone rules out, before a byte of the body is asked for.
pub(super) fn announced(door: &Door, parts: &Parts) -> Result<(), Problem> {
    let coded = parts
        .headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if coded {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-encoding",
            "compressed bodies are not taken",
        )
        .hint("send the body without content-encoding"));
    }
    match length(parts) {
        Some(length) if length > door.body_max as u64 => Err(too_large(door)),
        _ => Ok(()),
    }
}

fn length(parts: &Parts) -> Option<u64> {
    let value = parts.headers.get(CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

fn too_large(door: &Door) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "the body is larger than the source takes; nothing was stored",
    )
    .detail(format!("at most {} bytes", door.body_max))
}

fn hold(share: &mut Share, bytes: usize) -> Result<(), Problem> {
    if share.grow(bytes) {
        Ok(())
    } else {
        Err(Problem::overloaded("too many bytes of bodies under way"))
    }
}

/// The body, as it came.
pub(super) async fn read<B>(
    door: &Door,
    parts: &Parts,
    body: B,
    share: &mut Share,
) -> Result<Bytes, Problem>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: std::fmt::Display,
{
    let head = parts.headers.iter().fold(0, |size, (name, value)| {
        size + name.as_str().len() + value.len()
    });
    let whole = async {
        hold(share, head)?;
        let mut body = std::pin::pin!(body);
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                let mut problem = Problem::new(
                    StatusCode::BAD_REQUEST,
                    "body-broken",
                    "the body did not arrive whole; nothing was stored",
                );
                problem.reason = Some(error.to_string());
                problem
            })?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if first.len() + rest.len() + data.len() > door.body_max {
                return Err(too_large(door));
            }
            hold(share, data.len())?;
            // One frame is the usual case: it is kept as it came.
            if first.is_empty() && rest.is_empty() {
                first = data;
            } else {
                if rest.is_empty() {
                    // Announced within the cap; what does not come is never touched.
                    let announced = length(parts).unwrap_or_default();
                    rest.reserve(
                        usize::try_from(announced)
                            .unwrap_or_default()
                            .min(door.body_max),
                    );
                    rest.extend_from_slice(&std::mem::take(&mut first));
                }
                rest.extend_from_slice(&data);
            }
        }
        Ok(if rest.is_empty() {
            first
        } else {
            rest.freeze()
        })
    };
    tokio::time::timeout(door.body_timeout, whole)
        .await
        .unwrap_or_else(|_| {
            Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "body-timeout",
                "the body took too long; nothing was stored",
            )
            .detail(format!("at most {} s", door.body_timeout.as_secs())))
        })
}
