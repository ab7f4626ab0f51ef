//! Webhooks of many senders as sources.
//!
//! A sender is an entry of a table: how it signs, which formats its bodies have, and what it asks
//! before it sends.

#![warn(clippy::expect_used)]

mod config;
mod generic;
mod gitlab;
mod handshake;
mod reader;
mod sender;
mod source;
mod standard;

pub use sender::{SENDERS, Sender};

use tradewind_adapter::Registry;
use tradewind_signatures::Piece;

/// Enters every kind of source that this crate has.
pub fn register(registry: &mut Registry) {
    for sender in SENDERS {
        let scheme = sender.scheme;
        if scheme.signed.contains(&Piece::Url) {
            registry.webhook_as(sender.kind, |config: config::Addressed, _| {
                sender.build(config.into())
            });
        } else if scheme.signed.contains(&Piece::Timestamp) {
            registry.webhook_as(sender.kind, |config: config::Timed, _| {
                sender.build(config.into())
            });
        } else {
            registry.webhook_as(sender.kind, |config: config::Secrets, _| {
                sender.build(config.into())
            });
        }
    }
    registry.webhook_as("gitlab", |config, _| gitlab::build(config));
    registry.webhook_as("standard-webhooks", |config, _| standard::build(config));
    registry.webhook_as("webhook", |config, _| generic::build(&config));
}
