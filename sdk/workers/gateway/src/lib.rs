//! Handlers that take deliveries of a Tradewind gateway by themselves: from where the gateway cannot reach them, behind a
//! firewall or on a laptop.
//!
//! ```no_run
//! # #[tradewind::handler]
//! # async fn charge(event: tradewind::Event) {}
//! fn main() -> tradewind::Exit {
//!     tradewind::App::new(charge).worker(tradewind_worker_gateway::Gateway).run()
//! }
//! ```
//!
//! | Variable | What it is |
//! |---|---|
//! | `TRADEWIND_GATEWAY_URL` | address of the route that hands out deliveries, `https://gw.example.com/pull/charge` |
//! | `TRADEWIND_GATEWAY_KEY` | API key that the route lets in |
//!
//! The subscription's sink is of kind `pull`, and so is that of the route, with one `queue`. The gateway keeps the policy:
//! retries, pauses, dead letters, order. A delivery that is not settled within the subscription's `timeout` comes again, and
//! so the handler's deadline is a second before that at the latest, or a fifth of what is left where that is less.

#![warn(clippy::expect_used)]

mod protocol;
mod pull;

use pull::Queue;
use std::sync::Arc;
use tradewind::Kind;
use tradewind::worker::{Fut, Opened, Worker};

const URL: &str = "TRADEWIND_GATEWAY_URL";
const KEY: &str = "TRADEWIND_GATEWAY_KEY";

/// The worker.
#[derive(Debug, Clone, Copy)]
pub struct Gateway;

impl Worker for Gateway {
    fn name(&self) -> &'static str {
        "gateway"
    }
    fn sign(&self) -> &'static str {
        URL
    }
    fn kind(&self) -> Kind {
        Kind::Queue
    }
    fn open(&self, get: &dyn Fn(&str) -> Option<String>) -> Fut<'static, Opened> {
        let queue = Queue::of(get);
        Box::pin(async move {
            let opened: Opened = Ok(Arc::new(queue?));
            opened
        })
    }
}
