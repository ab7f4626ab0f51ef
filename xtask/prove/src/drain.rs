//! SIGTERM under load: exit 0 within the grace, nothing lost, also with a sink that never answers.

use crate::gateway::Gateway;
use crate::load::Load;
use crate::oracle::Oracle;
use crate::{Options, Proved, kill, sinks};
use rustix::process::Signal;
use std::time::Duration;

/// Runs the loop.
pub(crate) async fn run(options: &Options) -> Proved {
    let oracle = Oracle::default();
    let count = options.rounds.unwrap_or(10);
    let outcome = rounds(options, count, &oracle).await;
    let figures = format!(
        "{count} drains with a black hole among the sinks, {} events acknowledged, 0 may be lost, {} repeated deliveries",
        oracle.acknowledgements(),
        oracle.repetitions(),
    );
    outcome
        .map(|()| figures.clone())
        .map_err(|what| (figures, what))
}

async fn rounds(options: &Options, count: u32, oracle: &Oracle) -> Result<(), String> {
    let sinks = sinks::start(oracle.clone())
        .await
        .map_err(|e| e.to_string())?;
    let subscriptions = format!(
        "{}  hole: {{ sink: {{ kind: http, url: \"http://{sinks}/hole/hole\", allow-http: true, allow-private: [127.0.0.0/8] }} }}\n",
        kill::subscriptions(sinks)
    );
    let mut gateway = Gateway::new(&options.gateway, &subscriptions)?;
    for _ in 0..count {
        gateway.start().await?;
        let load = Load::start(oracle, gateway.address, 16, kill::TYPES);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(200..800))).await;
        gateway.signal(Signal::TERM)?;
        let status = gateway.ended().await?;
        load.stop().await;
        if !status.success() {
            return Err(format!("SIGTERM ended the gateway with {status}"));
        }
    }
    gateway.start().await?;
    kill::settled(&gateway, oracle).await
}
