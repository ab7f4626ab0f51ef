//! Who may use the admin API: whoever can open the socket, holds the token, or shows what `admin-auth` asks for.

use super::audit::Records;
use super::permit::{self, Later, Permit};
use super::refusals::{Asked, Refusals};
use super::space::{self, Narrow};
use crate::ingress::{Additional, Encrypted, Problem, seconds, sound};
use crate::run::Gateway;
use crate::who;
use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use sha2::Digest as _;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use tradewind_adapter::{Action, Cause, Peer, Refusal, Secret};
use tradewind_policy::Principal;

/// What guards a listener of the admin API.
#[derive(Debug, Clone)]
pub enum Guard {
    /// A Unix socket of mode 0600: the file system decides.
    Socket,
    /// TCP: a bearer token, and no browser tricked into calling us.
    Token(Secret),
}

/// Paths that need no token: probes cannot hold secrets.
const PROBES: [&str; 2] = ["/livez", "/readyz"];
/// Nor do these where only this machine can ask: they tell nothing of events, and much of the gateway.
const NEAR: [&str; 2] = ["/metrics", "/openapi.json"];

/// A fresh token: 256 random bits.
pub fn token() -> Result<Secret, String> {
    let mut bytes = [0u8; 32];
    crate::run::random(&mut bytes)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// What an endpoint asks of its caller, by path and method, lower case.
pub(super) type Asks = HashMap<(&'static str, &'static str), Option<Action>>;

/// What every request meets first.
pub(super) struct Entry {
    pub(super) guard: Guard,
    pub(super) gateway: Arc<Gateway>,
    pub(super) asks: Asks,
    pub(super) records: Records,
    pub(super) later: Later,
    /// Requests under way beyond the first of each connection.
    pub(super) additional: Semaphore,
    pub(super) narrow: Narrow,
    pub(super) refusals: Refusals,
}

/// Who calls, where it is not the operator at the socket or with the token.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) String);

/// Whom something is done for: over the socket, the operator.
pub(super) fn named(caller: Option<Extension<Caller>>) -> String {
    caller.map_or_else(|| "operator".to_owned(), |Extension(Caller(by))| by)
}

pub(super) async fn check(
    State(entry): State<Arc<Entry>>,
    mut request: Request,
    next: Next,
) -> Response {
    let sound = sound(&request, &entry.gateway.site.load().admin_limits);
    let asks = Asked::of(&request);
    let place = sound.and_then(|()| Additional::place(&entry.additional, request.extensions()));
    let _place = match place {
        Ok(place) => place,
        Err(problem) => return turned_away(&entry, problem, None, asks),
    };
    let admitted = match &entry.guard {
        Guard::Socket => Ok(None),
        Guard::Token(token) => match fenced(&request) {
            Ok(false) => Ok(None),
            Ok(true) => {
                let asked = entry.asked(&request);
                let peer = request.extensions().get::<Arc<Peer>>().cloned();
                admit(&entry, token, (request.headers(), peer.as_deref()), asked).await
            }
            Err(problem) => Err((problem, None)),
        },
    };
    match admitted {
        Ok(caller) => {
            let by = caller.as_ref().map(|(Caller(by), _)| by.clone());
            let permit = match caller {
                Some((caller, permit)) => {
                    request.extensions_mut().insert(caller);
                    permit
                }
                None => Permit {
                    who: Principal::operator(),
                    space: None,
                    reads: true,
                },
            };
            let asked = match entry.is(&entry.later, &request) {
                true => None,
                false => entry.asked(&request),
            };
            let narrow = entry.is(&entry.narrow, &request);
            request.extensions_mut().insert(permit.clone());
            match permit::at_the_door(&entry.gateway, &permit, (asked, narrow), request).await {
                Ok(request) => next.run(request).await,
                Err(problem) => turned_away(&entry, problem, by.as_deref(), asks),
            }
        }
        Err((problem, by)) => turned_away(&entry, problem, by.as_deref(), asks),
    }
}

fn turned_away(entry: &Entry, problem: Problem, by: Option<&str>, asks: Asked) -> Response {
    entry.told(&problem, by, asks);
    tracing::warn!(
        reason = problem.log_line(),
        "request to the admin API refused"
    );
    if let Some(cause) = problem.cause {
        entry.gateway.metrics.refused("admin", cause.label());
    }
    problem.into_response()
}

/// Whether the path needs a proof; an error where a browser was tricked into calling us.
fn fenced<B>(request: &http::Request<B>) -> Result<bool, Problem> {
    let (uri, headers) = (request.uri(), request.headers());
    let encrypted = request.extensions().get::<Encrypted>().is_some();
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    // A page of a hostile site that rebinds its name to our address keeps its own name as host. Over TLS the browser
    // finds no certificate for that name here.
    let host = uri.authority().map(|a| a.as_str()).or_else(|| text(HOST));
    if !encrypted && !host.is_some_and(is_address) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "wrong-host",
            "the admin API is called by address or as localhost",
        )
        .hint("use http://127.0.0.1:<port>"));
    }
    let own = text(ORIGIN).is_none_or(|origin| {
        origin
            .split_once("://")
            .is_some_and(|(_, from)| Some(from) == host)
    });
    if !own {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "wrong-origin",
            "the admin API takes no requests from other origins",
        ));
    }
    let open = PROBES.contains(&uri.path()) || (!encrypted && NEAR.contains(&uri.path()));
    Ok(!open)
}

/// The holder of the token may do everything, others what their proof is good for. Of who is refused it is told who
/// that is, once it is known.
async fn admit(
    entry: &Entry,
    token: &Secret,
    (headers, peer): (&HeaderMap, Option<&Peer>),
    asked: Option<Action>,
) -> Result<Option<(Caller, Permit)>, (Problem, Option<String>)> {
    if holds(token, headers) {
        return Ok(None);
    }
    prove(&entry.gateway, (headers, peer), asked)
        .await
        .map(Some)
}

/// Whose proof this is, by the configuration in force, and what it is good for.
async fn prove(
    gateway: &Gateway,
    (headers, peer): (&HeaderMap, Option<&Peer>),
    asked: Option<Action>,
) -> Result<(Caller, Permit), (Problem, Option<String>)> {
    let unknown = |problem: Problem| (problem, None);
    let Some(callers) = gateway.config.load().checked.admin_callers.clone() else {
        let reason = Refusal::unverified(Cause::Mismatch, "no such token");
        return Err(unknown(refused(
            reason,
            HeaderValue::from_static(CHALLENGE),
        )));
    };
    let challenge = callers.challenge();
    let challenge = || {
        challenge
            .clone()
            .unwrap_or(HeaderValue::from_static(CHALLENGE))
    };
    if let Some(fetching) = callers.missing(headers) {
        fetching.await.map_err(|refusal| unknown(refusal.into()))?;
    }
    let now = UNIX_EPOCH + Duration::from_millis(gateway.clock.unix_ms());
    let verified = callers.verify(headers, peer, now);
    let verified = verified.map_err(|refusal| unknown(refused(refusal, challenge())))?;
    if let Some(secret) = &verified.key {
        gateway.metrics.key_used(secret, seconds(now));
    }
    let known = |problem: Problem| (problem, Some(verified.principal.clone()));
    if let Some(action) = asked {
        verified
            .may(action)
            .map_err(|refusal| known(refusal.into()))?;
    }
    let who = who::of(&verified);
    let space = space::of_caller(&gateway.config.load().checked, &who).map_err(known)?;
    let reads = verified.may(Action::ReadPayload).is_ok();
    let permit = Permit { who, space, reads };
    Ok((Caller(verified.principal), permit))
}

/// What a caller has shown, for those who ask again while they answer it.
pub(super) struct Shown {
    pub(super) headers: HeaderMap,
    pub(super) peer: Option<Arc<Peer>>,
}

impl Shown {
    /// What the caller may now; `None` where it may not do this any more.
    pub(super) async fn still(&self, gateway: &Gateway, asked: Action) -> Option<Permit> {
        let shown = (&self.headers, self.peer.as_deref());
        let proved = prove(gateway, shown, Some(asked)).await;
        proved.ok().map(|(_, permit)| permit)
    }
}

impl Entry {
    /// What this request needs a right to; for what is in no list, the greatest one.
    fn asked(&self, request: &Request) -> Option<Action> {
        let path = request.extensions().get::<MatchedPath>();
        let path = path.map(MatchedPath::as_str)?;
        let Some(method) = method(request) else {
            return Some(Action::Configure);
        };
        let asks = self.asks.get(&(path, method)).copied();
        asks.unwrap_or(Some(Action::Configure))
    }

    /// Whether the endpoint is one of these.
    fn is(&self, some: &HashSet<(&'static str, &'static str)>, request: &Request) -> bool {
        let path = request.extensions().get::<MatchedPath>();
        path.map(MatchedPath::as_str)
            .zip(method(request))
            .is_some_and(|endpoint| some.contains(&endpoint))
    }
}

pub(super) fn method(request: &Request) -> Option<&'static str> {
    match request.method() {
        &Method::GET | &Method::HEAD => Some("get"),
        &Method::POST => Some("post"),
        &Method::DELETE => Some("delete"),
        _ => None,
    }
}

const CHALLENGE: &str = r#"Bearer realm="tradewind""#;

fn refused(refusal: Refusal, challenge: HeaderValue) -> Problem {
    let mut problem = Problem::from(refusal).hint(
        "send `authorization: Bearer <token>`; the token is in admin.token in the data directory",
    );
    problem.challenge = Some(challenge);
    problem
}

fn holds(token: &Secret, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    given
        .and_then(|v| v.strip_prefix("Bearer "))
        .is_some_and(|given| {
            // Digests have one length, so that the comparison tells nothing of the token's.
            let digest = |text: &str| sha2::Sha256::digest(text.as_bytes());
            digest(given).ct_eq(&digest(token.expose())).into()
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
            let mut request = http::Request::get(path).body(()).unwrap();
            *request.headers_mut() = headers.clone();
            let status = match fenced(&request) {
                Err(problem) => Some(problem.status.as_u16()),
                Ok(asked) => (asked && !holds(&token, &headers)).then_some(401),
            };
            assert_eq!(status, expected, "{path} {given:?}");
        }
        // Over TLS any name will do, and still no other origin.
        for (origin, admitted) in [
            (None, true),
            (Some("https://ops.example"), true),
            (Some("https://evil.example"), false),
        ] {
            let mut request = http::Request::get("/v1/status").header(HOST, "ops.example");
            if let Some(origin) = origin {
                request = request.header(ORIGIN, origin);
            }
            let request = request.extension(Encrypted).body(()).unwrap();
            assert_eq!(fenced(&request).is_ok(), admitted, "{origin:?}");
        }
        for (path, near, far) in [
            ("/readyz", false, false),
            ("/metrics", false, true),
            ("/openapi.json", false, true),
            ("/v1/status", true, true),
        ] {
            let request = || http::Request::get(path).header(HOST, "localhost");
            let plain = request().body(()).unwrap();
            let encrypted = request().extension(Encrypted).body(()).unwrap();
            assert_eq!(fenced(&plain).ok(), Some(near), "{path}");
            assert_eq!(fenced(&encrypted).ok(), Some(far), "{path}");
        }
    }
}
