//! Which streams there are: a compacted topic of its own, one row a stream. A row is written inside a transaction that
//! shuts out whoever else was about to, after all that is there was read, so that two who make a stream make one.

use crate::cluster::Cluster;
use crate::failure::joined;
use crate::own::follow;
use crate::tail::PAUSE;
use crate::writer::once;
use bytes::Bytes;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tradewind_store::{Durability, Error, Settings, Shard, Standing};

const FORMAT: u64 = 1;
/// How often the brokers are asked whether a row is there.
const ANSWERS: u32 = 6;
/// How often a row is tried while others write theirs.
const TRIES: u32 = 20;

/// A stream as it was made, and opened last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Known {
    format: u64,
    pub(crate) shards: Shard,
    /// Hexadecimal.
    hash_key: String,
    retention_ms: u64,
    dedupe_max: u64,
    #[serde(default, skip_serializing_if = "Standing::is_here")]
    pub(crate) standing: Standing,
}

impl Known {
    pub(crate) fn new(settings: &Settings, hash_key: [u8; 16]) -> Self {
        Self {
            format: FORMAT,
            shards: settings.shards.max(1),
            hash_key: format!("{:032x}", u128::from_be_bytes(hash_key)),
            retention_ms: u64::try_from(settings.retention.as_millis()).unwrap_or(u64::MAX),
            dedupe_max: settings.dedupe_max,
            standing: Standing::Here,
        }
    }

    /// The same stream, opened with other settings.
    pub(crate) fn opened(&self, settings: &Settings) -> Self {
        let new = Self::new(settings, [0; 16]);
        Self {
            shards: self.shards,
            hash_key: self.hash_key.clone(),
            standing: self.standing.clone(),
            ..new
        }
    }

    /// The same stream, standing otherwise.
    pub(crate) fn standing(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }

    pub(crate) fn hash_key(&self) -> Result<[u8; 16], Error> {
        let key = u128::from_str_radix(&self.hash_key, 16);
        key.map(u128::to_be_bytes)
            .map_err(|_| Error::Failed("a stream's row in the table of streams is damaged".into()))
    }

    pub(crate) fn settings(&self, durability: Durability) -> Settings {
        Settings {
            shards: self.shards,
            durability,
            retention: Duration::from_millis(self.retention_ms),
            retention_bytes: None,
            dedupe_max: self.dedupe_max,
        }
    }

    fn decode(name: &str, row: &[u8]) -> Result<Self, Error> {
        let known: Self = serde_json::from_slice(row)
            .map_err(|error| Error::Failed(format!("the row of stream `{name}`: {error}")))?;
        match known.format {
            FORMAT => Ok(known),
            later => Err(Error::Invalid(format!(
                "stream `{name}` has format {later}, this version knows up to {FORMAT}: use a later version"
            ))),
        }
    }
}

/// The table of streams.
#[derive(Debug)]
pub(crate) struct Registry {
    cluster: Arc<Cluster>,
    topic: String,
}

impl Registry {
    pub(crate) async fn open(cluster: Arc<Cluster>) -> Result<Self, Error> {
        let topic = cluster.topic("streams");
        if cluster.partitions(&topic).await?.is_none() {
            let compacted = [("cleanup.policy", "compact")];
            cluster.create(&topic, 1, &compacted).await?;
        }
        Ok(Self { cluster, topic })
    }

    /// Every stream.
    pub(crate) async fn all(&self) -> Result<BTreeMap<String, Known>, Error> {
        let (low, high) = self.cluster.bounds(&self.topic, 0).await?;
        let mut all = BTreeMap::new();
        if low >= high {
            return Ok(all);
        }
        let consumer = self.cluster.reader_to_end()?;
        follow(&consumer, &self.topic, 0, low)?;
        loop {
            match consumer.recv().await {
                Ok(message) => {
                    let name = String::from_utf8_lossy(message.key().unwrap_or_default());
                    match message.payload() {
                        Some(row) => all.insert(name.to_string(), Known::decode(&name, row)?),
                        None => all.remove(&*name),
                    };
                }
                Err(KafkaError::PartitionEOF(_)) => return Ok(all),
                Err(error) => {
                    tracing::warn!(topic = %self.topic, %error, "the table of streams is not read yet");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Decides on a stream's row with nobody else deciding meanwhile: `None` to leave it, a row or nothing to put there.
    /// Returns what was there before.
    pub(crate) async fn change(
        &self,
        name: &str,
        decide: impl Fn(Option<&Known>) -> Result<Option<Option<Known>>, Error>,
    ) -> Result<Option<Known>, Error> {
        for attempt in 0..TRIES {
            match self.try_change(name, &decide).await {
                // Somebody else was as quick.
                Err(Error::Fenced) => {
                    let pause = Duration::from_millis(50 * u64::from(attempt + 1));
                    tokio::time::sleep(pause).await;
                }
                done => return done,
            }
        }
        Err(Error::Busy)
    }

    async fn try_change(
        &self,
        name: &str,
        decide: &impl Fn(Option<&Known>) -> Result<Option<Option<Known>>, Error>,
    ) -> Result<Option<Known>, Error> {
        let producer = self.cluster.fencing(self.topic.clone(), || false).await?;
        let before = self.all().await?.remove(name);
        let Some(row) = decide(before.as_ref())? else {
            return Ok(before);
        };
        let row = row.map(|row| serde_json::to_vec(&row)).transpose();
        let row = row.map_err(|error| Error::Failed(error.to_string()))?;
        let rows = vec![(
            Bytes::copy_from_slice(name.as_bytes()),
            row.map(Bytes::from),
        )];
        let topic = self.topic.clone();
        let written = tokio::task::spawn_blocking(move || {
            let answers = Cell::new(0);
            let patient = |_: &KafkaError| {
                answers.set(answers.get() + 1);
                answers.get() <= ANSWERS
            };
            let written = once(&producer, &topic, 0, &rows, &patient);
            written.map_err(|error| crate::failure::failed("write the table of streams", &error))
        });
        joined(written.await)?;
        Ok(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_later_ones_are_refused() {
        let settings = Settings {
            shards: 4,
            retention: Duration::from_secs(60),
            ..Settings::default()
        };
        let known = Known::new(&settings, [7; 16]);
        let row = serde_json::to_string(&known).unwrap();
        assert_eq!(Known::decode("a/b", row.as_bytes()).unwrap(), known);
        assert_eq!(known.hash_key().unwrap(), [7; 16]);
        assert_eq!(known.settings(Durability::Fsync), settings);
        // As rows were before streams could be moved.
        assert!(!row.contains("standing"), "{row}");
        let gone = known.standing(Standing::Gone("elsewhere".into()));
        let moved = serde_json::to_vec(&gone).unwrap();
        assert_eq!(Known::decode("a/b", &moved).unwrap(), gone);
        assert_eq!(gone.opened(&settings), gone);
        let later = row.replace("\"format\":1", "\"format\":2");
        let refused = Known::decode("a/b", later.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(refused.contains("format 2"), "{refused}");
    }
}
