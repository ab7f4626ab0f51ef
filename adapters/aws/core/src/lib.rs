//! What the AWS adapters share: how they get credentials and where they send, and what a failure of
//! AWS means to the gateway. The official SDK does the talking.

#![warn(clippy::expect_used)]

mod access;
mod bounded;
mod failure;

pub use access::{Access, Keys, Role};
pub use failure::{Failure, Meaning};

pub use aws_config::SdkConfig;
