use super::*;
use crate::{Answer, Capability, Delivery, Parts, Refusal, Report, Secret, Verified};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;
use tradewind_event::Event;

#[derive(Debug)]
struct Nothing;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    #[serde(default)]
    fail_because: Option<String>,
    #[serde(default)]
    #[allow(dead_code, reason = "read only")]
    auth: Auth,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Auth {
    #[serde(default)]
    #[allow(dead_code, reason = "read only")]
    api_keys: Vec<Secret>,
}

fn build(config: Config) -> Result<Arc<Nothing>, Error> {
    match config.fail_because {
        Some(why) => Err(Error::new(ErrorKind::ConfigInvalid, "nothing", why)),
        None => Ok(Arc::new(Nothing)),
    }
}

#[async_trait]
impl Sink for Nothing {
    async fn deliver(&self, _: Vec<Delivery>, _: Report, _: CancellationToken) {}
    fn capability(&self) -> Capability {
        Capability::default()
    }
    fn describe(&self) -> String {
        "nothing".into()
    }
}

impl SinkAdapter for Nothing {
    const KIND: &'static str = "nothing";
    type Config = Config;
    fn build(config: Config, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(build(config)?)
    }
}

impl Webhook for Nothing {
    fn verify(&self, _: &Parts, _: &[u8], _: SystemTime) -> Result<Verified, Refusal> {
        unreachable!("never called")
    }
    fn decode(&self, _: &Parts, _: Bytes, _: &Verified) -> Result<Vec<Event>, Refusal> {
        unreachable!("never called")
    }
    fn challenge(&self, _: &Parts, _: &[u8]) -> Option<Answer> {
        None
    }
}

impl WebhookAdapter for Nothing {
    const KIND: &'static str = "nothing";
    type Config = Config;
    fn build(config: Config, _: &Build) -> Result<Arc<dyn Webhook>, Error> {
        Ok(build(config)?)
    }
}

struct Other;

impl SinkAdapter for Other {
    const KIND: &'static str = "another";
    type Config = Config;
    fn build(config: Config, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(build(config)?)
    }
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    registry
        .webhook::<Nothing>()
        .sink::<Nothing>()
        .sink::<Other>()
        .absent("kafka", "kafka");
    registry
}

#[test]
fn failures_name_the_place_and_what_to_do() {
    let table = [
        (
            "nothing",
            json!({"fail-because": "it is monday"}),
            "",
            "nothing: it is monday",
        ),
        (
            "nothing",
            json!({"fial-because": "x"}),
            "fial-because",
            "config: unknown field `fial-because`, expected `fail-because` or `auth`",
        ),
        (
            "nothing",
            json!({"auth": {"api-keys": ["ok", 7]}}),
            "auth.api-keys[1]",
            "config: invalid type: integer `7`, expected a string",
        ),
        (
            "nothing",
            json!({"auth": {"api-keys": [""]}}),
            "auth.api-keys[0]",
            "config: a secret must not be empty",
        ),
        (
            "nohting",
            json!({}),
            "kind",
            "config: unknown sink kind `nohting` (there are: another, nothing)",
        ),
        (
            "kafka",
            json!({}),
            "kind",
            "config: sink kind `kafka` is not in this binary: build it with the feature `kafka`",
        ),
    ];
    for (kind, settings, path, message) in table {
        let failure = registry()
            .build_sink(kind, &settings, &Build::default())
            .unwrap_err();
        let got = (failure.path.as_str(), failure.error.to_string());
        assert_eq!(got, (path, message.to_owned()), "{kind} {settings}");
        assert_eq!(failure.error.kind(), ErrorKind::ConfigInvalid);
    }
}

#[test]
fn sources_and_sinks_are_told_apart() {
    let source = |kind| registry().build_source(kind, &json!({}), &Build::default());
    assert!(matches!(source("nothing"), Ok(BuiltSource::Push(_))));
    let failure = source("another").unwrap_err();
    let message = "config: unknown source kind `another` (there are: nothing)";
    assert_eq!(failure.error.to_string(), message);
    let registry = registry();
    assert_eq!(registry.source_kinds().collect::<Vec<_>>(), ["nothing"]);
    assert_eq!(
        registry.sink_kinds().collect::<Vec<_>>(),
        ["another", "nothing"]
    );
}

#[test]
fn schemas_come_from_the_settings() {
    let mut generator = SchemaGenerator::default();
    let schemas = registry().sink_schemas(&mut generator);
    let kinds: Vec<&str> = schemas.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["another", "nothing"]);
    let definitions = generator.take_definitions(true);
    let config = &definitions["Config"];
    assert_eq!(config["additionalProperties"], json!(false));
    assert!(config["properties"]["fail-because"].is_object());
    assert!(!definitions["Secret"]["description"].is_null());
}
