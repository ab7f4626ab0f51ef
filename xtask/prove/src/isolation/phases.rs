//! What the bad target does, and what it may meet while it does it.

use super::{CONCURRENCY, COOLDOWN, FAILURES, POISON_ATTEMPTS, Stage, TIMEOUT};
use crate::load::{Feed, Load};
use crate::target::{Manner, Taken};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What the machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(2);
/// What was under way when something changed has arrived after this.
const UNDER_WAY_US: u64 = 250_000;
/// Most bytes of an endless answer that leave the target: 64 KiB are read, the rest is buffers.
const SENT_MAX: u64 = 1 << 20;
/// Pause that a 429 asks for, seconds.
const PAUSE: u64 = 2;

/// A listener that nobody has any reason to call.
pub(super) struct Trap {
    pub(super) address: SocketAddr,
    calls: Arc<AtomicUsize>,
}

impl Trap {
    pub(super) async fn start() -> Result<Self, String> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|e| e.to_string())?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(Self { address, calls })
    }
}

/// All phases but the last, with a base line before each.
pub(super) async fn run(stage: &mut Stage, short: bool) -> Result<(), String> {
    manner(stage, "black hole", Manner::Hole, |_| Ok(())).await?;
    manner(stage, "endless head", Manner::EndlessHead, little_read).await?;
    manner(stage, "retry-after", Manner::Status(429, PAUSE), pauses).await?;
    redirects(stage).await?;
    poison_key(stage).await?;
    if short {
        return Ok(());
    }
    manner(stage, "one byte a second", Manner::Drip, |_| Ok(())).await?;
    manner(stage, "endless body", Manner::EndlessBody, little_read).await?;
    manner(stage, "5xx storm", Manner::Status(500, 0), few_probes).await?;
    manner(stage, "hangs up", Manner::Hangup, few_probes).await?;
    flapping(stage).await?;
    stage.baseline().await?;
    stage.bad.leave();
    stage
        .window("refuses connections", false, stage.phase)
        .await?;
    stage.bad.come_back().await
}

/// One phase in one manner.
async fn manner(
    stage: &mut Stage,
    name: &'static str,
    manner: Manner,
    check: fn(&[Taken]) -> Result<(), String>,
) -> Result<(), String> {
    stage.baseline().await?;
    stage.bad.met();
    stage.bad.behave(manner);
    stage.window(name, false, stage.phase).await?;
    let (taken, most) = stage.bad.met();
    stage.bad.behave(Manner::Good);
    met(name, &taken, most)?;
    check(&taken).map_err(|what| format!("{name}: {what}"))
}

/// Holds in every phase: the concurrency, the deadline of the attempt.
fn met(name: &str, taken: &[Taken], most: usize) -> Result<(), String> {
    let longest = taken.iter().map(|t| t.until_us - t.at_us).max();
    let longest = Duration::from_micros(longest.unwrap_or_default());
    println!(
        "{:<20} bad target: {} requests, at most {most} under way, the longest for {} ms",
        "",
        taken.len(),
        longest.as_millis()
    );
    if most > CONCURRENCY {
        return Err(format!("{name}: {most} requests were under way"));
    }
    if longest > TIMEOUT + SLACK {
        return Err(format!("{name}: a request was held for {longest:?}"));
    }
    Ok(())
}

fn little_read(taken: &[Taken]) -> Result<(), String> {
    let most = taken.iter().map(|t| t.sent).max().unwrap_or_default();
    println!(
        "{:<20} at most {} KiB of an answer left the target",
        "",
        most >> 10
    );
    if most > SENT_MAX {
        return Err(format!("{most} bytes of an answer were taken"));
    }
    Ok(())
}

/// After `FAILURES` failures the circuit is open: one probe in each cooldown.
fn few_probes(taken: &[Taken]) -> Result<(), String> {
    let mut taken = taken.to_vec();
    taken.sort_unstable_by_key(|t| t.until_us);
    let Some(opened) = taken.get(FAILURES - 1).map(|t| t.until_us) else {
        return Ok(());
    };
    let mut probes: Vec<u64> = taken
        .iter()
        .map(|t| t.at_us)
        .filter(|at| *at > opened + UNDER_WAY_US)
        .collect();
    probes.sort_unstable();
    let least = probes.windows(2).map(|two| two[1] - two[0]).min();
    println!(
        "{:<20} {} requests until the circuit was open, then {} probes, at least {} ms apart",
        "",
        taken.len() - probes.len(),
        probes.len(),
        least.unwrap_or_default() / 1000
    );
    // Half a tick of the scheduler on either side.
    let apart = u64::try_from(COOLDOWN.as_micros()).unwrap_or_default() * 9 / 10;
    if least.is_some_and(|least| least < apart) {
        return Err("two probes in one cooldown".into());
    }
    if taken.len() - probes.len() > FAILURES + CONCURRENCY {
        return Err("the circuit opened late".into());
    }
    Ok(())
}

/// Nothing is sent within the pause that an answer asked for.
fn pauses(taken: &[Taken]) -> Result<(), String> {
    let early = |answered: &Taken, next: &Taken| {
        let since = next.at_us.saturating_sub(answered.until_us);
        (UNDER_WAY_US..PAUSE * 1_000_000 - 50_000).contains(&since)
    };
    for answered in taken {
        if taken.iter().any(|next| early(answered, next)) {
            return Err("Retry-After was not obeyed".into());
        }
    }
    Ok(())
}

async fn redirects(stage: &mut Stage) -> Result<(), String> {
    stage.baseline().await?;
    stage.bad.behave(Manner::Status(302, 0));
    let from = stage.watch.now_us();
    tokio::time::sleep(stage.phase / 2).await;
    stage.bad.behave(Manner::Status(308, 0));
    tokio::time::sleep(stage.phase / 2).await;
    stage.measure("redirects", false, from).await?;
    stage.bad.behave(Manner::Good);
    let (taken, most) = stage.bad.met();
    met("redirects", &taken, most)?;
    match stage.trap.calls.load(Ordering::Relaxed) {
        0 => {}
        n => return Err(format!("{n} redirects were followed")),
    }
    // They became dead letters; now they are wanted.
    let moved = stage.gateway.redrive("bad").await?;
    println!(
        "{:<20} {moved} dead letters redriven, no redirect followed",
        ""
    );
    Ok(())
}

/// Up and down every second.
async fn flapping(stage: &mut Stage) -> Result<(), String> {
    stage.baseline().await?;
    stage.bad.met();
    let from = stage.watch.now_us();
    for second in 0..stage.phase.as_secs() {
        let down = second % 2 == 0;
        stage.bad.behave(match down {
            true => Manner::Status(503, 0),
            false => Manner::Good,
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (taken, most) = stage.bad.met();
        if down {
            met("flapping", &taken, most)?;
            few_probes(&taken).map_err(|what| format!("flapping: {what}"))?;
        }
    }
    stage.bad.behave(Manner::Good);
    stage.measure("flapping", false, from).await
}

/// A key whose deliveries never end; the other keys of the subscription go on.
async fn poison_key(stage: &mut Stage) -> Result<(), String> {
    const KEYS: u64 = 20;
    stage.baseline().await?;
    stage.keys.behave(Manner::HoldSubject("k0"));
    let feed = Feed {
        gateway: stage.gateway.address,
        path: "/keys",
        publishers: 32,
        rate: Some(40.0),
        kind: Arc::new(|n| {
            let ty = if n % KEYS == 0 {
                "key.held"
            } else {
                "key.free"
            };
            (ty.into(), Some(format!("k{}", n % KEYS)))
        }),
    };
    let load = Load::feed(&stage.oracle, &stage.watch, feed);
    stage.window("poison key", false, stage.phase).await?;
    load.stop().await;
    let sent = stage.oracle.acknowledged_as("key.free");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let late = stage.oracle.missing("keys", |ty| ty == "key.free").len();
    let (_, most) = stage.keys.met();
    let share = 100.0 - late as f64 * 100.0 / sent.max(1) as f64;
    println!(
        "{:<20} keys: {share:.1} % of {sent} events of the other keys arrived meanwhile, at most {most} under way",
        ""
    );
    stage.keys.behave(Manner::Good);
    if share < 95.0 {
        return Err(format!("a poison key left {share:.1} % of the others"));
    }
    Ok(())
}

/// An event that its target dies of, also at boot after kill -9.
pub(super) async fn poison_event(stage: &mut Stage) -> Result<(), String> {
    let feed = Feed {
        gateway: stage.gateway.address,
        path: "/events",
        publishers: 4,
        rate: Some(50.0),
        kind: Arc::new(|n| {
            let ty = if n % 10 == 0 {
                "poison.bad"
            } else {
                "poison.good"
            };
            (ty.into(), None)
        }),
    };
    let load = Load::feed(&stage.oracle, &stage.watch, feed);
    let half = stage.phase / 2;
    tokio::time::sleep(half).await;
    stage.gateway.kill().await?;
    stage.gateway.start().await?;
    let begun = stage.watch.now_us();
    tokio::time::sleep(half).await;
    load.stop().await;
    if let Some(status) = stage.gateway.gone() {
        return Err(format!("a poison event ended the gateway: {status}"));
    }
    let accounts = stage.gateway.accounts(&["poison"]).await?;
    let dead = accounts
        .iter()
        .find(|(name, _)| name == "poison")
        .and_then(|(_, account)| account["dead_lettered"].as_u64());
    let sent = stage.oracle.acknowledged_as("poison.bad") as u64;
    let (taken, _) = stage.poison.met();
    let after = taken.iter().filter(|t| t.at_us > begun).count();
    println!(
        "{:<20} {sent} acknowledged, {} dead letters after {POISON_ATTEMPTS} attempts each; {after} requests after the restart",
        "poison event, kill",
        dead.unwrap_or_default(),
    );
    if dead.is_none_or(|dead| dead < sent) {
        return Err("a poison event is no dead letter".into());
    }
    Ok(())
}
