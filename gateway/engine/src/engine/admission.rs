//! Admission: validate, identify, append, say so.

use super::stream::StreamHandle;
use super::{Inner, Origin, PublishError, Receipt, SPACE};
use crate::Happening;
use crate::hash::HOPS;
use crate::own;
use crate::record::Envelope;
use crate::spaces::Charging;
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tradewind_event::{Attribute, Event};
use tradewind_store::{Appended, Entry, Error, Identity, Kind, Position};

/// Deduplication window of a stream that names none.
const DEDUPE_WINDOW: Duration = Duration::from_secs(600);
/// Largest batch whose events are handed over as they were decoded; of a larger one they are read from the log.
const HANDED_OVER: usize = 64;
/// What overloaded publishers are told to wait.
const BUSY: Duration = Duration::from_secs(1);
/// What publishers are told to wait when the disk is full.
const FULL: Duration = Duration::from_secs(5);

impl Inner {
    /// Takes events of others.
    pub(crate) async fn publish(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
        charging: Charging,
    ) -> Result<Vec<Receipt>, PublishError> {
        own::refuse(stream, &events)?;
        let by = self.authority.publish(stream, origin, &events)?;
        let events = self
            .contracts
            .apply(|| self.owner_of(stream), origin, events)?;
        self.admit(stream, origin, events, &by, charging).await
    }

    /// The space of a stream, whose schemas its events are held against.
    pub(crate) fn owner_of(&self, stream: &str) -> Arc<str> {
        let streams = self.streams.load();
        streams
            .get(stream)
            .map_or_else(|| SPACE.into(), |handle| handle.space())
    }

    /// Takes events of others and the gateway's own. `by` are the policies that let them in, where there are any.
    pub(crate) async fn admit(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
        by: &[Option<Arc<str>>],
        charging: Charging,
    ) -> Result<Vec<Receipt>, PublishError> {
        if self.stopping.load(Ordering::Acquire) {
            return Err(PublishError::Unavailable("the gateway is stopping".into()));
        }
        let handle = self.streams.load().get(stream).map(Arc::clone);
        let handle = handle.ok_or_else(|| PublishError::NoStream(stream.to_owned()))?;
        let (space, window) = {
            let plan = handle.plan.load();
            let window = plan.dedupe_window.unwrap_or(DEDUPE_WINDOW);
            (Arc::clone(&plan.space), window)
        };
        let window = window.max(origin.dedupe_window.unwrap_or_default());
        let matched = handle.matched(&events);
        let told = if self.announcer.listened() {
            events.clone()
        } else {
            Vec::new()
        };
        let hands_over = events.len() <= HANDED_OVER;
        // Each event goes as its entry comes: a large batch is held once.
        let entries: Vec<Entry> = events
            .into_iter()
            .enumerate()
            .map(|(index, event)| {
                let by = by.get(index).and_then(Option::as_deref);
                let mut entry = handle.entry(&space, origin, by, &event, window);
                entry.decoded = entry.decoded.filter(|_| hands_over);
                entry
            })
            .collect();
        handle.refuse_conflicts(&entries).await?;
        let sizes: SmallVec<[usize; 1]> = entries.iter().map(|entry| entry.payload.len()).collect();
        let (count, bytes) = (sizes.len(), sizes.iter().sum());
        let mut charge = match charging {
            Charging::Asked => {
                let charge = self.charge_to(&space, count, bytes);
                Some(charge.map_err(PublishError::Quota)?)
            }
            Charging::Owed => Some(self.owe_by(&space, count, bytes)),
            Charging::Not => None,
        };
        if let Some(charge) = &mut charge {
            charge.hand_over();
        }
        let appended = match handle.append(entries).await {
            Ok(appended) => appended,
            Err(error) => {
                if let Some(charge) = charge
                    && stored_nothing(&error)
                {
                    charge.keep(0, 0);
                }
                return Err(refusal(error));
            }
        };
        if let Some(charge) = charge {
            let new = |a: &Appended| matches!(a, Appended::New(_) | Appended::Undecided);
            let new = sizes.iter().zip(&appended).filter(|(_, a)| new(a));
            let (count, bytes) = new.fold((0, 0), |(n, sum), (size, _)| (n + 1, sum + size));
            charge.keep(count, bytes);
        }
        self.receive(&handle, origin, &told, &matched, &appended)
    }

    /// Counts, tells and answers what the store made of a batch. `told` is empty where nobody listens.
    fn receive(
        &self,
        handle: &StreamHandle,
        origin: &Origin,
        told: &[Event],
        matched: &[usize],
        appended: &[Appended],
    ) -> Result<Vec<Receipt>, PublishError> {
        let mut receipts = Vec::with_capacity(appended.len());
        let mut conflicts = Vec::new();
        let (mut new, mut duplicates, mut unmatched) = (0, 0, 0);
        for (index, (&matched, appended)) in matched.iter().zip(appended).enumerate() {
            let (position, duplicate) = match appended {
                Appended::New(position) => (Some(*position), false),
                Appended::Duplicate(position) => (Some(*position), true),
                Appended::Undecided => (None, false),
                Appended::Conflict(position) => {
                    conflicts.push((index, position.to_string()));
                    continue;
                }
                Appended::Withheld => continue,
            };
            if duplicate {
                duplicates += 1;
            } else {
                new += 1;
                unmatched += u64::from(matched == 0);
            }
            if let Some(event) = told.get(index) {
                self.tell(handle, origin, event, position, duplicate, matched);
            }
            receipts.push(Receipt {
                position: position.map(String::from).unwrap_or_default(),
                duplicate,
                matched,
                due_ms: None,
            });
        }
        let counters = &handle.counters;
        counters
            .admitted
            .fetch_add(new + duplicates, Ordering::Relaxed);
        counters.appended.fetch_add(new, Ordering::Relaxed);
        counters.duplicates.fetch_add(duplicates, Ordering::Relaxed);
        counters.unmatched.fetch_add(unmatched, Ordering::Relaxed);
        if conflicts.is_empty() {
            Ok(receipts)
        } else {
            Err(PublishError::Conflict(conflicts))
        }
    }

    fn tell(
        &self,
        handle: &StreamHandle,
        origin: &Origin,
        event: &Event,
        position: Option<Position>,
        duplicate: bool,
        matched: usize,
    ) {
        let mut happening = Happening {
            at_ms: self.time.now(),
            what: if duplicate { "duplicate" } else { "received" }.to_owned(),
            stream: Some(handle.name.to_string()),
            position: position.map(|p| p.to_string()),
            id: Some(event.id().to_owned()),
            ty: Some(event.ty().to_owned()),
            name: Some(origin.source.to_string()),
            detail: origin.principal.to_string(),
            event: Some(event.clone()),
        };
        self.announcer.tell(happening.clone());
        if matched == 0 && !duplicate {
            happening.what = "unmatched".to_owned();
            happening.detail = "no subscription's filter lets it through".to_owned();
            self.announcer.tell(happening);
        }
    }
}

impl StreamHandle {
    /// How many subscriptions each event goes to.
    fn matched(&self, events: &[Event]) -> SmallVec<[usize; 1]> {
        let routes = self.routes.load();
        let mut router = routes.router();
        events.iter().map(|event| router.count(event)).collect()
    }

    fn entry(
        &self,
        space: &str,
        origin: &Origin,
        by: Option<&str>,
        event: &Event,
        window: Duration,
    ) -> Entry {
        let id = self.hashes.identity(event.source(), event.id());
        let (payload, unpacked) = Envelope::pack(space, origin, by, hops(event), event);
        Entry {
            shard_key: self
                .hashes
                .ordering(event, self.order_by.as_deref())
                .unwrap_or(id as u64),
            identity: Some(Identity {
                id,
                content: self.hashes.content(event),
                window_ms: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
            }),
            kind: Kind::Event,
            payload,
            decoded: Some(Arc::new(unpacked)),
        }
    }

    /// Appends. The store knows contents by digests, and an earlier release made others: what differs by its digest only
    /// is the duplicate that it is.
    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Error> {
        let identities: SmallVec<[_; 1]> = entries.iter().map(|entry| entry.identity).collect();
        // Of a single event nothing is withheld.
        let kept = match entries.len() {
            1 => Vec::new(),
            _ => entries.clone(),
        };
        let mut answers = self.log.append(entries).await?;
        let (mut same, mut withheld, mut differs) = (Vec::new(), Vec::new(), false);
        for (index, (answer, identity)) in answers.iter().zip(identities).enumerate() {
            match (answer, identity) {
                (Appended::Conflict(at), Some(identity)) => {
                    match self.content_at(*at).await? == Some(identity.content) {
                        true => same.push((index, *at)),
                        false => differs = true,
                    }
                }
                (Appended::Withheld, _) => {
                    withheld.extend(kept.get(index).map(|entry| (index, entry.clone())));
                }
                _ => {}
            }
        }
        for (index, at) in same {
            answers[index] = match differs {
                true => Appended::Withheld,
                false => Appended::Duplicate(at),
            };
        }
        if !differs && !withheld.is_empty() {
            let (indexes, entries): (Vec<_>, Vec<_>) = withheld.into_iter().unzip();
            for (index, answer) in indexes.into_iter().zip(self.log.append(entries).await?) {
                answers[index] = answer;
            }
        }
        Ok(answers)
    }

    /// Digest of the event that lies there.
    async fn content_at(&self, position: Position) -> Result<Option<u128>, Error> {
        let there = self.log.read(position.shard, position.offset, 1).await?;
        let first = there.items.first().filter(|item| item.position == position);
        Ok(first.and_then(|item| {
            let (_, event) = Envelope::decode(&item.payload).ok()?;
            Some(self.hashes.content(&event))
        }))
    }

    /// The store is all-or-nothing per shard. A batch over several is checked beforehand, so that it
    /// is all-or-nothing as a whole.
    async fn refuse_conflicts(&self, entries: &[Entry]) -> Result<(), PublishError> {
        if entries.len() < 2 || self.log.shards() < 2 {
            return Ok(());
        }
        let mut conflicts = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let Some(identity) = entry.identity else {
                continue;
            };
            let Some(position) = self.log.find(identity.id).await.map_err(refusal)? else {
                continue;
            };
            let content = self.content_at(position).await.map_err(refusal)?;
            if content.is_some_and(|content| content != identity.content) {
                conflicts.push((index, position.to_string()));
            }
        }
        if conflicts.is_empty() {
            Ok(())
        } else {
            Err(PublishError::Conflict(conflicts))
        }
    }
}

/// How often the event has passed a gateway. What is no count is too many: it must not make a loop
/// look like a first passage.
fn hops(event: &Event) -> u32 {
    match event.attribute(HOPS) {
        Some(Attribute::Integer(n)) => u32::try_from(n).unwrap_or(u32::MAX),
        // Binary mode carries no types.
        Some(other) => other.to_canonical().parse().unwrap_or(u32::MAX),
        None => 0,
    }
}

/// Whether what was to be appended is certainly not there.
fn stored_nothing(error: &Error) -> bool {
    matches!(error, Error::Full | Error::Busy | Error::Contradiction(..))
}

fn refusal(error: Error) -> PublishError {
    match error {
        Error::Full => PublishError::Later {
            reason: error.to_string(),
            after: FULL,
            full: true,
        },
        Error::Busy => PublishError::Later {
            reason: error.to_string(),
            after: BUSY,
            full: false,
        },
        Error::Contradiction(first, second) => PublishError::Invalid(vec![(
            second,
            format!("has the source and id of event {first}, and other content"),
        )]),
        error => PublishError::Unavailable(error.to_string()),
    }
}
