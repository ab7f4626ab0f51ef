#![doc = include_str!("../README.md")]
#![warn(clippy::expect_used)]

mod attributes;
mod event_bridge;
mod jinja;
mod read;
mod step;
mod template;
mod transform;

pub use read::{InvalidTransform, Part};
pub use step::{About, Failed};
pub use tradewind_event::Event;
pub use transform::{STEPS_MAX, Transform, compile, kinds};

/// Most bytes that a step may make of `data`.
pub const OUTPUT_MAX: usize = 1 << 20;
