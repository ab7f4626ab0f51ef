//! A broker of Apache Kafka of one's own: KRaft, one node.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// What a broker has besides a listener without protection.
#[derive(Default)]
pub(crate) struct More {
    /// Another listener: its protocol and port.
    pub(crate) listener: Option<(&'static str, u16)>,
    /// Lines of its settings.
    pub(crate) properties: String,
    /// Options of its virtual machine.
    pub(crate) options: Vec<String>,
    /// Credentials that are there from the beginning, as `kafka-storage --add-scram` takes them.
    pub(crate) scram: Vec<String>,
}

/// Ends with the test that started it.
pub(crate) struct Broker {
    process: Option<Child>,
    folder: TempDir,
    jars: PathBuf,
    options: Vec<String>,
    pub(crate) port: u16,
}

static TOPICS: AtomicU32 = AtomicU32::new(0);

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Broker {
    /// `None`, with a word on stderr, where no Kafka is at hand.
    pub(crate) async fn start() -> Option<Self> {
        Self::with(More::default()).await
    }

    /// The same, with more.
    pub(crate) async fn with(more: More) -> Option<Self> {
        let Some(jars) = std::env::var_os("TRADEWIND_KAFKA") else {
            eprintln!(
                "skipped: no Kafka; `cargo xtask test` gets it where there are Java and Maven"
            );
            return None;
        };
        let mut broker = Self {
            process: None,
            folder: tempfile::tempdir().unwrap(),
            jars: jars.into(),
            options: more.options,
            port: free_port(),
        };
        let (listener, advertised, protocol) = match more.listener {
            None => Default::default(),
            Some((protocol, port)) => (
                format!(",GUARDED://127.0.0.1:{port}"),
                format!(",GUARDED://localhost:{port}"),
                format!(",GUARDED:{protocol}"),
            ),
        };
        let (port, controller) = (broker.port, free_port());
        let data = broker.folder.path().join("data");
        let properties = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{listener}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT{protocol}\nlog.dirs={}\n\
             offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n{}",
            data.display(),
            more.properties,
        );
        std::fs::write(broker.properties(), properties).unwrap();
        let formatted = broker
            .java(&[
                "kafka.tools.StorageTool",
                "format",
                "-t",
                "AAAAAAAAAAAAAAAAAAAAAQ",
                "-c",
            ])
            .arg(broker.properties())
            .args(more.scram.iter().flat_map(|one| ["--add-scram", one]))
            .status()
            .await
            .unwrap();
        assert!(formatted.success());
        broker.resume().await;
        Some(broker)
    }

    fn properties(&self) -> PathBuf {
        self.folder.path().join("server.properties")
    }

    fn java(&self, arguments: &[&str]) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
            .args(&self.options)
            .arg("-cp")
            .arg(Path::new(&self.jars).join("*"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        java
    }

    /// Starts it on the data that it left.
    pub(crate) async fn resume(&mut self) {
        let mut java = self.java(&["kafka.Kafka"]);
        self.process = Some(java.arg(self.properties()).spawn().unwrap());
        let config = self.config();
        let ready = tokio::task::spawn_blocking(move || {
            let client: BaseConsumer = config.create().unwrap();
            // Asks again until it is answered.
            for _ in 0..60 {
                if client.fetch_metadata(None, Duration::from_secs(1)).is_ok() {
                    return;
                }
            }
            panic!("Kafka does not come up");
        });
        ready.await.unwrap();
    }

    /// kill -9.
    pub(crate) async fn kill(&mut self) {
        self.process.take().unwrap().kill().await.unwrap();
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address());
        config
    }

    /// A new topic.
    pub(crate) async fn topic(&self, partitions: i32) -> String {
        let name = format!("topic-{}", TOPICS.fetch_add(1, Ordering::Relaxed));
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        let made = admin
            .create_topics([&topic], &AdminOptions::new())
            .await
            .unwrap();
        made[0].as_ref().unwrap();
        name
    }
}
