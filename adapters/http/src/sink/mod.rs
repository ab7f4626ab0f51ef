//! The sink: one POST per delivery, or per batch.

mod caller;
mod client;
mod config;
mod consent;
pub(crate) mod dial;
pub(crate) mod failure;
pub(crate) mod guard;
mod invoke;
mod line;
mod platform;
mod render;
mod request;
mod response;
mod sign;
pub(crate) mod target;
pub(crate) mod tls;

pub use config::{Cidr, Config, Handshake, Mode, Tls};
pub use dial::Resolve;
pub use platform::Platform;

use crate::exchange::Ways;
use async_trait::async_trait;
use caller::Caller;
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
    Build, Capability, Delivery, Error, ErrorKind, Invoke, Outcome, Replies, Report, Signers, Sink,
    SinkAdapter,
};
use tradewind_identity::{Auth, Fixed, Place, Proof};

/// Delivers events by HTTP.
///
/// Connections are pooled per sink, never shared between sinks: a connection was judged by the
/// rules of the sink that opened it.
pub struct HttpSink {
    caller: Caller,
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
        Self::assemble(config, &platform::ANY, resolve, None)
    }

    /// A sink whose target is known to be run by this platform.
    ///
    /// # Errors
    /// As [`HttpSink::new`].
    pub fn on(platform: &'static Platform, config: &Config, build: &Build) -> Result<Self, Error> {
        Self::assemble(config, platform, Arc::new(System), build.signers.as_ref())
    }

    fn assemble(
        config: &Config,
        platform: &'static Platform,
        resolve: Arc<dyn Resolve>,
        signers: Option<&Arc<dyn Signers>>,
    ) -> Result<Self, Error> {
        let mut target = Target::parse(&config.url).map_err(|e| invalid("url", e))?;
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
            true => tls::of(&config.tls)?,
            false if config.tls.certificate.is_some() => {
                let hint = "`tls.certificate` is shown by TLS only (hint: use https)";
                return Err(invalid("tls", hint.into()));
            }
            false => tls::none()?,
        };
        let (mut header, mut identity) = (None, None);
        match proof(config, &target, Arc::clone(&resolve), signers)? {
            None => {}
            Some(Proof::Fixed(Fixed::Header(name, value))) => header = Some((name, value)),
            Some(Proof::Fixed(Fixed::Query(pair))) => {
                target.ask(&pair).map_err(|e| invalid("auth", e))?;
            }
            Some(Proof::Made(made)) => identity = Some(made),
        }
        let dial = Dial::new(guard, resolve);
        let pool = client::pool(tls, dial, &target, config.http2_prior_knowledge);
        let redact = secrets(config, &target);
        let batch = config.mode == Mode::Batch;
        // A reply to a batch belongs to no delivery of it.
        let replies = if batch {
            Replies::Ignore
        } else {
            config.replies
        };
        let mut capability = Capability::default();
        capability.deliver_batch_max = batch.then_some(config.batch_max);
        capability.deliver_bytes_max = platform.bytes_max;
        capability.deliver_time_max = platform.time_max;
        capability.deliver_reply = replies == Replies::Accept;
        let mut requests = Requests::new(config, target.uri.clone(), platform, header)?;
        let consent = match &config.handshake {
            None => None,
            Some(asked) => Some(Consent::new(asked, target.uri.clone(), &requests.own)?),
        };
        requests.bear(consent.as_ref().and_then(Consent::header));
        Ok(Self {
            caller: Caller::new(pool, identity, redact),
            consent,
            requests,
            responses: Responses {
                max: config.response_max,
                replies,
                platform,
            },
            target,
            capability,
        })
    }

    async fn attempt(&self, batch: &[Delivery], cancel: &CancellationToken) -> Outcome {
        let left = batch.iter().map(|d| d.timeout).min().unwrap_or_default();
        let deadline = Instant::now() + left.min(Self::TIMEOUT_MAX);
        if let Some(consent) = &self.consent {
            let asked = consent.obtain(&self.caller, deadline);
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
        let request = match self.requests.make(batch, wall_clock) {
            Ok(request) => request,
            Err(reason) => {
                return Outcome::Reject {
                    disable: false,
                    reason,
                };
            }
        };
        let call = match self.caller.proves() {
            false => self.caller.as_it_is(request),
            true => {
                let proven = tokio::select! {
                    biased;
                    () = cancel.cancelled() => return cancelled(),
                    // Before the timer: most proofs are at hand, and no timer is set for them.
                    proven = self.caller.prove(request) => proven,
                    () = tokio::time::sleep_until(deadline) => return timed_out("before there was a proof of who we are"),
                };
                match proven {
                    Ok(call) => call,
                    Err(unproved) => return unproved.into(),
                }
            }
        };
        let redact = call.redact.clone();
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
            response = self.caller.send(call) => response,
        };
        let (parts, body) = match response {
            Ok(response) => response.into_parts(),
            Err(error) => return failed(&*error, &redact),
        };
        // From here on there is a status, which stands even if the body is cut off.
        let stop = async { drop(stop.await) };
        self.responses
            .outcome(&parts, body, stop, wall_clock, &redact)
            .await
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

/// What proves to the target who calls.
fn proof(
    config: &Config,
    target: &Target,
    resolve: Arc<dyn Resolve>,
    signers: Option<&Arc<dyn Signers>>,
) -> Result<Option<Proof>, Error> {
    let Some(auth) = &config.auth else {
        return Ok(None);
    };
    auth.proof(&Place {
        origin: &target.origin(),
        host: target.uri.host().unwrap_or_default(),
        reach: &Ways(resolve),
        environment: &|name| std::env::var(name).ok(),
        signers,
    })
}

/// All that must not show in what a target answers or an error says.
fn secrets(config: &Config, target: &Target) -> Redact {
    let mut secrets = Vec::new();
    if let Some(auth) = &config.auth {
        let all = auth.secrets().into_iter();
        secrets.extend(all.map(|secret| secret.expose().to_owned()));
    }
    if let Some(Auth::Basic(basic)) = &config.auth {
        use base64::Engine;
        let pair = format!("{}:{}", basic.username, basic.password.expose());
        secrets.push(base64::engine::general_purpose::STANDARD.encode(pair));
    }
    secrets.extend(config.signing.iter().map(|s| s.expose().to_owned()));
    let told = config.headers.iter().filter(|(name, _)| is_secret(name));
    secrets.extend(told.map(|(_, value)| value.clone()));
    secrets.extend(target.uri.query().map(str::to_owned));
    let values = target.uri.query().unwrap_or_default().split('&');
    secrets.extend(values.filter_map(|pair| Some(pair.split_once('=')?.1.to_owned())));
    Redact::new(secrets)
}

/// Whether a header holds a secret, by its name: credentials belong in `auth`, and stand here all the same.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = [
        "auth",
        "cookie",
        "credential",
        "key",
        "passw",
        "secret",
        "signature",
        "token",
    ];
    words.iter().any(|word| name.contains(word))
}

fn invalid(place: &'static str, message: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, place, message)
}

impl SinkAdapter for HttpSink {
    const KIND: &'static str = crate::KIND;
    type Config = Config;

    fn build(config: Config, build: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::on(&platform::ANY, &config, build)?))
    }
}

#[async_trait]
impl Sink for HttpSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        let size = self.capability.deliver_batch_max.unwrap_or(1);
        for (nth, part) in batch.chunks(size).enumerate() {
            let outcome = self.attempt(part, &cancel).await;
            let (first, last) = (nth * size, part.len() - 1);
            for i in 0..last {
                report.settle(first + i, outcome.clone());
            }
            report.settle(first + last, outcome);
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
        let asked = self.caller.pool.request(request);
        let asked = tokio::time::timeout(Duration::from_secs(10), asked);
        let why = match asked.await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => failed(&*error, &Redact::default()),
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
