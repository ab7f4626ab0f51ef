//! `cargo xtask prove cluster`: nodes on one Kafka are killed, come and go under load, and so does the broker. Run with
//! `TRADEWIND_KAFKA`, the folder of Kafka's jars.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a proof"
)]

#[path = "../../../../adapters/kafka/tests/it/broker.rs"]
#[allow(dead_code, reason = "shared with the tests of the adapter")]
mod broker;
mod node;
#[path = "../../tests/it/wall.rs"]
mod wall;
mod world;

use std::process::ExitCode;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, brokers] = &arguments[..]
        && role == "node"
    {
        node::run(brokers).await;
        return ExitCode::SUCCESS;
    }
    let mut course = world::Course::default();
    for pair in arguments.chunks(2) {
        let number = pair.get(1).and_then(|value| value.parse().ok());
        match (pair[0].as_str(), number) {
            ("--rounds", Some(rounds)) => course.rounds = rounds,
            ("--minutes", Some(minutes)) => course.minutes = Some(minutes),
            ("--restarts", Some(restarts)) => course.restarts = restarts,
            ("--seed", Some(seed)) => course.seed = seed,
            _ => {
                println!(
                    "usage: cluster [--rounds N | --minutes N] [--restarts N] [--seed N]: not `{}`",
                    pair.join(" ")
                );
                return ExitCode::FAILURE;
            }
        }
    }
    match world::run(&course).await {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
