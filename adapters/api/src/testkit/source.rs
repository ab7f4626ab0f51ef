//! The suite for pulled sources.

use super::events::{numbered, same_all, sample_events};
use super::{End, Summary, Test, Verdict, always, check, ends, run, tests};
use crate::{Received, Settlement, Source, Token};
use async_trait::async_trait;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tradewind_event::Event;

/// Drives one source adapter and what it reads from.
#[async_trait]
pub trait SourceHarness: Sync {
    /// A new source over a new, empty origin.
    async fn source(&self) -> Arc<dyn Source>;
    /// Puts events into the origin of the latest source.
    async fn send(&self, events: Vec<Event>);
    /// Puts in a message that is no event; false where that cannot be done.
    async fn send_garbage(&self) -> bool {
        false
    }
    /// Makes every lease end that is held now, for instance by letting time pass or by closing the
    /// source; gives the source to go on with. `None` where that cannot be done.
    async fn lose_leases(&self, source: Arc<dyn Source>) -> Option<Arc<dyn Source>>;
}

/// Runs the suite.
pub async fn source(harness: &dyn SourceHarness) -> Summary {
    let capability = harness.source().await.capability();
    let tests: Vec<Test<dyn SourceHarness + '_>> = tests![
        an_empty_origin_gives_nothing if always,
        keeps_data_and_attributes if always,
        gives_no_more_than_asked if always,
        acknowledged_messages_are_gone if always,
        unsettled_messages_come_again if always,
        refused_messages_come_again if |c| c.receive_nack,
        settling_twice_is_no_error if always,
        garbage_surfaces if always,
        extending_is_no_error if |c| c.receive_lease.is_some(),
        keeps_order if |c| c.receive_ordered,
    ];
    run(harness, capability, tests).await
}

fn failed(what: &str) -> impl FnOnce(crate::Error) -> End {
    let what = what.to_owned();
    move |e| End::Failed(format!("{what}: {e}"))
}

async fn receive(source: &dyn Source, max: usize) -> Result<Vec<Received>, End> {
    let wait = Duration::from_millis(50);
    ends("receive", source.receive(max, wait))
        .await?
        .map_err(failed("receive"))
}

/// Receives until `count` messages are there. `receive` may return nothing, so it is asked often.
async fn receive_all(source: &dyn Source, count: usize) -> Result<Vec<Received>, End> {
    let collect = async {
        let mut all = Vec::new();
        while all.len() < count {
            all.extend(receive(source, count - all.len()).await?);
        }
        Ok(all)
    };
    ends("receiving what was sent", collect).await?
}

/// Nothing more comes, as far as a few calls can tell.
async fn receive_none(source: &dyn Source) -> Verdict {
    for _ in 0..3 {
        let got = receive(source, 10).await?;
        check(got.is_empty(), || format!("came again: {got:?}"))?;
    }
    Ok(())
}

async fn settle(source: &dyn Source, messages: &[Received], how: Settlement) -> Verdict {
    let all = messages.iter().map(|m| (m.token.clone(), how)).collect();
    ends("settle", source.settle(all))
        .await?
        .map_err(failed("settle"))
}

fn events(messages: Vec<Received>) -> Result<Vec<Event>, End> {
    let mut all = Vec::new();
    for message in messages {
        all.extend(message.events.map_err(failed("a good message"))?);
    }
    Ok(all)
}

async fn an_empty_origin_gives_nothing(harness: &dyn SourceHarness) -> Verdict {
    let source = harness.source().await;
    receive_none(&*source).await
}

async fn keeps_data_and_attributes(harness: &dyn SourceHarness) -> Verdict {
    let source = harness.source().await;
    let sent = sample_events()?;
    harness.send(sent.clone()).await;
    let got = receive_all(&*source, sent.len()).await?;
    settle(&*source, &got, Settlement::Ack).await?;
    same_all(&sent, &events(got)?)
}

async fn gives_no_more_than_asked(harness: &dyn SourceHarness) -> Verdict {
    let source = harness.source().await;
    harness.send(numbered(10)?).await;
    let mut tokens = HashSet::new();
    let collect = async {
        while tokens.len() < 10 {
            let got = receive(&*source, 3).await?;
            check(got.len() <= 3, || format!("{} of 3 messages", got.len()))?;
            for message in got {
                check(tokens.insert(message.token.clone()), || {
                    format!("token {:?} twice", message.token)
                })?;
            }
        }
        Ok(())
    };
    ends("receiving what was sent", collect).await?
}

async fn acknowledged_messages_are_gone(harness: &dyn SourceHarness) -> Verdict {
    let source = harness.source().await;
    harness.send(numbered(3)?).await;
    let got = receive_all(&*source, 3).await?;
    settle(&*source, &got, Settlement::Ack).await?;
    receive_none(&*source).await?;
    match harness.lose_leases(source).await {
        Some(source) => receive_none(&*source).await,
        None => Ok(()),
    }
}

async fn unsettled_messages_come_again(harness: &dyn SourceHarness) -> Verdict {
    let source = harness.source().await;
    let sent = numbered(3)?;
    harness.send(sent.clone()).await;
    receive_all(&*source, 3).await?;
    let source = harness.lose_leases(source).await.ok_or(End::Skipped)?;
    let again = receive_all(&*source, 3).await?;
    settle(&*source, &again, Settlement::Ack).await?;
    same_all(&sent, &events(again)?)
}

async fn refused_messages_come_again(harness: &dyn SourceHarness) -> Verdict {
    let source = harness.source().await;
    let sent = numbered(3)?;
    harness.send(sent.clone()).await;
    let first = receive_all(&*source, 3).await?;
    settle(&*source, &first, Settlement::Nack { delay: None }).await?;
    let again = receive_all(&*source, 3).await?;
    settle(&*source, &again, Settlement::Ack).await?;
    same_all(&sent, &events(again)?)?;
    receive_none(&*source).await
}

async fn settling_twice_is_no_error(harness: &dyn SourceHarness) -> Verdict {
    let source = harness.source().await;
    harness.send(numbered(2)?).await;
    let got = receive_all(&*source, 2).await?;
    for _ in 0..2 {
        settle(&*source, &got, Settlement::Ack).await?;
    }
    settle(&*source, &got, Settlement::Nack { delay: None }).await?;
    receive_none(&*source).await
}

async fn garbage_surfaces(harness: &dyn SourceHarness) -> Verdict {
    let source = harness.source().await;
    if !harness.send_garbage().await {
        return Err(End::Skipped);
    }
    let got = receive_all(&*source, 1).await?;
    check(got.iter().all(|m| m.events.is_err()), || {
        format!("garbage was read as {got:?}")
    })?;
    settle(&*source, &got, Settlement::Ack).await?;
    receive_none(&*source).await
}

async fn extending_is_no_error(harness: &dyn SourceHarness) -> Verdict {
    let source = harness.source().await;
    harness.send(numbered(2)?).await;
    let got = receive_all(&*source, 2).await?;
    let tokens: Vec<Token> = got.iter().map(|m| m.token.clone()).collect();
    ends("extend", source.extend(tokens.clone()))
        .await?
        .map_err(failed("extend"))?;
    settle(&*source, &got, Settlement::Ack).await?;
    // The message is gone; its lease cannot be kept, and that is nobody's failure.
    ends("extend", source.extend(tokens))
        .await?
        .map_err(failed("extend after settle"))
}

async fn keeps_order(harness: &dyn SourceHarness) -> Verdict {
    let source = harness.source().await;
    let sent = numbered(10)?;
    harness.send(sent.clone()).await;
    let got = events(receive_all(&*source, 10).await?)?;
    let ids = |events: &[Event]| events.iter().map(|e| e.id().to_owned()).collect::<Vec<_>>();
    check(ids(&got) == ids(&sent), || {
        format!("order changed: {:?}", ids(&got))
    })
}
