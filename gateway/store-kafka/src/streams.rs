//! Streams by name.

use crate::cluster::{Cluster, Params};
use crate::health;
use crate::member::Member;
use crate::owners;
use crate::registry::{Known, Registry};
use crate::stream::{Common, KafkaStream};
use crate::table::KafkaTable;
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;
use tradewind_store::{
    Clock, Durability, Error, Movable, Random, Settings, SharedTable, Standing, Stream, Streams,
    check_name, is_absent, is_there,
};

/// [`Streams`] on a cluster of Apache Kafka.
#[derive(Debug)]
pub struct KafkaStreams {
    cluster: Arc<Cluster>,
    registry: Registry,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    open: Mutex<HashMap<String, Weak<KafkaStream>>>,
    table: Mutex<Option<Arc<KafkaTable>>>,
}

impl KafkaStreams {
    /// Connects. Copies of state that an earlier process left are gone with it.
    ///
    /// # Errors
    /// `Invalid` for settings that cannot be, `Away` where no broker has answered for 20 s, `Failed` where they refuse.
    pub async fn connect(
        params: Params,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, Error> {
        std::fs::create_dir_all(&params.scratch)
            .map_err(|error| Error::Failed(format!("{}: {error}", params.scratch.display())))?;
        let cluster = Arc::new(Cluster::new(params)?);
        cluster.reach().await?;
        let registry = Registry::open(Arc::clone(&cluster)).await?;
        tokio::spawn(health::watch(Arc::downgrade(&cluster)));
        Ok(Self {
            cluster,
            registry,
            clock,
            random,
            open: Mutex::default(),
            table: Mutex::default(),
        })
    }

    /// What nodes with this prefix share beside their streams. All that is in it is known when this returns.
    ///
    /// # Errors
    /// `Away` where no broker answers, `Failed` where a later version has written it.
    pub async fn table(&self) -> Result<Arc<dyn SharedTable>, Error> {
        let mut table = self.table.lock().await;
        if let Some(table) = &*table {
            return Ok(table.clone());
        }
        let opened = KafkaTable::open(Arc::clone(&self.cluster), Arc::clone(&self.random));
        let opened = Arc::new(opened.await?);
        *table = Some(Arc::clone(&opened));
        Ok(opened)
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        let filled = self.random.fill(&mut bytes);
        filled.map_err(|error| Error::Failed(format!("no randomness: {error}")))?;
        Ok(bytes)
    }

    /// The row of a stream that is to be served here, made if need be, and as `settings` have it.
    async fn known(&self, name: &str, settings: &Settings) -> Result<Known, Error> {
        if let Some(known) = self.registry.all().await?.remove(name) {
            known.standing.check(name)?;
            if known == known.opened(settings) {
                return Ok(known);
            }
        }
        let fresh = Known::new(settings, self.random()?);
        let before = self
            .registry
            .change(name, |there| {
                let Some(there) = there else {
                    return Ok(Some(Some(fresh.clone())));
                };
                there.standing.check(name)?;
                let opened = there.opened(settings);
                // One that has other shards is refused by whoever asked.
                Ok((opened != *there && there.shards == fresh.shards).then_some(Some(opened)))
            })
            .await?;
        Ok(before.map_or(fresh, |before| before.opened(settings)))
    }

    /// Makes the topics of a stream, where they are not there yet; its own, and that of its state.
    async fn topics(&self, name: &str, known: &Known) -> Result<(String, String), Error> {
        let topic = self.cluster.topic(name);
        let state_topic = format!("{topic}.state");
        let partitions = usize::from(known.shards);
        for (topic, settings) in [
            // What is too old goes when the engine has copied out what it still needs.
            (
                &topic,
                &[
                    ("cleanup.policy", "delete"),
                    ("retention.ms", "-1"),
                    ("retention.bytes", "-1"),
                ][..],
            ),
            (
                &state_topic,
                &[("cleanup.policy", "compact"), ("segment.bytes", "67108864")][..],
            ),
        ] {
            self.cluster.create(topic, partitions, settings).await?;
            let there = self.cluster.partitions(topic).await?;
            if there != Some(partitions) {
                return Err(Error::Invalid(format!(
                    "the topic `{topic}` has {} partitions, the stream `{name}` {partitions}: they are fixed",
                    there.unwrap_or_default()
                )));
            }
        }
        Ok((topic, state_topic))
    }

    /// Opens a stream as its row has it, to be served as `settings` say.
    async fn opened(
        &self,
        name: &str,
        known: &Known,
        settings: &Settings,
        joins: bool,
    ) -> Result<Arc<KafkaStream>, Error> {
        let (topic, state_topic) = self.topics(name, known).await?;
        let member = match joins {
            true => Some(Member::join(&self.cluster, &topic)?),
            false => None,
        };
        let common = Common {
            cluster: Arc::clone(&self.cluster),
            clock: Arc::clone(&self.clock),
            writer: u64::from_be_bytes(self.random()?),
            owners: AtomicU64::default(),
            topic,
            state_topic,
            shards: known.shards,
            hash_key: known.hash_key()?,
            retention: settings.retention,
            identities: identities(&self.cluster.params, settings, known.shards),
        };
        Ok(Arc::new(KafkaStream::new(common, member)?))
    }
}

fn check_settings(name: &str, settings: &Settings) -> Result<(), Error> {
    check_name(name)?;
    match settings.retention_bytes {
        None => Ok(()),
        Some(_) => Err(Error::Invalid(format!(
            "stream `{name}`: brokers do not say how many bytes a topic has, so that `retention-bytes` cannot be kept"
        ))),
    }
}

#[async_trait]
impl Streams for KafkaStreams {
    async fn open(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Stream>, Error> {
        check_settings(name, settings)?;
        let mut open = self.open.lock().await;
        let wanted = settings.shards.max(1);
        let refuse = |shards: u16| {
            Error::Invalid(format!(
                "stream `{name}` has {shards} shard(s), which cannot be changed"
            ))
        };
        if let Some(stream) = open.get(name).and_then(Weak::upgrade)
            && !stream.is_closed()
        {
            return match stream.shards() == wanted {
                true => Ok(stream),
                false => Err(refuse(stream.shards())),
            };
        }
        let known = self.known(name, settings).await?;
        if known.shards != wanted {
            return Err(refuse(known.shards));
        }
        let shared = self.cluster.params.shared;
        let stream = self.opened(name, &known, settings, shared).await?;
        open.insert(name.to_owned(), Arc::downgrade(&stream));
        Ok(stream)
    }

    async fn list(&self) -> Result<Vec<String>, Error> {
        let all = self.registry.all().await?.into_iter();
        let here = all.filter(|(_, known)| known.standing.is_here());
        Ok(here.map(|(name, _)| name).collect())
    }

    async fn settings(&self, name: &str) -> Result<Option<Settings>, Error> {
        let known = self.registry.all().await?.remove(name);
        let here = known.filter(|known| known.standing.is_here());
        Ok(here.map(|known| known.settings(Durability::Fsync)))
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        let mut open = self.open.lock().await;
        open.remove(name);
        let topic = self.cluster.topic(name);
        let state = format!("{topic}.state");
        // Their topics first: what is named can be looked for.
        self.cluster.delete(&[&topic, &state]).await?;
        self.registry
            .change(name, |there| Ok(there.map(|_| None)))
            .await?;
        Ok(())
    }
}

#[async_trait]
impl Movable for KafkaStreams {
    async fn standing(&self, name: &str) -> Result<Option<Standing>, Error> {
        let known = self.registry.all().await?.remove(name);
        Ok(known.map(|known| known.standing))
    }

    async fn stand(&self, name: &str, standing: Standing) -> Result<(), Error> {
        let change = |there: Option<&Known>| {
            let there = there.ok_or_else(|| is_absent(name))?.clone();
            Ok(Some(Some(there.standing(standing.clone()))))
        };
        self.registry.change(name, change).await.map(drop)
    }

    async fn make(
        &self,
        name: &str,
        settings: &Settings,
        hash_key: [u8; 16],
        from: &str,
    ) -> Result<(), Error> {
        check_settings(name, settings)?;
        let coming = Standing::Coming(from.to_owned());
        let made = Known::new(settings, hash_key).standing(coming);
        let change = |there: Option<&Known>| match there {
            None => Ok(Some(Some(made.clone()))),
            Some(_) => Err(is_there(name)),
        };
        self.registry.change(name, change).await.map(drop)
    }

    async fn lift(&self, name: &str) -> Result<Option<Arc<dyn Stream>>, Error> {
        check_name(name)?;
        let mut open = self.open.lock().await;
        if let Some(stream) = open.get(name).and_then(Weak::upgrade)
            && !stream.is_closed()
        {
            return Ok(Some(stream));
        }
        let Some(known) = self.registry.all().await?.remove(name) else {
            return Ok(None);
        };
        let settings = known.settings(Durability::Fsync);
        let stream = self.opened(name, &known, &settings, false).await?;
        open.insert(name.to_owned(), Arc::downgrade(&stream));
        Ok(Some(stream))
    }

    async fn users(&self, name: &str) -> Result<Vec<String>, Error> {
        owners::members(&self.cluster, &self.cluster.topic(name)).await
    }
}

/// Identities remembered for each shard.
fn identities(params: &Params, settings: &Settings, shards: u16) -> usize {
    let most = usize::try_from(settings.dedupe_max).unwrap_or(usize::MAX);
    params.identities.min(most).div_ceil(usize::from(shards))
}
