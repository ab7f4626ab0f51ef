//! The source: a consumer of one queue.

use crate::access::Access;
use crate::line::{Line, Open, Prepare};
use crate::message::Taken;
use crate::{KIND, failure};
use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tradewind_adapter::{
    Build, Capability, Error, Received, Settlement, Source, SourceAdapter, Token,
};
use tradewind_brokers::{invalid, unavailable};
use tradewind_event::Limits;

/// Bytes from which on no more messages are given at once.
const BYTES: usize = 8 << 20;

/// Settings of a source of kind `rabbitmq`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// The broker, and how to get in. Since 0.1.
    pub broker: Access,
    /// The queue that is read; it must be there. Since 0.1.
    pub queue: String,
    /// Most messages that the broker sends ahead. They are held in memory. 1 to 65535, default 200. Since 0.1.
    #[serde(default = "ahead")]
    #[schemars(range(min = 1))]
    pub prefetch: u16,
}

fn ahead() -> u16 {
    200
}

/// A channel that consumes.
#[derive(Debug)]
struct Consuming {
    queue: String,
    prefetch: u16,
}

/// What comes, and the tags that are not settled: a second settlement of one would cost the channel.
#[derive(Debug)]
struct Coming {
    consumer: Mutex<Consumer>,
    unsettled: std::sync::Mutex<HashSet<u64>>,
}

impl Coming {
    fn unsettled(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.unsettled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Prepare for Consuming {
    type Ready = Arc<Coming>;

    async fn prepare(&self, channel: &Channel) -> lapin::Result<Self::Ready> {
        channel
            .basic_qos(self.prefetch, BasicQosOptions::default())
            .await?;
        let consumer = channel.basic_consume(
            self.queue.as_str().into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        Ok(Arc::new(Coming {
            consumer: Mutex::new(consumer.await?),
            unsettled: std::sync::Mutex::default(),
        }))
    }
}

/// Reads a queue.
#[derive(Debug)]
pub struct RabbitMqSource {
    source: String,
    line: Line<Consuming>,
    limits: Limits,
}

impl RabbitMqSource {
    /// A source of this name with these settings; it connects when it is first asked.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(name: &str, config: SourceConfig) -> Result<Self, Error> {
        if !(1..=255).contains(&config.queue.len()) {
            return Err(invalid("`queue` has 1 to 255 bytes"));
        }
        if config.prefetch == 0 {
            return Err(invalid("`prefetch` is 1 to 65535"));
        }
        let consuming = Consuming {
            queue: config.queue.clone(),
            prefetch: config.prefetch,
        };
        Ok(Self {
            source: format!("/rabbitmq/{name}/{}", config.queue),
            line: Line::new(config.broker, consuming)?,
            limits: Limits::default(),
        })
    }

    fn read(&self, number: u64, delivery: Delivery) -> Received {
        let token = Token(format!("{number}/{}", delivery.delivery_tag));
        let taken = Taken::new(
            delivery.properties,
            delivery.routing_key.as_str().to_owned(),
            delivery.data,
        );
        let event = taken.event(&self.source, &self.limits);
        Received::one(token, event, || {
            taken.plain(&self.source).kept(&self.limits)
        })
    }
}

/// The tag of a token, if it is one of this channel: those of others come again, or have.
fn tag(token: &Token, number: u64) -> Option<u64> {
    let (channel, tag) = token.0.split_once('/')?;
    (channel.parse() == Ok(number)).then(|| tag.parse().ok())?
}

#[async_trait]
impl Source for RabbitMqSource {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let Open { number, ready, .. } = self.line.open().await?;
        let mut consumer = ready.consumer.lock().await;
        let mut taken = Vec::new();
        let mut bytes = 0;
        let mut next = timeout(wait, consumer.next()).await.ok();
        while let Some(delivery) = next {
            match delivery {
                Some(Ok(delivery)) => {
                    bytes += delivery.data.len();
                    ready.unsettled().insert(delivery.delivery_tag);
                    taken.push(self.read(number, delivery));
                }
                Some(Err(error)) if taken.is_empty() => {
                    self.line.drop(number).await;
                    return Err(failure::error("receive", &error));
                }
                // Broken, or the broker has ended the consumption: its queue is gone, or has moved.
                _ => {
                    self.line.drop(number).await;
                    if taken.is_empty() {
                        return Err(unavailable("receive", "the broker ended the consumption"));
                    }
                    break;
                }
            }
            let more = taken.len() < max && bytes < BYTES;
            next = more.then(|| consumer.next().now_or_never()).flatten();
        }
        Ok(taken)
    }

    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        let Open {
            channel,
            number,
            ready,
        } = self.line.open().await?;
        for (token, settlement) in settlements {
            let Some(tag) = tag(&token, number).filter(|tag| ready.unsettled().remove(tag)) else {
                continue;
            };
            let settled = match settlement {
                Settlement::Ack => channel.basic_ack(tag, BasicAckOptions::default()).await,
                Settlement::Nack { delay: None } => give_back(&channel, tag).await,
                // RabbitMQ gives it again at once, so it is given back late.
                Settlement::Nack { delay: Some(delay) } => {
                    let channel = channel.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        give_back(&channel, tag).await.ok();
                    });
                    Ok(())
                }
            };
            settled.map_err(|error| failure::error("settle", &error))?;
        }
        Ok(())
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.receive_nack = true;
        capability
    }

    async fn health(&self) -> Result<(), Error> {
        self.line.open().await.map(drop)
    }
}

async fn give_back(channel: &Channel, tag: u64) -> lapin::Result<()> {
    let options = BasicNackOptions {
        requeue: true,
        ..BasicNackOptions::default()
    };
    channel.basic_nack(tag, options).await
}

impl SourceAdapter for RabbitMqSource {
    const KIND: &'static str = KIND;
    type Config = SourceConfig;

    fn build(config: SourceConfig, build: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Self::new(&build.name, config)?))
    }
}
