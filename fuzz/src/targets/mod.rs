//! The targets.

mod config;
mod contract;
mod dialect;
mod event;
mod filter;
mod format;
mod gateway;
mod handler;
mod host;
mod http;
mod provider;
mod record;
mod rules;
mod scalar;
mod senders;
mod signature;
mod store;
mod transform;
mod url;

use crate::Target;

/// All targets. Each has a folder in `corpus/`, which is how `cargo xtask prove fuzz` finds them.
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
    format::FORMAT,
    format::MAPPING,
    format::OUTWARD,
    filter::FILTER,
    rules::RULE_SET,
    dialect::SQL,
    dialect::CEL,
    dialect::EVENT_BRIDGE,
    dialect::EVENT_GRID,
    dialect::EVENTARC,
    dialect::PUB_SUB,
    dialect::KNATIVE,
    transform::TRANSFORM,
    contract::SCHEMA,
    contract::FRAMED,
    store::LOG,
    store::RUN,
    record::RECORD,
    config::CONFIG,
    url::URL,
    handler::HANDLER,
    host::HOST,
    gateway::INGRESS,
    gateway::ADMIN,
];
