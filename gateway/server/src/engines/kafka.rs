//! Streams on clusters of Apache Kafka.

use super::Places;
use schemars::JsonSchema;
use serde::Deserialize;
use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;
use tradewind_adapter::{EngineCapability, Error as Refused, ErrorKind, Registry, StreamEngine};
use tradewind_kafka::Access;
use tradewind_store::{Error, SharedTable, SystemClock, SystemRandom};
use tradewind_store_kafka::{Copies, KafkaStreams, Params};

/// The `engine` of such streams.
const NAME: &str = "kafka";
/// Longest beginning of names of topics: `.SPACE.STREAM.state` follows, and 249 characters are all that Kafka takes.
const PREFIX_MAX: usize = 64;

/// Settings of a stream on Apache Kafka.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Brokers, and how to get in. Since 0.1.
    cluster: Access,
    /// On how many brokers everything is that the stream holds, 2 or more; an answer waits for two of them. With
    /// `unreplicated` on one, and what that one loses is lost. Default 3. Since 0.1.
    #[serde(default)]
    replication: Replication,
    /// What the names of its topics begin with: `PREFIX.default.STREAM`, and the same with `.state`. Default
    /// `tradewind`. Since 0.1.
    #[serde(default = "prefix")]
    topic_prefix: String,
    /// Whether any number of gateways share the stream, each serving some of its shards. With `false`, the one that
    /// started last serves all of it, and another in its place when it is gone. Default `true`. Since 0.1.
    #[serde(default = "shared")]
    shared: bool,
    /// Whether what is changed at run time (registered schemas, weights, pauses) lies on this cluster, for all gateways
    /// that share streams. Needed only where they share streams on several; a topic of its own holds it,
    /// `PREFIX.run-time`. Default `false`. Since 0.1.
    #[serde(default)]
    keeps_changes: bool,
}

fn prefix() -> String {
    "tradewind".into()
}

fn shared() -> bool {
    true
}

/// How many brokers have everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Replication {
    /// So many.
    Brokers(#[schemars(range(min = 2, max = 16))] u16),
    /// One, in words.
    Word(Unreplicated),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Unreplicated {
    /// One broker has it.
    Unreplicated,
}

impl Default for Replication {
    fn default() -> Self {
        Self::Brokers(3)
    }
}

/// Where a stream lies.
pub(super) struct OnKafka {
    settings: Settings,
    params: Params,
}

impl fmt::Debug for OnKafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnKafka")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl StreamEngine for OnKafka {
    fn describe(&self) -> String {
        let brokers = self.settings.cluster.brokers.join(",");
        format!("Kafka at {brokers}, topics {}.", self.settings.topic_prefix)
    }
    fn capability(&self) -> EngineCapability {
        let alone = self.params.copies == Copies::One;
        EngineCapability {
            durability: if alone { "unreplicated" } else { "replicated" },
            weak: alone.then_some("the loss of one broker"),
            retention_bytes: false,
            dedupe_max: self.params.identities as u64,
            shared: self.params.shared,
            delays: false,
        }
    }
}

pub(super) fn register(registry: &mut Registry) {
    registry.engine(NAME, |settings: Settings| {
        OnKafka::new(settings).map(|engine| Arc::new(engine) as Arc<dyn StreamEngine>)
    });
}

impl OnKafka {
    fn new(settings: Settings) -> Result<Self, Refused> {
        let invalid = |message: String| Refused::new(ErrorKind::ConfigInvalid, "config", message);
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let prefix = &settings.topic_prefix;
        if prefix.is_empty() || prefix.len() > PREFIX_MAX || !prefix.chars().all(legal) {
            return Err(invalid(format!(
                "`topic-prefix: {prefix}` cannot begin the name of a topic; hint: 1 to {PREFIX_MAX} letters, digits, \
                 `-`, `_` and `.`"
            )));
        }
        let copies = match settings.replication {
            Replication::Word(Unreplicated::Unreplicated) => Copies::One,
            Replication::Brokers(brokers @ 2..=16) => Copies::Replicated(brokers),
            Replication::Brokers(brokers) => {
                return Err(invalid(format!(
                    "`replication: {brokers}` is not between 2 and 16; hint: `unreplicated` is the name of one copy, \
                     which may lose events that were accepted"
                )));
            }
        };
        if settings.cluster.shows_tokens() {
            return Err(invalid(
                "`cluster.sasl.mechanism: oauthbearer` is for sources and sinks; hint: streams take `plain` and SCRAM".into(),
            ));
        }
        let client = settings.cluster.config()?;
        let params = Params {
            prefix: prefix.clone(),
            copies,
            shared: settings.shared,
            // Whoever opens it says where.
            ..Params::new(client, PathBuf::new())
        };
        Ok(Self { settings, params })
    }

    /// The same for streams that one connection serves.
    fn key(&self) -> Key {
        let mut client: Vec<(String, String)> = self
            .params
            .client
            .config_map()
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        client.sort_unstable();
        let Params {
            prefix,
            copies,
            shared,
            ..
        } = &self.params;
        (client, prefix.clone(), *copies, *shared)
    }
}

/// Where nodes share what they change at run time: with the streams that they share, and where these lie on several
/// clusters, on the one that says so.
pub(super) fn home(places: &Places) -> Result<Option<&OnKafka>, Error> {
    let engines = places.values().filter_map(|engine| {
        let engine: &dyn Any = &**engine;
        engine.downcast_ref::<OnKafka>()
    });
    let shared: Vec<&OnKafka> = engines.filter(|engine| engine.params.shared).collect();
    let one = |of: &[&OnKafka]| {
        let first = of.first().map(|engine| engine.key());
        of.iter().all(|engine| Some(engine.key()) == first)
    };
    if one(&shared) {
        return Ok(shared.first().copied());
    }
    let said = shared.iter().copied();
    let said: Vec<&OnKafka> = said.filter(|e| e.settings.keeps_changes).collect();
    match said.first() {
        Some(home) if one(&said) => Ok(Some(home)),
        _ => {
            let mut at: Vec<String> = shared.iter().map(|engine| engine.describe()).collect();
            at.sort_unstable();
            at.dedup();
            Err(Error::Invalid(format!(
                "streams are shared at several places ({}), and {} of them keeps what is changed at run time; hint: \
                 `keeps-changes: true` at one of the streams there",
                at.join("; "),
                if said.is_empty() {
                    "none"
                } else {
                    "more than one"
                },
            )))
        }
    }
}

type Key = (Vec<(String, String)>, String, Copies, bool);

/// Clusters that streams were opened on; those with the same settings have one connection.
pub(super) struct Clusters {
    node: String,
    scratch: PathBuf,
    open: Mutex<Vec<(Key, Arc<KafkaStreams>)>>,
}

impl fmt::Debug for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clusters")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

impl Clusters {
    pub(super) fn new(node: String, scratch: PathBuf) -> Self {
        Self {
            node,
            scratch,
            open: Mutex::default(),
        }
    }

    /// Streams there; `None` where it is no such cluster.
    pub(super) async fn of(
        &self,
        engine: &dyn StreamEngine,
    ) -> Result<Option<Arc<KafkaStreams>>, Error> {
        let engine: &dyn Any = engine;
        match engine.downcast_ref::<OnKafka>() {
            Some(engine) => self.connected(engine).await.map(Some),
            None => Ok(None),
        }
    }

    /// What nodes share there beside streams.
    pub(super) async fn table(&self, engine: &OnKafka) -> Result<Arc<dyn SharedTable>, Error> {
        self.connected(engine).await?.table().await
    }

    async fn connected(&self, engine: &OnKafka) -> Result<Arc<KafkaStreams>, Error> {
        // One after the other: two streams of one cluster are to find one connection.
        let mut open = self.open.lock().await;
        let key = engine.key();
        if let Some((_, streams)) = open.iter().find(|(there, _)| *there == key) {
            return Ok(streams.clone());
        }
        let params = Params {
            node: self.node.clone(),
            scratch: self.scratch.clone(),
            ..engine.params.clone()
        };
        tracing::info!(at = engine.describe(), "connecting");
        let clock = Arc::new(SystemClock::default());
        let streams = KafkaStreams::connect(params, clock, Arc::new(SystemRandom)).await?;
        let streams = Arc::new(streams);
        open.push((key, Arc::clone(&streams)));
        Ok(streams)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn made(settings: serde_json::Value) -> Result<OnKafka, String> {
        let settings = serde_json::from_value(settings).map_err(|e| e.to_string())?;
        OnKafka::new(settings).map_err(|e| e.to_string())
    }

    #[test]
    fn fewer_copies_than_two_have_a_name() {
        let with = |replication: serde_json::Value| {
            made(json!({ "cluster": { "brokers": ["a:9092"] }, "replication": replication }))
        };
        let durability = |replication| with(replication).unwrap().capability().durability;
        assert_eq!(durability(json!(3)), "replicated");
        assert_eq!(durability(json!("unreplicated")), "unreplicated");
        for refused in [json!(0), json!(1), json!(17), json!("none")] {
            assert!(with(refused.clone()).is_err(), "{refused}");
        }
        assert!(with(json!(1)).unwrap_err().contains("unreplicated"));
    }

    #[test]
    fn tokens_are_for_sources_and_sinks() {
        let oauth2 = json!({ "token-url": "https://a/t", "client-id": "c", "client-secret": "s" });
        let cluster = json!({ "brokers": ["a:9092"], "tls": {}, "sasl": { "mechanism": "oauthbearer", "oauth2": oauth2 } });
        let refused = made(json!({ "cluster": cluster })).unwrap_err();
        assert!(
            refused.contains("oauthbearer") && refused.contains("hint"),
            "{refused}"
        );
    }

    #[test]
    fn streams_of_one_cluster_have_one_connection() {
        let with = |more: serde_json::Value| {
            let mut settings = json!({ "cluster": { "brokers": ["a:9092"] } });
            let all = settings.as_object_mut().unwrap();
            all.extend(more.as_object().unwrap().clone());
            made(settings).unwrap().key()
        };
        assert!(with(json!({})) == with(json!({ "topic-prefix": "tradewind", "replication": 3 })));
        for other in [
            json!({ "topic-prefix": "other" }),
            json!({ "replication": 2 }),
            json!({ "shared": false }),
            json!({ "cluster": { "brokers": ["b:9092"] } }),
        ] {
            assert!(with(json!({})) != with(other.clone()), "{other}");
        }
    }

    #[test]
    fn names_of_topics_are_such() {
        for prefix in ["", "a/b", "ä", &"x".repeat(65)] {
            let refused =
                made(json!({ "cluster": { "brokers": ["a:9092"] }, "topic-prefix": prefix }));
            assert!(refused.unwrap_err().contains("topic-prefix"), "{prefix}");
        }
    }

    #[test]
    fn what_is_changed_lies_at_one_place() {
        let places = |all: &[serde_json::Value]| {
            let of = |(n, settings): (usize, &serde_json::Value)| {
                let engine = Arc::new(made(settings.clone()).unwrap());
                (format!("s{n}"), engine as Arc<dyn StreamEngine>)
            };
            all.iter().enumerate().map(of).collect::<Places>()
        };
        let at = |brokers: &str, more: serde_json::Value| {
            let mut settings = json!({ "cluster": { "brokers": [brokers] } });
            let all = settings.as_object_mut().unwrap();
            all.extend(more.as_object().unwrap().clone());
            settings
        };
        let keeps = || json!({ "keeps-changes": true });
        let table = [
            (vec![], Ok(None)),
            (vec![at("a:1", json!({ "shared": false }))], Ok(None)),
            (
                vec![at("a:1", json!({})), at("a:1", json!({}))],
                Ok(Some("a:1")),
            ),
            (
                vec![at("a:1", json!({})), at("b:1", keeps())],
                Ok(Some("b:1")),
            ),
            (
                vec![at("a:1", json!({ "shared": false })), at("b:1", json!({}))],
                Ok(Some("b:1")),
            ),
            (
                vec![at("a:1", json!({})), at("b:1", json!({}))],
                Err("none"),
            ),
            (
                vec![at("a:1", keeps()), at("b:1", keeps())],
                Err("more than one"),
            ),
        ];
        for (settings, expected) in table {
            let places = places(&settings);
            let home = home(&places).map(|home| home.map(OnKafka::describe));
            match (home, expected) {
                (Ok(None), Ok(None)) => {}
                (Ok(Some(home)), Ok(Some(at))) => assert!(home.contains(at), "{home}"),
                (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}"),
                (home, expected) => panic!("{home:?} in place of {expected:?}"),
            }
        }
    }
}
