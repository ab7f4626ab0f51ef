//! The adapters of this binary: one line each.

use tradewind_adapter::Registry;

/// All adapters that this binary was built with.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    #[cfg(feature = "github")]
    registry.webhook::<tradewind_github::GitHub>();
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
    #[cfg(feature = "standard-webhooks")]
    registry.webhook::<tradewind_standard_webhooks::StandardWebhooks>();

    for (kind, built) in [
        ("github", cfg!(feature = "github")),
        ("http", cfg!(feature = "http")),
        ("memory", cfg!(feature = "memory")),
        ("schedule", cfg!(feature = "schedule")),
        ("standard-webhooks", cfg!(feature = "standard-webhooks")),
    ] {
        if !built {
            registry.absent(kind, kind);
        }
    }
    registry
}
