//! What the AWS adapters share: how they get credentials and where they send, and what a failure of
//! AWS means to the gateway. The official SDK does the talking.

#![warn(clippy::expect_used)]

mod access;
mod bounded;
mod failure;
mod signer;

pub use access::load;
pub use failure::{Failure, Meaning};
pub use signer::Signer;

pub use aws_config::SdkConfig;
pub use tradewind_adapter::aws::{Access, Keys, Role};
