//! Documents behind the guard: certificates and keys, at addresses that a stranger may have named.
#![allow(
    clippy::disallowed_types,
    reason = "every connection passes the guard, as those of sinks do"
)]

use crate::sink::Cidr;
use crate::sink::dial::{Dial, Resolve, System};
use crate::sink::guard::Guard;
use crate::sink::target::{Host, Target};
use crate::sink::tls;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tradewind_adapter::{Error, ErrorKind, Fetch, Fetched, Secret};

/// Gets documents, over TLS where they are not signed in themselves, by the rules that deliveries go by, and none of their exceptions.
pub struct Fetcher {
    resolve: Arc<dyn Resolve>,
    ca: Option<PathBuf>,
    allow: Vec<Cidr>,
    /// What it shows with each request.
    shows: Option<HeaderValue>,
    /// Plain `http` will do.
    plain: bool,
    timeout: Duration,
    client: OnceLock<Web>,
}

type Web = Client<HttpsConnector<Dial>, Empty<Bytes>>;

impl Default for Fetcher {
    fn default() -> Self {
        Self::reaching(Arc::new(System), None, Vec::new())
    }
}

impl Fetcher {
    /// Longest time of one document.
    const TIMEOUT: Duration = Duration::from_secs(10);
    /// Most bytes of an answer's head.
    const HEAD_MAX: usize = 16 << 10;

    /// One that trusts these authorities, and reaches these special addresses.
    pub fn to(ca: Option<PathBuf>, allow: Vec<Cidr>) -> Self {
        Self::reaching(Arc::new(System), ca, allow)
    }

    /// One that resolves names otherwise, trusts other authorities, or reaches special addresses.
    pub fn reaching(resolve: Arc<dyn Resolve>, ca: Option<PathBuf>, allow: Vec<Cidr>) -> Self {
        Self {
            resolve,
            ca,
            allow,
            shows: None,
            plain: false,
            timeout: Self::TIMEOUT,
            client: OnceLock::new(),
        }
    }

    /// Whether the authorities that it is to trust can be read. They are read again when it asks first.
    ///
    /// # Errors
    /// Where there is no such file, or none of certificates.
    pub fn check(&self) -> Result<(), Error> {
        match &self.ca {
            Some(ca) => tls::client(Some(ca)).map(drop),
            None => Ok(()),
        }
    }

    /// Whether plain `http` will do.
    #[must_use]
    pub fn plainly(mut self, plain: bool) -> Self {
        self.plain = plain;
        self
    }

    /// Longest time of one document.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Shows a user and a password.
    ///
    /// # Errors
    /// They cannot be shown.
    pub fn basic(self, username: &str, password: &Secret) -> Result<Self, Error> {
        let pair = format!("{username}:{}", password.expose());
        self.showing(format!("Basic {}", STANDARD.encode(pair)))
    }

    /// Shows a token.
    ///
    /// # Errors
    /// It cannot be shown.
    pub fn bearer(self, token: &Secret) -> Result<Self, Error> {
        self.showing(format!("Bearer {}", token.expose()))
    }

    fn showing(mut self, proof: String) -> Result<Self, Error> {
        let unfit = |_| Error::new(ErrorKind::ConfigInvalid, "auth", "it fits into no header");
        let mut value = HeaderValue::try_from(proof).map_err(unfit)?;
        value.set_sensitive(true);
        self.shows = Some(value);
        Ok(self)
    }

    fn guard(&self) -> Guard {
        Guard::new(&self.allow, &[], false)
    }

    /// Built when it is needed first: a gateway without such sources needs no authorities.
    fn client(&self) -> Result<&Web, Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let dial = Dial::new(self.guard(), Arc::clone(&self.resolve));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client(self.ca.as_deref())?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(dial);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(Self::HEAD_MAX)
            .build(connector);
        Ok(self.client.get_or_init(|| client))
    }

    async fn exchange(&self, url: &str, max: usize, plain: bool) -> Result<Fetched, Error> {
        let refuse = |reason: String| Error::new(ErrorKind::PermissionDenied, "fetch", reason);
        let target = Target::parse(url).map_err(refuse)?;
        if !target.tls && !plain {
            return Err(refuse("not an https:// URL".into()));
        }
        let guard = self.guard();
        let judged = match target.host {
            Host::Address(ip) => guard.address(ip, false),
            Host::Name(_) => Ok(()),
        };
        judged
            .and_then(|()| guard.port(target.port))
            .map_err(|e| refuse(e.to_string()))?;
        let mut request = Request::get(target.uri).header(ACCEPT, "*/*");
        if let Some(proof) = &self.shows {
            request = request.header(AUTHORIZATION, proof);
        }
        let request = request
            .body(Empty::new())
            .map_err(|e| refuse(e.to_string()))?;
        let failed = |e: String| Error::new(ErrorKind::Unavailable, "fetch", e);
        let response = self.client()?.request(request).await;
        let response = response.map_err(|e| failed(chain(&e)))?;
        let (head, body) = response.into_parts();
        if head.status != StatusCode::OK {
            let kind = match head.status.as_u16() {
                404 => ErrorKind::NotFound,
                // Who asks, or how much and how often, and not what for.
                401 | 407 | 408 | 425 | 429 => ErrorKind::Unavailable,
                400..=499 => ErrorKind::Unexpected,
                // A redirect too: it would lead where nobody has checked.
                _ => ErrorKind::Unavailable,
            };
            let reason = format!("the answer is {}", head.status);
            return Err(Error::new(kind, "fetch", reason));
        }
        #[allow(
            clippy::disallowed_methods,
            reason = "the body is limited right here, and the whole exchange has a deadline"
        )]
        let body = Limited::new(body, max).collect().await;
        let body = body.map_err(|e| {
            let kind = match e.is::<LengthLimitError>() {
                // It is as large whenever it is asked for.
                true => ErrorKind::Unexpected,
                false => ErrorKind::Unavailable,
            };
            Error::new(kind, "fetch", format!("{e} (at most {max} bytes)"))
        })?;
        Ok(Fetched {
            body: body.to_bytes(),
            fresh: fresh(&head.headers),
        })
    }

    async fn in_time(&self, url: &str, max: usize, plain: bool) -> Result<Fetched, Error> {
        match tokio::time::timeout(self.timeout, self.exchange(url, max, plain)).await {
            Ok(result) => result,
            Err(_) => {
                let reason = format!("no answer within {:?}", self.timeout);
                Err(Error::new(ErrorKind::Unavailable, "fetch", reason))
            }
        }
    }
}

#[async_trait]
impl Fetch for Fetcher {
    async fn get(&self, url: &str, max: usize) -> Result<Fetched, Error> {
        self.in_time(url, max, self.plain).await
    }

    async fn get_signed(&self, url: &str, max: usize) -> Result<Fetched, Error> {
        self.in_time(url, max, true).await
    }

    fn reaching(&self, ca: Option<&Path>, allow: &[String]) -> Result<Arc<dyn Fetch>, Error> {
        let allow: Result<_, String> = allow.iter().cloned().map(Cidr::try_from).collect();
        let allow = allow.map_err(|e| Error::new(ErrorKind::ConfigInvalid, "allow-private", e))?;
        let ca = ca.map(Path::to_owned);
        Ok(Arc::new(Self::reaching(
            Arc::clone(&self.resolve),
            ca,
            allow,
        )))
    }
}

/// `max-age`; nothing for what says that it is not to be kept.
fn fresh(headers: &HeaderMap) -> Option<Duration> {
    let mut age = None;
    for value in headers.get_all(CACHE_CONTROL) {
        for part in value.to_str().unwrap_or_default().split(',') {
            let part = part.trim().to_ascii_lowercase();
            if part == "no-store" || part == "no-cache" {
                return Some(Duration::ZERO);
            }
            if let Some(seconds) = part.strip_prefix("max-age=") {
                age = seconds.parse().ok().map(Duration::from_secs);
            }
        }
    }
    age
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").finish_non_exhaustive()
    }
}
