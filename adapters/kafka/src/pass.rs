//! What a client shows to brokers that want a token, and what they said of it.

use rdkafka::client::OAuthToken;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tradewind_adapter::{Error, ErrorKind};
use tradewind_identity::{BearerToken, BearerTokens};

/// How long a token counts for librdkafka, at most, before it asks for one again; of short ones a quarter of what is left.
/// It costs nothing to ask, since tokens are kept here. Brokers want another one when nine tenths of its time are over.
const SHOWN: Duration = Duration::from_secs(30);
/// The same while another one is on its way.
const SHOWN_DUE: Duration = Duration::from_secs(2);
/// How long what brokers said counts. They are asked every few seconds, and say it again.
const SAID: Duration = Duration::from_secs(30);
/// What begins the reason why none is shown.
const NONE: &str = "no token: ";
/// Longest text of a broker that is repeated.
const SAID_MAX: usize = 300;

/// Shared by the clients of one source or sink.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pass(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    tokens: Option<(BearerTokens, String)>,
    /// Where tokens are renewed: librdkafka asks from threads of its own, too.
    runtime: OnceLock<Handle>,
    shown: Mutex<Option<BearerToken>>,
    /// Why there was no token when one was asked for last.
    missing: Mutex<Option<String>>,
    /// Why we did not get in, and when that was told.
    refused: Mutex<Option<(Instant, String)>>,
}

impl Pass {
    /// `tokens` with whose they are; `None` where settings are all that is shown.
    pub(crate) fn new(tokens: Option<(BearerTokens, String)>) -> Self {
        Self(Arc::new(Shared {
            tokens,
            ..Shared::default()
        }))
    }

    /// Obtains the first token: a client that is made is asked for it at once, and nothing waits there.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        let Some((tokens, _)) = &self.0.tokens else {
            return Ok(());
        };
        self.0.runtime.get_or_init(Handle::current);
        match tokens.get().await {
            Ok(_) => Ok(()),
            Err(unproved) => {
                let kind = match &*unproved.reason.code {
                    "identity-refused" => ErrorKind::PermissionDenied,
                    _ => ErrorKind::Unavailable,
                };
                let why = &unproved.reason.detail;
                Err(Error::new(kind, "get a token", format!("{NONE}{why}")))
            }
        }
    }

    /// The token to show now. Renewal is begun here, and not waited for.
    pub(crate) fn token(&self) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        let Some((tokens, principal)) = &self.0.tokens else {
            return Err("tokens are not configured".into());
        };
        if let Some(runtime) = self.0.runtime.get() {
            let (tokens, shared) = (tokens.clone(), Arc::clone(&self.0));
            runtime.spawn(async move {
                let why = tokens.get().await.err();
                *locked(&shared.missing) = why.map(|unproved| unproved.reason.detail);
            });
        }
        let Some(token) = tokens.here() else {
            let why = locked(&self.0.missing).clone();
            let why = why.unwrap_or_else(|| "another one is on its way".into());
            return Err(format!("{NONE}{why}").into());
        };
        let now = now();
        let left = token.ends.duration_since(now).unwrap_or_default();
        let shown = match tokens.is_due() {
            true => SHOWN_DUE,
            false => SHOWN.min(left / 4).max(SHOWN_DUE),
        };
        let ends = token.ends.min(now + shown);
        let ends = ends.duration_since(UNIX_EPOCH).unwrap_or_default();
        let shown = OAuthToken {
            token: token.expose().to_owned(),
            principal_name: principal.clone(),
            lifetime_ms: i64::try_from(ends.as_millis()).unwrap_or(i64::MAX),
        };
        *locked(&self.0.shown) = Some(token);
        Ok(shown)
    }

    /// Notes what a client was told.
    pub(crate) fn told(&self, error: &KafkaError, reason: &str) {
        let refused = [
            RDKafkaErrorCode::Authentication,
            RDKafkaErrorCode::SaslAuthenticationFailed,
        ];
        if !error
            .rdkafka_error_code()
            .is_some_and(|code| refused.contains(&code))
        {
            return;
        }
        let said = |text: &str| text.chars().take(SAID_MAX).collect::<String>();
        // What we said ourselves comes back with words around it.
        if let Some(at) = reason.find(NONE) {
            let none = said(reason.get(at..).unwrap_or_default());
            *locked(&self.0.refused) = Some((Instant::now(), none));
            return;
        }
        let refusal = format!("the brokers refuse us: {}", said(reason));
        *locked(&self.0.refused) = Some((Instant::now(), refusal));
        if let (Some((tokens, _)), Some(shown)) = (&self.0.tokens, &*locked(&self.0.shown)) {
            tokens.refused(shown);
        }
    }

    /// Why brokers did not let us in a moment ago.
    pub(crate) fn refusal(&self) -> Option<String> {
        let refused = locked(&self.0.refused);
        let fresh = refused.as_ref().filter(|(at, _)| at.elapsed() < SAID);
        fresh.map(|(_, why)| why.clone())
    }

    /// Brokers talk to us.
    pub(crate) fn is_in(&self) {
        locked(&self.0.refused).take();
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[allow(
    clippy::disallowed_methods,
    reason = "tokens bear times of day; no decision of the engine hangs on it"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
