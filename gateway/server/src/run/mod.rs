//! The life of a gateway: assembled, served, reloaded, drained.

mod admin_door;
mod assemble;
pub(crate) mod audit;
#[cfg(feature = "backup")]
pub(crate) mod backups;
mod changes;
mod clock;
mod delays;
mod files;
mod gateway;
mod groups;
mod notes;
mod pauses;
mod pull;
mod reload;
pub(crate) mod schemas;
mod serve;
mod signals;
pub(crate) mod supervisor;
mod watched;

pub(crate) use assemble::ignored;
pub use assemble::{planned, site};
pub use clock::SystemClock;
pub(crate) use clock::unix_ms;
pub(crate) use delays::{DELIVER_AFTER, DELIVER_AT};
pub use gateway::{Applied, Gateway, InForce, Phase, Refusal};
pub(crate) use groups::Wanted;
pub use serve::{Error, Options, Running, start};
pub use signals::{Stop, Stops};
pub use watched::Watched;

/// Fills `bytes` from the system's generator.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), String> {
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(bytes)
        .map_err(|_| "the system has no randomness".into())
}
