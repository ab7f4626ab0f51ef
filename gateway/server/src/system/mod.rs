//! What the gateway tells of itself: CloudEvents in the stream `system`.
//!
//! Nothing on the way of events waits for this. A task of its own looks every two seconds at how
//! things stand ([`Facts`]), compares with what it told last ([`Told`], durable), and tells the
//! difference. What could not be told is still a difference the next time: told at least once, and a
//! storm costs no more than [`PER_LOOK`] events each time. Subscriptions of `system` itself are left
//! out, so that a failure to deliver these events makes no more of them.

mod facts;
mod tell;
mod troubles;

pub(crate) use troubles::Troubles;

use crate::run::Gateway;
use facts::{Facts, gather};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tell::{Saying, Told, compare};
use tradewind_config::Change;
use tradewind_engine::{Origin, SYSTEM};
use tradewind_event::Event;
use tradewind_store::Op;

/// How often it looks.
const LOOK: Duration = Duration::from_secs(2);
/// Most events of one look.
const PER_LOOK: usize = 20;
/// Where what was told is remembered.
const TOLD: &[u8] = b"system/told";
/// Changes of the configuration that are told one by one; of older ones, only that there were some.
const CHANGES_MAX: usize = 100;

/// What is told once by those who did it.
#[derive(Debug, Default)]
pub(crate) struct News {
    changes: Mutex<VecDeque<Change>>,
}

impl News {
    /// A configuration was put in force.
    pub(crate) fn changed(&self, changes: &[Change]) {
        let mut all = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(changes.iter().cloned());
        let excess = all.len().saturating_sub(CHANGES_MAX);
        all.drain(..excess);
    }
    fn changes(&self) -> Vec<Change> {
        let all = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().cloned().collect()
    }
    fn told(&self, count: usize) {
        let mut all = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count.min(all.len());
        all.drain(..count);
    }
}

impl Gateway {
    /// Looks and tells, for as long as the gateway runs. Never returns.
    pub(crate) async fn tell_of_itself(&self) {
        let mut told = None;
        loop {
            if self.config.load().checked.config.system_events.enabled {
                if told.is_none() {
                    told = self.told_before().await;
                }
                if let Some(told) = &mut told {
                    self.look(told).await;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What was told before the start; `None` while that cannot be read.
    async fn told_before(&self) -> Option<Told> {
        match self.notes.get(TOLD).await {
            Ok(bytes) => {
                let told = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
                Some(told.unwrap_or_default())
            }
            Err(error) => {
                tracing::warn!(%error, "what was told in the stream system is not known yet");
                None
            }
        }
    }

    async fn look(&self, told: &mut Told) {
        let facts = gather(self).await;
        let (sayings, next) = compare(told, &facts, PER_LOOK);
        if sayings.is_empty() && next == *told {
            return;
        }
        let events: Vec<Event> = sayings.iter().filter_map(|s| event(s, &facts)).collect();
        if !events.is_empty() && !self.publish_system(events).await {
            return;
        }
        if sayings.iter().any(|saying| saying.ty == tell::CHANGED) {
            self.news.told(facts.changes.len());
        }
        match serde_json::to_vec(&next) {
            Ok(bytes) => {
                let put = Op::Put(TOLD.into(), bytes.into());
                if let Err(error) = self.notes.write(vec![put]).await {
                    // After a restart it is told again.
                    tracing::warn!(%error, "what was told in the stream system is not remembered");
                }
            }
            Err(error) => tracing::error!(%error, "what was told cannot be written"),
        }
        *told = next;
    }

    async fn publish_system(&self, events: Vec<Event>) -> bool {
        let origin = Origin {
            source: "gateway".into(),
            principal: "the gateway itself".into(),
            who: tradewind_policy::Principal::operator(),
            dedupe_window: None,
        };
        match self.engine.publish_own(SYSTEM, &origin, events).await {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!(%error, "a system event waits");
                false
            }
        }
    }
}

/// Tells of an event that was taken for later and cannot be stored now; it is in the data.
pub(crate) fn refused(stream: &str, reason: &str, event: &Event, now_ms: u64) -> Option<Event> {
    let whole = crate::codec::to_json(event).ok();
    let saying = Saying {
        ty: "tradewind.event.refused",
        subject: stream.to_owned(),
        data: serde_json::json!({ "stream": stream, "reason": reason, "event": whole }),
        number: 0,
    };
    own(&saying, now_ms)
}

fn event(saying: &Saying, facts: &Facts) -> Option<Event> {
    own(saying, facts.now_ms)
}

/// The id says what is told and when it was so: the same again after a crash.
fn own(saying: &Saying, now_ms: u64) -> Option<Event> {
    let data = saying.data.to_string();
    let mut hasher = Sha256::new();
    for part in [saying.ty, &saying.subject, &data] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.update(saying.number.to_be_bytes());
    let digest = hasher.finalize();
    let id: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let time = i64::try_from(now_ms).ok();
    let time = time.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())?;
    let built = Event::builder(id, "/tradewind/gateway", saying.ty)
        .subject(saying.subject.clone())
        .time(time.to_string())
        .data("application/json", data)
        .build();
    built
        .inspect_err(|error| tracing::error!(%error, ty = saying.ty, "no valid system event"))
        .ok()
}
