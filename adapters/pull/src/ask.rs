//! What a worker asks, and what it is answered.

use crate::desk::Taken;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tradewind_adapter::{Outcome, Reason};
use tradewind_event::json as event_json;

/// Most deliveries of one answer.
pub const DELIVERIES_MAX: usize = 100;
/// Longest time that an ask waits for deliveries: below what proxies on the way allow.
pub const WAIT_MAX: Duration = Duration::from_secs(20);

/// A request of a worker: first settles, then takes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Ask {
    /// What became of deliveries that were taken before.
    pub settle: Vec<Settle>,
    /// Deliveries wanted, at most [`DELIVERIES_MAX`].
    pub take: usize,
    /// Milliseconds to wait for the first of them, at most those of [`WAIT_MAX`].
    pub wait_ms: u64,
}

/// What became of one delivery.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settle {
    /// The delivery, by its token.
    pub token: String,
    /// What became of it.
    pub outcome: Fate,
    /// Why it was not done, for `explain`.
    #[serde(default)]
    pub reason: String,
    /// Milliseconds after which it may be tried again.
    pub after_ms: Option<u64>,
}

/// What became of one delivery, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Done.
    Ack,
    /// To be tried again.
    Retry,
    /// Never: a dead letter.
    Reject,
}

impl Ask {
    /// # Errors
    /// What is wrong, with its place.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        let mut reader = serde_json::Deserializer::from_slice(body);
        let ask = serde_path_to_error::deserialize(&mut reader);
        let ask: Self = ask.map_err(|error| match error.path().to_string().as_str() {
            "." => error.inner().to_string(),
            path => format!("`{path}`: {}", error.inner()),
        })?;
        reader.end().map_err(|error| error.to_string())?;
        Ok(ask)
    }

    pub(crate) fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms).min(WAIT_MAX)
    }
}

impl Settle {
    pub(crate) fn outcome(&self) -> Outcome {
        let reason = || Reason::new("worker", self.reason.as_str());
        match self.outcome {
            Fate::Ack => Outcome::Accepted {
                receipt: None,
                reply: None,
            },
            Fate::Retry => Outcome::Retry {
                after: self.after_ms.map(Duration::from_millis),
                patience: None,
                throttled: false,
                reason: reason(),
            },
            Fate::Reject => Outcome::Reject {
                disable: false,
                reason: reason(),
            },
        }
    }
}

/// The body of an answer. An event stands in it byte by byte as its JSON format has it.
pub(crate) fn answer(gone: &[&str], taken: &[Taken]) -> Vec<u8> {
    let mut body = format!(r#"{{"gone":{},"deliveries":["#, json!(gone)).into_bytes();
    for (index, one) in taken.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let delivery = &one.delivery;
        let mut about = Map::new();
        let mut say = |name: &str, value: Value| drop(about.insert(name.to_owned(), value));
        say("token", one.token.as_str().into());
        say("id", (&*delivery.id).into());
        say("attempt", delivery.attempt.into());
        say("subscription", (&*delivery.subscription).into());
        let left = u64::try_from(one.left.as_millis()).unwrap_or(u64::MAX);
        say("left-ms", left.into());
        if let Some(replay) = &delivery.replay {
            say("replay", (&**replay).into());
        }
        if let Some(trace) = &delivery.trace {
            say("traceparent", (&*trace.parent).into());
            if let Some(state) = &trace.state {
                say("tracestate", (&**state).into());
            }
        }
        let about = Value::from(about).to_string();
        body.extend_from_slice(about.trim_end_matches('}').as_bytes());
        body.extend_from_slice(br#","event":"#);
        body.extend_from_slice(&event_json::encode(&delivery.event));
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    body
}
