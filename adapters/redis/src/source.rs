//! The source: one of a consumer group.

use crate::access::{Access, Line};
use crate::entry::Entry;
use crate::portion::Portion;
use crate::{KIND, failure, reply};
use async_trait::async_trait;
use redis::{RedisError, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tradewind_adapter::{
    Build, Capability, Error, Received, Settlement, Source, SourceAdapter, Token,
};
use tradewind_brokers::invalid;
use tradewind_event::Limits;

/// How much longer than it was asked to a server may take.
const GRACE: Duration = Duration::from_secs(10);

/// Settings of a source of kind `redis`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// The server, and how to get in. Since 0.1.
    pub connection: Access,
    /// Key of the stream; made if it is not there. Since 0.1.
    #[serde(rename = "key")]
    pub stream: String,
    /// Consumer group: its members share the entries. Made if it is not there, from the oldest entry on.
    /// Default `tradewind`. Since 0.1.
    #[serde(default = "tradewind")]
    pub group: String,
    /// Seconds after which an entry comes again that whoever has it has not settled. 1 to 43200, default 60. Since 0.1.
    #[serde(default = "minute")]
    #[schemars(range(min = 1, max = 43_200))]
    pub ack_wait: u32,
}

fn tradewind() -> String {
    "tradewind".into()
}

fn minute() -> u32 {
    60
}

/// Reads a stream.
#[derive(Debug)]
pub struct RedisSource {
    config: SourceConfig,
    source: String,
    /// Our name in the group.
    consumer: String,
    /// Waits for entries; a command behind it would wait too.
    reading: Line,
    settling: Line,
    grouped: Mutex<bool>,
    /// When to look for entries that others left, and where.
    claiming: Mutex<(Option<Instant>, String)>,
    portion: std::sync::Mutex<Portion>,
    limits: Limits,
}

impl RedisSource {
    /// A source of this name with these settings; it connects when it is first asked.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(name: &str, config: SourceConfig) -> Result<Self, Error> {
        if config.stream.is_empty() || config.group.is_empty() {
            return Err(invalid("`key` and `group` must not be empty"));
        }
        if !(1..=43_200).contains(&config.ack_wait) {
            return Err(invalid("`ack-wait` is 1 to 43200"));
        }
        Ok(Self {
            source: format!("/redis/{name}/{}", config.stream),
            // The same after a restart: a consumer that is removed loses what it has not settled, and those that are not
            // would grow in number.
            consumer: format!("tradewind-{name}"),
            reading: Line::new(&config.connection)?,
            settling: Line::new(&config.connection)?,
            grouped: Mutex::new(false),
            claiming: Mutex::new((None, start())),
            portion: std::sync::Mutex::default(),
            limits: Limits::default(),
            config,
        })
    }

    fn portion(&self) -> MutexGuard<'_, Portion> {
        self.portion.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.config.ack_wait.into())
    }

    /// The group, made if it is not there.
    async fn group(&self) -> Result<(), Error> {
        let mut grouped = self.grouped.lock().await;
        if *grouped {
            return Ok(());
        }
        let mut make = redis::cmd("XGROUP");
        make.arg("CREATE")
            .arg(&self.config.stream)
            .arg(&self.config.group)
            .arg("0")
            .arg("MKSTREAM");
        match self.settling.ask(&make, GRACE).await {
            Err(error) if error.code() != Some("BUSYGROUP") => {
                Err(failure::error("consume", &error))
            }
            _ => {
                *grouped = true;
                Ok(())
            }
        }
    }

    /// A group that went with its stream is made again.
    async fn failed(&self, error: RedisError) -> Error {
        if error.code() == Some("NOGROUP") {
            *self.grouped.lock().await = false;
        }
        failure::error("receive", &error)
    }

    /// What others have had for too long. Looked for a few times within that while.
    async fn claim(&self, max: usize) -> Result<Vec<Entry>, RedisError> {
        let mut claiming = self.claiming.lock().await;
        if claiming.0.is_some_and(|at| at > Instant::now()) {
            return Ok(Vec::new());
        }
        let mut claim = redis::cmd("XAUTOCLAIM");
        claim
            .arg(&self.config.stream)
            .arg(&self.config.group)
            .arg(&self.consumer)
            .arg(self.patience().as_millis() as u64)
            .arg(&claiming.1)
            .arg("COUNT")
            .arg(max);
        let (next, entries) = reply::claimed(self.settling.ask(&claim, GRACE).await?);
        let round = next == start();
        *claiming = (round.then(|| Instant::now() + self.patience() / 4), next);
        Ok(entries)
    }

    async fn next(&self, max: usize, wait: Duration) -> Result<Vec<Entry>, RedisError> {
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP")
            .arg(&self.config.group)
            .arg(&self.consumer)
            .arg("COUNT")
            .arg(max);
        // Zero would be for ever.
        if !wait.is_zero() {
            read.arg("BLOCK").arg(wait.as_millis().max(1) as u64);
        }
        read.arg("STREAMS").arg(&self.config.stream).arg(">");
        let answer = self.reading.ask(&read, wait + GRACE).await;
        answer.map(reply::read)
    }

    fn read(&self, entry: Entry) -> Received {
        let event = entry.event(&self.source, &self.limits);
        let token = Token(entry.id.clone());
        Received::one(token, event, || {
            entry.plain(&self.source).kept(&self.limits)
        })
    }

    async fn settled(&self, command: &redis::Cmd) -> Result<Value, Error> {
        let answer = self.settling.ask(command, GRACE).await;
        answer.map_err(|error| failure::error("settle", &error))
    }

    /// Sets for how long we have had them, of those that we have.
    async fn hold(&self, ids: &[String], idle: Duration) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut claim = redis::cmd("XCLAIM");
        claim
            .arg(&self.config.stream)
            .arg(&self.config.group)
            .arg(&self.consumer)
            .arg(0)
            .arg(ids)
            .arg("IDLE")
            .arg(idle.as_millis() as u64)
            .arg("JUSTID");
        self.settled(&claim).await.map(drop)
    }
}

fn start() -> String {
    "0-0".into()
}

#[async_trait]
impl Source for RedisSource {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        self.group().await?;
        let max = self.portion().of(max);
        let mut entries = match self.claim(max).await {
            Ok(entries) => entries,
            Err(error) => return Err(self.failed(error).await),
        };
        if entries.len() < max {
            let wait = match entries.is_empty() {
                true => wait,
                false => Duration::ZERO,
            };
            match self.next(max - entries.len(), wait).await {
                Ok(more) => entries.extend(more),
                Err(error) if entries.is_empty() => return Err(self.failed(error).await),
                Err(error) => tracing::debug!(%error, "the rest did not come"),
            }
        }
        self.portion().learn(&entries);
        Ok(entries.into_iter().map(|entry| self.read(entry)).collect())
    }

    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        let mut done = Vec::new();
        let mut again: Vec<(Duration, Vec<String>)> = Vec::new();
        for (Token(id), settlement) in settlements {
            match settlement {
                Settlement::Ack => done.push(id),
                Settlement::Nack { delay } => {
                    // Held for as long as that it is taken for left when the delay is over.
                    let idle = self.patience().saturating_sub(delay.unwrap_or_default());
                    match again.iter_mut().find(|(same, _)| *same == idle) {
                        Some((_, ids)) => ids.push(id),
                        None => again.push((idle, vec![id])),
                    }
                }
            }
        }
        if !done.is_empty() {
            let mut ack = redis::cmd("XACK");
            ack.arg(&self.config.stream)
                .arg(&self.config.group)
                .arg(&done);
            self.settled(&ack).await?;
        }
        if !again.is_empty() {
            for (idle, ids) in again {
                self.hold(&ids, idle).await?;
            }
            // Looked for at once.
            *self.claiming.lock().await = (None, start());
        }
        Ok(())
    }

    async fn extend(&self, tokens: Vec<Token>) -> Result<(), Error> {
        let ids: Vec<String> = tokens.into_iter().map(|token| token.0).collect();
        self.hold(&ids, Duration::ZERO).await
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.receive_nack = true;
        capability.receive_lease = Some(self.patience());
        capability
    }

    async fn health(&self) -> Result<(), Error> {
        self.settling.health().await
    }
}

impl SourceAdapter for RedisSource {
    const KIND: &'static str = KIND;
    type Config = SourceConfig;

    fn build(config: SourceConfig, build: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Self::new(&build.name, config)?))
    }
}
