//! A gateway in process, handlers on loopback, and a client that sends any bytes.

pub(crate) mod engine;
pub(crate) mod front;
pub(crate) mod handler;
pub(crate) mod http;

use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tradewind_config::{Address, Admin, Checked};
use tradewind_engine::SubscriptionView;
use tradewind_server::run::{self, Options, Running};
use tradewind_store::Durability;

/// Longest wait for anything; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway in process.
pub(crate) struct Gateway {
    pub(crate) running: Running,
    pub(crate) dir: TempDir,
}

/// Starts a gateway with this configuration.
pub(crate) async fn start(yaml: &str) -> Gateway {
    start_in(tempfile::tempdir().unwrap(), yaml).await
}

/// Starts a gateway on the data that a directory holds.
pub(crate) async fn start_in(dir: TempDir, yaml: &str) -> Gateway {
    let path = dir.path().join("tradewind.yaml");
    std::fs::write(&path, yaml).unwrap();
    let (data, folder) = (dir.path().join("data"), dir.path().to_owned());
    let amend = move |checked: &mut Checked| {
        checked.config.listen = Address("127.0.0.1:0".parse().unwrap());
        if let Admin::Socket(_) = checked.config.admin {
            checked.config.admin = Admin::Socket(data.join("admin.sock"));
        }
        checked.config.data_dir = data.clone();
        // Tests may run where the disk is memory.
        for stream in checked.streams.values_mut() {
            stream.settings.durability = Durability::Ephemeral;
        }
        engine::amend(checked, &folder);
    };
    let running = run::start(Options {
        path: Some(path),
        text: String::new(),
        amend: Arc::new(amend),
        drain_delay: Duration::ZERO,
    })
    .await
    .unwrap_or_else(|error| panic!("{error}"));
    Gateway { running, dir }
}

impl Gateway {
    /// Sends raw bytes to ingress and gives the answer.
    pub(crate) async fn send(&self, request: &[u8]) -> http::Answer {
        http::raw(self.running.listen, request).await
    }

    /// Publishes one CloudEvent in binary mode.
    pub(crate) async fn publish(&self, path: &str, id: &str, ty: &str, data: &str) -> http::Answer {
        self.send(&event(path, id, ty, data)).await
    }

    /// One call of the admin API.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: &str) -> http::Answer {
        let socket = self.dir.path().join("data/admin.sock");
        http::unix(&socket, method, path, body).await
    }

    pub(crate) async fn subscription(&self, name: &str) -> SubscriptionView {
        let all = self.running.gateway.engine.subscriptions().await;
        all.into_iter()
            .find(|view| view.name == name)
            .unwrap_or_else(|| panic!("no subscription {name}"))
    }

    /// Waits until the subscription looks as wanted.
    pub(crate) async fn until(&self, name: &str, wanted: impl Fn(&SubscriptionView) -> bool) {
        let mut happenings = self.running.gateway.engine.happenings();
        let waiting = async {
            while !wanted(&self.subscription(name).await) {
                // Accounts change with happenings; the pause covers those that are not announced.
                tokio::time::timeout(Duration::from_millis(50), happenings.recv())
                    .await
                    .ok();
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("{name} stays as {:?}", self.subscription(name).await);
        }
    }

    /// Events written to the stream since the start.
    pub(crate) async fn appended(&self, stream: &str) -> u64 {
        self.running.gateway.engine.streams().await[stream].appended
    }

    /// Waits until nothing is pending, asserts the accounting identity in the engine and in the
    /// metrics, and stops the gateway.
    pub(crate) async fn finish(self) -> TempDir {
        let quiesced = self.running.gateway.engine.quiesced();
        if tokio::time::timeout(PATIENCE, quiesced).await.is_err() {
            panic!("{:?}", self.running.gateway.engine.subscriptions().await);
        }
        self.balanced().await;
        self.running.stop().await.unwrap();
        self.dir
    }

    /// Asserts the accounting identity, pending included.
    pub(crate) async fn balanced(&self) {
        let gateway = &self.running.gateway;
        assert_eq!(gateway.engine.imbalances().await, []);
        let metrics = self.admin("GET", "/metrics", "").await.text();
        let gauges: Vec<&str> = metrics
            .lines()
            .filter(|line| line.starts_with("tradewind_accounting_balanced{"))
            .collect();
        let subscriptions = gateway.engine.subscriptions().await.len();
        let streams = gateway.engine.streams().await.len();
        assert_eq!(gauges.len(), subscriptions + streams);
        for gauge in gauges {
            assert!(gauge.ends_with(" 1"), "{gauge}");
        }
    }
}

/// A CloudEvent in binary mode.
pub(crate) fn event(path: &str, id: &str, ty: &str, data: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: gateway\r\nce-specversion: 1.0\r\nce-id: {id}\r\n\
         ce-source: /shop\r\nce-type: {ty}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{data}",
        data.len()
    )
    .into_bytes()
}

/// Waits until `done` says so.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    let waiting = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        panic!("gave up waiting: {what}");
    }
}

/// The position that an answer of ingress names.
pub(crate) fn position(answer: &Value) -> String {
    answer["events"][0]["position"].as_str().unwrap().to_owned()
}

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tradewind"))
}
