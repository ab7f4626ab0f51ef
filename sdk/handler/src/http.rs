//! The HTTP host: a handler as a service that takes CloudEvents.

mod accept;
pub(crate) mod answer;
mod dialect;
mod opening;
mod options;
pub(crate) mod plain;
mod request;
mod serve;
mod service;
mod signature;
pub(crate) mod stream;

pub(crate) use accept::{accept, is_cloud_event, verify};
pub(crate) use dialect::{CloudEvents, Dialect, batch, plain_request, posts_only, work};
pub(crate) use options::unsigned;
pub use options::{BatchFailures, InvalidOptions, InvokeMode, Options};
pub(crate) use request::{context, delivery_id};
pub use serve::serve;
pub(crate) use serve::serve_dialect;
pub(crate) use service::{Refusal, Service};
