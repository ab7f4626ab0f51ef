//! The suite for sinks.

use super::events::{event, numbered, same, same_all, sample_events};
use super::{End, Summary, Test, Verdict, always, check, ends, run, tests};
use crate::{Capability, Delivery, Outcome, Reason, Report, Sink};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tradewind_event::Event;

/// How the target of a sink is to behave.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Behaviour {
    /// Takes everything.
    Accept,
    /// Takes everything and answers each delivery with this event.
    Reply(Event),
    /// Fails in a way that passes.
    Fail,
    /// Asks for less.
    Throttle,
    /// Refuses for good.
    Refuse,
    /// Takes the request and never answers.
    Hang,
    /// Answers with a success that never ends.
    Endless,
    /// Is not there.
    Unreachable,
}

/// Drives one sink adapter and a target of its own.
#[async_trait]
pub trait SinkHarness: Sync {
    /// A new sink whose target behaves so; `None` where such a target cannot be had.
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>>;
    /// What the target of the latest sink has taken.
    async fn received(&self) -> Vec<Event>;
    /// Whether the protocol has a form for this event at all; what has none is not sent by the suite.
    fn carries(&self, event: &Event) -> bool {
        let _ = event;
        true
    }
    /// Secrets that the sink was configured with: they may appear nowhere.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Runs the suite.
pub async fn sink(harness: &dyn SinkHarness) -> Summary {
    let Some(sink) = harness.sink(Behaviour::Accept).await else {
        return Summary {
            failed: vec![("start", "the harness has no target that accepts".into())],
            ..Summary::default()
        };
    };
    let tests: Vec<Test<dyn SinkHarness + '_>> = tests![
        keeps_data_and_attributes if always,
        reports_each_delivery_once if always,
        takes_a_whole_batch if |c| c.deliver_batch_max.is_some(),
        serves_concurrent_deliveries if always,
        returns_the_reply if |c| c.deliver_reply,
        keeps_no_reply_without_one if always,
        a_passing_failure_is_retried if always,
        a_throttled_sink_says_so if always,
        a_final_refusal_is_rejected if always,
        an_unreachable_target_is_retried if always,
        cancellation_stops if always,
        the_deadline_stops if always,
        an_endless_answer_is_bounded if always,
        too_large_an_event_is_rejected if |c| c.deliver_bytes_max.is_some(),
        shows_no_secrets if always,
    ];
    run(harness, sink.capability(), tests).await
}

static IDS: AtomicU64 = AtomicU64::new(0);

fn deliveries(events: &[Event], timeout: Duration) -> Vec<Delivery> {
    let delivery = |(i, event): (usize, &Event)| Delivery {
        // As the engine has it: never the same for two events.
        id: format!("stream-0-{}-suite", IDS.fetch_add(1, Ordering::Relaxed)).into(),
        event: event.clone(),
        subscription: "suite".into(),
        stream: "stream".into(),
        position: format!("0/{i}").into(),
        attempt: 1,
        timeout,
        replay: None,
        trace: None,
    };
    events.iter().enumerate().map(delivery).collect()
}

/// Delivers one batch and collects what was reported, in order of arrival.
async fn attempt(
    sink: &dyn Sink,
    events: &[Event],
    timeout: Duration,
    cancel: CancellationToken,
) -> Result<Vec<(usize, Outcome)>, End> {
    let (report, mut outcomes) = Report::channel();
    let batch = deliveries(events, timeout);
    ends("deliver", sink.deliver(batch, report, cancel)).await?;
    let mut all = Vec::new();
    while let Some(outcome) = outcomes.try_recv() {
        all.push(outcome);
    }
    Ok(all)
}

async fn start(harness: &dyn SinkHarness, behaviour: Behaviour) -> Result<Arc<dyn Sink>, End> {
    harness.sink(behaviour).await.ok_or(End::Skipped)
}

const PLENTY: Duration = Duration::from_secs(20);

/// Delivers one event that must have exactly one outcome.
async fn one(sink: &dyn Sink, event: &Event) -> Result<Outcome, End> {
    let batch = std::slice::from_ref(event);
    let mut outcomes = attempt(sink, batch, PLENTY, CancellationToken::new()).await?;
    check(outcomes.len() == 1, || {
        format!("one delivery, outcomes {outcomes:?}")
    })?;
    let (index, outcome) = outcomes.remove(0);
    check(index == 0, || format!("outcome for index {index}"))?;
    Ok(outcome)
}

async fn accepted(sink: &dyn Sink, event: &Event) -> Verdict {
    match one(sink, event).await? {
        Outcome::Accepted { .. } => Ok(()),
        other => Err(End::Failed(format!(
            "{} was not accepted: {other:?}",
            event.id()
        ))),
    }
}

async fn keeps_data_and_attributes(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Accept).await?;
    let mut sent = sample_events()?;
    sent.retain(|event| harness.carries(event));
    check(!sent.is_empty(), || {
        "nothing of the suite can be sent".into()
    })?;
    for event in &sent {
        accepted(&*sink, event).await?;
    }
    same_all(&sent, &harness.received().await)
}

async fn reports_each_delivery_once(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Accept).await?;
    let sent = numbered(20)?;
    for event in &sent {
        accepted(&*sink, event).await?;
    }
    same_all(&sent, &harness.received().await)
}

async fn takes_a_whole_batch(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Accept).await?;
    let sent = numbered(sink.capability().deliver_batch_max.unwrap_or(1).min(100))?;
    let mut outcomes = attempt(&*sink, &sent, PLENTY, CancellationToken::new()).await?;
    outcomes.sort_by_key(|(index, _)| *index);
    let indexes: Vec<usize> = outcomes.iter().map(|(index, _)| *index).collect();
    check(indexes == (0..sent.len()).collect::<Vec<_>>(), || {
        format!("outcomes for {indexes:?} of a batch of {}", sent.len())
    })?;
    for (_, outcome) in outcomes {
        check(matches!(outcome, Outcome::Accepted { .. }), || {
            format!("not accepted: {outcome:?}")
        })?;
    }
    same_all(&sent, &harness.received().await)
}

async fn serves_concurrent_deliveries(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Accept).await?;
    let sent = numbered(32)?;
    let mut tasks = tokio::task::JoinSet::new();
    for event in sent.clone() {
        let sink = Arc::clone(&sink);
        tasks.spawn(async move { accepted(&*sink, &event).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|e| End::Failed(format!("deliver panicked: {e}")))??;
    }
    same_all(&sent, &harness.received().await)
}

async fn returns_the_reply(harness: &dyn SinkHarness) -> Verdict {
    let reply = event("reply")?;
    let sink = start(harness, Behaviour::Reply(reply.clone())).await?;
    match one(&*sink, &event("question")?).await? {
        Outcome::Accepted {
            reply: Some(got), ..
        } => same(&reply, &got),
        other => Err(End::Failed(format!("no reply: {other:?}"))),
    }
}

async fn keeps_no_reply_without_one(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Accept).await?;
    match one(&*sink, &event("question")?).await? {
        Outcome::Accepted { reply: None, .. } => Ok(()),
        other => Err(End::Failed(format!("expected no reply: {other:?}"))),
    }
}

async fn a_passing_failure_is_retried(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Fail).await?;
    match one(&*sink, &event("fails")?).await? {
        Outcome::Retry {
            throttled: false,
            reason,
            ..
        } => told(&reason),
        other => Err(End::Failed(format!("expected a retry: {other:?}"))),
    }
}

async fn a_throttled_sink_says_so(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Throttle).await?;
    match one(&*sink, &event("throttled")?).await? {
        Outcome::Retry {
            throttled: true,
            reason,
            ..
        } => told(&reason),
        other => Err(End::Failed(format!("expected throttling: {other:?}"))),
    }
}

async fn a_final_refusal_is_rejected(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Refuse).await?;
    match one(&*sink, &event("refused")?).await? {
        Outcome::Reject { reason, .. } => told(&reason),
        other => Err(End::Failed(format!("expected a rejection: {other:?}"))),
    }
}

async fn an_unreachable_target_is_retried(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Unreachable).await?;
    match one(&*sink, &event("unreachable")?).await? {
        Outcome::Retry { reason, .. } => told(&reason),
        other => Err(End::Failed(format!("expected a retry: {other:?}"))),
    }
}

/// A reason has a code of kebab case and a bounded detail.
fn told(reason: &Reason) -> Verdict {
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    check(
        !reason.code.is_empty() && reason.code.chars().all(kebab),
        || format!("code {:?} is not kebab case", reason.code),
    )?;
    check(reason.detail.len() <= Reason::DETAIL_MAX, || {
        format!("detail of {} bytes", reason.detail.len())
    })
}

/// What was cut short is a retry, or was not reported.
fn cut_short(outcomes: &[(usize, Outcome)]) -> Verdict {
    check(outcomes.len() <= 1, || format!("outcomes {outcomes:?}"))?;
    match outcomes.first() {
        None | Some((0, Outcome::Retry { .. })) => Ok(()),
        other => Err(End::Failed(format!("expected a retry: {other:?}"))),
    }
}

async fn cancellation_stops(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Hang).await?;
    let cancel = CancellationToken::new();
    let later = cancel.clone();
    let canceller = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        later.cancel();
    });
    let hour = Duration::from_secs(3600);
    let outcomes = attempt(&*sink, &[event("cancelled")?], hour, cancel).await?;
    canceller.abort();
    cut_short(&outcomes)
}

async fn the_deadline_stops(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Hang).await?;
    let soon = Duration::from_millis(50);
    let events = [event("late")?];
    let outcomes = attempt(&*sink, &events, soon, CancellationToken::new()).await?;
    cut_short(&outcomes)
}

async fn an_endless_answer_is_bounded(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Endless).await?;
    let hour = Duration::from_secs(3600);
    let events = [event("endless")?];
    let outcomes = attempt(&*sink, &events, hour, CancellationToken::new()).await?;
    check(outcomes.len() == 1, || format!("outcomes {outcomes:?}"))
}

async fn too_large_an_event_is_rejected(harness: &dyn SinkHarness) -> Verdict {
    let sink = start(harness, Behaviour::Accept).await?;
    let Capability {
        deliver_bytes_max: Some(max),
        ..
    } = sink.capability()
    else {
        return Err(End::Skipped);
    };
    let event = Event::builder("large", "/conformance", "com.example.large")
        .data("application/octet-stream", vec![0; max + 1])
        .build()
        .map_err(|e| End::Failed(e.to_string()))?;
    match one(&*sink, &event).await? {
        Outcome::Reject { reason, .. } => told(&reason),
        other => Err(End::Failed(format!("expected a rejection: {other:?}"))),
    }
}

async fn shows_no_secrets(harness: &dyn SinkHarness) -> Verdict {
    use Behaviour::{Fail, Hang, Refuse, Throttle, Unreachable};
    for behaviour in [Fail, Throttle, Refuse, Unreachable, Hang] {
        let Some(sink) = harness.sink(behaviour).await else {
            continue;
        };
        let soon = Duration::from_millis(50);
        let events = [event("secret")?];
        let outcomes = attempt(&*sink, &events, soon, CancellationToken::new()).await?;
        let shown = format!("{} {sink:?} {outcomes:?}", sink.describe());
        for secret in harness.secrets() {
            check(!shown.contains(&secret), || {
                "a secret shows in describe, debug or an outcome".into()
            })?;
        }
    }
    Ok(())
}
