//! A broker of Apache Kafka of one's own, and what is asked of it.

use crate::gateway::{free, on_disk};
use crate::load::{moment, wire};
use crate::process::Process;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(20);

/// Ends with the value.
pub(super) struct Broker {
    pub(super) process: Process,
    asker: BaseConsumer,
    _folder: TempDir,
}

impl Broker {
    pub(super) fn start(jars: &Path, near: &Path) -> Result<Self, String> {
        let said = |error: std::io::Error| error.to_string();
        let folder = on_disk(near)?;
        let (address, controller) = (free().map_err(said)?, free().map_err(said)?);
        let properties = folder.path().join("server.properties");
        let text = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@{controller}\n\
             listeners=PLAINTEXT://{address},CONTROLLER://{controller}\n\
             advertised.listeners=PLAINTEXT://{address}\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\nlog.dirs={}\n\
             offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n",
            folder.path().join("data").display()
        );
        std::fs::write(&properties, text).map_err(said)?;
        let java = |arguments: &[&str]| {
            let mut java = Command::new("java");
            java.args(["-Xmx512m", "-cp"])
                .arg(jars.join("*"))
                .args(arguments)
                .arg(&properties)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            java
        };
        let format = [
            "kafka.tools.StorageTool",
            "format",
            "-t",
            "AAAAAAAAAAAAAAAAAAAAAQ",
            "-c",
        ];
        let formatted = java(&format).status().map_err(said)?;
        if !formatted.success() {
            return Err(format!("Kafka: its folder could not be made: {formatted}"));
        }
        let mut process = Process::listening(&mut java(&["kafka.Kafka"]), address)?;
        process.ready().map_err(|e| format!("Kafka: {e}"))?;
        let asker: BaseConsumer = client(address)?;
        // Listening comes before answering.
        let answers = || asker.fetch_metadata(None, Duration::from_secs(1)).is_ok();
        if !(0..60).any(|_| answers()) {
            return Err("Kafka does not answer".into());
        }
        Ok(Self {
            process,
            asker,
            _folder: folder,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.process.address
    }

    /// A new topic.
    pub(super) fn topic(&self, name: &str, partitions: usize) -> Result<(), String> {
        let admin: AdminClient<DefaultClientContext> = client(self.address())?;
        let partitions = i32::try_from(partitions).map_err(|e| e.to_string())?;
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| e.to_string())?;
        let made = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()));
        for topic in made.map_err(|e| e.to_string())? {
            topic.map_err(|(topic, error)| format!("{topic}: {error}"))?;
        }
        Ok(())
    }

    /// Puts events into a topic, its partitions in turn, and waits until they are there.
    pub(super) fn fill(&self, topic: &str, partitions: usize, events: u64) -> Result<(), String> {
        let producer: ThreadedProducer<_> = client(self.address())?;
        for (number, partition) in (0..events).zip((0..partitions).cycle()) {
            let event = wire::single(moment(), number);
            let partition = i32::try_from(partition).map_err(|e| e.to_string())?;
            let mut record: BaseRecord<'_, (), str> =
                BaseRecord::to(topic).partition(partition).payload(&event);
            while let Err((error, refused)) = producer.send(record) {
                let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
                if error != full {
                    return Err(format!("{topic}: {error}"));
                }
                std::thread::sleep(Duration::from_millis(5));
                record = refused;
            }
        }
        producer.flush(ANSWER).map_err(|e| format!("{topic}: {e}"))
    }

    /// Whether a group has so many members, and each of them its part. A coordinator that does not answer yet says
    /// nothing of it.
    pub(super) fn settled(&self, group: &str, members: usize) -> bool {
        let found = self.asker.fetch_group_list(Some(group), ANSWER);
        let groups = found.iter().flat_map(|found| found.groups());
        groups
            .into_iter()
            .any(|group| group.state() == "Stable" && group.members().len() == members)
    }
}

fn client<T: FromClientConfig>(address: SocketAddr) -> Result<T, String> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address.to_string());
    config.create().map_err(|e| e.to_string())
}
