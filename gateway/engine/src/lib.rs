//! Admit, route, deliver and settle as state machines.

mod clock;
mod engine;
mod plan;
mod view;

pub use clock::Clock;
pub use engine::{Engine, Error, Origin, PublishError, Receipt};
pub use plan::*;
pub use view::*;
