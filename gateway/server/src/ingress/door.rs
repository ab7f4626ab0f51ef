//! The sources and routes that can be called, by path: one immutable snapshot per configuration.

use super::{Budget, LastSender, Limits, Rate, Tls};
use crate::admin::Meter;
use crate::routes::Table;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tradewind_adapter::Webhook;
use tradewind_config::MayClaim;

/// A source that can be called.
#[derive(Debug, Clone)]
pub struct Door {
    /// Name of the source.
    pub name: Arc<str>,
    /// Its adapter.
    pub webhook: Arc<dyn Webhook>,
    /// Stream that its events go to.
    pub stream: Arc<str>,
    /// Answer to events that match no subscription.
    pub unmatched: Unmatched,
    /// Largest body, in bytes.
    pub body_max: usize,
    /// Longest time that a body may take to arrive.
    pub body_timeout: Duration,
    /// Most events of one request.
    pub batch_max: usize,
    /// Counts what is taken here; found at the first request.
    pub meter: OnceLock<Meter>,
    /// Who sent last.
    pub sender: LastSender,
    /// What its events may say that they are.
    pub may_claim: MayClaim,
    /// Most events per second of each principal; `None` for as many as come.
    pub rate: Option<Arc<Rate>>,
}

/// Answer to events that match no subscription. They are stored and recorded in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unmatched {
    /// As any other event; the answer says `matched: 0`. The default.
    #[default]
    Accept,
    /// 422 when no event of the request matched anything.
    Reject,
}

/// One generation of sources and routes.
#[derive(Debug, Default)]
pub struct Site {
    /// Sources by path.
    pub doors: HashMap<String, Door>,
    /// Routes; a source's path goes before theirs.
    pub routes: Table,
    /// What the 2xx of each stream means, as the header `tradewind-durability` says it.
    pub durability: BTreeMap<String, &'static str>,
    /// TLS of new connections.
    pub tls: Option<Tls>,
    /// Limits of new connections.
    pub limits: Limits,
    /// TLS of new connections to the admin API.
    pub admin_tls: Option<Tls>,
    /// Limits of new connections to the admin API.
    pub admin_limits: Limits,
    /// Bytes of requests held at once.
    pub budget: Budget,
}

impl Site {
    /// Configured path that is nearest to `path`, for a hint. Only differences that give nothing
    /// away: case and slashes at the end.
    pub fn nearest(&self, path: &str) -> Option<&str> {
        let wanted = path.trim_end_matches('/');
        let near = |known: &&str| known.trim_end_matches('/').eq_ignore_ascii_case(wanted);
        self.doors.keys().map(String::as_str).find(near)
    }

    /// What the 2xx of a stream means, as the header `tradewind-durability` says it.
    pub fn durability(&self, stream: &str) -> &'static str {
        self.durability.get(stream).copied().unwrap_or("fsync")
    }
}
