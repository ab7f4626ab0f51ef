//! Admit, route, deliver and settle as state machines.
//!
//! [`Engine`] is the face. Behind it, each stream shard has one actor that alone reads the log for
//! its subscriptions and writes their state; what it decides, it decides in pure state machines that
//! are told the time. Nothing here knows of disks, sockets or providers.

#![warn(clippy::expect_used)]

mod accounting;
mod announce;
mod aside;
mod clock;
mod differ;
mod engine;
mod hash;
mod machine;
pub mod moving;
mod own;
mod plan;
mod record;
mod routes;
mod shard;
mod spaces;
#[cfg(feature = "testkit")]
pub mod testkit;
mod time;
mod view;

pub use accounting::{Imbalance, imbalances};
pub use aside::judged;
pub use clock::Clock;
pub use differ::{Difference, Ignored, differences};
pub use engine::{Denied, Engine, Error, Origin, PublishError, Reach, Receipt, Violated};
pub use hash::{HOPS, VIOLATION};
pub use own::{OWN_SOURCES, OWN_TYPES, SYSTEM, is_own};
pub use plan::*;
pub use spaces::{Charge, Exceeded, Quota, Quotas, SpaceView};
pub use tradewind_schema::SET_ASIDE;
pub use view::*;
