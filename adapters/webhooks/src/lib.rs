//! Webhooks of many senders as sources.
//!
//! A sender is an entry of a table: how it signs, which formats its bodies have, and what it asks
//! before it sends.

#![warn(clippy::expect_used)]

mod bearer;
mod certificates;
mod config;
mod generic;
mod gitlab;
mod google;
mod grid;
mod handshake;
mod keys;
mod paypal;
mod reader;
mod sender;
mod sns;
mod source;
mod standard;

pub use sender::{SENDERS, Sender};

use certificates::Certificates;
use std::sync::Arc;
use tradewind_adapter::{Fetch, Registry};
use tradewind_keys::Issuers;
use tradewind_signatures::sns::is_issuer;
use tradewind_signatures::{Authorities, Piece};

/// Enters every kind of source that this crate has. What they `fetch` is kept for as long as the registry.
pub fn register(registry: &mut Registry, fetch: Arc<dyn Fetch>) {
    register_trusting(registry, fetch, Authorities::system);
}

/// The same, where others than this machine's authorities issue the certificates of senders.
pub fn register_trusting(
    registry: &mut Registry,
    fetch: Arc<dyn Fetch>,
    authorities: impl Fn() -> Authorities,
) {
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
    fetched(registry, fetch, authorities);
    registry.webhook_as("gitlab", |config, _| gitlab::build(config));
    registry.webhook_as("standard-webhooks", |config, _| standard::build(config));
    registry.webhook_as("webhook", |config, _| generic::build(&config));
}

/// Senders whose keys have to be fetched.
fn fetched(registry: &mut Registry, fetch: Arc<dyn Fetch>, authorities: impl Fn() -> Authorities) {
    // Apart: floods of one sender's addresses leave the other's alone.
    let shared = |is_issuer| {
        let certificates = Certificates::new(&fetch, authorities(), is_issuer);
        (Arc::new(certificates), Arc::clone(&fetch))
    };
    let (certificates, web) = shared(is_issuer);
    registry.webhook_as("aws-sns", move |config, _| {
        sns::build(config, &web, &certificates)
    });
    let (certificates, web) = shared(|_| false);
    registry.webhook_as("paypal", move |config, _| {
        paypal::build(config, &web, &certificates)
    });
    let issuers = Arc::new(Issuers::default());
    let (tenants, keys) = (Arc::clone(&issuers), Arc::clone(&fetch));
    registry.webhook_as("azure-event-grid", move |config, _| {
        grid::build(config, &tenants, &keys)
    });
    registry.webhook_as(google::KIND, move |config, _| {
        google::build(config, &issuers, &fetch)
    });
}
