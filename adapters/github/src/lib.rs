//! GitHub webhooks as a source.

#![warn(clippy::expect_used)]

mod config;
mod webhook;

pub use config::Config;

use std::sync::Arc;
use tradewind_adapter::{Build, Error, Webhook, WebhookAdapter};

/// Registers this adapter.
#[derive(Debug)]
pub struct GitHub;

impl WebhookAdapter for GitHub {
    const KIND: &'static str = "github";
    type Config = Config;

    fn build(config: Config, _: &Build) -> Result<Arc<dyn Webhook>, Error> {
        Ok(Arc::new(webhook::GitHub::new(&config)?))
    }
}
