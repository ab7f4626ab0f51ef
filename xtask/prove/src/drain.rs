//! SIGTERM under load: not ready at once, exit 0 within the grace, nothing lost, also with a sink
//! that never answers. A second SIGTERM ends the process at once, and loses nothing either.

use crate::gateway::Gateway;
use crate::load::Load;
use crate::oracle::Oracle;
use crate::watch::Watch;
use crate::{Options, Proved, kill, sinks};
use rustix::process::Signal;
use std::time::Duration;

/// Grace of the gateway under test, and what the exit itself may take beyond it.
const GRACE: Duration = Duration::from_secs(5);
const EXIT: Duration = Duration::from_secs(5);
/// The ready endpoint is asked this often; a busy machine answers later than that.
const READY: Duration = Duration::from_secs(1);
/// Status of a process that the second SIGTERM ended.
const AT_ONCE: i32 = 143;

/// The slowest of each, microseconds.
#[derive(Default)]
struct Slowest {
    unready: u64,
    drained: u64,
    at_once: u64,
}

/// Runs the loop.
pub(crate) async fn run(options: &Options) -> Proved {
    let oracle = Oracle::default();
    let count = options.rounds.unwrap_or(10);
    let mut slowest = Slowest::default();
    let outcome = rounds(options, count, &oracle, &mut slowest).await;
    let figures = format!(
        "{count} drains with a black hole among the sinks, not ready after {} ms at most, exit 0 after {} ms at most (grace {} s), after a second SIGTERM within {} ms, {} events acknowledged, 0 may be lost, {} repeated deliveries",
        slowest.unready / 1000,
        slowest.drained / 1000,
        GRACE.as_secs(),
        slowest.at_once / 1000,
        oracle.acknowledgements(),
        oracle.repetitions(),
    );
    outcome
        .map(|()| figures.clone())
        .map_err(|what| (figures, what))
}

async fn rounds(
    options: &Options,
    count: u32,
    oracle: &Oracle,
    slowest: &mut Slowest,
) -> Result<(), String> {
    let sinks = sinks::start(oracle.clone())
        .await
        .map_err(|e| e.to_string())?;
    let subscriptions = format!(
        "{}  hole: {{ {} }}\n",
        kill::subscriptions(sinks),
        sinks::at(sinks, "hole", "hole"),
    );
    let mut gateway = Gateway::new(&options.gateway, &subscriptions)?;
    gateway.settings = options.stream("");
    gateway.configure(&subscriptions)?;
    for round in 0..count {
        gateway.start().await?;
        let load = Load::start(oracle, gateway.address, 16, kill::TYPES);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(200..800))).await;
        let ended = one(&mut gateway, round % 2 == 1, slowest).await;
        load.stop().await;
        ended?;
    }
    gateway.start().await?;
    kill::settled(&gateway, oracle).await
}

/// One end: drained, or at once.
async fn one(gateway: &mut Gateway, twice: bool, slowest: &mut Slowest) -> Result<(), String> {
    let watch = Watch::default();
    gateway.signal(Signal::TERM)?;
    // An admin API that is gone is not ready either.
    while let Ok((200, _)) = gateway.admin("GET", "/readyz").await {
        tokio::time::sleep(Duration::from_millis(2)).await;
        if watch.now_us() > micros(READY) {
            return Err("still ready a second after SIGTERM".into());
        }
    }
    slowest.unready = slowest.unready.max(watch.now_us());
    let (watch, expected, limit, slowest) = if twice {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..300))).await;
        gateway.signal(Signal::TERM)?;
        (Watch::default(), AT_ONCE, EXIT, &mut slowest.at_once)
    } else {
        (watch, 0, GRACE + EXIT, &mut slowest.drained)
    };
    let status = gateway.ended().await?;
    let took = watch.now_us();
    *slowest = (*slowest).max(took);
    if status.code() != Some(expected) {
        return Err(format!("the gateway ended with {status}, not {expected}"));
    }
    if took > micros(limit) {
        return Err(format!("the gateway took longer than {limit:?} to end"));
    }
    Ok(())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
