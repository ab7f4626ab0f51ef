//! The audit log: what operators do is on the disk before it is done.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tradewind_audit::{Entry, Error, Head, Log, Options};
use tradewind_config::{Action, Change};
use tradewind_engine::Clock;

/// Its directory within the data directory.
pub(crate) const DIR: &str = "audit";
/// Who acts where nobody asked.
pub(crate) const GATEWAY: &str = "gateway";

/// The log of a running gateway.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    log: Arc<Mutex<Log>>,
    clock: Arc<dyn Clock>,
}

impl Audit {
    /// Opens it, and says that the gateway starts with this configuration.
    pub(super) async fn open(
        data: &Path,
        keep: Duration,
        clock: Arc<dyn Clock>,
        fingerprint: &str,
    ) -> Result<Self, Error> {
        let dir = data.join(DIR);
        let now_ms = clock.unix_ms();
        let options = Options {
            keep,
            ..Options::default()
        };
        let started = Entry {
            what: "start".into(),
            by: GATEWAY.into(),
            detail: Some(serde_json::json!({
                "version": env!("CARGO_PKG_VERSION"),
                "config": fingerprint,
            })),
            ..Entry::default()
        };
        let log = blocking(move || {
            let mut log = Log::open(&dir, options, now_ms)?;
            log.append([started], now_ms)?;
            Ok(log)
        });
        Ok(Self {
            log: Arc::new(Mutex::new(log.await?)),
            clock,
        })
    }

    /// Writes lines; they are on the disk when it returns. Gives the number of the first.
    pub(crate) async fn record(&self, entries: Vec<Entry>) -> Result<u64, Error> {
        let log = self.log.clone();
        let now_ms = self.clock.unix_ms();
        blocking(move || locked(&log).append(entries, now_ms)).await
    }

    /// Writes how what was recorded as line `of` ended. A failure is logged: what was done is done.
    pub(crate) async fn ended(&self, of: u64, asked: Entry, outcome: String) {
        let ended = Entry {
            of: Some(of),
            outcome: Some(outcome),
            detail: None,
            ..asked
        };
        if let Err(error) = self.record(vec![ended]).await {
            tracing::error!(%error, of, "the audit log does not have how an action ended");
        }
    }

    /// Says that the gateway stops.
    pub(super) async fn stopped(&self) {
        let stop = Entry {
            what: "stop".into(),
            by: GATEWAY.into(),
            ..Entry::default()
        };
        if let Err(error) = self.record(vec![stop]).await {
            tracing::warn!(%error, "the audit log does not have this stop");
        }
    }

    pub(crate) fn head(&self) -> Head {
        locked(&self.log).head()
    }

    pub(super) fn keep(&self, keep: Duration) {
        locked(&self.log).keep(keep);
    }
}

fn locked(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Error::from(std::io::Error::other(error))),
    }
}

/// What a new configuration changes, one line for each object.
pub(super) fn changed(by: &str, generation: u64, changes: &[Change]) -> Vec<Entry> {
    let entry = |change: &Change| {
        let object = match change.name.as_str() {
            "" => change.object.to_owned(),
            name => format!("{} {name}", change.object),
        };
        let what = match change.action {
            Action::Added => "add",
            Action::Removed => "remove",
            Action::Changed => "change",
            Action::Renamed { .. } => "rename",
        };
        Entry {
            what: what.into(),
            by: by.into(),
            object: Some(object),
            owner: change.owner.clone(),
            why: change.why.clone(),
            detail: Some(serde_json::json!({
                "generation": generation,
                "action": change.action,
                "keys": change.keys,
                "effects": change.effects,
            })),
            ..Entry::default()
        }
    };
    changes.iter().map(entry).collect()
}
