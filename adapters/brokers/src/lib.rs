//! What the adapters of message brokers share: TLS, content mode, outcomes.

#![warn(clippy::expect_used)]

mod address;
mod mode;
mod outcome;
#[cfg(feature = "testkit")]
pub mod testkit;
mod tls;
mod unique;

pub use address::{Address, guard_password};
pub use mode::Mode;
pub use outcome::{deliver_each, invalid, patient, reject, retry, unavailable};
pub use tls::Tls;
pub use unique::unique;
