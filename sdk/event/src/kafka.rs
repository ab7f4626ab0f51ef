//! The Kafka binding: binary and structured content mode.
//!
//! [`decode`] reads the headers and the value of a record; the `encode_*` functions make them. Follows the Kafka
//! protocol binding of CloudEvents 1.0.2 §3, with the null values of 1.0.3-wip: a record in binary mode whose event
//! has no data has no value, which log compaction takes for a deletion.

mod decode;
mod encode;

pub use decode::{Error, decode};
pub use encode::{Record, encode_binary, encode_structured};
