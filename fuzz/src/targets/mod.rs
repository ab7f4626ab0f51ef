//! The targets.

mod event;
mod filter;
mod http;
mod provider;
mod record;
mod scalar;
mod signature;
mod store;

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
];
