//! Webhooks of many senders as sources.
//!
//! A sender is an entry of a table: how it signs, which formats its bodies have, and what it asks
//! before it sends.

#![warn(clippy::expect_used)]

mod bearer;
mod config;
mod generic;
mod gitlab;
mod google;
mod grid;
mod handshake;
mod paypal;
mod reader;
mod sender;
mod sns;
mod source;
mod standard;

pub use sender::{SENDERS, Sender};

use std::sync::Arc;
use tradewind_adapter::{Fetch, Registry};
use tradewind_keys::{Documents, Issuer, Issuers, KeysAt};
use tradewind_signatures::{Certificate, Piece};

/// Enters every kind of source that this crate has. What they `fetch` is kept for as long as the registry.
pub fn register(registry: &mut Registry, fetch: Arc<dyn Fetch>) {
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
    fetched(registry, fetch);
    registry.webhook_as("gitlab", |config, _| gitlab::build(config));
    registry.webhook_as("standard-webhooks", |config, _| standard::build(config));
    registry.webhook_as("webhook", |config, _| generic::build(&config));
}

/// Senders whose keys have to be fetched.
fn fetched(registry: &mut Registry, fetch: Arc<dyn Fetch>) {
    let shelf = || {
        let fetch = Arc::clone(&fetch);
        Documents::new(fetch, Certificate::BYTES_MAX, Certificate::read)
    };
    // A shelf each: floods of one sender's addresses leave the other's alone.
    let (sns, paypal) = (Arc::new(shelf()), Arc::new(shelf()));
    registry.webhook_as("aws-sns", move |config, _| sns::build(config, sns.clone()));
    registry.webhook_as("paypal", move |config, _| {
        paypal::build(config, paypal.clone())
    });
    let issuers = Arc::new(Issuers::default());
    let (tenants, keys) = (Arc::clone(&issuers), Arc::clone(&fetch));
    registry.webhook_as("azure-event-grid", move |config, _| {
        grid::build(config, &tenants, &keys)
    });
    registry.webhook_as(google::KIND, move |config, _| {
        let issuer = issuers.named(google::ISSUER, || {
            let at = KeysAt::Url(google::KEYS.into());
            Issuer::new(google::ISSUER, at, Arc::clone(&fetch))
        });
        google::build(config, issuer)
    });
}
