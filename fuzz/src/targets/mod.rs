//! The targets.

mod config;
mod event;
mod filter;
mod gateway;
mod handler;
mod http;
mod provider;
mod record;
mod scalar;
mod signature;
mod store;
mod url;

use crate::Target;

/// All targets. Each has a folder in `corpus/`, but those whose seeds are made by code.
pub const TARGETS: &[Target] = &[
    event::JSON,
    event::JSON_BATCH,
    event::PROTOBUF,
    event::PACKED,
    http::MESSAGE,
    http::PERCENT,
    scalar::SCALAR,
    signature::SIGNATURE,
    provider::GITHUB,
    provider::STANDARD_WEBHOOKS,
    filter::FILTER,
    store::LOG,
    store::RUN,
    record::RECORD,
    config::CONFIG,
    url::URL,
    handler::HANDLER,
    gateway::INGRESS,
    gateway::ADMIN,
];
