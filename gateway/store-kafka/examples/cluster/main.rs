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
    let number = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        let value = at.and_then(|at| arguments.get(at + 1));
        value
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    };
    match arguments.first().map(String::as_str) {
        Some("node") => {
            node::run(&arguments[1]).await;
            ExitCode::SUCCESS
        }
        _ => match world::run(
            number("--rounds", 20),
            number("--restarts", 3),
            number("--seed", 1),
        )
        .await
        {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        },
    }
}
