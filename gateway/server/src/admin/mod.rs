//! The operator's door: REST under `/v1`, health, metrics, and the document that describes them.

mod accounts;
mod api_keys;
mod audit;
mod auth;
#[cfg(feature = "backup")]
mod backups;
mod body;
mod compare;
mod cutover;
mod dead_letters;
mod endpoint;
mod events;
mod metrics;
#[cfg(test)]
mod metrics_reference;
mod openapi;
mod permit;
mod refusals;
mod replays;
mod router;
mod schedules;
mod schemas;
mod scope;
mod space;
mod subscriptions;
mod system;
mod tail;
mod xregistry;

pub use accounts::Scrape;
pub use auth::{Guard, token};
pub use metrics::{Meter, Metrics};
pub use openapi::document;
pub use router::router;
pub(crate) use space::{of_caller, owns};
