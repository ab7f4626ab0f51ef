//! Heads that no source has to see.

use super::{Limits, Problem};
use http::header::{HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderValue, Request, StatusCode, Version};

/// Whether a head is one that a request can have, whoever it is for.
pub(crate) fn sound<B>(request: &Request<B>, limits: &Limits) -> Result<(), Problem> {
    size(request, limits)?;
    host(request)?;
    coding(request)
}

/// Whether a head is within the limits. HTTP/1 enforces them while it reads; HTTP/2 knows no count,
/// and resets the streams of large heads, so what comes a little above the limit is answered here.
fn size<B>(request: &Request<B>, limits: &Limits) -> Result<(), Problem> {
    let headers = request.headers();
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |t| t.as_str().len());
    let size = headers.iter().fold(target, |size, (name, value)| {
        size + name.as_str().len() + value.len()
    });
    let most = if headers.len() > limits.header_fields {
        format!("at most {} header fields", limits.header_fields)
    } else if size > limits.header_bytes {
        format!("at most {} bytes of header fields", limits.header_bytes)
    } else {
        return Ok(());
    };
    Err(Problem::head_too_large().detail(most))
}

/// Of codings that frame a body, `chunked` alone is understood; RFC 9112 section 6.1 has the others
/// answered 501. Whatever else stood before `chunked` would be left in the body.
fn coding<B>(request: &Request<B>) -> Result<(), Problem> {
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            "transfer-coding",
            "the only transfer-encoding that is understood is chunked; nothing was stored",
        )),
    }
}

/// What RFC 9112 section 3.2 demands: exactly one `Host`, which is empty or an authority. HTTP/2
/// has `:authority` in its place, HTTP/1.0 may leave it out.
fn host<B>(request: &Request<B>) -> Result<(), Problem> {
    if request.version() > Version::HTTP_11 {
        return Ok(());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let wrong = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => return Ok(()),
        (None, _) => "header `host`: is missing; every HTTP/1.1 request needs it",
        (Some(_), Some(_)) => "header `host`: occurs twice",
        (Some(host), None) if is_host(host) => return Ok(()),
        (Some(_), None) => "header `host`: is no host with or without a port",
    };
    Err(Problem::new(
        StatusCode::BAD_REQUEST,
        "invalid-host",
        "the request does not name one host; nothing was stored",
    )
    .detail(wrong))
}

fn is_host(value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    value.is_empty() || !value.contains(&b'@') && Authority::try_from(value).is_ok()
}
