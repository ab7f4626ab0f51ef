//! A broker for whoever runs it with `TRADEWIND_KAFKA`, the folder of Kafka's jars: says where it is, and ends with its
//! input.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a proof"
)]

#[path = "../../../adapters/kafka/tests/it/broker.rs"]
#[allow(dead_code, reason = "shared with the tests of the adapter")]
mod broker;

use std::process::ExitCode;
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(broker) = broker::Broker::start().await else {
        return ExitCode::FAILURE;
    };
    println!("{}", broker.address());
    tokio::io::stdin().read_to_end(&mut Vec::new()).await.ok();
    ExitCode::SUCCESS
}
