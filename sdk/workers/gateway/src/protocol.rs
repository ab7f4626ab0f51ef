//! What is said to the gateway, and what it answers: docs/guides/pull.md.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::time::Instant;
use tradewind::event::json as event_json;
use tradewind::worker::{Order, Pulled, Settled, Settlement, Token};
use tradewind::{Context, Delivery};

/// Time of a delivery that is kept for telling what became of it: a second, or a part of little.
const RESERVE: Duration = Duration::from_secs(1);
const RESERVE_PART: u32 = 5;

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Ask<'a> {
    pub(crate) settle: Vec<Settle<'a>>,
    pub(crate) take: usize,
    pub(crate) wait_ms: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settle<'a> {
    token: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_ms: Option<u64>,
}

impl<'a> Settle<'a> {
    pub(crate) fn of(settlement: &'a Settlement) -> Self {
        let (outcome, reason, after) = match &settlement.settled {
            Settled::Done => ("ack", "", None),
            Settled::Never { reason } => ("reject", reason.as_str(), None),
            Settled::Again { after } => ("retry", "the handler failed", *after),
            Settled::Untouched => ("retry", "the worker stops", Some(Duration::ZERO)),
        };
        Self {
            token: &settlement.token.0,
            outcome,
            reason,
            after_ms: after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    deliveries: Vec<Given<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Given<'a> {
    token: String,
    id: String,
    attempt: u32,
    subscription: String,
    left_ms: u64,
    replay: Option<String>,
    traceparent: Option<String>,
    tracestate: Option<String>,
    #[serde(borrow)]
    event: &'a RawValue,
}

/// # Errors
/// An answer that is none of a gateway's.
pub(crate) fn pulled(body: &Bytes) -> Result<Vec<Pulled>, serde_json::Error> {
    let answer: Answer<'_> = serde_json::from_slice(body)?;
    Ok(answer.deliveries.into_iter().map(Given::pulled).collect())
}

impl Given<'_> {
    fn pulled(self) -> Pulled {
        let event = event_json::decode(Bytes::copy_from_slice(self.event.get().as_bytes()));
        let left = Duration::from_millis(self.left_ms);
        let left = left.saturating_sub(RESERVE.min(left / RESERVE_PART));
        let mut context = Context::new(self.id)
            .with_attempt(self.attempt)
            .with_subscription(self.subscription);
        if let Some(replay) = self.replay {
            context = context.with_replay(replay);
        }
        if let Some(parent) = self.traceparent {
            context = context.with_trace(parent, self.tracestate);
        }
        let deliveries = event.map(|event| vec![Delivery { event, context }]);
        Pulled {
            token: Token(self.token),
            deliveries: deliveries.map_err(|error| error.to_string()),
            // The gateway gives none that must wait for another.
            order: Order::Free,
            deadline: Some(Instant::now() + left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_read_with_its_events_as_they_are() {
        let event =
            r#"{"specversion":"1.0","id":"e","source":"/s","type":"t","data":{ "a" : 1.0 }}"#;
        let answer = format!(
            r#"{{"gone":[],"deliveries":[{{"token":"t-1","id":"d","attempt":2,"subscription":"s","left-ms":5000,"replay":"r","event":{event}}},{{"token":"t-2","id":"f","attempt":1,"subscription":"s","left-ms":1000,"event":{event}}}]}}"#
        );
        let pulled = pulled(&answer.into()).unwrap();
        let deliveries = pulled[0].deliveries.as_ref().unwrap();
        let Delivery { event, context } = &deliveries[0];
        assert_eq!(event.data().unwrap().bytes, r#"{ "a" : 1.0 }"#);
        assert_eq!((context.delivery_id(), context.attempt()), ("d", 2));
        assert_eq!(
            (context.subscription(), context.replay()),
            (Some("s"), Some("r"))
        );
        let left = |pulled: &Pulled| pulled.deadline.unwrap() - Instant::now();
        assert_eq!(left(&pulled[0]), Duration::from_secs(4));
        // Of a second nothing would be left.
        assert_eq!(left(&pulled[1]), Duration::from_millis(800));
    }

    #[test]
    fn every_fate_has_a_word() {
        let never = Settled::Never {
            reason: "no".into(),
        };
        let after = |seconds| Settled::Again {
            after: Some(Duration::from_secs(seconds)),
        };
        for (settled, said) in [
            (Settled::Done, json!({ "outcome": "ack" })),
            (never, json!({ "outcome": "reject", "reason": "no" })),
            (
                after(7),
                json!({ "outcome": "retry", "reason": "the handler failed", "after-ms": 7000 }),
            ),
            (
                Settled::Untouched,
                json!({ "outcome": "retry", "reason": "the worker stops", "after-ms": 0 }),
            ),
        ] {
            let settlement = Settlement {
                token: Token("t".into()),
                settled,
            };
            let mut said = said;
            said["token"] = "t".into();
            assert_eq!(json!(Settle::of(&settlement)), said);
        }
    }
}
