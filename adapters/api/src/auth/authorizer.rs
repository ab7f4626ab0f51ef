//! A function that says who calls: any sink that answers, asked once for what a caller shows and remembered for a while.

use super::action::Action;
use super::callers::invalid;
use crate::{Body, Cause, Error, Pending, Refusal, Sink, Verified};
use http::header::{HeaderMap, HeaderName};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tradewind_event::Event;

/// Type of the event that the function gets.
pub const AUTHORIZE: &str = "tradewind.authorize";

/// A function that is asked who calls. Since 0.1.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Authorizer {
    /// The function: the settings of a sink that answers, its `kind` included. Since 0.1.
    pub sink: Map<String, Value>,
    /// Names of the headers that it is shown; a request without any of them is refused unasked. 1 to 8. Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    pub headers: Vec<String>,
    /// How long its yes counts: `0s` to `1h`. Its no counts for 5 seconds at most. Default `30s`. Since 0.1.
    #[serde(default)]
    pub cache: Option<String>,
    /// Longest time for an answer, up to `30s`; then the request is answered 503. Default `2s`. Since 0.1.
    #[serde(default)]
    pub timeout: Option<String>,
}

/// Builds the sinks of authorizers.
pub trait Sinks: Send + Sync + fmt::Debug {
    /// The sink with these settings, `kind` included.
    ///
    /// # Errors
    /// There is none, or its settings cannot work.
    fn sink(&self, settings: &Map<String, Value>) -> Result<Arc<dyn Sink>, Error>;
}

/// Most answers kept: strangers may show as many credentials as they like.
const ANSWERS_MAX: usize = 4096;
/// Most questions under way; more are answered 503.
const QUESTIONS_MAX: usize = 64;
/// Most bytes of an answer.
const BYTES_MAX: usize = 16 << 10;
/// Longest header that is passed on, in bytes.
const HEADER_MAX: usize = 8 << 10;
/// How long a no counts at most.
const DENIED: Duration = Duration::from_secs(5);
/// How long it is not asked again after it failed.
const COOL_DOWN: Duration = Duration::from_secs(1);
/// How long an answer outlives its end for the request that was waiting for it.
const GRACE: Duration = Duration::from_secs(5);

type Key = [u8; 32];

/// What it said.
#[derive(Debug, Clone)]
enum Answer {
    Known {
        principal: String,
        scopes: Option<Arc<[Action]>>,
    },
    Unknown,
    Forbidden,
    Failed(String),
}

/// A key that is not known is refused: a misspelt no would be a yes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default = "yes")]
    allow: bool,
    #[serde(default)]
    principal: Option<String>,
    #[serde(default)]
    scopes: Option<Vec<Action>>,
}

fn yes() -> bool {
    true
}

/// One that is asked at one place.
pub(super) struct Asked {
    sink: Arc<dyn Sink>,
    /// Name of the source or route.
    place: String,
    headers: Vec<HeaderName>,
    cache: Duration,
    timeout: Duration,
    number: AtomicU64,
    answers: Mutex<HashMap<Key, (Answer, Instant)>>,
    /// Who shows what another one is being asked about waits for that.
    turns: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>,
}

impl Asked {
    pub(super) fn new(
        settings: &Authorizer,
        place: &str,
        sinks: Option<&Arc<dyn Sinks>>,
    ) -> Result<Self, Error> {
        let sinks = sinks.ok_or_else(|| invalid("`auth.authorizer`: there are no sinks"))?;
        let sink = sinks.sink(&settings.sink)?;
        if sink.invoke().is_none() {
            let message =
                "`auth.authorizer.sink` does not answer (hint: `http` and those of functions do)";
            return Err(invalid(message));
        }
        let name = |text: &String| {
            let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
                invalid(format!("`auth.authorizer.headers`: `{text}` is no header"))
            })?;
            match may_be_credential(name.as_str()) {
                true => Ok(name),
                false => Err(invalid(format!(
                    "`auth.authorizer.headers`: `{text}` is no credential (hint: [authorization])"
                ))),
            }
        };
        let headers: Vec<HeaderName> = settings
            .headers
            .iter()
            .map(name)
            .collect::<Result<_, _>>()?;
        if !(1..=8).contains(&headers.len()) {
            let message = "`auth.authorizer.headers` must name 1 to 8 (hint: [authorization])";
            return Err(invalid(message));
        }
        let period = |key: &str, text: &Option<String>, default, most| match text {
            None => Ok(default),
            Some(text) => period(text)
                .filter(|period| *period <= most)
                .ok_or_else(|| {
                    invalid(format!(
                        "`auth.authorizer.{key}` is no time up to {} s (hint: write 30s or 500ms)",
                        most.as_secs()
                    ))
                }),
        };
        let seconds = Duration::from_secs;
        let timeout = period("timeout", &settings.timeout, seconds(2), seconds(30))?;
        if timeout.is_zero() {
            return Err(invalid("`auth.authorizer.timeout` is no time at all"));
        }
        Ok(Self {
            sink,
            place: place.to_owned(),
            headers,
            cache: period("cache", &settings.cache, seconds(30), seconds(3600))?,
            timeout,
            number: AtomicU64::new(0),
            answers: Mutex::default(),
            turns: Mutex::default(),
        })
    }

    /// The headers that it is shown.
    pub(super) fn credentials(&self) -> &[HeaderName] {
        &self.headers
    }

    /// What has to be waited for before [`Asked::verify`] can judge this request.
    pub(super) fn missing(&self, headers: &HeaderMap) -> Option<Pending<'_>> {
        let shown = self.shown(headers).ok()?;
        let key = key(&shown);
        if self.answer(&key, Duration::ZERO).is_some() {
            return None;
        }
        Some(Box::pin(self.obtain(key, shown)))
    }

    /// Asks, or waits for what another one is told who has asked the same.
    async fn obtain(&self, key: Key, shown: Vec<(HeaderName, String)>) -> Result<(), Refusal> {
        let waited = self.turn(key)?.lock_owned().await;
        if self.answer(&key, Duration::ZERO).is_none() {
            let answer = match self.question(shown) {
                Ok(event) => ask(Arc::clone(&self.sink), event, self.timeout).await,
                Err(why) => Answer::Failed(why),
            };
            self.keep(key, answer);
        }
        drop(waited);
        self.turns().remove(&key);
        Ok(())
    }

    /// Who calls, by what the function said.
    pub(super) fn verify(&self, headers: &HeaderMap) -> Result<Verified, Refusal> {
        let shown = self.shown(headers)?;
        match self.answer(&key(&shown), GRACE) {
            Some(Answer::Known { principal, scopes }) => {
                let mut verified = Verified::new(format!("authorizer:{principal}"), "authorizer");
                verified.scopes = scopes;
                Ok(verified)
            }
            Some(Answer::Unknown) => Err(Refusal::unverified(
                Cause::Mismatch,
                "the authorizer does not know this caller",
            )),
            Some(Answer::Forbidden) => Err(Refusal::forbidden(
                "the authorizer knows this caller, who may not call here",
            )),
            Some(Answer::Failed(why)) => Err(unavailable(why)),
            None => Err(unavailable("the authorizer was not asked".into())),
        }
    }

    /// The headers that count, those that are there.
    fn shown(&self, headers: &HeaderMap) -> Result<Vec<(HeaderName, String)>, Refusal> {
        let mut shown = Vec::new();
        for name in &self.headers {
            let mut values = headers.get_all(name).iter();
            let (Some(value), more) = (values.next(), values.next()) else {
                continue;
            };
            // Of two, one might be judged and the other believed.
            let value = value
                .to_str()
                .ok()
                .filter(|value| value.len() <= HEADER_MAX);
            match (value, more) {
                (Some(value), None) => shown.push((name.clone(), value.to_owned())),
                _ => {
                    let reason = format!("`{name}` is no text, too long, or there more than once");
                    return Err(Refusal::unverified(Cause::Malformed, reason));
                }
            }
        }
        match shown.is_empty() {
            true => Err(Refusal::unverified(
                Cause::Missing,
                "there is no credential",
            )),
            false => Ok(shown),
        }
    }

    fn question(&self, shown: Vec<(HeaderName, String)>) -> Result<Event, String> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let headers: Map<String, Value> = shown
            .into_iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.into()))
            .collect();
        let data = serde_json::json!({ "at": self.place, "headers": headers });
        Event::builder(number.to_string(), "/tradewind/authorizer", AUTHORIZE)
            .subject(self.place.as_str())
            .data("application/json", data.to_string())
            .build()
            .map_err(|e| e.to_string())
    }

    fn answer(&self, key: &Key, grace: Duration) -> Option<Answer> {
        let answers = self.answers();
        let (answer, until) = answers.get(key)?;
        (Instant::now() < *until + grace).then(|| answer.clone())
    }

    fn keep(&self, key: Key, answer: Answer) {
        let period = match &answer {
            Answer::Known { .. } => self.cache,
            Answer::Unknown | Answer::Forbidden => self.cache.min(DENIED),
            Answer::Failed(why) => {
                tracing::warn!(place = self.place, reason = why, "nobody could be let in");
                COOL_DOWN
            }
        };
        let now = Instant::now();
        let mut answers = self.answers();
        if answers.len() >= ANSWERS_MAX {
            answers.retain(|_, (_, until)| now < *until);
        }
        if answers.len() >= ANSWERS_MAX {
            // Those who are known stay: a flood of strangers throws out strangers.
            answers.retain(|_, (answer, _)| matches!(answer, Answer::Known { .. }));
        }
        if answers.len() >= ANSWERS_MAX {
            answers.clear();
        }
        answers.insert(key, (answer, now + period));
    }

    fn turn(&self, key: Key) -> Result<Arc<tokio::sync::Mutex<()>>, Refusal> {
        let mut turns = self.turns();
        if turns.len() >= QUESTIONS_MAX && !turns.contains_key(&key) {
            // Those whose callers have gone.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        if turns.len() >= QUESTIONS_MAX && !turns.contains_key(&key) {
            return Err(unavailable("the authorizer is asked too much".into()));
        }
        Ok(Arc::clone(turns.entry(key).or_default()))
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<Key, (Answer, Instant)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<Key, Arc<tokio::sync::Mutex<()>>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer")
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

async fn ask(sink: Arc<dyn Sink>, event: Event, timeout: Duration) -> Answer {
    match tokio::time::timeout(timeout, exchange(sink, event)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => Answer::Failed(format!("the authorizer failed: {why}")),
        Err(_) => Answer::Failed(format!(
            "the authorizer did not answer within {} ms",
            timeout.as_millis()
        )),
    }
}

async fn exchange(sink: Arc<dyn Sink>, event: Event) -> Result<Answer, String> {
    let function = sink.invoke().ok_or("it does not answer")?;
    match function.ask(event).await {
        Ok(answer) => read(answer).await,
        Err(reason) => Err(reason.code),
    }
}

async fn read(answer: Response<Body>) -> Result<Answer, String> {
    let (head, mut body) = answer.into_parts();
    match head.status {
        StatusCode::UNAUTHORIZED => return Ok(Answer::Unknown),
        StatusCode::FORBIDDEN => return Ok(Answer::Forbidden),
        status if !status.is_success() => return Err(format!("its answer is {status}")),
        _ => {}
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| "its answer breaks off".to_owned())?;
        let piece = frame.into_data().unwrap_or_default();
        if bytes.len() + piece.len() > BYTES_MAX {
            return Err(format!("its answer is longer than {BYTES_MAX} bytes"));
        }
        bytes.extend_from_slice(&piece);
    }
    // What is wrong with it is told without it.
    let said: Said = serde_json::from_slice(&bytes).map_err(|_| {
        "its answer is no JSON of `allow`, `principal` and `scopes` alone".to_owned()
    })?;
    let plain = |name: &String| (1..=256).contains(&name.len()) && !name.contains(char::is_control);
    match (said.allow, said.principal.filter(plain)) {
        (false, _) => Ok(Answer::Unknown),
        (true, Some(principal)) => Ok(Answer::Known {
            principal,
            scopes: said.scopes.map(Into::into),
        }),
        (true, None) => Err("its answer names no `principal`".into()),
    }
}

/// Credentials are withheld from whom a request is for, who needs these.
fn may_be_credential(name: &str) -> bool {
    let needed = matches!(name, "host" | "content-type" | "content-length");
    !needed && !name.starts_with("ce-") && !name.starts_with("tradewind-")
}

/// What was shown, and nothing that could be read back from it.
fn key(shown: &[(HeaderName, String)]) -> Key {
    let mut digest = Sha256::new();
    for (name, value) in shown {
        for part in [name.as_str(), value] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    digest.finalize().into()
}

fn unavailable(reason: String) -> Refusal {
    Refusal::unverified(Cause::Unavailable, reason)
}

/// A whole number and `ms`, `s`, `m` or `h`.
fn period(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

#[cfg(test)]
mod tests;
