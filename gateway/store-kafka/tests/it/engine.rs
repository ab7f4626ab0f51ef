//! The engine on Kafka: what it does on any store, and what several of it share.

use crate::broker::Broker;
use crate::{params, wall::Wall};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tradewind_engine::testkit::{Act, ScriptedSink, keyed, ordered, origin, subscription};
use tradewind_engine::{Account, Engine, Pauses, Plan, Start};
use tradewind_store::{SystemClock, SystemRandom};
use tradewind_store_kafka::{KafkaStreams, Params};

/// An engine of its own on the cluster.
struct Node {
    engine: Engine,
    _scratch: TempDir,
}

async fn node(broker: &Broker, prefix: &str, shared: bool, plan: Plan) -> Node {
    let scratch = tempfile::tempdir().unwrap();
    let params = Params {
        shared,
        ..params(broker, prefix, &scratch)
    };
    let clock = Arc::new(SystemClock::default());
    let streams = KafkaStreams::connect(params, clock, Arc::new(SystemRandom)).await;
    let engine = Engine::start(plan, Arc::new(streams.unwrap()), Arc::new(Wall::default())).await;
    Node {
        engine: engine.unwrap(),
        _scratch: scratch,
    }
}

fn planned(sink: &Arc<ScriptedSink>, shards: u16) -> Plan {
    let mut subscription = subscription(sink);
    subscription.start = Start::Oldest;
    subscription.policy.retry.max_attempts = 3;
    subscription.policy.retry.pauses = Pauses::Listed(vec![Duration::from_millis(100)]);
    subscription.policy.breaker.failures = 0;
    let mut plan = ordered([("charge", subscription)]);
    plan.streams.get_mut("default").unwrap().settings.shards = shards;
    plan
}

async fn publish(node: &Node, id: &str, key: &str) -> String {
    let published = node
        .engine
        .publish("default", &origin(), vec![keyed(id, key)])
        .await;
    published.unwrap().remove(0).position
}

async fn account(node: &Node) -> Account {
    let views = node.engine.subscriptions().await;
    let account = views
        .iter()
        .find(|view| view.name == "charge")
        .unwrap()
        .account;
    assert!(account.balances(), "{account:?}");
    account
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it does not come to this: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engines() {
    let Some(broker) = Broker::start().await else {
        return;
    };
    does_what_it_does_on_any_store(&broker).await;
    share_a_stream(&broker).await;
}

/// Delivered, retried, dead-lettered, redriven, replayed, paused, explained; and all of it known to the next one, which
/// has nothing but the cluster.
async fn does_what_it_does_on_any_store(broker: &Broker) {
    let sink = ScriptedSink::new(|delivery| match delivery.event.id() {
        "poison" => Act::Reject,
        "later" if delivery.attempt < 3 => Act::Retry(None),
        "never" => Act::Retry(None),
        _ => Act::Accept,
    });
    let first = node(broker, "one", false, planned(&sink, 2)).await;
    for id in ["a", "poison", "later", "never", "b"] {
        let position = publish(&first, id, id).await;
        assert!(!position.is_empty(), "its owner knows where it lies");
    }
    let again = first
        .engine
        .publish("default", &origin(), vec![keyed("a", "a")])
        .await;
    assert!(again.unwrap()[0].duplicate);
    first.engine.quiesced().await;
    let a = account(&first).await;
    assert_eq!(
        (a.matched, a.accepted, a.dead_lettered, a.pending),
        (5, 3, 2, 0)
    );
    let (letters, _) = first.engine.dead_letters("charge", None, 10).await.unwrap();
    let mut causes: Vec<_> = letters
        .iter()
        .map(|l| (&*l.id, &*l.cause, l.attempts.len()))
        .collect();
    causes.sort_unstable();
    assert_eq!(
        causes,
        [("never", "exhausted", 3), ("poison", "rejected", 1)]
    );
    first.engine.pause("charge").await.unwrap();
    publish(&first, "waits", "a").await;
    first.engine.drain(Duration::from_secs(5)).await.unwrap();
    drop(first);

    let second = node(broker, "one", false, planned(&sink, 2)).await;
    let a = account(&second).await;
    assert_eq!((a.accepted, a.dead_lettered), (3, 2));
    assert_eq!(sink.count(|seen| seen.id == "waits"), 0, "the pause holds");
    second.engine.resume("charge").await.unwrap();
    sink.now_does(|_| Act::Accept);
    assert_eq!(second.engine.redrive("charge", None).await.unwrap(), 2);
    second.engine.quiesced().await;
    let a = account(&second).await;
    assert_eq!(
        (a.matched, a.accepted, a.dead_lettered, a.pending),
        (6, 6, 0, 0)
    );
    let before = sink.seen().len();
    let replay = second
        .engine
        .replay("charge", Start::Oldest, None)
        .await
        .unwrap();
    until("the replay is done", async || {
        let replays = second.engine.replays().await;
        replays
            .iter()
            .any(|r| r.id == replay.id && r.state == "done")
    })
    .await;
    let replayed = sink.seen().split_off(before);
    assert_eq!(replayed.len(), 6);
    assert!(
        replayed
            .iter()
            .all(|seen| seen.replay.as_deref() == Some(&*replay.id))
    );
    let journey = second.engine.explain("poison").await.unwrap().remove(0);
    assert_eq!(&*journey.subscriptions[0].state, "accepted");
    assert!(second.engine.imbalances().await.is_empty());
    second.engine.drain(Duration::from_secs(5)).await.unwrap();
}

/// Three share a stream, whoever takes an event; one comes, one goes, and nothing is lost, doubled or out of order.
async fn share_a_stream(broker: &Broker) {
    let sink = ScriptedSink::accepting();
    let plan = || planned(&sink, 4);
    let (a, b) = tokio::join!(
        node(broker, "shared", true, plan()),
        node(broker, "shared", true, plan())
    );
    let mut nodes = vec![a, b];
    let mut published: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut number = 0;
    let mut burst = async |nodes: &[Node], published: &mut BTreeMap<String, Vec<String>>| {
        for _ in 0..40 {
            let key = format!("k{}", number % 8);
            let id = format!("{key}-{number:04}");
            let node = &nodes[number % nodes.len()];
            publish(node, &id, &key).await;
            published.entry(key).or_default().push(id);
            number += 1;
        }
    };
    burst(&nodes, &mut published).await;
    nodes.push(node(broker, "shared", true, plan()).await);
    burst(&nodes, &mut published).await;
    let all = |published: &BTreeMap<String, Vec<String>>| -> usize {
        published.values().map(Vec::len).sum()
    };
    until("all are delivered", async || {
        sink.seen().len() >= all(&published)
    })
    .await;
    // Each has some of it, and together they have all.
    until("all shards are served", async || {
        let mut cursors = Vec::new();
        for node in &nodes {
            let views = node.engine.subscriptions().await;
            cursors.push(views.iter().map(|view| view.cursors.len()).sum::<usize>());
        }
        cursors.iter().sum::<usize>() == 4 && cursors.iter().all(|n| *n > 0)
    })
    .await;
    let leaves = nodes.remove(0);
    leaves.engine.drain(Duration::from_secs(5)).await.unwrap();
    drop(leaves);
    burst(&nodes, &mut published).await;
    until("all are delivered", async || {
        sink.seen().len() >= all(&published)
    })
    .await;
    let mut delivered: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for seen in sink.seen() {
        let (key, _) = seen.id.split_once('-').unwrap();
        delivered.entry(key.to_owned()).or_default().push(seen.id);
    }
    assert_eq!(delivered, published);
    for node in nodes {
        assert!(node.engine.ready().is_ok());
        node.engine.drain(Duration::from_secs(5)).await.unwrap();
    }
}
