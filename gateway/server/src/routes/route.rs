//! One route, ready to be asked.

use super::cors::Cors;
use super::meter::{Meter, Meters};
use http::HeaderName;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tradewind_adapter::{Callers, Sink};
use tradewind_config::{Exchange, LoadedRoute, Piece};

/// A route of the configuration in force.
#[derive(Debug)]
pub struct Route {
    pub(super) name: Arc<str>,
    path: Box<str>,
    pub(super) callers: Arc<Callers>,
    pub(super) proxy: bool,
    pub(super) function: Arc<dyn Sink>,
    pub(super) rewrite: Option<Vec<Piece>>,
    pub(super) timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) body_max: usize,
    pub(super) body_timeout: Duration,
    pub(super) forward: Vec<HeaderName>,
    pub(super) cors: Option<Cors>,
    pub(super) record: Option<Arc<str>>,
    pub(super) slots: Arc<Semaphore>,
    meter: OnceLock<Meter>,
}

impl Route {
    /// The route of this name.
    pub fn new(name: &str, from: &LoadedRoute) -> Self {
        let forward = from.forward.iter();
        Self {
            name: name.into(),
            path: from.path.as_str().into(),
            callers: from.callers.clone(),
            proxy: from.mode == Exchange::Proxy,
            function: from.sink.clone(),
            rewrite: from.rewrite.clone(),
            timeout: from.timeout,
            idle_timeout: from.idle_timeout,
            body_max: usize::try_from(from.max_body).unwrap_or(usize::MAX),
            body_timeout: from.body_timeout,
            forward: forward.filter_map(|name| name.parse().ok()).collect(),
            cors: from
                .cors
                .as_ref()
                .map(|cors| Cors::new(cors, &from.methods)),
            record: from.record.as_deref().map(Into::into),
            slots: Arc::new(Semaphore::new(from.concurrency as usize)),
            meter: OnceLock::new(),
        }
    }

    /// Its name in the configuration.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its path as it is written there, parameters by their names.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn meter(&self, meters: &Meters) -> &Meter {
        self.meter.get_or_init(|| meters.of(&self.name))
    }
}
