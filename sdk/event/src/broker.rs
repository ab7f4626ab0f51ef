//! The bindings of message brokers: binary and structured content mode, as data.
//!
//! A message of a broker is names with values, a content type, and a body. [`Binding`] says where each broker keeps
//! them; [`decode`] and the `encode_*` functions do the rest alike for all.

mod binding;
mod decode;
mod encode;

pub use binding::Binding;
pub use decode::{Error, Received, decode};
pub use encode::{Message, encode_binary, encode_structured};
