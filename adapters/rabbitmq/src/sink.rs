//! The sink: publishes, and waits for the broker's confirmation.

use crate::access::Access;
use crate::line::{Line, Prepare};
use crate::{KIND, failure, message};
use async_trait::async_trait;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Build, Capability, Delivery, Error, Outcome, Report, Sink, SinkAdapter};
use tradewind_brokers::{Mode, deliver_each, invalid, reject, retry};
use tradewind_event::broker::Binding;

/// Most events of one call.
const BATCH: usize = 100;
/// Longest text of AMQP's short strings, in bytes.
const SHORT: usize = 255;

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
pub struct RabbitMqSink(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    line: Line<Confirming>,
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
        Ok(Self(Arc::new(Desk {
            line: Line::new(config.broker, Confirming)?,
            exchange: config.exchange,
            routing_key: config.routing_key,
            mode: config.mode,
        })))
    }
}

impl Desk {
    async fn send(self: Arc<Self>, delivery: Delivery) -> Outcome {
        let open = match self.line.open().await {
            Ok(open) => open,
            Err(error) => return retry("connect", error.to_string()),
        };
        let event = &delivery.event;
        let key = self.routing_key.as_deref().unwrap_or_else(|| event.ty());
        let content_type = event.data_content_type().unwrap_or_default();
        if key.len() > SHORT || content_type.len() > SHORT {
            return reject(
                "not-carried",
                "a routing key and a content type have at most 255 bytes in AMQP",
            );
        }
        let encoded = self.mode.encode(&Binding::RABBITMQ, event);
        let (properties, body) = message::encode(encoded, &delivery.id);
        // Where no queue takes it, the broker gives it back.
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let exchange = self.exchange.as_str().into();
        let sent = open
            .channel
            .basic_publish(exchange, key.into(), options, &body, properties);
        let confirmed = match sent.await {
            Ok(under_way) => under_way.await,
            Err(error) => Err(error),
        };
        match confirmed {
            Ok(Confirmation::Ack(None)) => Outcome::Accepted {
                receipt: None,
                reply: None,
            },
            Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))) => failure::patient(
                "not-found",
                "no queue is bound for this routing key; hint: bind one, or set `routing-key`",
            ),
            Ok(Confirmation::Nack(None)) => retry("nack", "the broker could not store the message"),
            Ok(Confirmation::NotRequested) => retry("rabbitmq", "the broker does not confirm"),
            Err(error) => failure::outcome(&error),
        }
    }
}

#[async_trait]
impl Sink for RabbitMqSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        let send = |delivery| Arc::clone(&self.0).send(delivery);
        deliver_each(batch, report, cancel, send).await;
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(BATCH);
        capability
    }

    fn describe(&self) -> String {
        let desk = &self.0;
        let place = match desk.exchange.as_str() {
            "" => format!("queue {}", desk.routing_key.as_deref().unwrap_or_default()),
            exchange => format!("exchange {exchange}"),
        };
        format!("RabbitMQ {place} at {}", desk.line.describe())
    }

    async fn health(&self) -> Result<(), Error> {
        self.0.line.open().await.map(drop)
    }
}

impl SinkAdapter for RabbitMqSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}
