//! Adapters by kind.

use crate::{
    ApiKey, Error, ErrorKind, Issuers, Reach, Signers, Sink, Sinks, Source, StreamEngine, Webhook,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a constructor may ask of the gateway.
#[derive(Debug, Clone, Default)]
pub struct Build {
    /// Name of the source or subscription that is being built.
    pub name: String,
    /// Configured API keys by id.
    pub api_keys: Arc<BTreeMap<String, ApiKey>>,
    /// Issuers of tokens; `None` where nothing fetches their keys.
    pub issuers: Option<Arc<dyn Issuers>>,
    /// Signatures of AWS; `None` in a binary without them.
    pub signers: Option<Arc<dyn Signers>>,
    /// The way to servers of tokens; `None` in a binary that has none.
    pub reach: Option<Arc<dyn Reach>>,
    /// Sinks of authorizers; `None` where there are none.
    pub sinks: Option<Arc<dyn Sinks>>,
}

/// A source, pushed or pulled.
#[derive(Debug, Clone)]
pub enum BuiltSource {
    /// Called over HTTP at the source's `path`.
    Push(Arc<dyn Webhook>),
    /// Asked for messages.
    Pull(Arc<dyn Source>),
}

/// Typed constructor of a webhook source.
pub trait WebhookAdapter: 'static {
    /// The `kind` in configuration.
    const KIND: &'static str;
    /// Its settings; unknown fields refused (`#[serde(deny_unknown_fields)]`).
    type Config: DeserializeOwned + JsonSchema;
    /// Builds it.
    fn build(config: Self::Config, build: &Build) -> Result<Arc<dyn Webhook>, Error>;
}

/// Typed constructor of a pulled source.
pub trait SourceAdapter: 'static {
    /// The `kind` in configuration.
    const KIND: &'static str;
    /// Its settings; unknown fields refused.
    type Config: DeserializeOwned + JsonSchema;
    /// Builds it; connecting happens in `receive`.
    fn build(config: Self::Config, build: &Build) -> Result<Arc<dyn Source>, Error>;
}

/// Typed constructor of a sink.
pub trait SinkAdapter: 'static {
    /// The `kind` in configuration.
    const KIND: &'static str;
    /// Its settings; unknown fields refused.
    type Config: DeserializeOwned + JsonSchema;
    /// Builds it; connecting happens in `deliver`.
    fn build(config: Self::Config, build: &Build) -> Result<Arc<dyn Sink>, Error>;
}

type BuildSource = Box<dyn Fn(&Value, &Build) -> Result<BuiltSource, Failure> + Send + Sync>;
type BuildSink = Box<dyn Fn(&Value, &Build) -> Result<Arc<dyn Sink>, Failure> + Send + Sync>;
type BuildEngine = Box<dyn Fn(&Value) -> Result<Arc<dyn StreamEngine>, Failure> + Send + Sync>;
type Describe = Box<dyn Fn(&mut SchemaGenerator) -> Schema + Send + Sync>;

/// Why an adapter could not be built, with the path of the offending key.
#[derive(Debug)]
pub struct Failure {
    /// Path relative to the adapter's settings, for instance `auth.api-keys[0]`; empty for the whole.
    pub path: String,
    /// What is wrong.
    pub error: Error,
}

/// All adapters of a binary. Registration is explicit: one line each.
#[derive(Default)]
pub struct Registry {
    sources: BTreeMap<&'static str, (BuildSource, Describe)>,
    sinks: BTreeMap<&'static str, (BuildSink, Describe)>,
    engines: BTreeMap<&'static str, (BuildEngine, Describe)>,
    absent: BTreeMap<&'static str, &'static str>,
    issuers: Option<Arc<dyn Issuers>>,
    signers: Option<Arc<dyn Signers>>,
    reach: Option<Arc<dyn Reach>>,
    lent_sinks: Option<Arc<dyn Sinks>>,
}

fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(value).map_err(|e| Failure {
        path: e.path().to_string(),
        error: Error::new(ErrorKind::ConfigInvalid, "config", e.inner().to_string()),
    })
}

fn described<C: JsonSchema + 'static>() -> Describe {
    Box::new(|generator| generator.subschema_for::<C>())
}

fn whole(error: Error) -> Failure {
    Failure {
        path: String::new(),
        error,
    }
}

impl Registry {
    /// Enters a webhook source.
    pub fn webhook<A: WebhookAdapter>(&mut self) -> &mut Self {
        self.webhook_as(A::KIND, A::build)
    }
    /// Enters a webhook source that is an entry of an adapter's own table.
    pub fn webhook_as<C: DeserializeOwned + JsonSchema + 'static>(
        &mut self,
        kind: &'static str,
        make: impl Fn(C, &Build) -> Result<Arc<dyn Webhook>, Error> + Send + Sync + 'static,
    ) -> &mut Self {
        let build: BuildSource = Box::new(move |value, build| {
            make(parse(value)?, build)
                .map(BuiltSource::Push)
                .map_err(whole)
        });
        self.sources.insert(kind, (build, described::<C>()));
        self
    }
    /// Enters a pulled source.
    pub fn source<A: SourceAdapter>(&mut self) -> &mut Self {
        self.sources.insert(
            A::KIND,
            (
                Box::new(|value, build| {
                    A::build(parse(value)?, build)
                        .map(BuiltSource::Pull)
                        .map_err(whole)
                }),
                described::<A::Config>(),
            ),
        );
        self
    }
    /// Enters a sink.
    pub fn sink<A: SinkAdapter>(&mut self) -> &mut Self {
        let build: BuildSink =
            Box::new(|value, build| A::build(parse(value)?, build).map_err(whole));
        self.sinks
            .insert(A::KIND, (build, described::<A::Config>()));
        self
    }
    /// Enters a sink that is an entry of an adapter's own table; `about` is what the reference says of its
    /// settings.
    pub fn sink_as<C: DeserializeOwned + JsonSchema + 'static>(
        &mut self,
        kind: &'static str,
        about: &'static str,
        make: impl Fn(C, &Build) -> Result<Arc<dyn Sink>, Error> + Send + Sync + 'static,
    ) -> &mut Self {
        let build: BuildSink =
            Box::new(move |value, build| make(parse(value)?, build).map_err(whole));
        let describe: Describe = Box::new(move |generator| {
            // Not a reference: entries of one table share the settings, and differ in what is said of them.
            let mut schema = C::json_schema(generator);
            schema.insert("description".into(), about.into());
            schema
        });
        self.sinks.insert(kind, (build, describe));
        self
    }
    /// Enters what keeps streams; its settings stand beside the gateway's own keys of a stream.
    pub fn engine<C: DeserializeOwned + JsonSchema + 'static>(
        &mut self,
        name: &'static str,
        make: impl Fn(C) -> Result<Arc<dyn StreamEngine>, Error> + Send + Sync + 'static,
    ) -> &mut Self {
        let build: BuildEngine = Box::new(move |value| make(parse(value)?).map_err(whole));
        self.engines.insert(name, (build, described::<C>()));
        self
    }
    /// Names a kind that this binary was built without, and the feature that would enable it.
    pub fn absent(&mut self, kind: &'static str, feature: &'static str) -> &mut Self {
        self.absent.insert(kind, feature);
        self
    }
    /// Lends issuers of tokens to what is built.
    pub fn lend(&mut self, issuers: Arc<dyn Issuers>) -> &mut Self {
        self.issuers = Some(issuers);
        self
    }
    /// Lends signatures of AWS to what is built.
    pub fn lend_signers(&mut self, signers: Arc<dyn Signers>) -> &mut Self {
        self.signers = Some(signers);
        self
    }
    /// Lends the way to servers of tokens to what is built.
    pub fn lend_reach(&mut self, reach: Arc<dyn Reach>) -> &mut Self {
        self.reach = Some(reach);
        self
    }
    /// Lends sinks to authorizers.
    pub fn lend_sinks(&mut self, sinks: Arc<dyn Sinks>) -> &mut Self {
        self.lent_sinks = Some(sinks);
        self
    }
    /// The sinks that were lent.
    pub fn lent_sinks(&self) -> Option<Arc<dyn Sinks>> {
        self.lent_sinks.clone()
    }
    /// The signatures that were lent.
    pub fn signers(&self) -> Option<Arc<dyn Signers>> {
        self.signers.clone()
    }
    /// The way to servers of tokens that was lent.
    pub fn reach(&self) -> Option<Arc<dyn Reach>> {
        self.reach.clone()
    }
    /// The issuers that were lent.
    pub fn issuers(&self) -> Option<Arc<dyn Issuers>> {
        self.issuers.clone()
    }
    /// Builds a source from its settings (without `kind` and the gateway's own keys).
    pub fn build_source(
        &self,
        kind: &str,
        value: &Value,
        build: &Build,
    ) -> Result<BuiltSource, Failure> {
        match self.sources.get(kind) {
            Some((make, _)) => make(value, build),
            None => Err(self.unknown("source kind", kind, self.sources.keys())),
        }
    }
    /// Builds a sink from its settings (without `kind`).
    pub fn build_sink(
        &self,
        kind: &str,
        value: &Value,
        build: &Build,
    ) -> Result<Arc<dyn Sink>, Failure> {
        match self.sinks.get(kind) {
            Some((make, _)) => make(value, build),
            None => Err(self.unknown("sink kind", kind, self.sinks.keys())),
        }
    }
    /// Builds what keeps a stream from its settings (without `engine` and the gateway's own keys).
    pub fn build_engine(
        &self,
        name: &str,
        value: &Value,
    ) -> Result<Arc<dyn StreamEngine>, Failure> {
        match self.engines.get(name) {
            Some((make, _)) => make(value),
            None => Err(self.unknown("stream engine", name, self.engines.keys())),
        }
    }
    /// What keeps streams besides the data directory.
    pub fn engines(&self) -> impl Iterator<Item = &'static str> {
        self.engines.keys().copied()
    }
    /// JSON Schema of the settings of each.
    pub fn engine_schemas(&self, generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        self.engines
            .iter()
            .map(|(name, (_, describe))| (*name, describe(generator)))
            .collect()
    }
    /// Kinds of sources.
    pub fn source_kinds(&self) -> impl Iterator<Item = &'static str> {
        self.sources.keys().copied()
    }
    /// Kinds of sinks.
    pub fn sink_kinds(&self) -> impl Iterator<Item = &'static str> {
        self.sinks.keys().copied()
    }
    /// JSON Schema of each source kind's settings.
    pub fn source_schemas(&self, generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        self.sources
            .iter()
            .map(|(kind, (_, describe))| (*kind, describe(generator)))
            .collect()
    }
    /// JSON Schema of each sink kind's settings.
    pub fn sink_schemas(&self, generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        self.sinks
            .iter()
            .map(|(kind, (_, describe))| (*kind, describe(generator)))
            .collect()
    }

    fn unknown<'a>(
        &self,
        role: &str,
        kind: &str,
        known: impl Iterator<Item = &'a &'static str>,
    ) -> Failure {
        let message = match self.absent.get(kind) {
            Some(feature) => format!(
                "{role} `{kind}` is not in this binary: build it with the feature `{feature}`"
            ),
            None => {
                let known: Vec<&str> = known.copied().collect();
                format!("unknown {role} `{kind}` (there are: {})", known.join(", "))
            }
        };
        Failure {
            path: "kind".into(),
            error: Error::new(ErrorKind::ConfigInvalid, "config", message),
        }
    }
}

/// A registry that lends its sinks to another.
impl Sinks for Registry {
    fn sink(&self, settings: &Map<String, Value>) -> Result<Arc<dyn Sink>, Error> {
        let mut settings = settings.clone();
        let kind = settings.remove("kind");
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
        let build = Build {
            name: "authorizer".into(),
            signers: self.signers(),
            reach: self.reach(),
            ..Build::default()
        };
        let built = self.build_sink(kind, &settings.into(), &build);
        built.map_err(|failure| {
            let place = match failure.path.is_empty() {
                true => String::new(),
                false => format!(".{}", failure.path),
            };
            let message = format!("`auth.authorizer.sink{place}`: {}", failure.error.message());
            Error::new(ErrorKind::ConfigInvalid, "auth", message)
        })
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("sources", &self.sources.keys())
            .field("sinks", &self.sinks.keys())
            .field("engines", &self.engines.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
