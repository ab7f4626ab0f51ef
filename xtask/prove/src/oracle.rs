//! What was sent, what was acknowledged, what arrived.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// SHA-256 of a payload.
pub(crate) type Sum = [u8; 32];

/// Digest of a payload.
pub(crate) fn sum(payload: &[u8]) -> Sum {
    Sha256::digest(payload).into()
}

#[derive(Default)]
struct Seen {
    sent: HashMap<String, (String, Sum)>,
    acknowledged: HashMap<String, String>,
    arrived: HashMap<(String, String), u32>,
    faults: Vec<String>,
}

/// Shared between load, sinks and checks.
#[derive(Clone, Default)]
pub(crate) struct Oracle(Arc<Mutex<Seen>>);

impl Oracle {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// An event is about to be sent.
    pub(crate) fn sent(&self, id: &str, ty: &str, payload: &[u8]) {
        self.seen()
            .sent
            .insert(id.to_owned(), (ty.to_owned(), sum(payload)));
    }

    /// The gateway answered 2xx for it.
    pub(crate) fn acknowledged(&self, id: &str, ty: &str) {
        self.seen()
            .acknowledged
            .insert(id.to_owned(), ty.to_owned());
    }

    /// A sink got it.
    pub(crate) fn arrived(&self, sink: &str, id: &str, ty: &str, payload: &[u8]) {
        let mut seen = self.seen();
        let fault = match seen.sent.get(id) {
            None => Some(format!("{sink} got {id}, which was never sent")),
            Some((_, expected)) if *expected != sum(payload) => {
                Some(format!("{sink} got {id} altered"))
            }
            Some((expected, _)) if expected != ty => Some(format!(
                "{sink} got {id} as type {ty} instead of {expected}"
            )),
            Some(_) => None,
        };
        seen.faults.extend(fault);
        *seen
            .arrived
            .entry((sink.to_owned(), id.to_owned()))
            .or_default() += 1;
    }

    /// Acknowledged events.
    pub(crate) fn acknowledgements(&self) -> usize {
        self.seen().acknowledged.len()
    }

    /// Acknowledged events of a type.
    pub(crate) fn acknowledged_as(&self, ty: &str) -> usize {
        self.seen()
            .acknowledged
            .values()
            .filter(|t| *t == ty)
            .count()
    }

    /// Arrivals at all sinks, repetitions included.
    pub(crate) fn arrivals(&self) -> u64 {
        self.seen().arrived.values().map(|n| u64::from(*n)).sum()
    }

    /// Arrivals beyond the first of each event at each sink.
    pub(crate) fn repetitions(&self) -> u64 {
        self.seen()
            .arrived
            .values()
            .map(|n| u64::from(*n) - 1)
            .sum()
    }

    /// Acknowledged events of the types that `wants` names which have not arrived at `sink`.
    pub(crate) fn missing(&self, sink: &str, wants: impl Fn(&str) -> bool) -> Vec<String> {
        let seen = self.seen();
        seen.acknowledged
            .iter()
            .filter(|(id, ty)| {
                wants(ty) && !seen.arrived.contains_key(&(sink.to_owned(), (*id).clone()))
            })
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Acknowledged events of the named types that arrived at any other number of the given sinks
    /// than one.
    pub(crate) fn not_at_exactly_one(&self, sinks: &[&str]) -> Vec<String> {
        let seen = self.seen();
        seen.acknowledged
            .keys()
            .filter(|id| {
                let at = sinks.iter().filter(|sink| {
                    seen.arrived
                        .contains_key(&((**sink).to_owned(), (*id).clone()))
                });
                at.count() != 1
            })
            .cloned()
            .collect()
    }

    /// What went wrong so far, at most a few lines.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.seen().faults.iter().take(5).cloned().collect()
    }
}
