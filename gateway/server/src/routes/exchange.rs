//! One request to a route, from its head to the head of its answer.

use super::body::{Capped, Slot, Streamed, too_large, whole};
use super::meter::Meter;
use super::path::{climbs, decoded, filled};
use super::route::Route;
use super::{Caller, Found, event, headers};
use crate::ingress::{self, AnswerBody, Ingress, Problem, Site};
use crate::who;
use bytes::Bytes;
use http::header::{ALLOW, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Either, Full};
use matchit::Params;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tradewind_adapter::{Action, BoxError, Peer, Reason, Verified};
use tradewind_engine::{Happening, Origin};
use tradewind_event::Event;
use tradewind_policy::Resource;

/// Gateways that a request may pass; beyond that it runs in circles.
const HOPS_MAX: u32 = 16;

/// What a route's pattern made of a path.
#[derive(Debug)]
pub(crate) struct Match {
    pub(super) params: BTreeMap<String, String>,
    rewritten: Option<String>,
}

impl Match {
    pub(crate) fn new(route: &Route, params: &Params<'_, '_>) -> Self {
        let event = !route.proxy || route.record.is_some();
        let params_of_event = if event {
            decoded(params)
        } else {
            BTreeMap::new()
        };
        Self {
            params: params_of_event,
            rewritten: route
                .rewrite
                .as_deref()
                .map(|pieces| filled(pieces, params)),
        }
    }
}

/// What the answer says about the request: durable, or not kept at all.
struct Kept {
    durability: &'static str,
    position: Option<String>,
}

impl Kept {
    fn stamp(&self, headers: &mut HeaderMap) {
        let durability = HeaderValue::from_static(self.durability);
        headers.insert(ingress::DURABILITY, durability);
        let position = self.position.as_ref();
        if let Some(position) = position.and_then(|p| HeaderValue::try_from(p).ok()) {
            headers.insert(ingress::POSITION, position);
        }
    }
}

/// Counts the request; one that is dropped before there is an answer, as left by its caller.
struct Visit<'a> {
    meter: &'a Meter,
    began: Instant,
    left: bool,
}

impl Visit<'_> {
    fn end(&mut self, status: StatusCode, code: &'static str) {
        self.left = false;
        self.meter
            .count(status.as_u16(), code, self.began.elapsed());
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if self.left {
            self.meter.count(499, "caller-gone", self.began.elapsed());
        }
    }
}

/// Answers a request to `route`.
pub(crate) async fn handle<B>(
    front: &Ingress,
    site: &Site,
    route: &Route,
    matched: Match,
    caller: Caller,
    request: Request<B>,
) -> Response<AnswerBody>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let meter = route.meter(&front.metrics.routes);
    let mut visit = Visit {
        meter,
        began: Instant::now(),
        left: true,
    };
    let origin = request.headers().get(ORIGIN).cloned();
    let mut kept = Kept {
        durability: "none",
        position: None,
    };
    let asked = (matched, caller, request);
    let exchanged = exchange(front, site, route, meter, asked, &mut kept).await;
    let mut answer = match exchanged {
        Ok(answer) => {
            visit.end(answer.status(), "answered");
            answer.map(Either::Right)
        }
        Err(problem) => {
            visit.end(problem.status, problem.code);
            tell(front, route, &problem);
            problem.answer().map(Either::Left)
        }
    };
    kept.stamp(answer.headers_mut());
    if let Some(cors) = &route.cors {
        cors.stamp(origin.as_ref(), answer.headers_mut());
    }
    answer
}

async fn exchange<B>(
    front: &Ingress,
    site: &Site,
    route: &Route,
    meter: &Meter,
    (matched, caller, request): (Match, Caller, Request<B>),
    kept: &mut Kept,
) -> Result<Response<Streamed>, Problem>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let (mut parts, body) = request.into_parts();
    let head_only = parts.method == Method::HEAD;
    if climbs(parts.uri.path()) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "bad-path",
            "the path holds a step `.` or `..`",
        ));
    }
    let hops = headers::hops(&parts.headers);
    if hops >= HOPS_MAX {
        return Err(Problem::new(
            StatusCode::LOOP_DETECTED,
            "loop",
            "the request has passed too many gateways",
        )
        .detail(format!("at most {HOPS_MAX}")));
    }
    if body.size_hint().lower() > route.body_max as u64 {
        return Err(too_large(route));
    }
    let verified = known(front, route, &parts).await?;
    if let Some(stream) = &route.record {
        front.publisher.room(stream)?;
    }
    let slot = Slot::take(route, meter)?;
    let function = route.function.invoke().ok_or_else(silent)?;
    let body = Capped::new(body, route.body_max);
    let upload = body.upload();

    let asked = if route.proxy && route.record.is_none() {
        let request = passed_on(
            route,
            &caller,
            &mut parts,
            matched,
            hops,
            body.boxed_unsync(),
        )?;
        within(route.timeout, function.pass(request)).await
    } else {
        let mut share = site.budget.share(ingress::FREE);
        let body = whole(route, body, &mut share).await?;
        let about = (front.clock.unix_ms(), hops);
        let event = event::event(route, (&parts, &caller), &matched, &body, about)?;
        // Written as JSON, a body may be six times as long; both are held.
        if !share.grow(event.data().map_or(0, |data| data.bytes.len())) {
            return Err(Problem::overloaded("too many bytes of bodies under way"));
        }
        if let Some(stream) = &route.record {
            let origin = origin(route, verified);
            let position = append(front, stream, &origin, event.clone()).await?;
            kept.durability = site.durability(stream);
            // Another node knows it, where that serves its shard.
            kept.position = Some(position)
                .filter(|position| !position.is_empty())
                .map(|position| format!("{stream}@{position}"));
        }
        if route.proxy {
            drop(event);
            let body = Full::new(body)
                .map_err(|never| match never {})
                .boxed_unsync();
            let request = passed_on(route, &caller, &mut parts, matched, hops, body)?;
            within(route.timeout, function.pass(request)).await
        } else {
            drop(body);
            within(route.timeout, function.ask(event)).await
        }
    };
    let failed = !matches!(asked, Err(Failed::Late));
    let answer = asked.map_err(|failure| {
        upload
            .problem(route, failed)
            .unwrap_or_else(|| failure.problem(route))
    })?;
    let (mut head, body) = answer.into_parts();
    if head.status.is_informational() {
        return Err(Failed::Broke(Reason::new("protocol", "no final answer")).problem(route));
    }
    let body = headers::answered(&mut head, head_only, body);
    let mut response = Response::new(Streamed::new(body, route.idle_timeout, slot));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    Ok(response)
}

/// Who calls, and that they may.
async fn known(
    front: &Ingress,
    route: &Route,
    parts: &http::request::Parts,
) -> Result<Verified, Problem> {
    let headers = &parts.headers;
    let peer: Option<&Arc<Peer>> = parts.extensions.get();
    if let Some(fetching) = route.callers.missing(headers) {
        fetching.await?;
    }
    let now = front.now();
    let verified = route.callers.verify(headers, peer.map(Arc::as_ref), now);
    let verified = verified.map_err(|refusal| {
        let mut problem = Problem::from(refusal);
        problem.challenge = route.callers.challenge();
        problem
    })?;
    front.note(&verified, now);
    verified.may(Action::Publish)?;
    let who = who::of(&verified);
    let invoke = tradewind_policy::Action::Invoke;
    let decision = front
        .publisher
        .decide(&who, invoke, Resource::Route(&route.name));
    if decision.allowed() {
        return Ok(verified);
    }
    front.publisher.count_denied(invoke, &decision);
    let why = format!("{who}: invoke {}: {decision}", route.name);
    Err(Problem::denied(why))
}

fn passed_on(
    route: &Route,
    caller: &Caller,
    parts: &mut http::request::Parts,
    matched: Match,
    hops: u32,
    body: tradewind_adapter::Body,
) -> Result<Request<tradewind_adapter::Body>, Problem> {
    let mut request = Request::new(body);
    *request.uri_mut() = match matched.rewritten {
        None => parts.uri.clone(),
        Some(path) => {
            let path = match parts.uri.query() {
                Some(query) => format!("{path}?{query}"),
                None => path,
            };
            Uri::try_from(path).map_err(|error| {
                let mut problem = Problem::new(
                    StatusCode::BAD_REQUEST,
                    "bad-path",
                    "the path cannot be rewritten",
                );
                problem.reason = Some(error.to_string());
                problem
            })?
        }
    };
    *request.method_mut() = parts.method.clone();
    *request.headers_mut() = headers::passed_on(route, caller, parts, hops);
    Ok(request)
}

async fn append(
    front: &Ingress,
    stream: &Arc<str>,
    origin: &Origin,
    event: Event,
) -> Result<String, Problem> {
    let receipts = front.publisher.publish(stream, origin, vec![event]).await?;
    let receipt = receipts.into_iter().next();
    Ok(receipt.map(|receipt| receipt.position).unwrap_or_default())
}

fn origin(route: &Route, verified: Verified) -> Origin {
    Origin {
        source: format!("routes/{}", route.name).into(),
        principal: format!("{} ({})", verified.principal, verified.method).into(),
        who: who::of(&verified),
        dedupe_window: verified.dedupe_window,
    }
}

/// Why there is no answer of the function.
enum Failed {
    Broke(Reason),
    Late,
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, Reason>>,
) -> Result<T, Failed> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(Failed::Broke),
        Err(_) => Err(Failed::Late),
    }
}

impl Failed {
    fn problem(self, route: &Route) -> Problem {
        match self {
            Self::Late => Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                "function-timeout",
                "the function did not answer in time",
            )
            .detail(format!("at most {} s", route.timeout.as_secs_f64())),
            Self::Broke(reason) => {
                let (code, title) = match reason.code.as_str() {
                    "protocol" => ("function-failed", "the function broke off"),
                    "not-http" => (
                        "function-failed",
                        "the request cannot be written to the function",
                    ),
                    _ => ("function-unreachable", "the function cannot be reached"),
                };
                let mut problem = Problem::new(StatusCode::BAD_GATEWAY, code, title);
                // Where the function is, and how it fails, is the operator's to know.
                problem.reason = Some(reason.to_string());
                problem
            }
        }
    }
}

fn silent() -> Problem {
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "function-unreachable",
        "the function cannot be reached",
    )
}

fn tell(front: &Ingress, route: &Route, problem: &Problem) {
    let line = problem.log_line();
    let name = &*route.name;
    tracing::warn!(route = name, reason = line, "request not answered");
    front.publisher.report(Happening {
        event: None,
        at_ms: front.clock.unix_ms(),
        what: "refused".into(),
        stream: None,
        position: None,
        id: None,
        ty: None,
        name: Some(format!("routes/{name}")),
        detail: line,
    });
}

/// Answers what the gateway answers itself on a path of routes: browsers that ask first, `OPTIONS`,
/// and methods that no route has there.
pub(crate) fn others<B>(
    found: &Found<'_, '_>,
    request: &Request<B>,
) -> Result<Response<Full<Bytes>>, Problem> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    match found {
        Found::Preflight(cors) => *answer.headers_mut() = cors.preflight(request.headers())?,
        Found::Methods(methods, true) if request.method() == Method::OPTIONS => {
            if let Ok(methods) = HeaderValue::try_from(methods.as_str()) {
                answer.headers_mut().insert(ALLOW, methods);
            }
        }
        Found::Methods(methods, _) => {
            let mut problem = Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "no route takes this method here",
            );
            problem.allow = Some(methods.clone().into());
            return Err(problem);
        }
        Found::Route(..) => {}
    }
    Ok(answer)
}
