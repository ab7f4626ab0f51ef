//! The sink: one POST per delivery, or per batch.

mod client;
mod config;
mod consent;
pub(crate) mod dial;
mod failure;
pub(crate) mod guard;
mod invoke;
mod line;
mod render;
mod request;
mod response;
mod sign;
pub(crate) mod target;
pub(crate) mod tls;

pub use config::{Auth, Cidr, Config, Handshake, Mode, Render, RenderWith, Replies, Tls};
pub use dial::Resolve;

use async_trait::async_trait;
use client::Pool;
use consent::Consent;
use dial::{Dial, System};
use failure::{Redact, cancelled, failed, timed_out};
use guard::Guard;
use http::{Method, Request};
use http_body_util::{Either, Full};
use request::Requests;
use response::Responses;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use target::{Host, Target};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, ErrorKind, Invoke, Outcome, Report, Sink, SinkAdapter,
};

/// Delivers events by HTTP.
///
/// Connections are pooled per sink, never shared between sinks: a connection was judged by the
/// rules of the sink that opened it.
pub struct HttpSink {
    client: Pool,
    consent: Option<Consent>,
    requests: Requests,
    responses: Responses,
    target: Target,
    capability: Capability,
}

impl HttpSink {
    /// Longest time of one attempt, whatever is asked for: far dates overflow clocks.
    const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);

    /// A sink that resolves names with the operating system.
    ///
    /// # Errors
    /// Where the settings cannot work, with a hint.
    pub fn new(config: &Config) -> Result<Self, Error> {
        Self::with_resolver(config, Arc::new(System))
    }

    /// A sink that resolves names otherwise.
    ///
    /// # Errors
    /// As [`HttpSink::new`].
    pub fn with_resolver(config: &Config, resolve: Arc<dyn Resolve>) -> Result<Self, Error> {
        let target = Target::parse(&config.url).map_err(|e| invalid("url", e))?;
        if !target.tls && !config.allow_http && config.allow_private.is_empty() {
            let hint = "http:// is not encrypted (hint: use https, or say `allow-http: true`)";
            return Err(invalid("url", hint.into()));
        }
        let plaintext = !target.tls && !config.allow_http;
        let guard = Guard::new(&config.allow_private, &config.allow_ports, plaintext);
        guard
            .port(target.port)
            .map_err(|e| invalid("url", e.to_string()))?;
        if let Host::Address(ip) = target.host {
            guard
                .address(ip, false)
                .map_err(|e| invalid("url", e.to_string()))?;
        }
        if !(1024..=16 << 20).contains(&config.response_max) {
            return Err(invalid("response-max", "not 1024 to 16777216".into()));
        }
        if !(1..=1000).contains(&config.batch_max) {
            return Err(invalid("batch-max", "not 1 to 1000".into()));
        }
        let tls = match target.tls {
            true => tls::client(config.tls.ca.as_deref())?,
            false => tls::none()?,
        };
        let dial = Dial::new(guard, resolve);
        let client = client::pool(tls, dial, &target, config.http2_prior_knowledge);
        let batch = config.mode == Mode::Batch;
        // A reply to a batch belongs to no delivery of it.
        let replies = if batch {
            Replies::Ignore
        } else {
            config.replies
        };
        let mut capability = Capability::default();
        capability.deliver_batch_max = batch.then_some(config.batch_max);
        capability.deliver_reply = replies == Replies::Accept;
        let mut requests = Requests::new(config, target.uri.clone())?;
        let consent = match &config.handshake {
            None => None,
            Some(asked) => Some(Consent::new(asked, target.uri.clone(), &requests.own)?),
        };
        requests.bear(consent.as_ref().and_then(Consent::header));
        Ok(Self {
            client,
            consent,
            requests,
            responses: Responses {
                max: config.response_max,
                replies,
                redact: secrets(config, &target),
            },
            target,
            capability,
        })
    }

    async fn attempt(&self, batch: &[Delivery], cancel: &CancellationToken) -> Outcome {
        let left = batch.iter().map(|d| d.timeout).min().unwrap_or_default();
        let deadline = Instant::now() + left.min(Self::TIMEOUT_MAX);
        if let Some(consent) = &self.consent {
            let asked = consent.obtain(&self.client, &self.responses.redact, deadline);
            let given = tokio::select! {
                biased;
                () = cancel.cancelled() => Err(cancelled()),
                () = tokio::time::sleep_until(deadline) => Err(timed_out("before the target consented")),
                given = asked => given,
            };
            if let Err(outcome) = given {
                return outcome;
            }
        }
        let request = match self.requests.make(batch, wall_clock()) {
            Ok(request) => request,
            Err(reason) => {
                return Outcome::Reject {
                    disable: false,
                    reason,
                };
            }
        };
        let mut stop = pin!(async {
            tokio::select! {
                biased;
                () = cancel.cancelled() => cancelled(),
                () = tokio::time::sleep_until(deadline) => timed_out("before a response came"),
            }
        });
        let response = tokio::select! {
            biased;
            outcome = &mut stop => return outcome,
            response = self.client.request(request) => response,
        };
        let (parts, body) = match response {
            Ok(response) => response.into_parts(),
            Err(error) => return failed(&*error, &self.responses.redact),
        };
        // From here on there is a status, which stands even if the body is cut off.
        let now = wall_clock();
        let stop = async { drop(stop.await) };
        self.responses.outcome(&parts, body, stop, now).await
    }
}

/// What signatures are stamped with, and what dates in answers are compared with.
#[allow(
    clippy::disallowed_methods,
    reason = "a signature bears the time of the real exchange; no decision of the engine hangs on it"
)]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// All that must not show in what a target answers or an error says.
fn secrets(config: &Config, target: &Target) -> Redact {
    let mut secrets: Vec<String> = match &config.auth {
        None => Vec::new(),
        Some(Auth::Bearer(secret) | Auth::Header { value: secret, .. }) => {
            vec![secret.expose().to_owned()]
        }
        Some(Auth::Basic { username, password }) => {
            use base64::Engine;
            let pair = format!("{username}:{}", password.expose());
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            vec![password.expose().to_owned(), encoded]
        }
    };
    secrets.extend(config.signing.iter().map(|s| s.expose().to_owned()));
    secrets.extend(target.uri.query().map(str::to_owned));
    let values = target.uri.query().unwrap_or_default().split('&');
    secrets.extend(values.filter_map(|pair| Some(pair.split_once('=')?.1.to_owned())));
    Redact::new(secrets)
}

fn invalid(place: &'static str, message: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, place, message)
}

impl SinkAdapter for HttpSink {
    const KIND: &'static str = crate::KIND;
    type Config = Config;

    fn build(config: Config, _build: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(&config)?))
    }
}

#[async_trait]
impl Sink for HttpSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        let size = self.capability.deliver_batch_max.unwrap_or(1);
        for (nth, part) in batch.chunks(size).enumerate() {
            let outcome = self.attempt(part, &cancel).await;
            for i in 0..part.len() {
                report.settle(nth * size + i, outcome.clone());
            }
        }
    }

    fn capability(&self) -> Capability {
        self.capability
    }

    fn describe(&self) -> String {
        self.target.describe()
    }

    fn invoke(&self) -> Option<&dyn Invoke> {
        Some(self)
    }

    /// Asks with `OPTIONS`; any answer means that somebody is there.
    async fn health(&self) -> Result<(), Error> {
        let mut request = Request::new(Either::Left(Full::default()));
        *request.method_mut() = Method::OPTIONS;
        *request.uri_mut() = self.target.uri.clone();
        let asked = tokio::time::timeout(Duration::from_secs(10), self.client.request(request));
        let why = match asked.await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => failed(&*error, &self.responses.redact),
            Err(_) => timed_out("before a response came"),
        };
        let Outcome::Retry { reason, .. } = why else {
            return Ok(());
        };
        let error = Error::new(ErrorKind::Unavailable, "health", reason.to_string());
        Err(error.with_context("sink", self.describe()))
    }
}

impl std::fmt::Debug for HttpSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSink")
            .field("target", &self.describe())
            .finish_non_exhaustive()
    }
}
