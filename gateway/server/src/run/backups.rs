//! Backups of a running gateway: when they are made, and how the last one went.

use super::Gateway;
use super::notes::NOTES;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tradewind_backup::{Error, Options, Place, Report, Repository};
use tradewind_config::Backup;
use tradewind_store::{Clock, Streams, SystemClock};

/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_secs(1);
/// Longest pause after a backup that failed.
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// Backups, as far as they are known since the start.
#[derive(Debug, Default)]
pub struct Backups {
    seen: Mutex<Seen>,
    /// One at a time.
    making: tokio::sync::Mutex<()>,
}

/// What is known of backups.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// Where they go; `None` where none are wanted.
    pub to: Option<String>,
    /// The last one that is complete, with its recovery point.
    pub last: Option<Report>,
    /// Why the last attempt failed; `None` where it did not.
    pub failure: Option<String>,
    /// Attempts that failed.
    pub failed: u64,
    /// Bytes copied.
    pub copied_bytes: u64,
}

impl Backups {
    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is known of them.
    pub fn seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Gateway {
    /// What the configuration in force says of them. Its own, since a backup takes long: who holds a configuration
    /// keeps its sources connected.
    fn wanted_backup(&self) -> Option<Backup> {
        self.config.load().checked.config.backup.clone()
    }

    /// Makes a backup now, to where the configuration says.
    ///
    /// # Errors
    /// `Invalid` where the configuration says nothing of backups.
    pub async fn back_up(&self, full: bool) -> Result<Report, Error> {
        let Some(backup) = self.wanted_backup() else {
            return Err(Error::Invalid(
                "the configuration has no `backup`: say there where backups go".into(),
            ));
        };
        let _alone = self.backups.making.lock().await;
        let made = self.make(&backup, full).await;
        self.backups.change(|seen| match &made {
            Ok(report) => {
                seen.copied_bytes += report.copied_bytes;
                seen.last = Some(report.clone());
                seen.failure = None;
            }
            Err(error) => {
                seen.failed += 1;
                seen.failure = Some(explain(error));
            }
        });
        match &made {
            Ok(report) => tracing::info!(
                id = report.id,
                copied_bytes = report.copied_bytes,
                took_ms = report.finished_ms.saturating_sub(report.point_ms),
                "backed up"
            ),
            Err(error) => tracing::error!(reason = explain(error), "not backed up"),
        }
        made
    }

    async fn make(&self, backup: &Backup, full: bool) -> Result<Report, Error> {
        let place: Place = backup.to.parse().map_err(Error::Invalid)?;
        let made = back_up(&*self.stores, &place, full).await?;
        let repository = Repository::open(&place)?;
        let clock = SystemClock::default();
        match repository.prune(backup.keep, clock.unix_ms()).await {
            Ok(pruned) if pruned.backups.is_empty() => {}
            Ok(pruned) => {
                tracing::info!(backups = ?pruned.backups, blobs = pruned.blobs, "old backups removed")
            }
            // The backup is made all the same.
            Err(error) => tracing::warn!(reason = explain(&error), "old backups not removed"),
        }
        Ok(made)
    }

    /// Makes backups as the configuration in force says, for as long as the gateway serves.
    pub(super) async fn keep_backed_up(self: Arc<Self>) {
        let mut next = Instant::now();
        let mut sealed = self.sealed();
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(backup) = self.wanted_backup() else {
                self.backups.change(|seen| seen.to = None);
                next = Instant::now();
                continue;
            };
            self.backups
                .change(|seen| seen.to = Some(backup.to.clone()));
            let full_segment = backup.ship_segments && self.sealed() != sealed;
            // A shorter `every` counts at once.
            next = next.min(Instant::now() + backup.every.0);
            if Instant::now() < next && !full_segment {
                continue;
            }
            sealed = self.sealed();
            next = Instant::now() + backup.every.0;
            if self.back_up(false).await.is_err() {
                next = Instant::now() + backup.every.0.min(AGAIN_MAX);
            }
        }
    }

    fn sealed(&self) -> u64 {
        self.stores.stats().values().map(|stats| stats.sealed).sum()
    }
}

/// One backup of these streams.
pub(crate) async fn back_up(
    streams: &dyn Streams,
    place: &Place,
    full: bool,
) -> Result<Report, Error> {
    let options = Options {
        version: env!("CARGO_PKG_VERSION").into(),
        full,
        first: vec![NOTES.to_owned()],
    };
    let repository = Repository::create(place)?;
    let clock = SystemClock::default();
    repository.back_up(streams, &clock, &options).await
}

/// An error with what is behind it.
pub(crate) fn explain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(next) = source {
        let more = next.to_string();
        if !text.contains(&more) {
            text.push_str(&format!(": {more}"));
        }
        source = next.source();
    }
    text
}

#[cfg(test)]
mod tests;
