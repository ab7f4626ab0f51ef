//! The sink: publishes to one topic.

use crate::KIND;
use crate::access::{Access, Version};
use crate::line::Line;
use crate::wire::{PACKET_MAX, Session};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Build, Capability, Delivery, Error, Outcome, Report, Sink, SinkAdapter};
use tradewind_brokers::{Mode, deliver_each, invalid, reject, retry, unique};
use tradewind_event::broker::{Binding, Message};

/// Most events of one call.
const BATCH: usize = 100;
/// Longest text of MQTT, in bytes (MQTT 5 §1.5.4).
const TEXT: usize = 65_535;
/// How long a look at the broker may take.
const LOOK: Duration = Duration::from_secs(5);

/// Settings of a sink of kind `mqtt`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// The broker, and how to get in. Since 0.1.
    pub broker: Access,
    /// The topic that is published to. Since 0.1.
    pub topic: String,
    /// Whether the broker keeps the last message for those who subscribe later. Default false. Since 0.1.
    #[serde(default)]
    pub retain: bool,
    /// How an event becomes a message. Default: `binary` in MQTT 5, `structured` in 3.1.1. Since 0.1.
    pub mode: Option<Mode>,
}

/// Publishes.
#[derive(Debug)]
pub struct MqttSink(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    broker: Access,
    topic: String,
    retain: bool,
    mode: Mode,
    line: OnceCell<Line>,
}

impl MqttSink {
    /// A sink with these settings; it connects when it is first needed.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        let topic = &config.topic;
        if topic.is_empty() || topic.len() > TEXT || topic.contains(['+', '#', '\0']) {
            return Err(invalid(
                "`topic` is 1 to 65535 bytes without the wildcards `+` and `#`",
            ));
        }
        let mode = match (config.broker.version, config.mode) {
            (Version::V3, Some(Mode::Binary)) => {
                return Err(invalid(
                    "MQTT 3.1.1 carries no attributes beside the body; hint: `mode: structured`",
                ));
            }
            (Version::V3, _) => Mode::Structured,
            (Version::V5, mode) => mode.unwrap_or_default(),
        };
        config.broker.tls()?;
        Ok(Self(Arc::new(Desk {
            broker: config.broker,
            topic: config.topic,
            retain: config.retain,
            mode,
            line: OnceCell::new(),
        })))
    }
}

impl Desk {
    async fn line(&self) -> Result<&Line, Error> {
        let open = async || {
            let session = Session {
                client_id: format!("tradewind-{}", unique()),
                kept: false,
                ahead: 1,
            };
            Line::open(&self.broker, &session, Vec::new(), Arc::default())
        };
        self.line.get_or_try_init(open).await
    }

    async fn send(self: Arc<Self>, delivery: Delivery) -> Outcome {
        let message = self.mode.encode(&Binding::MQTT, &delivery.event);
        // It would break the connection for all others.
        if !texts_fit(&message) {
            return reject(
                "not-carried",
                "an attribute and a content type have at most 65535 bytes in MQTT",
            );
        }
        let line = match self.line().await {
            Ok(line) => line,
            Err(error) => return retry("config", error.to_string()),
        };
        // What is handed over without a connection is sent when there is one, perhaps long after it was given up.
        let up = match line.up(delivery.timeout).await {
            Ok(up) => up,
            Err(error) => return retry("connect", error.to_string()),
        };
        // So would one that is too large.
        let most = up.packet_max.unwrap_or(PACKET_MAX).min(PACKET_MAX) as usize;
        let size = packet_size(&self.topic, &message);
        if size > most {
            let detail = format!("{size} bytes as a packet, the broker takes {most}");
            return reject("too-large", detail);
        }
        line.client.publish(&self.topic, message, self.retain).await
    }
}

fn texts_fit(message: &Message) -> bool {
    let headers = message.headers.iter();
    let texts = headers.flat_map(|(name, value)| [name, value]);
    texts
        .chain(&message.content_type)
        .all(|text| text.len() <= TEXT)
}

/// At least what a packet takes (MQTT 5 §3.3): each text has its length before it, each property a byte that names it.
fn packet_size(topic: &str, message: &Message) -> usize {
    const FIXED: usize = 16;
    let properties = message.headers.iter();
    let properties = properties.map(|(name, value)| name.len() + value.len() + 5);
    let content_type = message.content_type.as_ref();
    FIXED
        + topic.len()
        + properties.sum::<usize>()
        + content_type.map_or(0, |text| text.len() + 3)
        + message.body.as_ref().map_or(0, bytes::Bytes::len)
}

#[async_trait]
impl Sink for MqttSink {
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
        format!("MQTT topic {} at {}", self.0.topic, self.0.broker.server)
    }

    async fn health(&self) -> Result<(), Error> {
        self.0.line().await?.up(LOOK).await.map(drop)
    }
}

impl SinkAdapter for MqttSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}
