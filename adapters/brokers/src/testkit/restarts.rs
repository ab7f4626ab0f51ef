//! Servers that go and come back.

use super::Server;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, Error, Outcome, Report, Settlement, Sink, Source};
use tradewind_event::Event;

/// Events of each round.
const EVENTS: usize = 40;
/// What has not gone on for so long does not go on: a server that is back answers within seconds.
const STANDS_STILL: Duration = Duration::from_secs(120);

/// A delivery of a small event.
pub fn delivery(id: &str) -> Delivery {
    let event = Event::builder(id, "/shop", "order.placed").data("text/plain", "x");
    Delivery {
        id: id.into(),
        event: event.build().unwrap(),
        subscription: "orders".into(),
        stream: "default".into(),
        position: "0/1".into(),
        attempt: 1,
        timeout: Duration::from_secs(5),
        replay: None,
        trace: None,
    }
}

/// The outcome of one delivery.
pub async fn deliver(sink: &dyn Sink, id: &str) -> Option<Outcome> {
    let (report, mut outcomes) = Report::channel();
    sink.deliver(vec![delivery(id)], report, CancellationToken::new())
        .await;
    outcomes.try_recv().map(|(_, outcome)| outcome)
}

/// Ends the server in the middle of each round, of which there are `TRADEWIND_RESTARTS`, or two; every event that the
/// sink took comes out of the source.
pub async fn nothing_is_lost(
    server: &mut Server,
    end: fn(&mut Server),
    sink: &dyn Sink,
    source: &dyn Source,
) {
    let rounds = std::env::var("TRADEWIND_RESTARTS").ok();
    let rounds = rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    // What a broker makes when it is first asked is there before it is killed, and on its disk: RabbitMQ forgets a
    // durable queue that was declared an instant before.
    source.receive(1, Duration::from_millis(50)).await.unwrap();
    server.stop();
    server.resume().await;
    let (mut sent, mut seen, mut again) = (BTreeSet::new(), BTreeSet::new(), 0);
    for round in 0..rounds {
        let killing = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            end(server);
            server.resume().await;
        };
        let sending = async {
            for n in 0..EVENTS {
                let id = format!("{round}-{n}");
                let since = Instant::now();
                loop {
                    let outcome = deliver(sink, &id).await;
                    if matches!(outcome, Some(Outcome::Accepted { .. })) {
                        break;
                    }
                    let waits = since.elapsed() < STANDS_STILL;
                    assert!(waits, "`{id}` is not taken: {outcome:?}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                sent.insert(id);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let mut over = std::pin::pin!(async { tokio::join!(killing, sending) });
        let (mut done, mut last) = (false, (seen.len(), Instant::now()));
        loop {
            let mut failed = None;
            tokio::select! {
                _ = &mut over, if !done => done = true,
                taken = take(source, &mut seen, &mut again) => failed = taken.err(),
            }
            if done && seen.len() >= EVENTS * (round + 1) {
                break;
            }
            if !done || seen.len() > last.0 {
                last = (seen.len(), Instant::now());
            }
            let waits = last.1.elapsed() < STANDS_STILL;
            assert!(
                waits,
                "{} of {} came: {failed:?}",
                seen.len(),
                EVENTS * (round + 1)
            );
        }
    }
    assert_eq!(seen, sent);
    eprintln!(
        "{rounds} restarts: {} events sent, 0 lost, {again} came twice",
        sent.len()
    );
}

async fn take(
    source: &dyn Source,
    seen: &mut BTreeSet<String>,
    again: &mut u64,
) -> Result<(), Error> {
    let received = source.receive(7, Duration::from_millis(200)).await;
    if received.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut settlements = Vec::new();
    for message in received? {
        let id = message.events.unwrap()[0].id().to_owned();
        *again += u64::from(!seen.insert(id));
        settlements.push((message.token, Settlement::Ack));
    }
    // What cannot be settled comes again.
    source.settle(settlements).await.ok();
    Ok(())
}
