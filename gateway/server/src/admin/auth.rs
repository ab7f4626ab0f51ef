//! Who may use the admin API: whoever can open the socket, or holds the token.

use crate::ingress::Problem;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, StatusCode, Uri};
use sha2::Digest as _;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tradewind_adapter::Secret;

/// What guards a listener of the admin API.
#[derive(Debug, Clone)]
pub enum Guard {
    /// A Unix socket of mode 0600: the file system decides.
    Socket,
    /// TCP: a bearer token, and no browser tricked into calling us.
    Token(Secret),
}

/// Paths that need no token: they tell nothing of events, and probes cannot hold secrets.
const OPEN: [&str; 4] = ["/livez", "/readyz", "/metrics", "/openapi.json"];

/// A fresh token: 256 random bits.
pub fn token() -> Result<Secret, String> {
    let mut bytes = [0u8; 32];
    crate::run::random(&mut bytes)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

pub(super) async fn check(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let refusal = match guard.as_ref() {
        Guard::Socket => None,
        Guard::Token(token) => refused(token, request.uri(), request.headers()),
    };
    match refusal {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn refused(token: &Secret, uri: &Uri, headers: &HeaderMap) -> Option<Problem> {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    // A page of a hostile site that rebinds its name to our address keeps its own name as host.
    let host = uri.authority().map(|a| a.as_str()).or_else(|| text(HOST));
    if !host.is_some_and(is_address) {
        return Some(
            Problem::new(
                StatusCode::FORBIDDEN,
                "wrong-host",
                "the admin API is called by address or as localhost",
            )
            .hint("use http://127.0.0.1:<port>"),
        );
    }
    let own = text(ORIGIN).is_none_or(|origin| {
        origin
            .split_once("://")
            .is_some_and(|(_, from)| Some(from) == host)
    });
    if !own {
        return Some(Problem::new(
            StatusCode::FORBIDDEN,
            "wrong-origin",
            "the admin API takes no requests from other origins",
        ));
    }
    if OPEN.contains(&uri.path()) {
        return None;
    }
    let given = text(AUTHORIZATION).and_then(|v| v.strip_prefix("Bearer "));
    let right = given.is_some_and(|given| {
        // Digests have one length, so that the comparison tells nothing of the token's.
        let digest = |text: &str| sha2::Sha256::digest(text.as_bytes());
        digest(given).ct_eq(&digest(token.expose())).into()
    });
    (!right).then(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "the admin API needs its token",
        )
        .hint("send `authorization: Bearer <token>`; the token is in admin.token in the data directory")
    })
}

fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_of_the_admin_api() {
        let token = Secret::new("right");
        type Headers = &'static [(&'static str, &'static str)];
        let cases: [(&str, Headers, Option<u16>); 10] = [
            (
                "/v1/status",
                &[
                    ("host", "127.0.0.1:7001"),
                    ("authorization", "Bearer right"),
                ],
                None,
            ),
            (
                "/v1/status",
                &[("host", "[::1]:7001"), ("authorization", "Bearer right")],
                None,
            ),
            (
                "/v1/status",
                &[
                    ("host", "localhost:7001"),
                    ("authorization", "Bearer right"),
                ],
                None,
            ),
            ("/v1/status", &[("host", "127.0.0.1:7001")], Some(401)),
            (
                "/v1/status",
                &[
                    ("host", "127.0.0.1:7001"),
                    ("authorization", "Bearer wrong"),
                ],
                Some(401),
            ),
            (
                "/v1/status",
                &[
                    ("host", "evil.example:7001"),
                    ("authorization", "Bearer right"),
                ],
                Some(403),
            ),
            (
                "/v1/status",
                &[
                    ("host", "127.0.0.1:7001"),
                    ("origin", "https://evil.example"),
                    ("authorization", "Bearer right"),
                ],
                Some(403),
            ),
            (
                "/v1/status",
                &[
                    ("host", "127.0.0.1:7001"),
                    ("origin", "http://127.0.0.1:7001"),
                    ("authorization", "Bearer right"),
                ],
                None,
            ),
            ("/readyz", &[("host", "10.1.2.3:7001")], None),
            ("/readyz", &[("host", "evil.example")], Some(403)),
        ];
        for (path, given, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.insert(*name, value.parse().unwrap());
            }
            let status = refused(&token, &path.parse().unwrap(), &headers);
            assert_eq!(
                status.map(|p| p.status.as_u16()),
                expected,
                "{path} {given:?}"
            );
        }
    }
}
