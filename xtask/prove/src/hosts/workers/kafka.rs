//! Apache Kafka, one node in KRaft mode. An order that is to come again holds up its partition, so each has its own.

use super::{Queue, count};
use crate::Options;
use crate::hosts::platform::{free, spawn};
use crate::hosts::scenarios::Expected;
use crate::tools;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tradewind::Event;
use tradewind::event::json as event_json;

const TOPIC: &str = "orders";
const DEAD: &str = "dead";
const GROUP: &str = "charging";
const ASKING: Duration = Duration::from_secs(5);

pub(super) struct Kafka {
    broker: String,
    _process: Child,
    _folder: tempfile::TempDir,
}

fn said(error: impl Display) -> String {
    error.to_string()
}

fn java(jars: &Path, arguments: &[&str]) -> Command {
    let mut java = Command::new("java");
    java.args([
        "-Xmx256m",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-cp",
    ])
    .arg(jars.join("*"))
    .args(arguments)
    .stdout(Stdio::null())
    .stderr(Stdio::null());
    java
}

impl Kafka {
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.broker);
        config
    }

    /// Asks again until the broker answers.
    async fn answers(&self) -> Result<(), String> {
        let config = self.config();
        let asked = tokio::task::spawn_blocking(move || {
            let client: BaseConsumer = config.create().map_err(said)?;
            for _ in 0..60 {
                if client.fetch_metadata(None, Duration::from_secs(1)).is_ok() {
                    return Ok(());
                }
            }
            Err("Kafka does not come up".to_owned())
        });
        asked.await.map_err(said)?
    }

    /// Up to where the group is done with each partition, and how many dead letters there are.
    async fn found(&self, partitions: i32) -> Result<(Vec<i64>, i64), String> {
        let mut config = self.config();
        config.set("group.id", GROUP);
        let asked = tokio::task::spawn_blocking(move || {
            let client: BaseConsumer = config.create().map_err(said)?;
            let mut list = TopicPartitionList::new();
            for partition in 0..partitions {
                list.add_partition(TOPIC, partition);
            }
            let committed = client.committed_offsets(list, ASKING).map_err(said)?;
            let committed = committed.elements();
            let offsets = committed.iter().map(|element| match element.offset() {
                Offset::Offset(offset) => offset,
                _ => 0,
            });
            let (_, dead) = client.fetch_watermarks(DEAD, 0, ASKING).map_err(said)?;
            Ok((offsets.collect(), dead))
        });
        asked.await.map_err(said)?
    }
}

impl Queue for Kafka {
    async fn start(_: &Options) -> Result<Result<Self, String>, String> {
        let Some(jars) = std::env::var_os("TRADEWIND_KAFKA").map(PathBuf::from) else {
            return Ok(Err("no Java or Maven here".into()));
        };
        let folder = tempfile::tempdir().map_err(said)?;
        let (broker, controller) = (free()?, free()?);
        let properties = folder.path().join("server.properties");
        let text = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@{controller}\n\
             listeners=PLAINTEXT://{broker},CONTROLLER://{controller}\n\
             advertised.listeners=PLAINTEXT://{broker}\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\nlog.dirs={}\n\
             offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
             group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n",
            folder.path().join("data").display()
        );
        std::fs::write(&properties, text).map_err(said)?;
        let format = [
            "kafka.tools.StorageTool",
            "format",
            "-t",
            "AAAAAAAAAAAAAAAAAAAAAQ",
            "-c",
        ];
        tools::run(java(&jars, &format).arg(&properties)).await?;
        let process = spawn(java(&jars, &["kafka.Kafka"]).arg(&properties))?;
        let kafka = Self {
            broker: broker.to_string(),
            _process: process,
            _folder: folder,
        };
        kafka.answers().await?;
        Ok(Ok(kafka))
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TRADEWIND_KAFKA_BROKERS", self.broker.clone()),
            ("TRADEWIND_KAFKA_TOPICS", TOPIC.into()),
            ("TRADEWIND_KAFKA_GROUP", GROUP.into()),
            ("TRADEWIND_KAFKA_DEAD_LETTER", DEAD.into()),
        ]
    }

    async fn put(&self, orders: &[(Event, Expected)]) -> Result<(), String> {
        let admin: AdminClient<DefaultClientContext> = self.config().create().map_err(said)?;
        let partitions = i32::try_from(orders.len()).map_err(said)?;
        let topics = [
            NewTopic::new(TOPIC, partitions, TopicReplication::Fixed(1)),
            NewTopic::new(DEAD, 1, TopicReplication::Fixed(1)),
        ];
        let made = admin.create_topics(&topics, &AdminOptions::new()).await;
        for topic in made.map_err(said)? {
            topic.map_err(|(topic, error)| format!("{topic}: {error}"))?;
        }
        let producer: FutureProducer = self.config().create().map_err(said)?;
        for (partition, (event, _)) in (0..).zip(orders) {
            let headers = OwnedHeaders::new().insert(Header {
                key: "content-type",
                value: Some("application/cloudevents+json"),
            });
            let value = event_json::encode(event);
            let record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(TOPIC)
                .partition(partition)
                .headers(headers)
                .payload(&value);
            let sent = producer.send(record, ASKING).await;
            sent.map_err(|(error, _)| said(error))?;
        }
        Ok(())
    }

    async fn settled(&self, orders: &[(Event, Expected)]) -> Result<(), String> {
        let partitions = i32::try_from(orders.len()).map_err(said)?;
        let found = self.found(partitions).await?;
        let done = |(_, expected): &(Event, Expected)| i64::from(*expected != Expected::Again);
        let dead = i64::try_from(count(orders, Expected::Never)).map_err(said)?;
        let expected = (orders.iter().map(done).collect::<Vec<_>>(), dead);
        match found == expected {
            true => Ok(()),
            false => Err(format!("done up to {:?}, {} set aside", found.0, found.1)),
        }
    }
}
