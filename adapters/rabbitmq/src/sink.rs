//! The sink: publishes, and waits for the broker's confirmation.

use crate::access::Access;
use crate::line::{Line, Prepare};
use crate::message::SHORT;
use crate::{KIND, failure, message};
use async_trait::async_trait;
use lapin::message::BasicReturnMessage;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation, PublisherConfirm};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Build, Capability, Delivery, Error, Outcome, Report, Sink, SinkAdapter};
use tradewind_brokers::{Mode, invalid, patient, reject, retry};
use tradewind_event::broker::Binding;

/// Most events of one call.
const BATCH: usize = 100;

/// Settings of a sink of kind `rabbitmq`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// The broker, and how to get in. Since 0.1.
    pub broker: Access,
    /// Exchange that is published to. Default: the one without a name, where the routing key is the name of a queue.
    /// Since 0.1.
    #[serde(default)]
    pub exchange: String,
    /// Routing key. Default: the `type` of the event. Since 0.1.
    pub routing_key: Option<String>,
    /// How an event becomes a message. Default `binary`. Since 0.1.
    #[serde(default)]
    pub mode: Mode,
}

/// A channel on which the broker confirms.
#[derive(Debug)]
struct Confirming;

#[async_trait]
impl Prepare for Confirming {
    type Ready = ();

    async fn prepare(&self, channel: &Channel) -> lapin::Result<()> {
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
    }
}

/// Publishes.
#[derive(Debug)]
pub struct RabbitMqSink {
    line: Line<Confirming>,
    /// One batch at a time: the client says which messages came back, but not with whose confirmation.
    turn: Mutex<()>,
    exchange: String,
    routing_key: Option<String>,
    mode: Mode,
}

impl RabbitMqSink {
    /// A sink with these settings; it connects when it is first needed.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        let key = config.routing_key.as_deref().unwrap_or_default();
        if config.exchange.len() > SHORT || key.len() > SHORT {
            return Err(invalid(
                "`exchange` and `routing-key` have at most 255 bytes",
            ));
        }
        if config.exchange.is_empty() && key.is_empty() {
            return Err(invalid(
                "without `exchange`, `routing-key` is the name of the queue; hint: set one of them",
            ));
        }
        Ok(Self {
            line: Line::new(config.broker, Confirming)?,
            turn: Mutex::new(()),
            exchange: config.exchange,
            routing_key: config.routing_key,
            mode: config.mode,
        })
    }

    /// Hands a message over; the outcome where that is not possible.
    async fn publish(
        &self,
        channel: &Channel,
        delivery: &Delivery,
        id: &str,
    ) -> Result<PublisherConfirm, Outcome> {
        let event = &delivery.event;
        let key = self.routing_key.as_deref().unwrap_or_else(|| event.ty());
        let encoded = self.mode.encode(&Binding::RABBITMQ, event);
        if key.len() > SHORT || !message::is_carried(&encoded) {
            return Err(reject(
                "not-carried",
                "a routing key, a content type and the name of a header have at most 255 bytes in AMQP",
            ));
        }
        let (properties, body) = message::encode(encoded, id);
        // Where no queue takes it, the broker gives it back.
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let exchange = self.exchange.as_str().into();
        let sent = channel.basic_publish(exchange, key.into(), options, &body, properties);
        sent.await.map_err(|error| failure::outcome(&error))
    }

    /// Publishes all, waits for all confirmations, and tells then: what came back may be told with the confirmation of
    /// another one.
    async fn batch(&self, channel: &Channel, batch: &[Delivery]) -> Vec<Outcome> {
        let mut under_way = Vec::with_capacity(batch.len());
        for delivery in batch {
            let id = delivery.identity();
            under_way.push((self.publish(channel, delivery, &id).await, id));
        }
        let (mut confirmed, mut returned) = (Vec::with_capacity(batch.len()), HashSet::new());
        for (sent, id) in under_way {
            let outcome = match sent {
                Err(outcome) => outcome,
                Ok(confirm) => match confirm.await {
                    Ok(Confirmation::Ack(back)) => {
                        returned.extend(back.and_then(returned_id));
                        Outcome::Accepted {
                            receipt: None,
                            reply: None,
                        }
                    }
                    Ok(Confirmation::Nack(back)) => {
                        returned.extend(back.and_then(returned_id));
                        retry("nack", "the broker could not store the message")
                    }
                    Ok(Confirmation::NotRequested) => {
                        retry("rabbitmq", "the broker does not confirm")
                    }
                    Err(error) => failure::outcome(&error),
                },
            };
            confirmed.push((outcome, id));
        }
        let unroutable = || {
            patient(
                "not-found",
                "no queue is bound for this routing key; hint: bind one, or set `routing-key`",
            )
        };
        confirmed
            .into_iter()
            .map(|(outcome, id)| match returned.contains(&id) {
                true => unroutable(),
                false => outcome,
            })
            .collect()
    }
}

fn returned_id(message: BasicReturnMessage) -> Option<String> {
    let id = message.properties.message_id().as_ref()?;
    Some(id.as_str().to_owned())
}

#[async_trait]
impl Sink for RabbitMqSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        let all = |outcome: Outcome| {
            for index in 0..batch.len() {
                report.settle(index, outcome.clone());
            }
        };
        let time = batch.iter().map(|delivery| delivery.timeout).min();
        let until = Instant::now() + time.unwrap_or_default();
        // What was not reported is tried again.
        let opened = async {
            let turn = self.turn.lock().await;
            (turn, self.line.open().await)
        };
        let (_turn, open) = tokio::select! {
            opened = timeout_at(until, opened) => match opened {
                Ok((turn, Ok(open))) => (turn, open),
                Ok((_, Err(error))) => return all(retry("connect", error.to_string())),
                Err(_) => return all(retry("timeout", "no connection in time")),
            },
            () = cancel.cancelled() => return,
        };
        let outcomes = tokio::select! {
            outcomes = timeout_at(until, self.batch(&open.channel, &batch)) => outcomes.ok(),
            () = cancel.cancelled() => None,
        };
        match outcomes {
            Some(outcomes) => {
                for (index, outcome) in outcomes.into_iter().enumerate() {
                    report.settle(index, outcome);
                }
            }
            None => {
                // What is still to be confirmed must not be taken for the next batch's.
                self.line.drop(open.number).await;
                all(retry("timeout", "the broker has not confirmed it in time"));
            }
        }
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(BATCH);
        capability
    }

    fn describe(&self) -> String {
        let place = match self.exchange.as_str() {
            "" => format!("queue {}", self.routing_key.as_deref().unwrap_or_default()),
            exchange => format!("exchange {exchange}"),
        };
        format!("RabbitMQ {place} at {}", self.line.describe())
    }

    async fn health(&self) -> Result<(), Error> {
        self.line.open().await.map(drop)
    }
}

impl SinkAdapter for RabbitMqSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}
