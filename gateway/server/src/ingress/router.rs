//! One request, from its head to its answer.

use super::answer::{AnswerBody, taken};
use super::body::{announced, read};
use super::budget::FREE;
use super::{Additional, Door, Encrypted, Errands, Limits, Problem, Site, head, later};
use crate::admin::Metrics;
use crate::routes::{self, Caller, Found, Match};
use crate::telemetry::{self, Asked, Span, Telemetry};
use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::{Either, Full};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tradewind_adapter::{
    Action, Answer, BoxError, Fetch, Parts, Refusal, TRACEPARENT, TraceContext, Verified,
};
use tradewind_engine::{Clock, Engine, Exceeded, Happening, Origin, PublishError, Receipt};
use tradewind_event::Event;
use tradewind_policy::{self as policy, Decision, Facts, Principal, Resource};

static TRACEPARENT_HEADER: HeaderName = HeaderName::from_static(TRACEPARENT);

/// What ingress asks of the engine.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// See [`Engine::publish`].
    async fn publish(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError>;
    /// See [`Engine::room`].
    fn room(&self, stream: &str) -> Result<(), Exceeded>;
    /// See [`Engine::decide`].
    fn decide(&self, who: &Principal, action: policy::Action, resource: Resource<'_>) -> Decision;
    /// See [`Engine::count_denied`].
    fn count_denied(&self, action: policy::Action, decision: &Decision);
    /// See [`Engine::listened`].
    fn listened(&self) -> bool;
    /// See [`Engine::report`].
    fn report(&self, happening: Happening);
}

#[async_trait]
impl Publisher for Engine {
    async fn publish(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        Engine::publish(self, stream, origin, events).await
    }
    fn room(&self, stream: &str) -> Result<(), Exceeded> {
        Engine::room(self, stream)
    }
    fn decide(&self, who: &Principal, action: policy::Action, resource: Resource<'_>) -> Decision {
        Engine::decide(self, who, action, resource, Facts::default())
    }
    fn count_denied(&self, action: policy::Action, decision: &Decision) {
        Engine::count_denied(self, action, decision);
    }
    fn listened(&self) -> bool {
        Engine::listened(self)
    }
    fn report(&self, happening: Happening) {
        Engine::report(self, happening);
    }
}

/// Everything a request meets. One per gateway.
pub struct Ingress {
    pub(crate) publisher: Arc<dyn Publisher>,
    pub(crate) clock: Arc<dyn Clock>,
    site: Arc<ArcSwap<Site>>,
    pub(crate) metrics: Arc<Metrics>,
    additional: Semaphore,
    telemetry: Option<Arc<Telemetry>>,
    errands: Option<Errands>,
}

impl std::fmt::Debug for Ingress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingress").finish_non_exhaustive()
    }
}

impl Ingress {
    /// A new one. Later configurations are put in force by swapping `site`.
    pub fn new(
        publisher: Arc<dyn Publisher>,
        clock: Arc<dyn Clock>,
        site: Arc<ArcSwap<Site>>,
        metrics: Arc<Metrics>,
        limits: &Limits,
    ) -> Self {
        Self {
            publisher,
            clock,
            site,
            metrics,
            additional: Semaphore::new(limits.requests),
            telemetry: None,
            errands: None,
        }
    }

    /// Makes a span of every request.
    #[must_use]
    pub fn traced(mut self, telemetry: Option<Arc<Telemetry>>) -> Self {
        self.telemetry = telemetry;
        self
    }

    /// Visits addresses that a sender wants to see visited.
    #[must_use]
    pub fn visiting(mut self, fetch: Option<Arc<dyn Fetch>>) -> Self {
        self.errands = fetch.map(Errands::new);
        self
    }

    /// Answers one request of a caller at this address; `None` where callers have none.
    pub async fn handle<B>(
        &self,
        peer: Option<IpAddr>,
        mut request: Request<B>,
    ) -> Response<AnswerBody>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError> + std::fmt::Display,
    {
        let site = self.site.load_full();
        let sound = head::sound(&request, &site.limits);
        // Two ways to tell a body's end may lead two parsers to two ends. RFC 9112 section 6.1 has the
        // connection closed after a request with both, of which only one is left to be seen here:
        // what follows a chunked body is never taken for a request.
        let last = request.version() < Version::HTTP_2
            && request.headers().contains_key(TRANSFER_ENCODING);
        let door = site.doors.get(request.uri().path());
        let route = match (&sound, door) {
            (Ok(()), None) => site.routes.find(&request),
            _ => None,
        };
        let span = self.telemetry.as_ref().map(|telemetry| {
            let (path, route) = match (&route, door) {
                (Some(Found::Route(route, _)), _) => (Some(route.path()), Some(route.name())),
                // The same as the source's, letter by letter.
                (_, Some(_)) => (Some(request.uri().path()), None),
                _ => (None, None),
            };
            telemetry.request(Asked {
                method: request.method(),
                path,
                route,
                encrypted: request.extensions().get::<Encrypted>().is_some(),
                headers: request.headers(),
            })
        });
        // What is passed on, or made an event, is below this span.
        let trace = span.as_ref().and_then(Span::context);
        let mut response = match route {
            None => {
                telemetry::carry(trace.as_ref(), request.headers_mut());
                self.source(&site, sound, door, request).await
            }
            Some(Found::Route(route, params)) => {
                let matched = Match::new(route, &params);
                telemetry::carry(trace.as_ref(), request.headers_mut());
                // Apart: requests to sources do not carry its state around.
                let encrypted = request.extensions().get::<Encrypted>().is_some();
                let caller = Caller::new(peer, encrypted, &site.limits);
                Box::pin(routes::handle(self, &site, route, matched, caller, request)).await
            }
            Some(other) => {
                let answer = routes::others(&other, &request);
                self.close(None, "options", Instant::now(), answer)
            }
        };
        if last {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        if let Some(span) = span {
            span.end(response.status().as_u16());
        }
        response
    }

    async fn source<B>(
        &self,
        site: &Site,
        sound: Result<(), Problem>,
        door: Option<&Door>,
        request: Request<B>,
    ) -> Response<AnswerBody>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let began = Instant::now();
        let answer = match (sound, door) {
            (Err(problem), _) => Err(problem),
            (Ok(()), Some(door)) => self.enter(site, door, request).await,
            (Ok(()), None) => Err(unknown_path(site, request.uri().path())),
        };
        self.close(door, "taken", began, answer)
    }

    /// Counts an answer, and tells of a refusal.
    fn close(
        &self,
        door: Option<&Door>,
        code: &'static str,
        began: Instant,
        answer: Result<Response<Full<Bytes>>, Problem>,
    ) -> Response<AnswerBody> {
        let took = began.elapsed();
        let name = door.map_or("", |door| &door.name);
        let response = match answer {
            Ok(response) => {
                let status = response.status();
                match door {
                    Some(door) if status == StatusCode::ACCEPTED => {
                        let meter = door.meter.get_or_init(|| self.metrics.taken(name));
                        meter.count(took);
                    }
                    _ => self.metrics.request(name, status.as_u16(), code, took),
                }
                response
            }
            Err(problem) => {
                self.metrics
                    .request(name, problem.status.as_u16(), problem.code, took);
                self.refused(name, &problem);
                problem.answer()
            }
        };
        response.map(Either::Left)
    }

    async fn enter<B>(
        &self,
        site: &Site,
        door: &Door,
        request: Request<B>,
    ) -> Result<Response<Full<Bytes>>, Problem>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let _place = Additional::place(&self.additional, request.extensions())?;
        let (line, body) = request.into_parts();
        let parts = Parts {
            method: line.method,
            uri: line.uri,
            headers: line.headers,
            peer: line.extensions.get().cloned(),
        };
        match parts.method {
            Method::POST => {}
            Method::GET | Method::OPTIONS => {
                let failed = |_: &Problem| self.metrics.troubles.handshake_failed(&door.name);
                return self.handshake(door, &parts).inspect_err(failed);
            }
            _ => return Err(wrong_method()),
        }
        announced(door.into(), &parts.headers)?;
        let known = match door.webhook.verifies_head() {
            true => Some(self.verify(door, &parts, &[]).await?),
            false => None,
        };
        if let (Some(verified), Some(rate)) = (&known, &door.rate) {
            rate.check(&verified.principal)?;
        }
        if known.is_some() {
            // Others are told of quotas when their body has shown who they are.
            self.publisher.room(&door.stream)?;
        }
        // The share lives until the answer: what waits to be stored counts.
        let mut share = site.budget.share(FREE);
        let body = read(door.into(), &parts.headers, body, &mut share).await?;
        let verified = match known {
            Some(verified) => verified,
            None => self.verify(door, &parts, &body).await?,
        };
        if let Some(answer) = door.webhook.challenge(&parts, &body) {
            return self.respond(door, answer);
        }
        let mut events = door.webhook.decode(&parts, body, &verified)?;
        claims(door, &verified, &events)?;
        if door.webhook.verifies_head() {
            // Only where the sender is known by the head is the head the sender's word.
            later::ask(&parts.headers, &mut events)?;
        }
        if parts.headers.contains_key(&TRACEPARENT_HEADER)
            && let Some(trace) = TraceContext::of_headers(&parts.headers)
        {
            events = telemetry::stamp(events, &trace);
        }
        if events.len() > door.batch_max {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "batch-too-large",
                "the batch has more events than the gateway takes; nothing was stored",
            )
            .detail(format!("at most {} events", door.batch_max)));
        }
        if let Some(rate) = &door.rate {
            rate.take(&verified.principal, events.len())?;
        }
        let ids: Vec<String> = events.iter().map(|event| event.id().to_owned()).collect();
        let receipts = if events.is_empty() {
            Vec::new()
        } else {
            let origin = door.sender.origin(&door.name, verified);
            self.publisher
                .publish(&door.stream, &origin, events)
                .await?
        };
        taken(site, door, &ids, &receipts)
    }

    /// Who sends this; what that takes is fetched first.
    async fn verify(&self, door: &Door, parts: &Parts, body: &[u8]) -> Result<Verified, Problem> {
        let now = self.now();
        if let Some(fetching) = door.webhook.missing(parts, body, now) {
            fetching.await?;
        }
        let verified = door.webhook.verify(parts, body, now).map_err(|refusal| {
            let mut problem = Problem::from(refusal);
            problem.challenge = door.webhook.scheme();
            problem
        })?;
        verified.may(Action::Publish)?;
        if let Some(secret) = verified.secret {
            self.metrics.secret_used(&door.name, secret, seconds(now));
        }
        self.note(&verified, now);
        Ok(verified)
    }

    /// Remembers when an API key was shown.
    pub(crate) fn note(&self, verified: &Verified, now: SystemTime) {
        let now = seconds(now);
        if let Some(secret) = verified.key.as_ref().filter(|key| key.first_shown(now)) {
            self.metrics.key_used(secret, now);
        }
    }

    fn handshake(&self, door: &Door, parts: &Parts) -> Result<Response<Full<Bytes>>, Problem> {
        let answer = door.webhook.challenge(parts, &[]);
        self.respond(door, answer.ok_or_else(wrong_method)?)
    }

    fn respond(&self, door: &Door, answer: Answer) -> Result<Response<Full<Bytes>>, Problem> {
        if let (Some(url), Some(errands)) = (answer.visit, &self.errands) {
            errands.run(&door.name, url)?;
        }
        if let Some(note) = answer.note {
            tracing::warn!(source = &*door.name, "{note}");
        }
        let mut response = Response::new(Full::from(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }

    pub(crate) fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.clock.unix_ms())
    }

    fn refused(&self, source: &str, problem: &Problem) {
        if source.is_empty() {
            // Scanners find unknown paths all day long.
            tracing::debug!(reason = problem.log_line(), "request refused");
        } else {
            tracing::warn!(source, reason = problem.log_line(), "request refused");
            if let Some(cause) = problem.cause {
                self.metrics.refused(source, cause.label());
            }
            if problem.status.is_client_error() {
                self.metrics.troubles.refused(source, problem.code);
            }
        }
        if self.publisher.listened() {
            self.publisher.report(Happening {
                event: None,
                at_ms: self.clock.unix_ms(),
                what: "refused".into(),
                stream: None,
                position: None,
                id: None,
                ty: None,
                name: (!source.is_empty()).then(|| source.into()),
                detail: problem.log_line(),
            });
        }
    }
}

/// Whether the events, as they are now and will be stored, may say what they say.
fn claims(door: &Door, verified: &Verified, events: &[Event]) -> Result<(), Refusal> {
    for event in events {
        let admitted = door.may_claim.admits(event.source(), event.ty());
        admitted.map_err(|what| {
            let who = &verified.principal;
            Refusal::forbidden(format!("{who} may not claim this `{what}` here"))
        })?;
    }
    Ok(())
}

pub(crate) fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

fn unknown_path(site: &Site, path: &str) -> Problem {
    let problem = Problem::new(
        StatusCode::NOT_FOUND,
        "unknown-path",
        "no source or route has this path",
    );
    match site.nearest(path) {
        Some(near) => problem.hint(format!("did you mean {near}?")),
        None => problem
            .hint("the `path` of a source must equal the request's, that of a route must match it"),
    }
}

fn wrong_method() -> Problem {
    let mut problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "events are sent with POST",
    );
    problem.allow = Some("POST, OPTIONS".into());
    problem
}
