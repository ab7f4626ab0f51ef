//! The state machines: pure, synchronous, told the time and given randomness.

mod breaker;
mod comparison;
mod gate;
mod lane;
mod order;
mod passed;
mod places;
mod rate;
mod retry;
mod rng;
mod settle;
mod shelf;
mod spill;
mod task;
mod ways;
mod window;

pub(crate) use comparison::{Comparison, forget};
pub(crate) use gate::{Gate, Verdict};
pub(crate) use lane::{Definition, Lane, Offered, Version};
pub(crate) use order::Head;
pub(crate) use passed::Passed;
pub(crate) use places::{Places, TakenPlace};
pub(crate) use rate::Bucket;
pub(crate) use retry::millis;
pub(crate) use rng::Rng;

pub(crate) use task::{Note, Place, Task, Ticket, Turn};
pub(crate) use ways::{Chosen, Start, Ways};
