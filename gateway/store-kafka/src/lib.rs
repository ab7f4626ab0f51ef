//! Durable streams on Apache Kafka: the [`tradewind_store::Stream`] of those who outgrow one machine.
//!
//! A shard is a partition of the stream's topic. Its owner keeps what the engine records in the same partition of a
//! compacted topic beside it, behind a transactional producer that is named after the partition, so that whoever owned
//! it before is refused by the brokers. Nothing on the machine is needed again: what lies there is a copy, made anew by
//! each owner. Why it is so, what is promised and what is not yet there: `docs/adr/0004-kafka-engine.md`.

#![warn(clippy::expect_used)]

mod adopt;
mod before;
mod caught_up;
mod cluster;
mod failure;
mod frame;
mod gather;
#[cfg(test)]
mod ground;
mod health;
mod index;
mod member;
mod own;
mod owners;
mod past;
mod reach;
mod registry;
mod revive;
mod ring;
mod scratch;
mod send;
mod stream;
mod streams;
mod table;
mod tail;
mod turn;
mod writer;

pub use cluster::{Copies, Params};
pub use streams::KafkaStreams;
