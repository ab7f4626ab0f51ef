//! Handlers that read topics of Apache Kafka by themselves, as members of a consumer group.
//!
//! ```no_run
//! # #[tradewind::handler]
//! # async fn charge(event: tradewind::Event) {}
//! fn main() -> tradewind::Exit {
//!     tradewind::App::new(charge).worker(tradewind_worker_kafka::Kafka).run()
//! }
//! ```
//!
//! | Variable | What it is |
//! |---|---|
//! | `TRADEWIND_KAFKA_BROKERS` | brokers to begin with, `host:port`, with commas between |
//! | `TRADEWIND_KAFKA_TOPICS` | topics, with commas between; one that begins with `^` is a regular expression |
//! | `TRADEWIND_KAFKA_GROUP` | consumer group |
//! | `TRADEWIND_KAFKA_DEAD_LETTER` | topic that rejected records go to; without it a rejected record stops its partition |
//! | `TRADEWIND_KAFKA_CONFIG` | a file with further settings of librdkafka, `name=value` a line: SASL, and TLS by the feature `tls` of this crate |
//!
//! Records are CloudEvents in binary or structured mode; any other is an event of type `org.apache.kafka.Record` with
//! the value as its data. The partitions of a topic are handled side by side, the records of one in order: one that failed is
//! tried again, after the pause that the handler asked for or after one that doubles up to a minute, and what follows it waits.
//! A rejected record that could not be kept as a dead letter is given again likewise. A member holds 16 MiB of records, or
//! 1 MiB for each of its partitions where there are more than 16, so 1 GiB for 1,000 of them, and of each one record at least;
//! the client has up to 8 MiB beside them. Offsets are committed only behind what is done. Kafka counts no attempts: `cx.attempt()` is
//! what this process counted.

#![warn(clippy::expect_used)]

mod config;
mod ledger;
mod pull;
mod record;

use config::Settings;
use std::sync::Arc;
use tradewind::Kind;
use tradewind::worker::{Fut, Opened, Worker};

/// The worker.
#[derive(Debug, Clone, Copy)]
pub struct Kafka;

impl Worker for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }
    fn sign(&self) -> &'static str {
        config::BROKERS
    }
    fn kind(&self) -> Kind {
        Kind::Stream
    }
    fn open(&self, get: &dyn Fn(&str) -> Option<String>) -> Fut<'static, Opened> {
        let settings = Settings::read(get);
        Box::pin(async move {
            let opened: Opened = Ok(Arc::new(pull::Group::join(settings?)?));
            opened
        })
    }
}
