//! The HTTP binding: binary, structured and batched content mode.
//!
//! [`decode`] takes the head and body of a request or response apart; the `encode_*` functions make
//! headers and a body. Follows the HTTP protocol binding of CloudEvents 1.0.3-wip §3.

mod decode;
mod encode;
mod error;
pub(crate) mod percent;

pub use decode::{Message, Options, decode};
pub use encode::{Format, encode_batch, encode_binary, encode_binary_into, encode_structured};
pub use error::Error;
pub use percent::Percent;
