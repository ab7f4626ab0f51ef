//! What a load gives: configuration that is whole, built and ready to run.

use crate::diagnostic::Diagnostics;
use crate::engine::LoadedEngine;
use crate::group::LoadedMember;
use crate::load::paths::Piece;
use crate::model::{
    Address, Admin, Audit, Backup, Common, Cors, Exchange, FromRegistry, GroupMode, Limits, Log,
    Mode, Moment, Network, SchemaRegistry, SystemEvents, Tls, Verb,
};
use crate::policy::Policy;
use crate::snapshot::Snapshot;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{ApiKey, BuiltSource, Callers, Sink};
use tradewind_filter::Filter;
use tradewind_policy::{Member, Policies, Role};
use tradewind_schema::Registered;
use tradewind_store::Settings;
use tradewind_transform::Transform;

/// A configuration without errors.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The gateway itself.
    pub config: Config,
    /// Who may use the admin API besides the holder of its token.
    pub admin_callers: Option<Arc<Callers>>,
    /// Spaces by name; `default` is among them.
    pub spaces: BTreeMap<String, LoadedSpace>,
    /// Spaces of API keys that name one, by the key's id.
    pub key_spaces: BTreeMap<String, String>,
    /// Streams by name; `default` is among them.
    pub streams: BTreeMap<String, LoadedStream>,
    /// Registries of schemas by name.
    pub schema_registries: BTreeMap<String, SchemaRegistry>,
    /// Schemas by name.
    pub schemas: BTreeMap<String, LoadedSchema>,
    /// Who may do what, roles among it.
    pub policies: Policies,
    /// Roles by name.
    pub roles: BTreeMap<String, Role>,
    /// Sources by name.
    pub sources: BTreeMap<String, LoadedSource>,
    /// Routes by name.
    pub routes: BTreeMap<String, LoadedRoute>,
    /// Subscriptions by name.
    pub subscriptions: BTreeMap<String, LoadedSubscription>,
    /// What is no error: warnings, and notes.
    pub warnings: Diagnostics,
    /// The files that were read, for the watcher: the configuration and what it refers to.
    pub files: Vec<PathBuf>,
    pub(crate) snapshot: Snapshot,
}

/// The gateway itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where events are taken over HTTP.
    pub listen: Address,
    /// Where the admin API listens.
    pub admin: Admin,
    /// TLS on an address of the admin API.
    pub admin_tls: Option<Tls>,
    /// TLS where events are taken.
    pub tls: Option<Tls>,
    /// Directory of all durable data.
    pub data_dir: PathBuf,
    /// When an event counts as durable.
    pub durability: Mode,
    /// Limits on what is taken.
    pub limits: Limits,
    /// Proxies that are believed.
    pub trusted_proxies: Arc<[Network]>,
    /// API keys by id.
    pub api_keys: Arc<BTreeMap<String, ApiKey>>,
    /// Backups, where any are wanted.
    pub backup: Option<Backup>,
    /// The audit log.
    pub audit: Audit,
    /// When the gateway tells of itself.
    pub system_events: SystemEvents,
    /// The log.
    pub log: Log,
    /// Time that a stop gives to attempts under way.
    pub shutdown_grace: Duration,
}

/// The space of whatever names none.
pub const DEFAULT_SPACE: &str = "default";

/// A space. `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadedSpace {
    /// Most events per second.
    pub events_per_second: Option<u64>,
    /// Most bytes of them per second.
    pub bytes_per_second: Option<u64>,
    /// Most bytes that its subscriptions have still to settle.
    pub queued_bytes: Option<u64>,
    /// Most subscriptions.
    pub subscriptions: Option<u64>,
    /// Most attempts under way at once.
    pub deliveries: Option<usize>,
    /// Callers of the admin API that are bound to it, besides its keys.
    pub members: Vec<Member>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub why: Option<String>,
}

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedStream {
    /// What keeps it; `None` for the data directory.
    pub engine: Option<LoadedEngine>,
    /// The space that it belongs to.
    pub space: String,
    /// Spaces whose subscriptions may read it too.
    pub shared_with: Vec<String>,
    /// How it is stored.
    pub settings: Settings,
    /// Attribute whose value is the ordering key.
    pub order_by: Option<String>,
    /// Deduplication window; `None` for the default of 10 minutes.
    pub dedupe_window: Option<Duration>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub why: Option<String>,
}

impl Default for LoadedStream {
    fn default() -> Self {
        Self {
            engine: None,
            space: DEFAULT_SPACE.into(),
            shared_with: Vec::new(),
            settings: Settings::default(),
            order_by: None,
            dedupe_window: None,
            owner: None,
            why: None,
        }
    }
}

/// A schema, compiled.
#[derive(Debug, Clone)]
pub struct LoadedSchema {
    /// Its versions and the events that it is for.
    pub registered: Registered,
    /// The subject that its one version is read from, in place of versions of its own.
    pub from: Option<Origin>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub why: Option<String>,
}

/// Where a schema is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The subject, and its registry, which is one of [`Checked::schema_registries`].
    pub subject: FromRegistry,
    /// The language that it must be in; `None` for any.
    pub format: Option<&'static str>,
}

/// A source, built.
#[derive(Debug, Clone)]
pub struct LoadedSource {
    /// The space that it belongs to.
    pub space: String,
    /// What the gateway itself reads of it. For pushed ones, `path` is there.
    pub common: Common,
    /// The adapter.
    pub built: BuiltSource,
}

/// A route, built. Its sink answers, in this mode.
#[derive(Debug, Clone)]
pub struct LoadedRoute {
    /// The space that it belongs to.
    pub space: String,
    /// Its path: steps, `{name}`, and `{*name}` at the end. No other route has it with one of the
    /// same methods.
    pub path: String,
    /// Methods that it takes.
    pub methods: Vec<Verb>,
    /// Who may call.
    pub callers: Arc<Callers>,
    /// What the function is handed.
    pub mode: Exchange,
    /// The sink's kind.
    pub sink_kind: String,
    /// The function.
    pub sink: Arc<dyn Sink>,
    /// The path that is asked for at the target; `None` for the request's own.
    pub rewrite: Option<Vec<Piece>>,
    /// Longest time until the answer begins.
    pub timeout: Duration,
    /// Longest pause within an answer.
    pub idle_timeout: Duration,
    /// Most bytes of a request's body.
    pub max_body: u64,
    /// Longest time that a body may take that is read as a whole.
    pub body_timeout: Duration,
    /// Most requests under way.
    pub concurrency: u32,
    /// Headers, lower case, that go to the function although they are withheld by default.
    pub forward: Vec<String>,
    /// What pages of other origins may do.
    pub cors: Option<Cors>,
    /// The stream that requests are appended to first.
    pub record: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub why: Option<String>,
}

/// A subscription, built.
#[derive(Debug, Clone)]
pub struct LoadedSubscription {
    /// The space that it belongs to.
    pub space: String,
    /// The stream that it reads.
    pub stream: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub why: Option<String>,
    /// The filter, compiled.
    pub filter: Arc<Filter>,
    /// Whom it asks as to see events.
    pub identity: Option<String>,
    /// The filter as written; `null` for none.
    pub definition: Value,
    /// What the sink gets in place of the event, compiled; `None` for the event itself.
    pub transform: Option<Arc<Transform>>,
    /// The sink's kind.
    pub sink_kind: String,
    /// The sink, built.
    pub sink: Arc<dyn Sink>,
    /// Where it begins when it is new.
    pub start: Moment,
    /// Name that it had before.
    pub renamed_from: Option<String>,
    /// How it delivers.
    pub policy: Policy,
    /// The members, where the sink is a group; `sink` is then all of them together.
    pub group: Option<LoadedGroup>,
    /// It only looks on, beside another subscription.
    pub shadow: Option<LoadedShadow>,
}

/// Several sinks in place of one.
#[derive(Debug, Clone)]
pub struct LoadedGroup {
    /// Who decides what the members take.
    pub mode: GroupMode,
    /// The members, in the order of the file.
    pub members: Vec<LoadedMember>,
}

/// What makes a subscription a shadow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedShadow {
    /// The subscription that it looks on.
    pub of: String,
    /// Fields of replies that are not compared: JSON pointers with `*`.
    pub ignore: Vec<String>,
    /// Attributes of replies that are not compared.
    pub ignore_attributes: Vec<String>,
    /// Longest time that one answer waits for the other.
    pub within: Duration,
    /// Most differences that are kept, for each shard.
    pub examples: usize,
    /// Most bytes of answers that are kept, for each shard.
    pub bytes: u64,
    /// How long differences are kept.
    pub keep: Duration,
}
