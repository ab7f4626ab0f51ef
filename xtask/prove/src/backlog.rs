//! Scale on one machine: a long backlog at flat memory, retries parked on disk, many subscriptions.

mod parked;
mod pending;
mod publisher;
mod report;
mod tally;
mod wait;
mod wide;

use crate::{Options, Proved};
use report::Report;

/// Events of a full run.
const EVENTS: u64 = 1_000_000;
/// Events of the longest run.
const TEN_MILLION: u64 = 10_000_000;
/// Subscriptions of a full run.
const SUBSCRIPTIONS: u64 = 1000;

/// Runs the parts one after the other.
pub(crate) async fn run(options: &Options) -> Proved {
    let mut report = Report::default();
    let outcome = parts(options, &mut report).await;
    report.close(outcome)
}

async fn parts(options: &Options, report: &mut Report) -> Result<(), String> {
    let binary = &options.gateway;
    if options.ten_million {
        return pending::run(binary, TEN_MILLION, report).await;
    }
    let events = options.events.unwrap_or(EVENTS);
    let subscriptions = options.subscriptions.unwrap_or(SUBSCRIPTIONS);
    pending::run(binary, events, report).await?;
    parked::run(binary, events, report).await?;
    wide::run(binary, subscriptions, report).await
}
