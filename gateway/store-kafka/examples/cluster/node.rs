//! One node: takes events by lines on its input, says by lines on its output what is acknowledged and delivered.

use crate::wall::Wall;
use async_trait::async_trait;
use rdkafka::ClientConfig;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, Outcome, Report, Sink};
use tradewind_engine::testkit::{ScriptedSink, keyed, ordered, origin, subscription};
use tradewind_engine::{Engine, Start};
use tradewind_store::{SystemClock, SystemRandom};
use tradewind_store_kafka::{Copies, KafkaStreams, Params};

/// As many as make each of a few nodes owner of some.
pub(crate) const SHARDS: u16 = 6;

/// One line, whole.
fn say(line: String) {
    std::io::stdout()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

#[derive(Debug)]
struct Told;

#[async_trait]
impl Sink for Told {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, _: CancellationToken) {
        for (index, delivery) in batch.iter().enumerate() {
            say(format!("delivered {}", delivery.event.id()));
            report.settle(
                index,
                Outcome::Accepted {
                    receipt: None,
                    reply: None,
                },
            );
        }
    }
    fn capability(&self) -> tradewind_adapter::Capability {
        Default::default()
    }
    fn describe(&self) -> String {
        "told".into()
    }
}

pub(crate) async fn run(brokers: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", brokers)
        .set("reconnect.backoff.max.ms", "1000");
    let params = Params {
        copies: Copies::One,
        ..Params::new(client, scratch.path().to_owned())
    };
    let clock = Arc::new(SystemClock::default());
    let streams = KafkaStreams::connect(params, clock, Arc::new(SystemRandom))
        .await
        .unwrap();
    let mut told = subscription(&ScriptedSink::accepting());
    told.sink = Arc::new(Told);
    told.start = Start::Oldest;
    let mut plan = ordered([("told", told)]);
    plan.streams.get_mut("default").unwrap().settings.shards = SHARDS;
    let engine = Engine::start(plan, Arc::new(streams), Arc::new(Wall::default()))
        .await
        .unwrap();
    say("ready".into());
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(id)) = lines.next_line().await {
        let engine = engine.clone();
        tokio::spawn(async move {
            let key = id.split('-').next().unwrap().to_owned();
            match engine
                .publish("default", &origin(), vec![keyed(&id, &key)])
                .await
            {
                Ok(_) => say(format!("taken {id}")),
                Err(error) => say(format!("refused {id} {error}")),
            }
        });
    }
    engine.drain(Duration::from_secs(5)).await.unwrap();
}
