//! The same binary as a worker: it fetches the orders from servers of others, and they tell what became of each.

mod gateway;
mod kafka;
mod nats;
mod sqs;

use super::platform::{settings, spawn, stop};
use super::replies::Replies;
use super::scenarios::{Expected, orders};
use crate::Options;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;
use tradewind::Event;

pub(super) const NAMES: [&str; 4] = ["gateway", "kafka", "nats", "sqs"];

/// Steps of 100 ms until orders that are nowhere count as lost.
const PATIENCE: u32 = 900;

/// A server with a queue, or what is like one.
trait Queue: Sized {
    /// Or why it is not to be had.
    async fn start(options: &Options) -> Result<Result<Self, String>, String>;
    /// What the worker is told.
    fn settings(&self) -> Vec<(&'static str, String)>;
    async fn put(&self, orders: &[(Event, Expected)]) -> Result<(), String>;
    /// Whether each order is where it belongs by now: done, set aside, or to come again. Else what is found.
    async fn settled(&self, orders: &[(Event, Expected)]) -> Result<(), String>;
}

/// Gives the number of orders, or why the server is not to be had.
pub(super) async fn run(
    name: &str,
    options: &Options,
    binary: &Path,
    replies: &Replies,
) -> Result<Result<usize, String>, String> {
    let done = match name {
        "gateway" => work::<gateway::Gateway>(options, binary, replies).await,
        "kafka" => work::<kafka::Kafka>(options, binary, replies).await,
        "nats" => work::<nats::Nats>(options, binary, replies).await,
        _ => work::<sqs::Sqs>(options, binary, replies).await,
    };
    done.map_err(|what| format!("as a worker on {name}: {what}"))
}

async fn work<Q: Queue>(
    options: &Options,
    binary: &Path,
    replies: &Replies,
) -> Result<Result<usize, String>, String> {
    let queue = match Q::start(options).await? {
        Ok(queue) => queue,
        Err(why) => return Ok(Err(why)),
    };
    let orders = orders()?;
    queue.put(&orders).await?;
    let before = replies.count();
    let mut handler = Command::new(binary);
    settings(&mut handler, &replies.url());
    handler.envs(queue.settings());
    let mut process = spawn(&mut handler)?;
    let charged = |expected: &&(Event, Expected)| expected.1 == Expected::Charged;
    let charged = orders.iter().filter(charged).count();
    let mut found = String::new();
    for _ in 0..PATIENCE {
        if let Ok(Some(status)) = process.try_wait() {
            return Err(format!("the worker ended: {status}"));
        }
        let sent_on = replies.count() - before;
        found = match queue.settled(&orders).await {
            Ok(()) if sent_on == charged => String::new(),
            Ok(()) => format!("{sent_on} replies sent on"),
            Err(found) => found,
        };
        if found.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    if !found.is_empty() {
        return Err(found);
    }
    let status = stop("the worker", process).await?;
    if !status.success() {
        return Err(format!("the worker ended: {status}"));
    }
    let sent_on = replies.count() - before;
    match sent_on == charged {
        true => Ok(Ok(orders.len())),
        false => Err(format!("{sent_on} replies sent on")),
    }
}

fn count(orders: &[(Event, Expected)], wanted: Expected) -> usize {
    orders
        .iter()
        .filter(|(_, expected)| *expected == wanted)
        .count()
}
