//! What runs without a file.

use crate::checked::Checked;
use crate::diagnostic::Diagnostics;
use crate::env::Env;
use crate::load::load_str;
use tradewind_adapter::Registry;

/// The configuration of `tradewind dev` without a file, as YAML: one open `http` source on
/// 127.0.0.1:8080, durability `ephemeral`.
pub const DEV: &str = include_str!("../dev.yaml");

/// [`DEV`], loaded.
///
/// # Errors
/// As [`load_str`]: where the registry has no `http` source.
pub fn dev(registry: &Registry, env: &dyn Env) -> Result<Checked, Diagnostics> {
    load_str("dev.yaml", DEV, registry, env)
}
