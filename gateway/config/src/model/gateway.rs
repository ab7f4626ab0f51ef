//! The gateway itself: listeners, data, limits, log.

use super::scalar::{Period, Size, Time, text};
use super::{
    Backup, Check, Common, Contract, Network, PolicyText, RoleKeys, Route, SchemaRegistry, Space,
    Stream, Subscription,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;
use tradewind_adapter::{Action, Auth, Secret, Texts};

/// The configuration of a Tradewind gateway.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct File {
    /// Address that takes events over HTTP: IP address and port. Default `127.0.0.1:8080`; the
    /// environment variable `PORT` replaces the port and listens on all interfaces. Since 0.1.
    #[schemars(with = "String")]
    pub(crate) listen: Address,
    /// Where the admin API listens: the path of a Unix socket, or an IP address and port; with `admin-tls` one that
    /// other machines reach. Default: `admin.sock` in the data directory. Since 0.1.
    #[schemars(with = "Option<String>")]
    pub(crate) admin: Option<Admin>,
    /// Who may use the admin API on an address besides the holder of its token, as `auth` of a
    /// source says it. Default: nobody. Since 0.1.
    #[schemars(with = "Option<Auth>")]
    pub(crate) admin_auth: Option<Value>,
    /// TLS on an address of the admin API, as `tls` says it. Default: none. Since 0.1.
    pub(crate) admin_tls: Option<Tls>,
    /// TLS on `listen`: `https` in place of `http`. Default: none; then a proxy should stand before the gateway.
    /// Since 0.1.
    pub(crate) tls: Option<Tls>,
    /// Directory of all durable data; relative to the working directory. Default `tradewind-data`.
    /// Since 0.1.
    pub(crate) data_dir: PathBuf,
    /// When an event counts as durable. Default `fsync`. Since 0.1.
    pub(crate) durability: Mode,
    /// Limits on what is taken. Since 0.1.
    pub(crate) limits: Limits,
    /// Backups, made while the gateway serves. Default: none. Since 0.1.
    pub(crate) backup: Option<Backup>,
    /// The audit log, which every gateway keeps. Since 0.1.
    pub(crate) audit: Audit,
    /// Addresses of proxies that stand before the gateway, as CIDR: what they say in `forwarded` and
    /// `x-forwarded-...` about who called is believed, and they may have all `limits.connections`.
    /// Default: none, and whatever a caller claims is withheld. Since 0.1.
    pub(crate) trusted_proxies: Vec<Network>,
    /// Keys that senders may show, by name. Since 0.1.
    #[schemars(with = "BTreeMap<String, ApiKey>")]
    pub(crate) api_keys: BTreeMap<String, Value>,
    /// What `tradewind check` lets pass. Since 0.1.
    pub(crate) check: Check,
    /// When the gateway tells of itself in the stream `system`. Since 0.1.
    pub(crate) system_events: SystemEvents,
    /// The log. Since 0.1.
    pub(crate) log: Log,
    /// Time that a stop gives to attempts under way. Default `25s`. Since 0.1.
    pub(crate) shutdown_grace: Period,
    /// Spaces by name: tenants, with their quotas; `default` always exists. Since 0.1.
    #[schemars(with = "BTreeMap<String, Space>")]
    pub(crate) spaces: BTreeMap<String, Value>,
    /// Streams by name; `default` always exists. Since 0.1.
    #[schemars(with = "BTreeMap<String, Stream>")]
    pub(crate) streams: BTreeMap<String, Value>,
    /// Registries of schemas by name, of the kind of Confluent's. Since 0.1.
    #[schemars(with = "BTreeMap<String, SchemaRegistry>")]
    pub(crate) schema_registries: BTreeMap<String, Value>,
    /// Schemas by name: what the data of events must look like. Since 0.1.
    #[schemars(with = "BTreeMap<String, Contract>")]
    pub(crate) schemas: BTreeMap<String, Value>,
    /// Policies by name: who may do what. With this key or `roles`, what none permits is denied. Since 0.1.
    #[schemars(with = "BTreeMap<String, PolicyText>")]
    pub(crate) policies: BTreeMap<String, Value>,
    /// Roles by name: policies without a language. Since 0.1.
    #[schemars(with = "BTreeMap<String, RoleKeys>")]
    pub(crate) roles: BTreeMap<String, Value>,
    /// Sources by name: where events come from. Since 0.1.
    #[schemars(with = "BTreeMap<String, Common>")]
    pub(crate) sources: BTreeMap<String, Value>,
    /// Routes by name: requests that a function answers while the caller waits. Since 0.1.
    #[schemars(with = "BTreeMap<String, Route>")]
    pub(crate) routes: BTreeMap<String, Value>,
    /// Subscriptions by name: where events go. Since 0.1.
    #[schemars(with = "BTreeMap<String, Subscription>")]
    pub(crate) subscriptions: BTreeMap<String, Value>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            listen: Address(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
            admin: None,
            admin_auth: None,
            admin_tls: None,
            tls: None,
            data_dir: "tradewind-data".into(),
            durability: Mode::Fsync,
            limits: Limits::default(),
            backup: None,
            audit: Audit::default(),
            trusted_proxies: Vec::new(),
            api_keys: BTreeMap::new(),
            check: Check::default(),
            system_events: SystemEvents::default(),
            log: Log::default(),
            shutdown_grace: Period(Duration::from_secs(25)),
            spaces: BTreeMap::new(),
            streams: BTreeMap::new(),
            schema_registries: BTreeMap::new(),
            schemas: BTreeMap::new(),
            policies: BTreeMap::new(),
            roles: BTreeMap::new(),
            sources: BTreeMap::new(),
            routes: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
        }
    }
}

/// An IP address and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

impl std::str::FromStr for Address {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            format!("`{text}` is not an address; hint: write an IP address and a port, for instance 127.0.0.1:8080")
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where the admin API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admin {
    /// A Unix socket, created with mode 0600.
    Socket(PathBuf),
    /// An address; requests need the generated token, or another proof.
    Tcp(SocketAddr),
}

impl std::str::FromStr for Admin {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "hint: write the path of a socket, or an address such as 127.0.0.1:9090";
        match text.parse::<SocketAddr>() {
            Ok(address) => Ok(Self::Tcp(address)),
            Err(_) if text.contains('/') || text.ends_with(".sock") => {
                Ok(Self::Socket(text.into()))
            }
            Err(_) => Err(format!(
                "`{text}` is neither a socket nor an address; {hint}"
            )),
        }
    }
}

impl Admin {
    /// Whether other machines can reach it.
    pub fn is_public(&self) -> bool {
        matches!(self, Self::Tcp(address) if !address.ip().to_canonical().is_loopback())
    }
}

impl fmt::Display for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

text!(Address, "an address such as 127.0.0.1:8080", { "type": "string" });
text!(Admin, "a socket path or an address", { "type": "string" });

/// TLS on a listener. A reload puts new files in force for new connections.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tls {
    /// The gateway's certificate and those between it and its authority, PEM: `${file:PATH}`. Since 0.1.
    pub certificate: String,
    /// Its private key, PEM: `${file:PATH}`. Since 0.1.
    pub key: Secret,
    /// Authorities of callers' certificates, PEM: `${file:PATH}`. With it every caller is asked for a certificate, and
    /// who shows one that they do not vouch for is refused; `auth: { certificates: [...] }` says where one is
    /// needed. Default: nobody is asked. Since 0.1.
    pub client_ca: Option<String>,
}

/// When an event counts as durable, and its sender is told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// After fdatasync: survives a power loss.
    #[default]
    Fsync,
    /// After the write: survives a crash of the gateway, not of the machine.
    Os,
    /// As `os`, and the data directory may lie in memory: for development and tests.
    Ephemeral,
}

/// Limits on what is taken; beyond them a request is refused before it is read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Largest request body. Default `1MiB`. Since 0.1.
    pub body: Size,
    /// Largest request head. Default `64KiB`. Since 0.1.
    pub headers: Size,
    /// Most headers of a request. Default 100. Since 0.1.
    pub header_count: NonZero<u16>,
    /// Most events of a batch. Default 1000. Since 0.1.
    pub batch: NonZero<u32>,
    /// Bytes of all requests that are being taken, beyond the first 8 KiB of each; a body that did
    /// not come with its head counts as 28 KiB more while it is waited for. Requests for which nothing is left are
    /// answered 503. Default `16MiB`. Since 0.1.
    pub body_memory: Size,
    /// Most connections at once, of which a quarter may speak HTTP/2; more are closed. Default 4096.
    /// Since 0.1.
    pub connections: NonZero<u32>,
    /// Most connections at once of one address (for IPv6, of one /64); more are closed. Those of
    /// `trusted-proxies` are not counted. Default 1024. Since 0.1.
    pub connections_per_peer: NonZero<u32>,
    /// Time for a request head to arrive, then the connection is closed. Default `10s`. Since 0.1.
    pub header_timeout: Period,
    /// Time that a connection may idle between two requests; longer than the idle time of a load
    /// balancer before the gateway. Default `75s`. Since 0.1.
    pub keep_alive: Period,
    /// Time for a request body to arrive. Default `30s`. Since 0.1.
    pub body_timeout: Period,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: Size(1 << 20),
            headers: Size(64 << 10),
            header_count: const { NonZero::new(100).unwrap() },
            batch: const { NonZero::new(1000).unwrap() },
            body_memory: Size(16 << 20),
            connections: const { NonZero::new(4096).unwrap() },
            connections_per_peer: const { NonZero::new(1024).unwrap() },
            header_timeout: Period(Duration::from_secs(10)),
            keep_alive: Period(Duration::from_secs(75)),
            body_timeout: Period(Duration::from_secs(30)),
        }
    }
}

/// A key that senders may show: `tw_<id>_<secret>`. Only its digest is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ApiKey {
    /// The part between `tw_` and the secret: `a-z`, `0-9` and `-`. Default: the name of the
    /// key. Since 0.1.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,63}$"))]
    pub id: Option<String>,
    /// SHA-256 of the whole key, 64 hexadecimal digits; or, while it is replaced by another one with the same
    /// id, a list of at most 4, the current one first. Since 0.1.
    pub sha256: Texts,
    /// When it ends, RFC 3339, for instance `2027-01-31T00:00:00Z`. Default: never. Since 0.1.
    pub expires: Option<Time>,
    /// What it is good for: `publish` (sources and routes); at the admin API `subscribe` (`tail`),
    /// `read-payload`, `replay`, `redrive` and `configure`. Default: whatever the places that name it are
    /// for. Since 0.1.
    pub scopes: Option<Vec<Action>>,
    /// The space that it belongs to: at the admin API it sees and does only what is that space's. Default: that of
    /// whoever names none, and no bounds at the admin API. Since 0.1.
    pub space: Option<String>,
    /// Who answers for it. Since 0.1.
    pub owner: Option<String>,
    /// What it is for. Since 0.1.
    pub why: Option<String>,
}

/// The log of what operators did: in `audit` in the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Audit {
    /// How long its lines are kept at least; whole files of 4 MiB are removed. Default `365d`. Since 0.1.
    pub keep: Period,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            keep: Period(Duration::from_secs(365 * 24 * 3600)),
        }
    }
}

/// What the gateway tells of itself in the stream `system`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SystemEvents {
    /// Whether it tells anything. Default `true`. Since 0.1.
    pub enabled: bool,
    /// Bytes of log that a subscription has not read yet, from which on its backlog is told of; it is
    /// told of again once it is below half. Default `64MiB`. Since 0.1.
    pub backlog: Size,
    /// Free bytes on the disk of the data directory, below which that is told of. Default `1GiB`.
    /// Since 0.1.
    pub disk_free: Size,
}

impl Default for SystemEvents {
    fn default() -> Self {
        Self {
            enabled: true,
            backlog: Size(64 << 20),
            disk_free: Size(1 << 30),
        }
    }
}

/// The log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Log {
    /// How lines look. Default `auto`. Since 0.1.
    pub format: LogFormat,
    /// The least important lines that are written. Default `info`. Since 0.1.
    pub level: LogLevel,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

/// Importance of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// What needs a person.
    Error,
    /// What may need one.
    Warn,
    /// What changes.
    #[default]
    Info,
    /// Every request and attempt.
    Debug,
    /// Everything.
    Trace,
}
