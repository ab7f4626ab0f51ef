//! Who was turned away at the door, in the audit log: the first time at once, what follows as a number, so that a
//! stranger who knocks for ever writes a few lines an hour.

use super::auth::{Entry as Door, method};
use crate::ingress::Problem;
use crate::run::Gateway;
use axum::extract::{MatchedPath, Request};
use http::StatusCode;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tradewind_audit::Entry;

/// How long refusals of a kind are counted before they are told.
const PERIOD: Duration = Duration::from_secs(15 * 60);
/// Most kinds that are told apart at once; others count as one.
const KINDS_MAX: usize = 256;
/// Who is not known.
const STRANGER: &str = "unknown";

/// What is refused alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    by: String,
    status: u16,
    code: &'static str,
    /// Of a stranger nothing is said that he could choose.
    asked: Option<String>,
}

/// Kinds that were told, with what came since.
#[derive(Debug, Default)]
pub(super) struct Refusals(Arc<Mutex<HashMap<Kind, u64>>>);

/// What a request asks for, kept for the case that it is refused.
#[derive(Debug, Clone)]
pub(super) struct Asked(Option<String>);

impl Asked {
    pub(super) fn of(request: &Request) -> Self {
        let path = request.extensions().get::<MatchedPath>();
        let asked = path.zip(method(request));
        Self(asked.map(|(path, method)| format!("{} {}", method.to_uppercase(), path.as_str())))
    }
}

impl Door {
    /// Tells of a request for want of a proof or of a right.
    pub(super) fn told(&self, problem: &Problem, by: Option<&str>, asked: Asked) {
        if !matches!(
            problem.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            return;
        }
        let kind = Kind {
            by: by.unwrap_or(STRANGER).to_owned(),
            status: problem.status.as_u16(),
            code: problem.code,
            asked: asked.0.filter(|_| by.is_some()),
        };
        self.refusals.note(&self.gateway, kind);
    }
}

impl Refusals {
    fn note(&self, gateway: &Arc<Gateway>, kind: Kind) {
        let Some(kind) = first(&mut locked(&self.0), kind) else {
            return;
        };
        let (kinds, gateway) = (Arc::clone(&self.0), Arc::clone(gateway));
        tokio::spawn(async move {
            record(&gateway, &kind, 1).await;
            tokio::select! {
                () = tokio::time::sleep(PERIOD) => {}
                () = gateway.stop.cancelled() => {}
            }
            let more = locked(&kinds).remove(&kind).unwrap_or_default();
            if more > 0 {
                record(&gateway, &kind, more).await;
            }
        });
    }
}

/// The kind to tell of, where it is the first of its kind; others are counted.
fn first(kinds: &mut HashMap<Kind, u64>, mut kind: Kind) -> Option<Kind> {
    if !kinds.contains_key(&kind) && kinds.len() >= KINDS_MAX {
        kind = Kind {
            by: "others".into(),
            asked: None,
            ..kind
        };
    }
    match kinds.get_mut(&kind) {
        Some(more) => {
            *more += 1;
            None
        }
        None => {
            kinds.insert(kind.clone(), 0);
            Some(kind)
        }
    }
}

async fn record(gateway: &Gateway, kind: &Kind, times: u64) {
    let entry = Entry {
        what: "refused".into(),
        by: kind.by.clone(),
        outcome: Some(kind.status.to_string()),
        detail: Some(json!({ "reason": kind.code, "asked": kind.asked, "times": times })),
        ..Entry::default()
    };
    if let Err(error) = gateway.audit.record(vec![entry]).await {
        tracing::error!(%error, times, "the audit log does not have refusals");
    }
}

fn locked(kinds: &Mutex<HashMap<Kind, u64>>) -> MutexGuard<'_, HashMap<Kind, u64>> {
    kinds.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_kind_is_told_and_kinds_are_bounded() {
        let mut kinds = HashMap::new();
        let kind = |by: usize| Kind {
            by: by.to_string(),
            status: 403,
            code: "policy-denied",
            asked: Some("POST /v1/config/reload".into()),
        };
        for by in 0..KINDS_MAX {
            assert_eq!(first(&mut kinds, kind(by)), Some(kind(by)));
            assert_eq!(first(&mut kinds, kind(by)), None);
        }
        let others = first(&mut kinds, kind(KINDS_MAX)).unwrap();
        assert_eq!((others.by.as_str(), &others.asked), ("others", &None));
        for by in 0..10_000 {
            assert_eq!(first(&mut kinds, kind(by)), None);
        }
        // One for each reason, at most.
        assert_eq!(kinds.len(), KINDS_MAX + 1);
        assert_eq!(kinds.values().sum::<u64>(), KINDS_MAX as u64 + 10_000);
    }
}
