//! `tradewind streams move`, by the real binary: from the data directory to Kafka and back. `TRADEWIND_TEST_KAFKA` says
//! where a broker is.

use crate::kafka::{brokers, id, prefix};
use crate::process::{Process, serve};
use crate::support::handler::Handler;
use crate::support::{binary, eventually};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Where a handler's subscription is, and what is to become of what it gets.
struct Scene {
    /// Takes everything.
    all: Handler,
    /// Refuses what it gets for good.
    refusing: Handler,
    /// Cannot take it now.
    busy: Handler,
    /// Paused.
    paused: Handler,
    brokers: String,
    prefix: String,
}

impl Scene {
    async fn new(brokers: String, name: &str) -> Self {
        Self {
            all: Handler::start(&[]).await,
            refusing: Handler::start(&[400; 99]).await,
            busy: Handler::start(&[503; 99]).await,
            paused: Handler::start(&[]).await,
            brokers,
            prefix: prefix(name),
        }
    }

    fn yaml(&self, kafka: bool) -> String {
        let engine = match kafka {
            false => String::new(),
            true => format!(
                "    engine: kafka\n    cluster: {{ brokers: [\"{}\"] }}\n    replication: unreplicated\n    \
                 topic-prefix: {}\n",
                self.brokers, self.prefix
            ),
        };
        let subscription = |name: &str, filter: &str, handler: &Handler| {
            format!(
                "  {name}:\n    stream: orders\n    start: oldest\n    filter: {filter}\n    sink: {}\n    \
                 breaker: {{ failures: 0 }}\n    retry: {{ initial: 1h, max: 1h, jitter: none }}\n",
                handler.sink()
            )
        };
        format!(
            "streams:\n  orders:\n{engine}    shards: 2\n    order-by: subject\n    dedupe-window: 1h\n\
             sources:\n  events: {{ kind: http, path: /events, stream: orders, auth: none-i-understand }}\n\
             subscriptions:\n{}{}{}{}",
            subscription("all", "{ prefix: { id: e- } }", &self.all),
            subscription("refusing", "{ prefix: { id: dead- } }", &self.refusing),
            subscription("busy", "{ prefix: { id: late- } }", &self.busy),
            subscription("paused", "{ prefix: { id: e- } }", &self.paused),
        )
    }
}

impl Process {
    async fn view(&self, name: &str) -> Value {
        let path = format!("/v1/subscriptions/{name}");
        self.admin("GET", &path, "").await.json()
    }

    async fn becomes(&self, name: &str, pointer: &str, wanted: Value) {
        eventually(&format!("{name}{pointer} is {wanted}"), || async {
            self.view(name).await.pointer(pointer) == Some(&wanted)
        })
        .await;
    }

    async fn send(&self, id: &str, key: &str) -> Value {
        let taken = self.publish(id, &format!("ce-subject: {key}\r\n")).await;
        assert!([200, 202].contains(&taken.status), "{}", taken.text());
        taken.json()["events"][0].clone()
    }

    async fn end(mut self) -> TempDir {
        self.signal("TERM");
        assert!(self.child.wait().await.unwrap().success());
        self.dir
    }
}

fn mover(dir: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(["--output", "json", "streams", "move", "orders"])
        .args(args)
        .arg("--config")
        .arg(dir.path().join("tradewind.yaml"))
        .arg("--data-dir")
        .arg(dir.path().join("data"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

fn write(dir: &TempDir, yaml: &str) {
    let file = dir.path().join("tradewind.yaml");
    std::fs::write(file, format!("durability: ephemeral\n{yaml}")).unwrap();
}

async fn moves(dir: &TempDir, args: &[&str]) -> Value {
    let output = mover(dir, args).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn refuses(dir: &TempDir, args: &[&str]) -> String {
    let output = mover(dir, args).output().await.unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts a move and kills it once it has said so many words. Whether it came to that.
async fn killed_after(dir: &TempDir, args: &[&str], words: usize) -> bool {
    let mut child = mover(dir, args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    for _ in 0..words {
        if said.next_line().await.unwrap().is_none() {
            return false;
        }
    }
    child.start_kill().unwrap();
    !child.wait().await.unwrap().success()
}

fn events(outcome: &Value) -> u64 {
    let shards = outcome["shards"].as_array().unwrap();
    shards
        .iter()
        .map(|shard| shard["events"].as_u64().unwrap())
        .sum()
}

const KEYS: u64 = 5;

/// Publishes `e-N` for each of `range`, each with one of five keys.
async fn publish(node: &Process, range: std::ops::Range<u64>) {
    for n in range {
        node.send(&format!("e-{n}"), &format!("k{}", n % KEYS))
            .await;
    }
}

/// What a handler got of `e-N`, by key, until it has so many; nothing comes after it.
async fn got(handler: &mut Handler, count: u64) -> BTreeMap<String, Vec<String>> {
    let mut got: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..count {
        let delivered = handler.next().await;
        let key = delivered.header("ce-subject").to_owned();
        got.entry(key).or_default().push(id(&delivered));
    }
    got
}

fn expected(range: std::ops::Range<u64>) -> BTreeMap<String, Vec<String>> {
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for n in range {
        let of_key = expected.entry(format!("k{}", n % KEYS)).or_default();
        of_key.push(format!("e-{n}"));
    }
    expected
}

#[tokio::test]
async fn a_stream_moves_to_kafka_and_back_with_all_that_it_has_to_do() {
    let Some(brokers) = brokers() else { return };
    let mut scene = Scene::new(brokers, "moves").await;
    let (here, there) = (scene.yaml(false), scene.yaml(true));
    let node = serve(tempfile::tempdir().unwrap(), &here).await;
    let paused = node
        .admin("POST", "/v1/subscriptions/paused/pause", "")
        .await;
    assert_eq!(paused.status, 200, "{}", paused.text());
    publish(&node, 0..40).await;
    let first = node.send("e-0", "k0").await;
    assert_eq!(first["duplicate"], true, "{first}");
    for name in ["dead-1", "dead-2", "late-1", "late-2"] {
        // The second of each kind waits behind the first: they share a key.
        node.send(name, &name[..4]).await;
    }
    assert_eq!(got(&mut scene.all, 40).await, expected(0..40));
    node.becomes("all", "/account/accepted", json!(40)).await;
    node.becomes("refusing", "/account/dead_lettered", json!(2))
        .await;
    node.becomes("busy", "/account/attempts", json!(1)).await;
    assert_eq!(id(&scene.busy.next().await), "late-1");

    // Not while it is served, and not into the unknown.
    write(&node.dir, &there);
    let said = refuses(&node.dir, &["--to", "kafka"]).await;
    assert!(
        said.contains("in use by another process") && said.contains("stop the gateway"),
        "{said}"
    );
    let dir = node.end().await;
    write(&dir, &here);
    let said = refuses(&dir, &["--to", "kafka"]).await;
    assert!(
        said.contains("only that it lies in the data directory"),
        "{said}"
    );
    write(&dir, &there.replace("shards: 2", "shards: 3"));
    let said = refuses(&dir, &["--to", "kafka"]).await;
    assert!(said.contains("shards: 2"), "{said}");
    write(&dir, &there);
    let looked = moves(&dir, &["--to", "kafka", "--dry-run"]).await;
    assert_eq!(
        (&looked["outcome"], events(&looked)),
        (&json!("would-move"), 44)
    );

    // Killed here and there, nothing serves half of it.
    for words in [1, 2, 3] {
        assert!(
            killed_after(&dir, &["--to", "kafka"], words).await,
            "{words}"
        );
    }
    let moved = moves(&dir, &["--to", "kafka"]).await;
    assert_eq!(
        (&moved["outcome"], events(&moved)),
        (&json!("moved"), 44),
        "{moved}"
    );
    let again = moves(&dir, &["--to", "kafka"]).await;
    assert_eq!(again["outcome"], "moved-before", "{again}");
    let log = crate::process::refused(copy_of(&dir), &here).await;
    assert!(log.contains("was moved to Kafka at"), "{log}");

    let node = serve(dir, &there).await;
    node.serves(2).await;
    node.becomes("paused", "/state", json!("paused")).await;
    node.becomes("all", "/account/accepted", json!(40)).await;
    node.becomes("all", "/account/pending", json!(0)).await;
    node.becomes("busy", "/account/pending", json!(2)).await;
    let again = node.send("e-0", "k0").await;
    assert_eq!(again["duplicate"], true, "{again}");
    publish(&node, 40..50).await;
    assert_eq!(
        got(&mut scene.all, 10).await,
        expected(40..50),
        "nothing comes twice"
    );
    // What failed before goes on.
    let base = "/v1/subscriptions/refusing/dead-letters";
    let letters = node.admin("GET", base, "").await.json();
    assert_eq!(
        letters["dead-letters"].as_array().unwrap().len(),
        2,
        "{letters}"
    );
    let journey = node.admin("GET", "/v1/explain?event=e-7", "").await.json();
    let stops = journey[0]["subscriptions"].as_array().unwrap();
    let all = stops
        .iter()
        .find(|stop| stop["subscription"] == "all")
        .unwrap();
    assert_eq!(
        (&all["state"], &all["attempts"][0]["number"]),
        (&json!("accepted"), &json!(1)),
        "{journey}"
    );
    scene.refusing.script(&[]);
    let redriven = node
        .admin("POST", &format!("{base}/redrive"), "{\"all\":true}")
        .await;
    assert_eq!(redriven.json()["count"], 2, "{}", redriven.text());
    node.becomes("refusing", "/account/accepted", json!(2))
        .await;
    replayed(&node, &mut scene.all, 50).await;

    // Others would lose sight of it.
    let other = copy_of(&node.dir);
    write(&other, &there);
    let said = refuses(&other, &["--to", "embedded"]).await;
    assert!(said.contains("is in use at Kafka"), "{said}");
    let dir = node.end().await;
    assert!(killed_after(&dir, &["--to", "embedded"], 2).await);
    let moved = moves(&dir, &["--to", "embedded"]).await;
    assert_eq!(
        (&moved["outcome"], events(&moved)),
        (&json!("moved"), 54),
        "{moved}"
    );
    let log = crate::process::refused(copy_of(&dir), &there).await;
    assert!(
        log.contains("was moved to the data directory") || log.contains("holds events"),
        "{log}"
    );

    let node = serve(dir, &here).await;
    node.becomes("paused", "/state", json!("paused")).await;
    node.becomes("all", "/account/accepted", json!(50)).await;
    node.becomes("busy", "/account/pending", json!(2)).await;
    let again = node.send("e-49", "k4").await;
    assert_eq!(again["duplicate"], true, "{again}");
    publish(&node, 50..55).await;
    assert_eq!(got(&mut scene.all, 5).await, expected(50..55));
    replayed(&node, &mut scene.all, 55).await;
    let resumed = node
        .admin("POST", "/v1/subscriptions/paused/resume", "")
        .await;
    assert_eq!(resumed.status, 200, "{}", resumed.text());
    assert_eq!(got(&mut scene.paused, 55).await, expected(0..55));
    // The retry that was due in an hour is not due yet, and what waits behind it waits.
    node.becomes("busy", "/account/attempts", json!(1)).await;
    node.becomes("refusing", "/account/dead_lettered", json!(0))
        .await;
}

/// All that was ever published, from the oldest on and from a time before it.
async fn replayed(node: &Process, handler: &mut Handler, count: u64) {
    for from in [json!("oldest"), json!(1_577_836_800_000_u64)] {
        let wanted = json!({ "subscription": "all", "from": from }).to_string();
        let replay = node.admin("POST", "/v1/replays", &wanted).await;
        assert_eq!(replay.status, 200, "{}", replay.text());
        assert_eq!(got(handler, count).await, expected(0..count), "{from}");
    }
}

/// The same data once more, as it is on the disk.
fn copy_of(dir: &TempDir) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(dir.path().join("data"))
        .arg(copy.path())
        .status()
        .unwrap();
    assert!(copied.success());
    copy
}
