//! The adapters of this binary: one line each.

use tradewind_adapter::Registry;

/// What the crate of webhooks has; a test compares.
const WEBHOOKS: &[&str] = &[
    "azure-event-grid",
    "bitbucket",
    "discord",
    "github",
    "gitlab",
    "sendgrid",
    "shopify",
    "slack",
    "square",
    "standard-webhooks",
    "stripe",
    "twilio",
    "twitter",
    "webhook",
    "zoom",
];

/// All adapters that this binary was built with.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    #[cfg(feature = "http")]
    registry.webhook::<tradewind_http::HttpSource>();
    #[cfg(feature = "http")]
    registry.sink::<tradewind_http::HttpSink>();
    #[cfg(feature = "memory")]
    registry.source::<tradewind_memory::MemorySource>();
    #[cfg(feature = "memory")]
    registry.sink::<tradewind_memory::MemorySink>();
    #[cfg(feature = "schedule")]
    registry.source::<tradewind_schedule::Schedule>();
    #[cfg(feature = "aws-sqs")]
    registry
        .source::<tradewind_sqs::SqsSource>()
        .sink::<tradewind_sqs::SqsSink>();
    #[cfg(feature = "webhooks")]
    tradewind_webhooks::register(&mut registry);

    for (kind, built) in [
        ("aws-sqs", cfg!(feature = "aws-sqs")),
        ("http", cfg!(feature = "http")),
        ("memory", cfg!(feature = "memory")),
        ("schedule", cfg!(feature = "schedule")),
    ] {
        if !built {
            registry.absent(kind, kind);
        }
    }
    if !cfg!(feature = "webhooks") {
        for kind in WEBHOOKS {
            registry.absent(kind, "webhooks");
        }
    }
    registry
}

#[cfg(all(test, feature = "webhooks"))]
mod tests {
    use super::WEBHOOKS;

    #[test]
    fn every_kind_of_webhook_is_listed() {
        let mut registry = tradewind_adapter::Registry::default();
        tradewind_webhooks::register(&mut registry);
        let kinds: Vec<&str> = registry.source_kinds().collect();
        assert_eq!(kinds, WEBHOOKS);
    }
}
