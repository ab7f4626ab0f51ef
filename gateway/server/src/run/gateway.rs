//! What a running gateway is, for all who look at it.

use super::Watched;
use super::audit::Audit;
use super::changes::Changes;
use super::delays::Front;
use super::files::{Fingerprint, Noting};
use super::groups::Groups;
use super::notes::Notes;
use super::pull::Pulls;
use super::schemas::Registrar;
use crate::admin::{Metrics, Scrape};
use crate::engines::Engines;
use crate::ingress::Site;
use crate::system::News;
use crate::telemetry::Telemetry;
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::Registry;
use tradewind_config::{Change, Checked, Diagnostics};
use tradewind_engine::{Clock, Engine, Happening, SubscriptionView};
use tradewind_store::Finding;

/// The configuration in force.
#[derive(Debug)]
pub struct InForce {
    /// Counts configurations since the start, from 1.
    pub generation: u64,
    /// Of the files that it was read from.
    pub(crate) fingerprint: Fingerprint,
    /// The configuration.
    pub checked: Checked,
}

/// Where a gateway is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Takes and delivers events.
    Serving,
    /// Stops.
    Draining,
}

/// What a reload did.
#[derive(Debug)]
pub struct Applied {
    /// Generation now in force.
    pub generation: u64,
    /// What changed; empty where nothing did, and the generation is the one before.
    pub changes: Vec<Change>,
}

/// Why a reload changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The configuration is not valid, or contradicts what is stored.
    #[error("{0}")]
    Invalid(String),
    /// The store did not let it be put in force; the same may succeed later.
    #[error("{0}")]
    Failed(String),
}

/// Where a configuration comes from, and what stands above it.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) path: Option<PathBuf>,
    /// The text, where there is no file.
    pub(super) text: String,
    pub(super) amend: Arc<dyn Fn(&mut Checked) + Send + Sync>,
}

impl Origin {
    /// What the files say, and which files those were.
    pub(super) fn load(&self, registry: &Registry) -> Result<(Checked, Fingerprint), Diagnostics> {
        let files = Noting::default();
        let mut checked = match &self.path {
            Some(path) => tradewind_config::load(path, registry, &files)?,
            None => tradewind_config::load_str("built-in.yaml", &self.text, registry, &files)?,
        };
        let fingerprint = files.fingerprint(&checked.files);
        (self.amend)(&mut checked);
        Ok((checked, fingerprint))
    }
}

/// A running gateway.
pub struct Gateway {
    /// The engine.
    pub engine: Engine,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What the server counts.
    pub metrics: Arc<Metrics>,
    /// The configuration in force.
    pub config: ArcSwap<InForce>,
    /// The configuration file, where there is one.
    pub path: Option<PathBuf>,
    /// Where events are taken.
    pub listen: Option<SocketAddr>,
    /// When it started, milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// Fires when the admin API is to end.
    pub stop: CancellationToken,
    pub(super) telemetry: Option<Arc<Telemetry>>,
    pub(crate) site: Arc<ArcSwap<Site>>,
    pub(super) stores: Arc<Watched>,
    pub(super) engines: Arc<Engines>,
    pub(super) registry: Registry,
    pub(super) origin: Origin,
    /// Backups.
    #[cfg(feature = "backup")]
    pub backups: super::backups::Backups,
    pub(super) pulls: Pulls,
    /// Takes events for now and for later.
    pub(crate) front: Front,
    pub(crate) notes: Notes,
    /// What is changed at run time.
    pub(crate) changes: Arc<Changes>,
    /// What was decided at run time of subscriptions.
    pub(crate) groups: Groups,
    /// Schemas that stand in no file.
    pub(crate) schemas: Registrar,
    pub(crate) audit: Audit,
    pub(crate) news: News,
    pub(super) draining: AtomicBool,
    pub(super) reloading: tokio::sync::Mutex<()>,
    pub(super) failure: Mutex<Option<Refusal>>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("listen", &self.listen)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// Whether it takes events, and if not, why.
    pub fn ready(&self) -> Result<(), String> {
        match self.phase() {
            Phase::Draining => Err("draining".into()),
            Phase::Serving => {
                self.engine.ready()?;
                let followed = self.changes.health();
                followed.map_err(|why| format!("what nodes change at run time: {why}"))
            }
        }
    }
    /// Where it is in its life.
    pub fn phase(&self) -> Phase {
        if self.draining.load(Ordering::Relaxed) {
            Phase::Draining
        } else {
            Phase::Serving
        }
    }
    /// What is asked at a scrape.
    pub async fn scrape(&self) -> Scrape {
        let subscriptions = self.engine.subscriptions().await;
        // Nobody waits for what a shadow has still to settle.
        let (in_charge, shadows): (Vec<&SubscriptionView>, Vec<_>) =
            subscriptions.iter().partition(|view| view.shadow.is_none());
        let oldest = self.stores.oldest(&in_charge).await;
        let mut compared = Vec::new();
        for shadow in shadows {
            compared.extend(self.engine.compared_of(shadow).await.ok());
        }
        Scrape {
            compared,
            oldest,
            now_ms: self.clock.unix_ms(),
            disk: room(&self.config.load().checked.config.data_dir),
            subscriptions,
            replays: self.engine.replays().await,
            streams: self.engine.streams().await,
            stores: self.stores.stats(),
            damage: self.damage(),
            violated: self.engine.violated(),
            denied: self.engine.denied(),
            spaces: self.engine.spaces(),
            #[cfg(feature = "backup")]
            backups: self.backups.seen(),
            ready: self.ready().is_ok(),
        }
    }
    /// What is wrong on disk, by stream.
    pub fn damage(&self) -> BTreeMap<String, Vec<Finding>> {
        self.stores.findings()
    }
    /// One line for whoever supervises the process.
    pub(crate) fn summary(&self) -> String {
        let generation = self.config.load().generation;
        match self.last_failure() {
            None => format!("serving, configuration {generation}"),
            Some(why) => {
                let first = why.lines().next().unwrap_or_default();
                format!("serving, configuration {generation}; the file on disk is refused: {first}")
            }
        }
    }
    /// Why the file on disk is not in force; `None` where it is.
    pub fn last_failure(&self) -> Option<String> {
        self.failure().map(|refusal| refusal.to_string())
    }
    pub(super) fn failure(&self) -> Option<Refusal> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
    pub(super) fn say(&self, what: &str, detail: String) {
        self.engine.report(Happening {
            event: None,
            at_ms: self.clock.unix_ms(),
            what: what.into(),
            stream: None,
            position: None,
            id: None,
            ty: None,
            name: None,
            detail,
        });
    }
}

/// Bytes that are free for us in the file system of a directory, and its size.
fn room(path: &std::path::Path) -> Option<(u64, u64)> {
    let found = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some((bytes(found.f_bavail), bytes(found.f_blocks)))
}
