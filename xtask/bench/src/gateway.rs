//! The gateway under test: a configuration, a data directory, a process.

use crate::load::wire::KEY_SHA256;
use crate::process::Process;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What a 2xx means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    Fsync,
    /// With the data directory in memory.
    Ephemeral,
}

/// What the data of the load looks like.
const ORDER: &str = r##"{
  "type": "object", "required": ["order", "customer"],
  "properties": {
    "order": {
      "type": "object", "required": ["id", "currency", "total", "items"], "additionalProperties": false,
      "properties": {
        "id": { "type": "integer", "minimum": 1 },
        "currency": { "enum": ["EUR", "USD", "GBP", "CHF"] },
        "total": { "type": "number", "minimum": 0 },
        "express": { "type": "boolean" },
        "items": { "type": "array", "minItems": 1, "maxItems": 100, "items": { "$ref": "#/$defs/item" } }
      }
    },
    "customer": {
      "type": "object", "required": ["id"],
      "properties": {
        "id": { "type": "integer", "minimum": 1 },
        "name": { "type": "string", "minLength": 1, "maxLength": 200 },
        "country": { "type": "string", "pattern": "^[A-Z]{2}$" }
      }
    },
    "note": { "type": "string" }
  },
  "$defs": {
    "item": {
      "type": "object", "required": ["sku", "quantity", "price"],
      "properties": {
        "sku": { "type": "string", "pattern": "^[A-Z]-[0-9]+$" },
        "quantity": { "type": "integer", "minimum": 1 },
        "price": { "type": "number", "minimum": 0 }
      }
    }
  }
}"##;

/// A running gateway. Its process ends before its folder goes.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    folder: TempDir,
}

/// A folder on the disk that builds go to: scratch folders often lie in memory.
pub(crate) fn on_disk(binary: &Path) -> Result<TempDir, String> {
    let near = binary.parent().ok_or("the gateway's path has no folder")?;
    folder(near)
}

fn folder(parent: &Path) -> Result<TempDir, String> {
    let made = tempfile::Builder::new().prefix("bench-").tempdir_in(parent);
    made.map_err(|e| format!("{}: {e}", parent.display()))
}

impl Gateway {
    /// A source with an API key, and subscriptions, which are YAML below that key.
    pub(crate) fn start(
        binary: &Path,
        durability: Durability,
        subscriptions: &str,
    ) -> Result<Self, String> {
        let rest = format!(
            "sources:\n  shop: {{ kind: http, path: /events, auth: {{ api-keys: [bench] }} }}\n\
             subscriptions:\n{subscriptions}"
        );
        Self::configured(binary, durability, &rest)
    }

    /// The same with a hundred policies, of which the last one lets the load in, and a schema of its events.
    pub(crate) fn trusted(
        binary: &Path,
        durability: Durability,
        subscriptions: &str,
    ) -> Result<Self, String> {
        let policies: String = (0..100)
            .map(|n| match n {
                99 => ("bench", "com.example.shop.*"),
                _ => ("other", "com.example.elsewhere.*"),
            })
            .enumerate()
            .map(|(n, (key, ty))| {
                format!(
                    "permit (principal == Key::\"{key}\", action == Action::\"publish\", resource == Stream::\"default\")\n\
                     when {{ context.type like \"{ty}\" && context.source like \"/shop/*\" && context.via != \"v{n}\" }};\n"
                )
            })
            .collect();
        let rest = format!(
            "policies:\n  bench: {{ file: policies.cedar }}\n\
             schemas:\n  order: {{ versions: [ {{ file: order.json }} ], events: [ {{ type: com.example.shop.* }} ] }}\n\
             sources:\n  shop: {{ kind: http, path: /events, auth: {{ api-keys: [bench] }} }}\n\
             subscriptions:\n{subscriptions}"
        );
        let files = [("policies.cedar", policies.as_str()), ("order.json", ORDER)];
        Self::with_files(binary, durability, &rest, &files)
    }

    /// The same with another source, which is YAML below that key.
    pub(crate) fn reading(
        binary: &Path,
        durability: Durability,
        source: &str,
        subscriptions: &str,
    ) -> Result<Self, String> {
        let rest = format!("sources:\n{source}subscriptions:\n{subscriptions}");
        Self::configured(binary, durability, &rest)
    }

    /// A node of several: an HTTP source, and its stream on the brokers, in topics of this prefix.
    #[cfg(feature = "kafka")]
    pub(crate) fn node(
        binary: &Path,
        brokers: SocketAddr,
        prefix: &str,
        shards: usize,
        subscriptions: &str,
    ) -> Result<Self, String> {
        let rest = format!(
            "streams:\n  default:\n    engine: kafka\n    cluster: {{ brokers: [\"{brokers}\"] }}\n    \
             replication: unreplicated\n    topic-prefix: {prefix}\n    shards: {shards}\n\
             sources:\n  shop: {{ kind: http, path: /events, auth: {{ api-keys: [bench] }} }}\n\
             subscriptions:\n{subscriptions}"
        );
        Self::configured(binary, Durability::Fsync, &rest)
    }

    /// Shards of its stream that it serves, by a subscription to all of it.
    #[cfg(feature = "kafka")]
    pub(crate) fn shards(&self, subscription: &str) -> Result<usize, String> {
        let path = format!("/v1/subscriptions/{subscription}");
        let text = self.admin(&path).map_err(|e| format!("{path}: {e}"))?;
        let (_, body) = text.split_once("\r\n\r\n").ok_or("an answer without end")?;
        let view: serde_json::Value =
            serde_json::from_str(body).map_err(|e| format!("{path}: {e}: {body}"))?;
        Ok(view["cursors"].as_array().map_or(0, Vec::len))
    }

    /// A route with an API key that hands requests on.
    pub(crate) fn proxy(binary: &Path, target: SocketAddr) -> Result<Self, String> {
        let rest = format!(
            "routes:\n  forward:\n    path: /events\n    methods: [POST]\n    mode: proxy\n    \
             auth: {{ api-keys: [bench] }}\n    sink: {}\n",
            sink(target)
        );
        Self::configured(binary, Durability::Ephemeral, &rest)
    }

    fn configured(binary: &Path, durability: Durability, rest: &str) -> Result<Self, String> {
        Self::with_files(binary, durability, rest, &[])
    }

    /// With files beside the configuration.
    fn with_files(
        binary: &Path,
        durability: Durability,
        rest: &str,
        files: &[(&str, &str)],
    ) -> Result<Self, String> {
        let (folder, word) = match durability {
            Durability::Fsync => (on_disk(binary)?, "fsync"),
            Durability::Ephemeral => (folder(Path::new("/dev/shm"))?, "ephemeral"),
        };
        let address = free().map_err(|e| e.to_string())?;
        let config = folder.path().join("tradewind.yaml");
        let text = format!(
            "listen: {address}\ndata-dir: {}\ndurability: {word}\nlog: {{ level: warn }}\n\
             api-keys:\n  bench: {{ sha256: {KEY_SHA256} }}\n{rest}",
            folder.path().join("data").display(),
        );
        for (name, content) in [("tradewind.yaml", text.as_str())].iter().chain(files) {
            std::fs::write(folder.path().join(name), content).map_err(|e| e.to_string())?;
        }
        let said = std::fs::File::create(folder.path().join("log")).map_err(|e| e.to_string())?;
        let mut command = Command::new(binary);
        command
            .arg("serve")
            .arg("--config")
            .arg(&config)
            // As the packages start it.
            .env("MIMALLOC_PURGE_DELAY", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said);
        let process = Process::listening(&mut command, address)?;
        Ok(Self { process, folder })
    }

    /// Waits until it takes connections.
    pub(crate) fn ready(mut self) -> Result<Self, String> {
        match self.process.ready() {
            Ok(()) => Ok(self),
            Err(error) => {
                let said = std::fs::read_to_string(self.log()).unwrap_or_default();
                Err(format!("the gateway: {error}\n{said}"))
            }
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Calls of fdatasync on logs so far.
    pub(crate) fn syncs(&self) -> Result<u64, String> {
        let text = self
            .admin("/metrics")
            .map_err(|e| format!("metrics: {e}"))?;
        // One line for each stream.
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("tradewind_store_syncs_total"))
            .collect();
        if lines.is_empty() {
            return Err("no figure of syncs among the metrics".into());
        }
        let figure = |line: &&str| {
            let figure = line.rsplit(' ').next().and_then(|n| n.parse::<u64>().ok());
            figure.ok_or_else(|| format!("not a figure: {line}"))
        };
        lines.iter().map(figure).sum()
    }

    /// An answer of the admin API, head and all.
    fn admin(&self, path: &str) -> std::io::Result<String> {
        let mut socket = UnixStream::connect(self.folder.path().join("data/admin.sock"))?;
        write!(
            socket,
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        socket.read_to_string(&mut text)?;
        Ok(text)
    }
}

/// An address that nobody listens at.
pub(crate) fn free() -> std::io::Result<SocketAddr> {
    std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

/// A subscription that takes every event of the load.
pub(crate) fn delivered_to(target: SocketAddr, name: usize) -> String {
    format!(
        "  to-{name}: {{ filter: {{ prefix: {{ type: com.example.shop. }} }}, sink: {} }}\n",
        sink(target)
    )
}

/// A subscription that takes none of them.
pub(crate) fn unmoved() -> String {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1024));
    format!(
        "  other: {{ filter: {{ exact: {{ type: com.example.shop.order.cancelled.v1 }} }}, sink: {} }}\n",
        sink(nowhere)
    )
}

fn sink(target: SocketAddr) -> String {
    format!("{{ kind: http, url: \"http://{target}/in\", allow-private: [127.0.0.0/8] }}")
}
