//! Small adapters with the shapes that real ones have.

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Body, Build, Capability, Delivery, EngineCapability, Error, ErrorKind, Invoke, Parts, Reason,
    Received, Refusal, Registry, Report, Secret, Settlement, Sink, SinkAdapter, Source,
    SourceAdapter, StreamEngine, Token, Verified, Webhook, WebhookAdapter,
};
use tradewind_config::Env;
use tradewind_event::Event;

/// Files and variables of a test.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) vars: BTreeMap<&'static str, &'static str>,
    pub(crate) files: BTreeMap<&'static str, &'static str>,
}

impl Env for Fake {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).map(|v| v.to_string())
    }
    fn read(&self, path: &Path) -> io::Result<String> {
        let path = path.to_str().unwrap();
        self.files
            .get(path)
            .map(|v| v.to_string())
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }
}

/// What the tables of cases use.
pub(crate) fn fake() -> Fake {
    Fake {
        vars: BTreeMap::from([
            ("HOOK_SECRET", "swordfish-7731"),
            ("WORKERS", "12"),
            ("URL", "https://shop.example/hook?token=hunter2"),
            ("EMPTY", ""),
            ("LEVEL", "loud-and-clear"),
        ]),
        files: BTreeMap::from([("secrets/hook", "open-sesame-9\n")]),
    }
}

pub(crate) fn registry() -> Registry {
    let mut registry = Registry::default();
    registry
        .webhook::<Hook>()
        .webhook::<Door>()
        .source::<Queue>()
        .sink::<Post>()
        .sink::<Pile>()
        .sink::<Loose>()
        .source::<tradewind_memory::MemorySource>()
        .sink::<tradewind_memory::MemorySink>()
        .engine("depot", |depot: Depot| {
            Ok(Arc::new(depot) as Arc<dyn StreamEngine>)
        })
        .absent("kafka", "kafka");
    registry
}

/// Keeps streams elsewhere.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Depot {
    /// Where.
    address: String,
    /// What opens it.
    token: Secret,
    /// How often everything is there.
    #[serde(default = "two")]
    copies: u16,
}

fn two() -> u16 {
    2
}

impl StreamEngine for Depot {
    fn describe(&self) -> String {
        format!("{} copies at {}", self.copies, self.address)
    }
    fn capability(&self) -> EngineCapability {
        EngineCapability {
            durability: "stored",
            weak: (self.copies < 2).then_some("the loss of the depot"),
            retention_bytes: false,
            dedupe_max: 1000,
            shared: true,
            delays: self.token.expose() == "keeps-everything",
        }
    }
}

/// A webhook with secrets.
struct Hook;

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(dead_code)]
struct HookConfig {
    /// The secrets, the newest first.
    secrets: Vec<Secret>,
    /// Oldest signature that is taken, in seconds. Default 300.
    tolerance: Option<u32>,
}

impl WebhookAdapter for Hook {
    const KIND: &'static str = "hook";
    type Config = HookConfig;
    fn build(config: HookConfig, _: &Build) -> Result<Arc<dyn Webhook>, Error> {
        let invalid = |message: String| Error::new(ErrorKind::ConfigInvalid, "hook", message);
        match config.secrets.first() {
            None => Err(invalid(
                "no secret; hint: write `secrets: [\"${env:NAME}\"]`".into(),
            )),
            Some(secret) if secret.expose().len() < 8 => Err(invalid(format!(
                "secret `{}` is too short",
                secret.expose()
            ))),
            Some(_) => Ok(Arc::new(Nothing)),
        }
    }
}

/// A plain HTTP source.
struct Door;

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(dead_code)]
struct DoorConfig {
    /// Who may publish.
    auth: Auth,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code)]
enum Auth {
    /// Names of API keys.
    ApiKeys(Vec<String>),
    /// Everybody.
    NoneIUnderstand,
}

impl WebhookAdapter for Door {
    const KIND: &'static str = "door";
    type Config = DoorConfig;
    fn build(config: DoorConfig, build: &Build) -> Result<Arc<dyn Webhook>, Error> {
        if let Auth::ApiKeys(ids) = config.auth {
            assert!(
                ids.iter().all(|id| build.api_keys.contains_key(id)),
                "{ids:?}"
            );
        }
        Ok(Arc::new(Nothing))
    }
}

/// A source that pulls.
struct Queue;

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(dead_code)]
struct QueueConfig {
    /// The queue.
    queue: String,
    /// File of the keys that senders have.
    keys_file: Option<String>,
    /// What senders show.
    entra: Option<BTreeMap<String, String>>,
    /// The registry that has the schemas of its messages.
    registry: Option<String>,
}

#[derive(Debug)]
struct Reading(Option<String>);

#[async_trait]
impl Source for Reading {
    async fn receive(&self, _: usize, _: Duration) -> Result<Vec<Received>, Error> {
        Ok(Vec::new())
    }
    async fn settle(&self, _: Vec<(Token, Settlement)>) -> Result<(), Error> {
        Ok(())
    }
    fn schema_registry(&self) -> Option<(&'static str, &str)> {
        Some(("registry", self.0.as_deref()?))
    }
    fn capability(&self) -> Capability {
        Capability::default()
    }
}

impl SourceAdapter for Queue {
    const KIND: &'static str = "queue";
    type Config = QueueConfig;
    fn build(config: QueueConfig, _: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Reading(config.registry)))
    }
}

/// A sink of one event at a time.
struct Post;

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(dead_code)]
struct PostConfig {
    /// Where to.
    url: String,
    /// Headers to add.
    #[serde(default)]
    headers: BTreeMap<String, u32>,
    /// The key that signs.
    signing_key: Option<Secret>,
}

impl SinkAdapter for Post {
    const KIND: &'static str = "post";
    type Config = PostConfig;
    fn build(config: PostConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        match config.url.contains("://") {
            true => Ok(Arc::new(Nothing)),
            false => Err(Error::new(
                ErrorKind::ConfigInvalid,
                "post",
                format!(
                    "`{}` is not a URL; hint: write https://host/path",
                    config.url
                ),
            )),
        }
    }
}

/// A sink of many events at a time.
struct Pile;

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PileConfig {}

#[derive(Debug)]
struct Piled;

impl SinkAdapter for Pile {
    const KIND: &'static str = "pile";
    type Config = PileConfig;
    fn build(_: PileConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Piled))
    }
}

#[async_trait]
impl Invoke for Piled {
    async fn ask(&self, _: Event) -> Result<http::Response<Body>, Reason> {
        unreachable!("configuration tests ask nobody")
    }
    fn passes(&self) -> Result<(), String> {
        Ok(())
    }
}

#[async_trait]
impl Sink for Piled {
    async fn deliver(&self, _: Vec<Delivery>, _: Report, _: CancellationToken) {}
    fn invoke(&self) -> Option<&dyn Invoke> {
        Some(self)
    }
    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(100);
        capability.deliver_reply = true;
        capability
    }
    fn describe(&self) -> String {
        "a pile".into()
    }
}

/// A sink that takes any settings.
struct Loose;

impl SinkAdapter for Loose {
    const KIND: &'static str = "loose";
    type Config = BTreeMap<String, serde_json::Value>;
    fn build(_: Self::Config, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Piled))
    }
}

#[derive(Debug)]
struct Nothing;

impl Webhook for Nothing {
    fn verify(&self, _: &Parts, _: &[u8], _: SystemTime) -> Result<Verified, Refusal> {
        unreachable!("configuration tests send no requests")
    }
    fn decode(&self, _: &Parts, _: Bytes, _: &Verified) -> Result<Vec<Event>, Refusal> {
        unreachable!("configuration tests send no requests")
    }
}

#[async_trait]
impl Invoke for Nothing {
    async fn ask(&self, _: Event) -> Result<http::Response<Body>, Reason> {
        unreachable!("configuration tests ask nobody")
    }
}

#[async_trait]
impl Sink for Nothing {
    async fn deliver(&self, _: Vec<Delivery>, _: Report, _: CancellationToken) {}
    fn invoke(&self) -> Option<&dyn Invoke> {
        Some(self)
    }
    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_time_max = Some(Duration::from_secs(230));
        capability
    }
    fn describe(&self) -> String {
        "nowhere".into()
    }
}

/// What [`registry`] holds, and stand-ins that take the settings of the real `http` and `github`
/// which the example uses.
pub(crate) fn with_examples() -> Registry {
    let mut registry = registry();
    registry
        .webhook::<Http>()
        .webhook::<GitHub>()
        .sink::<Http>();
    registry
}

struct Http;
struct GitHub;

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(dead_code)]
struct HttpSourceConfig {
    auth: Auth,
    raw: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(dead_code)]
struct HttpSinkConfig {
    url: String,
    mode: Option<String>,
    batch_max: Option<u32>,
    signing: Option<Vec<Secret>>,
    auth: Option<BTreeMap<String, Secret>>,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(dead_code)]
struct GitHubConfig {
    secrets: Vec<Secret>,
}

impl WebhookAdapter for Http {
    const KIND: &'static str = "http";
    type Config = HttpSourceConfig;
    fn build(_: HttpSourceConfig, _: &Build) -> Result<Arc<dyn Webhook>, Error> {
        Ok(Arc::new(Nothing))
    }
}

impl SinkAdapter for Http {
    const KIND: &'static str = "http";
    type Config = HttpSinkConfig;
    fn build(_: HttpSinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Piled))
    }
}

impl WebhookAdapter for GitHub {
    const KIND: &'static str = "github";
    type Config = GitHubConfig;
    fn build(_: GitHubConfig, _: &Build) -> Result<Arc<dyn Webhook>, Error> {
        Ok(Arc::new(Nothing))
    }
}
