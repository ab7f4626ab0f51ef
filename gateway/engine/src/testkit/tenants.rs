//! One tenant at a hundred times its share: the others do not notice. Judged in simulated time, on a machine that has
//! less room than the noisy one would take.

use super::{Measured, Scene, in_simulated_time, origin, subscription};
use super::{ScriptedSink, event};
use crate::{Engine, Plan, PublishError, Quotas, StreamPlan, SubscriptionPlan};
use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Capability, Delivery, Outcome, Report, Sink};

const QUIET: usize = 9;
/// Events per second of each tenant's share.
const SHARE: u64 = 50;
/// How many times that the noisy one sends, in batches.
const TIMES: u64 = 100;
const BATCH: u64 = 50;
/// Subscriptions of the noisy one.
const FAN_OUT: usize = 20;
/// Calls that the machine works on at once, and how long one takes.
const WORKERS: usize = 64;
const CALL: Duration = Duration::from_millis(20);
/// Places of each tenant.
const PLACES: usize = 16;

/// A function on a machine that it shares with all others: first come, first served.
#[derive(Debug)]
struct Function {
    machine: Arc<Semaphore>,
    ended: Mutex<Vec<(String, Instant)>>,
}

#[async_trait]
impl Sink for Function {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, _cancel: CancellationToken) {
        let _worker = self.machine.acquire().await;
        tokio::time::sleep(CALL).await;
        for (index, delivery) in batch.iter().enumerate() {
            let ended = (delivery.event.id().to_owned(), Instant::now());
            self.ended.lock().unwrap().push(ended);
            let accepted = Outcome::Accepted {
                receipt: None,
                reply: None,
            };
            report.settle(index, accepted);
        }
    }
    fn capability(&self) -> Capability {
        Capability::default()
    }
    fn describe(&self) -> String {
        "function".into()
    }
}

/// What a run came to.
#[derive(Debug, Default)]
struct Run {
    /// 99th percentile of the quiet ones, from publishing to the end of the call, in milliseconds.
    p99: u64,
    /// Events of the quiet ones that arrived within the run and two seconds, and all of theirs.
    arrived: (usize, usize),
    quiet_refused: usize,
    /// Events of the noisy one: offered, accepted, deliveries of these missing in the end.
    noisy: (u64, u64, u64),
}

/// One of ten tenants sends a hundred times its share: with quotas, the p99 of the others rises by at most 20 %, none
/// of them is refused, what the noisy one has above its share is, and nothing that was accepted is lost. Without
/// quotas, the same scene does harm.
///
/// # Errors
/// The engine fails.
pub fn noisy(seconds: u64) -> Result<Measured, String> {
    let calm = in_simulated_time(run(seconds, false, true))?;
    let beside = in_simulated_time(run(seconds, true, true))?;
    let without = in_simulated_time(run(seconds.min(3), true, false))?;
    let (offered, accepted, missing) = beside.noisy;
    let most = SHARE * (seconds + 1) + BATCH;
    let whole = |run: &Run| run.arrived.0 == run.arrived.1 && run.quiet_refused == 0;
    Ok(Measured {
        figures: format!(
            "{QUIET} quiet tenants beside one at {TIMES} times its share: p99 {} ms against {} ms \
             ({} ms without quotas), {} of {} arrived in time, {} refused; of the noisy one's \
             {offered} events {accepted} accepted, {missing} deliveries lost",
            beside.p99,
            calm.p99,
            without.p99,
            beside.arrived.0,
            beside.arrived.1,
            beside.quiet_refused,
        ),
        holds: beside.p99 * 10 <= calm.p99 * 12
            && whole(&calm)
            && whole(&beside)
            && without.p99 >= calm.p99 * 2
            && accepted * 10 >= SHARE * seconds * 9
            && accepted <= most
            && offered > most
            && missing == 0,
    })
}

fn tenant(n: usize) -> String {
    match n {
        0 => "noisy".into(),
        n => format!("quiet-{n}"),
    }
}

fn subscribed(tenant: &str, sink: &Arc<Function>) -> SubscriptionPlan {
    SubscriptionPlan {
        space: tenant.into(),
        stream: tenant.into(),
        sink: Arc::clone(sink) as Arc<dyn Sink>,
        ..subscription(&ScriptedSink::accepting())
    }
}

async fn run(seconds: u64, noise: bool, quotas: bool) -> Result<Run, String> {
    let mut scene = Scene::new(1);
    let machine = Arc::new(Semaphore::new(WORKERS));
    let function = |_| {
        Arc::new(Function {
            machine: Arc::clone(&machine),
            ended: Mutex::default(),
        })
    };
    let functions: Vec<_> = (0..=QUIET).map(function).collect();
    let mut plan = Plan::default();
    for (n, function) in functions.iter().enumerate() {
        let name = tenant(n);
        let stream = StreamPlan {
            space: name.as_str().into(),
            ..StreamPlan::default()
        };
        plan.streams.insert(name.clone(), stream);
        for copy in 0..if n == 0 { FAN_OUT } else { 1 } {
            let subscription = subscribed(&name, function);
            let title = format!("{name}-{copy}");
            plan.subscriptions.insert(title, subscription);
        }
        if quotas {
            let quotas = Quotas {
                events_per_second: Some(SHARE),
                deliveries: Some(PLACES),
                ..Quotas::default()
            };
            plan.spaces.insert(name, quotas);
        }
    }
    let engine = scene.start(plan).await?;
    let mut told = Run::default();
    let mut born = HashMap::new();
    let tick = Duration::from_millis(1000 / SHARE);
    for n in 0..seconds * SHARE {
        if noise {
            for batch in 0..TIMES / BATCH {
                let ids = (0..BATCH).map(|k| format!("noisy-{n}-{batch}-{k}"));
                let taken = offer(&engine, "noisy", ids.collect()).await?;
                told.noisy.0 += BATCH;
                told.noisy.1 += if taken { BATCH } else { 0 };
            }
        }
        for quiet in 1..=QUIET {
            let (name, id) = (tenant(quiet), format!("{quiet}-{n}"));
            born.insert(id.clone(), Instant::now());
            let taken = offer(&engine, &name, vec![id]).await?;
            told.quiet_refused += usize::from(!taken);
        }
        scene.wait(tick).await;
    }
    scene.wait(Duration::from_secs(2)).await;
    let mut times: Vec<u64> = functions[1..]
        .iter()
        .flat_map(|function| function.ended.lock().unwrap().clone())
        .map(|(id, at)| at.duration_since(born[&id]).as_millis() as u64)
        .collect();
    times.sort_unstable();
    told.arrived = (times.len(), born.len());
    told.p99 = times.get(times.len() * 99 / 100).copied().unwrap_or(0);
    if quotas {
        engine.quiesced().await;
        let ended = functions[0].ended.lock().unwrap();
        let mut once = BTreeMap::<&str, u64>::new();
        for (id, _) in ended.iter() {
            *once.entry(id).or_default() += 1;
        }
        let whole = once.values().map(|n| n.min(&(FAN_OUT as u64))).sum::<u64>();
        told.noisy.2 = (told.noisy.1 * FAN_OUT as u64).saturating_sub(whole);
    }
    Ok(told)
}

/// Whether these were taken; an error where they were refused for any other reason than a quota.
async fn offer(engine: &Engine, stream: &str, ids: Vec<String>) -> Result<bool, String> {
    let events = ids.iter().map(|id| event(id)).collect();
    match engine.publish(stream, &origin(), events).await {
        Ok(_) => Ok(true),
        Err(PublishError::Quota(_)) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}
