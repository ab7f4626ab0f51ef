//! How things stand.

use super::troubles::Trouble;
use crate::run::Gateway;
use std::collections::BTreeMap;
use tradewind_config::Change;
use tradewind_engine::{SYSTEM, SubscriptionView};

#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) now_ms: u64,
    pub(super) started_ms: u64,
    pub(super) generation: u64,
    /// Of the files that the configuration consists of.
    pub(super) fingerprint: String,
    pub(super) changes: Vec<Change>,
    /// Why the file on disk is not in force.
    pub(super) refused: Option<String>,
    /// Those of other streams than `system`.
    pub(super) subscriptions: Vec<SubscriptionView>,
    pub(super) sources: BTreeMap<String, Trouble>,
    /// Spaces of sources.
    pub(super) spaces: BTreeMap<String, String>,
    /// Events that broke each schema, since the start.
    pub(super) schemas: BTreeMap<String, u64>,
    /// Bytes; `None` where nobody knows.
    pub(super) disk_free: Option<u64>,
    /// Thresholds in force.
    pub(super) backlog: u64,
    pub(super) disk_least: u64,
}

pub(super) async fn gather(gateway: &Gateway) -> Facts {
    let mut subscriptions = gateway.engine.subscriptions().await;
    let config = gateway.config.load();
    let own = &config.checked.config.system_events;
    // What other nodes serve, they tell of.
    subscriptions.retain(|view| view.stream != SYSTEM && view.state != "elsewhere");
    for view in &mut subscriptions {
        if let Some(loaded) = config.checked.subscriptions.get(&view.name) {
            view.owner.clone_from(&loaded.owner);
            view.why.clone_from(&loaded.why);
        }
    }
    let mut sources = gateway.metrics.troubles.list();
    sources.retain(|name, _| config.checked.sources.contains_key(name));
    let mut schemas = BTreeMap::new();
    for found in gateway.engine.violated() {
        *schemas.entry(found.schema.to_string()).or_default() += found.events;
    }
    let refused = gateway.last_failure();
    let spaces = config.checked.sources.iter();
    Facts {
        now_ms: gateway.clock.unix_ms(),
        started_ms: gateway.started_ms,
        generation: config.generation,
        fingerprint: config.fingerprint.to_string(),
        changes: gateway.news.changes(),
        refused: refused.map(|text| text.lines().next().unwrap_or_default().to_owned()),
        subscriptions,
        spaces: spaces
            .map(|(name, s)| (name.clone(), s.space.clone()))
            .collect(),
        sources,
        schemas,
        disk_free: disk_free(&config.checked.config.data_dir),
        backlog: own.backlog.0,
        disk_least: own.disk_free.0,
    }
}

fn disk_free(data: &std::path::Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(data).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
