//! Settings of the host.

use super::signature::Secret;
use crate::Context;
use crate::reply_to::ReplyTo;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Settings of the HTTP host. [`Options::from_env`] reads them from the environment; an empty
/// variable counts as unset, but for the signing secret.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Where to listen: `TRADEWIND_LISTEN` (an address with port); else all addresses on `PORT`, as
    /// container platforms ask for; else 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// Largest request body in bytes: `TRADEWIND_BODY_MAX`, default 1 MiB.
    pub body_max: usize,
    /// Time for one request, its body included: `TRADEWIND_TIMEOUT` in seconds, default 15.
    pub timeout: Duration,
    /// Most requests handled at once: `TRADEWIND_CONCURRENCY`, default 256. The next one is answered
    /// 503. With `body_max` it bounds the memory.
    pub concurrency: usize,
    /// `source` of replies that name none: `TRADEWIND_SOURCE`, default `/handlers/` and the
    /// handler's name.
    pub source: Option<Arc<str>>,
    /// Whether the event source mapping on AWS Lambda takes failures message by message
    /// (`ReportBatchItemFailures`): `TRADEWIND_BATCH_FAILURES`, `report` or `whole` (the default). A mapping
    /// without it ignores what is reported, and deletes what failed; the invocation does not tell.
    pub batch_failures: BatchFailures,
    /// Largest response that is collected where the host passes on no streams: `TRADEWIND_REPLY_MAX` in bytes, default
    /// 6 MiB, which AWS Lambda takes.
    pub reply_max: usize,
    /// Whether the function URL on AWS Lambda passes on streams (`InvokeMode: RESPONSE_STREAM`):
    /// `TRADEWIND_INVOKE_MODE`, `buffered` (the default) or `response-stream`. The invocation does not tell.
    pub invoke_mode: InvokeMode,
    pub(crate) reply_to: Option<ReplyTo>,
    pub(crate) secrets: Vec<Secret>,
    /// Whether the handler takes requests that hold no event.
    pub(crate) requests: bool,
    pub(crate) clock: fn() -> SystemTime,
}

/// What becomes of a batch of which some messages failed, on a platform that may take either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BatchFailures {
    /// All messages come again.
    #[default]
    Whole,
    /// Those that failed are reported.
    Report,
}

/// What AWS Lambda does with the answer of a function URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InvokeMode {
    /// Takes it when it is whole.
    #[default]
    Buffered,
    /// Passes it on piece by piece.
    ResponseStream,
}

/// A setting that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidOptions {
    pub(crate) variable: &'static str,
    pub(crate) reason: String,
}

impl std::fmt::Display for InvalidOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.variable, self.reason)
    }
}

impl std::error::Error for InvalidOptions {}

impl Default for Options {
    // The host is the outermost place: here the clock comes from.
    #[allow(clippy::disallowed_methods)]
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            body_max: 1 << 20,
            timeout: Context::DEFAULT_TIMEOUT,
            concurrency: 256,
            source: None,
            batch_failures: BatchFailures::default(),
            reply_max: 6 << 20,
            invoke_mode: InvokeMode::default(),
            reply_to: None,
            secrets: Vec::new(),
            requests: false,
            clock: SystemTime::now,
        }
    }
}

impl Options {
    /// Reads the environment.
    ///
    /// # Errors
    /// A variable that cannot be read, with its name and what it should be.
    pub fn from_env() -> Result<Self, InvalidOptions> {
        Self::from_variables(|name| std::env::var_os(name).map(|v| v.to_string_lossy().into()))
    }

    /// Reads variables from elsewhere.
    ///
    /// # Errors
    /// As [`Options::from_env`].
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidOptions> {
        let read = |name| get(name).filter(|value| !value.is_empty());
        let mut options = Self::default();
        if let Some(text) = read("PORT") {
            let port = port("PORT", &text)?;
            options.listen = (IpAddr::from(Ipv4Addr::UNSPECIFIED), port).into();
        }
        if let Some(address) = read("TRADEWIND_LISTEN") {
            options.listen = address.parse().map_err(|_| InvalidOptions {
                variable: "TRADEWIND_LISTEN",
                reason: format!("`{address}` is no address with port, such as 127.0.0.1:8090"),
            })?;
        }
        options.body_max = number(&read, "TRADEWIND_BODY_MAX", "bytes", options.body_max)?;
        options.concurrency = number(
            &read,
            "TRADEWIND_CONCURRENCY",
            "requests",
            options.concurrency,
        )?;
        let seconds = number(
            &read,
            "TRADEWIND_TIMEOUT",
            "seconds",
            options.timeout.as_secs() as usize,
        )?;
        options.timeout = Duration::from_secs(seconds as u64);
        options.source = read("TRADEWIND_SOURCE").map(Into::into);
        options.batch_failures = match read("TRADEWIND_BATCH_FAILURES").as_deref() {
            None | Some("whole") => BatchFailures::Whole,
            Some("report") => BatchFailures::Report,
            Some(other) => {
                return Err(InvalidOptions {
                    variable: "TRADEWIND_BATCH_FAILURES",
                    reason: format!("`{other}` is neither `report` nor `whole`"),
                });
            }
        };
        options.reply_max = number(&read, "TRADEWIND_REPLY_MAX", "bytes", options.reply_max)?;
        // AWS spells it with an underscore.
        let mode =
            read("TRADEWIND_INVOKE_MODE").map(|mode| mode.to_ascii_lowercase().replace('_', "-"));
        options.invoke_mode = match mode.as_deref() {
            None | Some("buffered") => InvokeMode::Buffered,
            Some("response-stream") => InvokeMode::ResponseStream,
            Some(other) => {
                return Err(InvalidOptions {
                    variable: "TRADEWIND_INVOKE_MODE",
                    reason: format!("`{other}` is neither `buffered` nor `response-stream`"),
                });
            }
        };
        if let Some(url) = read("TRADEWIND_REPLY_URL") {
            options = options.reply_to(&url, read("TRADEWIND_REPLY_KEY").as_deref())?;
        }
        if let Some(secrets) = get("TRADEWIND_SIGNING_SECRET") {
            options = options.signing_secrets(&secrets)?;
        }
        Ok(options)
    }

    /// Demands a [Standard Webhooks](https://www.standardwebhooks.com) signature on every request,
    /// made with one of these secrets: `TRADEWIND_SIGNING_SECRET`. Several, for rotation, are set
    /// apart by spaces. A secret is `whsec_` and base64 of 24 to 64 bytes.
    ///
    /// What is signed is the body, its time and its id. In binary mode the event's attributes are in
    /// headers and thus not covered: have signed deliveries sent in structured mode.
    ///
    /// # Errors
    /// No secret, or one that is none.
    pub fn signing_secrets(mut self, secrets: &str) -> Result<Self, InvalidOptions> {
        let invalid = |reason: &str| InvalidOptions {
            variable: "TRADEWIND_SIGNING_SECRET",
            reason: reason.into(),
        };
        self.secrets = secrets
            .split_ascii_whitespace()
            .map(|text| Secret::parse(text).map_err(invalid))
            .collect::<Result<_, _>>()?;
        if self.secrets.is_empty() {
            return Err(invalid(
                "is empty, which would take everything; give a secret or remove the variable",
            ));
        }
        Ok(self)
    }

    /// Sends replies to this address where the platform's trigger takes none (a queue, a stream, a
    /// notification): `TRADEWIND_REPLY_URL`, with `TRADEWIND_REPLY_KEY` as a bearer token. An event counts as
    /// done only when its reply was answered 2xx. Without it such a reply is a failure that names the
    /// variable. `https` takes the feature `tls`.
    ///
    /// # Errors
    /// An address that cannot be sent to, or a key that no header can hold.
    pub fn reply_to(mut self, url: &str, key: Option<&str>) -> Result<Self, InvalidOptions> {
        let invalid = |variable| move |reason| InvalidOptions { variable, reason };
        let mut to = ReplyTo::parse(url).map_err(invalid("TRADEWIND_REPLY_URL"))?;
        if let Some(key) = key {
            to = to.with_key(key).map_err(invalid("TRADEWIND_REPLY_KEY"))?;
        }
        self.reply_to = Some(to);
        Ok(self)
    }

    /// Where the platform says that it will call; `TRADEWIND_LISTEN` stands above it.
    pub(crate) fn listening_on(
        mut self,
        host: crate::Host,
        get: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidOptions> {
        let read = |name| get(name).filter(|value| !value.is_empty());
        if read("TRADEWIND_LISTEN").is_some() {
            return Ok(self);
        }
        let any = IpAddr::from(Ipv4Addr::UNSPECIFIED);
        match host {
            crate::Host::Azure => {
                let names = ["FUNCTIONS_CUSTOMHANDLER_PORT", "FUNCTIONS_HTTPWORKER_PORT"];
                let named = |name| Some((name, read(name)?));
                if let Some((variable, text)) = names.into_iter().find_map(named) {
                    self.listen = (Ipv4Addr::LOCALHOST, port(variable, &text)?).into();
                }
            }
            crate::Host::Dapr => {
                if let Some(text) = read("APP_PORT") {
                    self.listen = (Ipv4Addr::LOCALHOST, port("APP_PORT", &text)?).into();
                }
            }
            crate::Host::Google | crate::Host::Knative | crate::Host::OpenWhisk
                if read("PORT").is_none() =>
            {
                self.listen = (any, 8080).into();
            }
            _ => {}
        }
        Ok(self)
    }

    /// Replaces the system's clock, which the times of signatures are compared with: for tests.
    #[must_use]
    pub fn clock(mut self, clock: fn() -> SystemTime) -> Self {
        self.clock = clock;
        self
    }
}

/// The same for what somebody else vouches for.
pub(crate) fn unsigned(options: &Options) -> Options {
    Options {
        secrets: Vec::new(),
        ..options.clone()
    }
}

fn port(variable: &'static str, text: &str) -> Result<u16, InvalidOptions> {
    text.parse().map_err(|_| InvalidOptions {
        variable,
        reason: format!("`{text}` is no port; give a number from 0 to 65535"),
    })
}

/// One at least: nothing here means anything at zero. And at most what a 32-bit number holds, so
/// that deadlines stay within the range of the clock.
fn number(
    read: &impl Fn(&'static str) -> Option<String>,
    variable: &'static str,
    unit: &str,
    default: usize,
) -> Result<usize, InvalidOptions> {
    let Some(text) = read(variable) else {
        return Ok(default);
    };
    match text.parse::<u32>() {
        Ok(value) if value > 0 => Ok(value as usize),
        _ => Err(InvalidOptions {
            variable,
            reason: format!("`{text}` is no number of {unit}; give a whole number above 0"),
        }),
    }
}
