//! What the AWS adapters share: how they get credentials and where they send, what a failure of
//! AWS means to the gateway, calls of many entries, objects for what is too large for one, and streams of shards. The official SDK does the talking.

#![warn(clippy::expect_used)]

mod access;
mod arn;
mod batch;
mod bounded;
mod bucket;
mod claim;
mod failure;
mod held;
mod message;
mod order;
mod shards;
mod signer;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use access::load;
pub use arn::{Arn, partition};
pub use batch::{Batched, Entry, Limits, Unfit, deliver, reject, retry};
pub use bucket::{Bucket, BucketName, Object};
pub use claim::{ClaimCheck, Claims};
pub use failure::{Failure, Meaning};
pub use message::{CONTENT_TYPE, STRUCTURED, json, line, text};
pub use order::{digest, group, key};
pub use shards::{Ask, Begin, Page, Reader, Shard, Shards};
pub use signer::Signer;

pub use aws_config::SdkConfig;
pub use tradewind_adapter::aws::{Access, Keys, Role};
