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

/// One event; long runs have millions.
struct Sent {
    id: Arc<str>,
    ty: u16,
    sum: Sum,
    acknowledged: bool,
}

/// Words that repeat, as numbers.
#[derive(Default)]
struct Words(Vec<Box<str>>);

impl Words {
    fn number(&mut self, word: &str) -> u16 {
        let found = self.0.iter().position(|known| **known == *word);
        let at = found.unwrap_or_else(|| {
            self.0.push(word.into());
            self.0.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }
    fn find(&self, word: &str) -> Option<u16> {
        let at = self.0.iter().position(|known| **known == *word)?;
        u16::try_from(at).ok()
    }
    fn word(&self, number: u16) -> &str {
        self.0.get(usize::from(number)).map_or("", |word| word)
    }
}

#[derive(Default)]
struct Seen {
    numbers: HashMap<Arc<str>, u32>,
    events: Vec<Sent>,
    types: Words,
    sinks: Words,
    /// How often an event arrived at a sink.
    arrived: HashMap<(u16, u32), u32>,
    acknowledgements: usize,
    arrivals: u64,
    /// Events before this one have been found complete.
    complete: usize,
    faults: Vec<String>,
}

impl Seen {
    fn has(&self, sink: Option<u16>, event: usize) -> bool {
        let event = u32::try_from(event).unwrap_or(u32::MAX);
        sink.is_some_and(|sink| self.arrived.contains_key(&(sink, event)))
    }

    /// Acknowledged events that are not known to be complete.
    fn open(&self) -> impl Iterator<Item = (usize, &Sent)> {
        let rest = self.events.iter().enumerate().skip(self.complete);
        rest.filter(|(_, event)| event.acknowledged)
    }
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
        let sum = sum(payload);
        let mut seen = self.seen();
        let id: Arc<str> = id.into();
        let ty = seen.types.number(ty);
        let number = u32::try_from(seen.events.len()).unwrap_or(u32::MAX);
        seen.numbers.insert(Arc::clone(&id), number);
        seen.events.push(Sent {
            id,
            ty,
            sum,
            acknowledged: false,
        });
    }

    /// The gateway answered 2xx for it.
    pub(crate) fn acknowledged(&self, id: &str) {
        let mut seen = self.seen();
        let Some(&number) = seen.numbers.get(id) else {
            return;
        };
        if let Some(event) = seen.events.get_mut(number as usize)
            && !std::mem::replace(&mut event.acknowledged, true)
        {
            seen.acknowledgements += 1;
        }
    }

    /// A sink got it.
    pub(crate) fn arrived(&self, sink: &str, id: &str, ty: &str, payload: &[u8]) {
        let sum = sum(payload);
        let mut seen = self.seen();
        let number = seen.numbers.get(id).copied();
        let Some((number, event)) = number.and_then(|n| Some((n, seen.events.get(n as usize)?)))
        else {
            let fault = format!("{sink} got {id}, which was never sent");
            seen.faults.push(fault);
            return;
        };
        let expected = seen.types.word(event.ty);
        let fault = if event.sum != sum {
            Some(format!("{sink} got {id} altered"))
        } else if expected != ty {
            Some(format!(
                "{sink} got {id} as type {ty} instead of {expected}"
            ))
        } else {
            None
        };
        seen.faults.extend(fault);
        seen.arrivals += 1;
        let sink = seen.sinks.number(sink);
        *seen.arrived.entry((sink, number)).or_default() += 1;
    }

    /// Acknowledged events.
    pub(crate) fn acknowledgements(&self) -> usize {
        self.seen().acknowledgements
    }

    /// Names of all acknowledged events.
    pub(crate) fn acknowledged_ids(&self) -> Vec<String> {
        let seen = self.seen();
        let acknowledged = seen.events.iter().filter(|event| event.acknowledged);
        acknowledged.map(|event| event.id.to_string()).collect()
    }

    /// Those of some events that did not arrive at a sink.
    pub(crate) fn absent(&self, sink: &str, ids: &[String]) -> Vec<String> {
        let seen = self.seen();
        let sink = seen.sinks.find(sink);
        let there = |id: &str| {
            let number = seen.numbers.get(id).copied();
            number.is_some_and(|number| seen.has(sink, number as usize))
        };
        ids.iter().filter(|id| !there(id)).cloned().collect()
    }

    /// Those of some events that are of a type; all of them for none.
    pub(crate) fn of_type(&self, ids: &[String], ty: Option<&str>) -> Vec<String> {
        let seen = self.seen();
        let wanted = ty.map(|ty| seen.types.find(ty));
        let is = |id: &&String| {
            let number = seen.numbers.get(id.as_str()).copied().unwrap_or_default();
            let event = seen.events.get(number as usize);
            wanted.is_none_or(|wanted| event.is_some_and(|event| Some(event.ty) == wanted))
        };
        ids.iter().filter(is).cloned().collect()
    }

    /// Acknowledged events of a type.
    pub(crate) fn acknowledged_as(&self, ty: &str) -> usize {
        let seen = self.seen();
        let ty = seen.types.find(ty);
        let of = |event: &&Sent| event.acknowledged && Some(event.ty) == ty;
        seen.events.iter().filter(of).count()
    }

    /// Arrivals at all sinks, repetitions included.
    pub(crate) fn arrivals(&self) -> u64 {
        self.seen().arrivals
    }

    /// Arrivals beyond the first of each event at each sink.
    pub(crate) fn repetitions(&self) -> u64 {
        let seen = self.seen();
        seen.arrivals - seen.arrived.len() as u64
    }

    /// Arrivals at one sink beyond the first of each event.
    pub(crate) fn repetitions_at(&self, sink: &str) -> u64 {
        let seen = self.seen();
        let sink = seen.sinks.find(sink);
        let at = seen.arrived.iter().filter(|((s, _), _)| Some(*s) == sink);
        at.map(|(_, n)| u64::from(*n) - 1).sum()
    }

    /// Acknowledged events of the types that `wants` names which have not arrived at `sink`.
    pub(crate) fn missing(&self, sink: &str, wants: impl Fn(&str) -> bool) -> Vec<String> {
        let seen = self.seen();
        let sink = seen.sinks.find(sink);
        let wanted: Vec<bool> = seen.types.0.iter().map(|ty| wants(ty)).collect();
        seen.open()
            .filter(|(_, event)| wanted.get(usize::from(event.ty)) == Some(&true))
            .filter(|(n, _)| !seen.has(sink, *n))
            .map(|(_, event)| event.id.to_string())
            .collect()
    }

    /// Nothing is missing and nobody publishes: later checks look at later events only.
    pub(crate) fn complete(&self) {
        let mut seen = self.seen();
        seen.complete = seen.events.len();
    }

    /// Acknowledged events that arrived at any other number of the given sinks than one.
    pub(crate) fn not_at_exactly_one(&self, sinks: &[&str]) -> Vec<String> {
        let seen = self.seen();
        let sinks: Vec<_> = sinks.iter().map(|sink| seen.sinks.find(sink)).collect();
        seen.open()
            .filter(|(n, _)| sinks.iter().filter(|sink| seen.has(**sink, *n)).count() != 1)
            .map(|(_, event)| event.id.to_string())
            .collect()
    }

    /// What went wrong so far, at most a few lines.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.seen().faults.iter().take(5).cloned().collect()
    }
}
