//! Handlers that take messages of a stream of NATS JetStream by themselves, through a durable consumer.
//!
//! ```no_run
//! # #[tradewind::handler]
//! # async fn charge(event: tradewind::Event) {}
//! fn main() -> tradewind::Exit {
//!     tradewind::App::new(charge).worker(tradewind_worker_nats::Nats).run()
//! }
//! ```
//!
//! | Variable | What it is |
//! |---|---|
//! | `TRADEWIND_NATS_SERVERS` | servers, `nats://host:port` or `tls://host:port`, with commas between |
//! | `TRADEWIND_NATS_STREAM` | stream of JetStream; it must be there |
//! | `TRADEWIND_NATS_CONSUMER` | durable consumer of that stream, made if it is not there; programs that name the same one share its messages |
//! | `TRADEWIND_NATS_SUBJECTS` | subjects of the stream, wildcards included, with commas between; all without it |
//! | `TRADEWIND_NATS_ACK_WAIT` | seconds after which an unsettled message comes again, made longer for as long as it is handled; 3 to 43200, default 30 |
//! | `TRADEWIND_NATS_DEAD_LETTER` | subject of a stream that rejected messages go to; without it a rejection is a failure like any other |
//! | `TRADEWIND_NATS_CREDENTIALS` | a credentials file, a JWT with its seed |
//! | `TRADEWIND_NATS_CA` | a file of the authorities (PEM) that servers are believed by, instead of the machine's |
//!
//! Messages are CloudEvents in binary or structured mode; any other is an event of type `io.nats.Message` with the body
//! as its data. One that failed comes again after the pause that the handler asked for, or after one that doubles from a
//! second up to a minute; `max_deliver` of a consumer that was made beforehand bounds that. Messages overtake each other.

#![warn(clippy::expect_used)]

mod config;
mod message;
mod pull;

use config::Settings;
use pull::Consumed;
use std::sync::Arc;
use tradewind::Kind;
use tradewind::worker::{Fut, Opened, Worker};

/// The worker.
#[derive(Debug, Clone, Copy)]
pub struct Nats;

impl Worker for Nats {
    fn name(&self) -> &'static str {
        "nats"
    }
    fn sign(&self) -> &'static str {
        config::SERVERS
    }
    fn kind(&self) -> Kind {
        Kind::Queue
    }
    fn open(&self, get: &dyn Fn(&str) -> Option<String>) -> Fut<'static, Opened> {
        let settings = Settings::read(get);
        Box::pin(async move {
            let opened: Opened = Ok(Arc::new(Consumed::open(settings?).await?));
            opened
        })
    }
}
