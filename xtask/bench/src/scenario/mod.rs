//! What is compared with what, and what is enough.

mod accept;
mod account;
mod aws;
mod deliver;
mod fan_out;
mod forward;
mod idle;
#[cfg(feature = "kafka")]
mod kafka;
mod sdk;
mod side;

pub(crate) use accept::{accept, durable};
pub(crate) use aws::aws;
pub(crate) use deliver::deliver;
pub(crate) use fan_out::fan_out;
pub(crate) use forward::forward;
pub(crate) use idle::idle;
#[cfg(feature = "kafka")]
pub(crate) use kafka::kafka;
pub(crate) use sdk::sdk;
