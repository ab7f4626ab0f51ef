//! The sink: adds entries to one stream.

use crate::access::{Access, Line};
use crate::{KIND, entry, failure};
use async_trait::async_trait;
use redis::Value;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Build, Capability, Delivery, Error, Outcome, Report, Sink, SinkAdapter};
use tradewind_brokers::{Mode, deliver_each, invalid};
use tradewind_event::broker::Binding;

/// Most events of one call.
const BATCH: usize = 100;

/// Settings of a sink of kind `redis`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// The server, and how to get in. Since 0.1.
    pub connection: Access,
    /// Key of the stream; made if it is not there. Since 0.1.
    pub stream: String,
    /// About how many entries are kept, the newest. Default: all. Since 0.1.
    pub max_length: Option<u64>,
    /// How an event becomes an entry. Default `binary`. Since 0.1.
    #[serde(default)]
    pub mode: Mode,
}

/// Adds entries.
#[derive(Debug)]
pub struct RedisSink(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    line: Line,
    stream: String,
    max_length: Option<u64>,
    mode: Mode,
}

impl RedisSink {
    /// A sink with these settings; it connects when it is first needed.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        if config.stream.is_empty() {
            return Err(invalid("`stream` is empty"));
        }
        Ok(Self(Arc::new(Desk {
            line: Line::new(&config.connection)?,
            stream: config.stream,
            max_length: config.max_length,
            mode: config.mode,
        })))
    }
}

impl Desk {
    async fn send(self: Arc<Self>, delivery: Delivery) -> Outcome {
        let mut add = redis::cmd("XADD");
        add.arg(&self.stream);
        if let Some(most) = self.max_length {
            add.arg("MAXLEN").arg("~").arg(most);
        }
        add.arg("*");
        for (name, value) in entry::fields(self.mode.encode(&Binding::KAFKA, &delivery.event)) {
            add.arg(name).arg(&value[..]);
        }
        // Before the delivery itself is over, so that a silent connection is let go of.
        let within = delivery.timeout.mul_f32(0.9);
        match self.line.ask(&add, within).await {
            Ok(id) => Outcome::Accepted {
                receipt: match id {
                    Value::BulkString(id) => String::from_utf8(id).ok(),
                    _ => None,
                },
                reply: None,
            },
            Err(error) => failure::outcome(&error),
        }
    }
}

#[async_trait]
impl Sink for RedisSink {
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
        format!(
            "Redis stream {} at {}",
            self.0.stream,
            self.0.line.describe()
        )
    }

    async fn health(&self) -> Result<(), Error> {
        self.0.line.health().await
    }
}

impl SinkAdapter for RedisSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}
