//! The adapters of this binary: one line each.

use tradewind_adapter::Registry;

/// All adapters that this binary was built with.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    #[cfg(feature = "github")]
    registry.webhook::<tradewind_github::GitHub>();
    #[cfg(not(feature = "github"))]
    registry.absent("github", "github");
    registry
}
