//! Streams on Apache Kafka, by the real binary. `TRADEWIND_TEST_KAFKA` says where a broker is.

use crate::process::{Process, serve};
use crate::support::handler::Handler;
use crate::support::{event, eventually, http};
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where the broker is; `None`, with a word on stderr, where nobody says.
pub(crate) fn brokers() -> Option<String> {
    let brokers = std::env::var("TRADEWIND_TEST_KAFKA").ok();
    if brokers.is_none() {
        eprintln!("skipped: no Kafka; `cargo xtask prove engines` starts one");
    }
    brokers
}

/// Names that no other run has.
pub(crate) fn prefix(name: &str) -> String {
    format!("{name}-{:016x}", fastrand::u64(..))
}

pub(crate) fn config(brokers: &str, prefix: &str, handler: &Handler) -> String {
    format!(
        "streams:\n  orders:\n    engine: kafka\n    cluster: {{ brokers: [\"{brokers}\"] }}\n    \
         replication: unreplicated\n    topic-prefix: {prefix}\n    shards: 2\n    order-by: subject\n\
         sources:\n  events: {{ kind: http, path: /events, stream: orders, auth: none-i-understand }}\n  \
         here: {{ kind: http, path: /here, auth: none-i-understand }}\n\
         subscriptions:\n  all:\n    stream: orders\n    start: oldest\n    sink: {}\n    breaker: {{ failures: 0 }}\n    \
         retry: {{ initial: 50ms, max: 50ms, jitter: none }}\n",
        handler.sink()
    )
}

impl Process {
    pub(crate) async fn admin(&self, method: &str, path: &str, body: &str) -> http::Answer {
        http::unix(&self.dir.path().join("data/admin.sock"), method, path, body).await
    }

    pub(crate) async fn all(&self) -> Value {
        let path = "/v1/subscriptions/all";
        self.admin("GET", path, "").await.json()
    }

    /// Shards of the stream that this node serves.
    async fn shards(&self) -> usize {
        self.all().await["cursors"].as_array().unwrap().len()
    }

    pub(crate) async fn serves(&self, shards: usize) {
        eventually("shards are served", || async {
            self.shards().await == shards
        })
        .await;
    }

    pub(crate) async fn counts(&self, what: &str, wanted: u64) {
        eventually(what, || async {
            self.all().await["account"][what] == wanted
        })
        .await;
    }

    pub(crate) async fn publish(&self, id: &str, more: &str) -> http::Answer {
        let request = String::from_utf8(event("/events", id, "t", "{}")).unwrap();
        let request = request.replace("host: gateway\r\n", &format!("host: gateway\r\n{more}"));
        http::raw(self.listen, request.as_bytes()).await
    }

    pub(crate) async fn kill(&mut self) {
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
    }
}

pub(crate) fn id(delivered: &crate::support::handler::Delivered) -> String {
    delivered.header("ce-id").to_owned()
}

#[tokio::test]
async fn a_stream_on_kafka_does_what_any_stream_does() {
    let Some(brokers) = brokers() else { return };
    // The second is refused for good.
    let mut handler = Handler::start(&[204, 400]).await;
    let yaml = config(&brokers, &prefix("one"), &handler);
    let mut node = serve(tempfile::tempdir().unwrap(), &yaml).await;
    node.serves(2).await;
    let taken = node.publish("first", "ce-subject: a\r\n").await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    assert_eq!(taken.header("tradewind-durability"), Some("unreplicated"));
    let position = taken.json()["events"][0]["position"].clone();
    assert_eq!(id(&handler.next().await), "first");
    let again = node.publish("first", "ce-subject: a\r\n").await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["events"][0]["position"], position);

    assert_eq!(node.publish("refused", "").await.status, 202);
    assert_eq!(id(&handler.next().await), "refused");
    node.counts("dead_lettered", 1).await;
    let base = "/v1/subscriptions/all/dead-letters";
    let letters = node.admin("GET", base, "").await.json();
    assert_eq!(letters["dead-letters"][0]["id"], "refused");
    let redriven = node
        .admin("POST", &format!("{base}/redrive"), "{\"all\":true}")
        .await;
    assert_eq!(redriven.json()["count"], 1);
    assert_eq!(id(&handler.next().await), "refused");
    node.counts("accepted", 2).await;

    let wanted = "{\"subscription\":\"all\",\"from\":\"oldest\"}";
    let replay = node.admin("POST", "/v1/replays", wanted).await;
    assert_eq!(replay.status, 200, "{}", replay.text());
    let mut replayed = [id(&handler.next().await), id(&handler.next().await)];
    replayed.sort_unstable();
    assert_eq!(replayed, ["first", "refused"]);
    let journey = node
        .admin("GET", "/v1/explain?event=refused", "")
        .await
        .json();
    assert_eq!(
        journey[0]["subscriptions"][0]["state"], "accepted",
        "{journey}"
    );

    let socket = node.dir.path().join("data/admin.sock");
    let mut tail = tokio::net::UnixStream::connect(socket).await.unwrap();
    let ask = b"GET /v1/tail?what=received&stream=orders HTTP/1.1\r\nhost: localhost\r\n\r\n";
    tail.write_all(ask).await.unwrap();
    let mut seen = vec![0; 4096];
    let mut read = tail.read(&mut seen).await.unwrap();
    assert!(seen[..read].starts_with(b"HTTP/1.1 200"));

    assert_eq!(
        node.admin("POST", "/v1/subscriptions/all/pause", "")
            .await
            .status,
        200
    );
    assert_eq!(node.publish("waits", "").await.status, 202);
    while !String::from_utf8_lossy(&seen[..read]).contains("waits") {
        read += tail.read(&mut seen[read..]).await.unwrap();
    }
    // What would be lost with the node is not taken.
    let later = node.publish("later", "ce-deliverafter: 1h\r\n").await;
    assert_eq!(later.status, 400);
    assert!(later.text().contains("is for later"), "{}", later.text());

    node.kill().await;
    // Another machine: nothing of the first is left.
    let node = serve(tempfile::tempdir().unwrap(), &yaml).await;
    node.serves(2).await;
    let view = node.all().await;
    assert_eq!(view["state"], "paused", "{view}");
    assert_eq!(view["account"]["accepted"], 2, "{view}");
    assert_eq!(
        node.admin("POST", "/v1/subscriptions/all/resume", "")
            .await
            .status,
        200
    );
    assert_eq!(id(&handler.next().await), "waits");
    node.counts("accepted", 3).await;
    let again = node.publish("first", "ce-subject: a\r\n").await;
    assert_eq!(again.json()["events"][0]["position"], position);
    // Streams of both engines, side by side.
    let here = http::raw(node.listen, &event("/here", "h", "t", "{}")).await;
    assert_eq!(here.header("tradewind-durability"), Some("ephemeral"));
}

#[tokio::test]
async fn two_nodes_of_one_configuration_share_a_stream() {
    let Some(brokers) = brokers() else { return };
    let mut handler = Handler::start(&[]).await;
    let yaml = config(&brokers, &prefix("two"), &handler);
    let mut first = serve(tempfile::tempdir().unwrap(), &yaml).await;
    first.serves(2).await;
    let second = serve(tempfile::tempdir().unwrap(), &yaml).await;
    first.serves(1).await;
    second.serves(1).await;
    let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut seen = sent.clone();
    let mut publish = async |node: &Process, n: usize| {
        let (key, id) = (format!("key-{}", n % 8), format!("e-{n}"));
        let taken = node.publish(&id, &format!("ce-subject: {key}\r\n")).await;
        assert_eq!(taken.status, 202, "{}", taken.text());
        sent.entry(key).or_default().push(id);
        taken.json()["events"][0]["undecided"] == true
    };
    let mut undecided = 0;
    for n in 0..40 {
        let node = [&first, &second][n % 2];
        undecided += usize::from(publish(node, n).await);
    }
    assert!(
        undecided > 0 && undecided < 40,
        "{undecided} went to the other node's shard"
    );

    // What one cannot do alone is refused, and says where the rest is.
    let redrive = "/v1/subscriptions/all/dead-letters/redrive";
    let refused = first.admin("POST", redrive, "{\"all\":true}").await;
    assert_eq!(refused.status, 421, "{}", refused.text());
    let port = second.listen.port().to_string();
    assert!(
        refused.text().contains(&format!(":{port}")),
        "{}",
        refused.text()
    );
    for node in [&first, &second] {
        let here = format!("{redrive}?here=true");
        let redriven = node.admin("POST", &here, "{\"all\":true}").await;
        assert_eq!(redriven.json()["count"], 0, "{}", redriven.text());
    }

    first.kill().await;
    for n in 40..50 {
        publish(&second, n).await;
    }
    second.serves(2).await;
    while seen.values().map(Vec::len).sum::<usize>() < 50 {
        let delivered = handler.next().await;
        let of_key = seen
            .entry(delivered.header("ce-subject").to_owned())
            .or_default();
        let id = id(&delivered);
        // What the killed node had not recorded comes again.
        if !of_key.contains(&id) {
            of_key.push(id);
        }
    }
    assert_eq!(seen, sent);
}

#[tokio::test]
async fn what_lies_in_the_data_directory_is_not_left_behind() {
    let Some(brokers) = brokers() else { return };
    let handler = Handler::start(&[]).await;
    let yaml = config(&brokers, &prefix("moved"), &handler);
    let embedded: String = yaml
        .lines()
        .filter(|line| {
            !["engine", "cluster", "replication", "topic-prefix"]
                .iter()
                .any(|key| line.contains(&format!(" {key}:")))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let mut node = serve(tempfile::tempdir().unwrap(), &embedded).await;
    assert_eq!(node.publish("here", "").await.status, 202);
    node.kill().await;
    let status = crate::process::refused(node.dir, &yaml).await;
    assert!(
        status.contains("holds events in the data directory"),
        "{status}"
    );
}

/// Brokers that do not answer are named, long before whoever supervises the process loses patience.
#[tokio::test]
async fn brokers_that_are_away_keep_it_from_starting() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap().to_string();
    drop(port);
    let handler = Handler::start(&[]).await;
    let yaml = config(&address, "away", &handler);
    let dir = tempfile::tempdir().unwrap();
    let refused = crate::process::refused(dir, &yaml);
    let refused = tokio::time::timeout(std::time::Duration::from_secs(90), refused);
    let log = refused.await.unwrap();
    let end = log.lines().last().unwrap();
    for part in [&*address, "has answered in 20 s", "refused", "hint: "] {
        assert!(end.contains(part), "{part}: {log}");
    }
    assert!(log.contains("no broker answers yet"), "{log}");
}
