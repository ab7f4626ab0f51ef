//! Settings, from the environment.

use rdkafka::ClientConfig;
use std::fmt;

pub(crate) const BROKERS: &str = "TRADEWIND_KAFKA_BROKERS";
const TOPICS: &str = "TRADEWIND_KAFKA_TOPICS";
const GROUP: &str = "TRADEWIND_KAFKA_GROUP";
const DEAD_LETTER: &str = "TRADEWIND_KAFKA_DEAD_LETTER";
const CONFIG: &str = "TRADEWIND_KAFKA_CONFIG";

/// What the promises of the worker rest on.
const OURS: &[&str] = &[
    "acks",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "group.id",
    "isolation.level",
    "metadata.broker.list",
    "request.required.acks",
    "transactional.id",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    brokers: String,
    pub(crate) topics: Vec<String>,
    group: String,
    pub(crate) dead_letter: Option<String>,
    more: Vec<(String, String)>,
}

/// A variable that is missing or cannot be right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invalid(String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl Settings {
    pub(crate) fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, Invalid> {
        let read = |name: &str| get(name).filter(|value| !value.is_empty());
        let need = |name: &str, what: &str| {
            read(name).ok_or_else(|| Invalid(format!("{name} is not set; give {what}")))
        };
        let brokers = need(BROKERS, "host:port of a broker")?;
        let is_address = |broker: &str| {
            let port = broker.trim().rsplit_once(':');
            port.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if !brokers.split(',').all(is_address) {
            let why = format!("{BROKERS}: `{brokers}` is no list of host:port");
            return Err(Invalid(why));
        }
        let topics = need(TOPICS, "the topics that are read")?;
        let topics: Vec<String> = topics
            .split(',')
            .map(|topic| topic.trim().to_owned())
            .filter(|topic| !topic.is_empty())
            .collect();
        let dead_letter = read(DEAD_LETTER);
        // It would be read, fail again, and be written again.
        if dead_letter
            .as_ref()
            .is_some_and(|dead| topics.contains(dead))
        {
            let why = format!("{DEAD_LETTER}: dead letters must not go to a topic that is read");
            return Err(Invalid(why));
        }
        let more = match read(CONFIG) {
            None => Vec::new(),
            Some(path) => {
                let text = std::fs::read_to_string(&path);
                let text = text.map_err(|e| Invalid(format!("{CONFIG}: {path}: {e}")))?;
                properties(&text).map_err(|why| Invalid(format!("{CONFIG}: {path}: {why}")))?
            }
        };
        Ok(Self {
            brokers,
            topics,
            group: need(GROUP, "the consumer group")?,
            dead_letter,
            more,
        })
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("client.id", "tradewind-handler")
            .set("auto.offset.reset", "earliest")
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        for (name, value) in &self.more {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    pub(crate) fn consumer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", &self.group)
            // What is stored by us is committed every second, when partitions go, and at the end.
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "1000")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("queued.max.messages.kbytes", "8192");
        config
    }

    pub(crate) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "10000");
        config.remove("auto.offset.reset");
        config
    }
}

/// `name=value`, a line each; `#` begins a comment. Values are not repeated: they may be secrets.
fn properties(text: &str) -> Result<Vec<(String, String)>, String> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(n, line)| (n + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let property = |(number, line): (usize, &str)| {
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| format!("line {number} is not name=value"))?;
        let name = name.trim();
        if OURS.contains(&name) {
            return Err(format!("line {number}: `{name}` is not to be set here"));
        }
        Ok((name.to_owned(), value.trim().to_owned()))
    };
    lines.map(property).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::read(&get).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let good = [
            (BROKERS, "a:9092, b:9092"),
            (TOPICS, "orders, refunds"),
            (GROUP, "g"),
        ];
        assert_eq!(read(&good).unwrap().topics, ["orders", "refunds"]);
        for (name, value, reason) in [
            (BROKERS, "", "TRADEWIND_KAFKA_BROKERS is not set"),
            (BROKERS, "a", "TRADEWIND_KAFKA_BROKERS: `a` is no list"),
            (TOPICS, "", "TRADEWIND_KAFKA_TOPICS is not set"),
            (GROUP, "", "TRADEWIND_KAFKA_GROUP is not set"),
            (
                DEAD_LETTER,
                "refunds",
                "TRADEWIND_KAFKA_DEAD_LETTER: dead letters",
            ),
            (CONFIG, "/nowhere", "TRADEWIND_KAFKA_CONFIG: /nowhere: "),
        ] {
            let mut variables = vec![(name, value)];
            variables.extend(good);
            let found = read(&variables).unwrap_err();
            assert!(found.starts_with(reason), "{found}");
        }
    }

    #[test]
    fn a_file_of_settings_is_read_and_keeps_its_secrets() {
        let good = "# how to get in\n\nsecurity.protocol = SASL_SSL\nsasl.password=a=b\n";
        let own = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
        let expected = [("security.protocol", "SASL_SSL"), ("sasl.password", "a=b")].map(own);
        assert_eq!(properties(good).unwrap(), expected);
        assert_eq!(
            properties("x\nhunter2").unwrap_err(),
            "line 1 is not name=value"
        );
        let ours = properties("enable.auto.commit=false").unwrap_err();
        assert_eq!(ours, "line 1: `enable.auto.commit` is not to be set here");
    }
}
