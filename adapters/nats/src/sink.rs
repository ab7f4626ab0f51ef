//! The sink: publishes to one subject.

use crate::access::{Access, Line, there_and_back};
use crate::{KIND, failure, message};
use async_nats::jetstream::{self, message::PublishMessage};
use async_nats::{Client, Subject};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Build, Capability, Delivery, Error, Outcome, Report, Sink, SinkAdapter};
use tradewind_brokers::{Mode, deliver_each, invalid, reject, retry};
use tradewind_event::broker::Binding;

/// Most events of one call.
const BATCH: usize = 100;

/// Settings of a sink of kind `nats`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// Servers, and how to get in. Since 0.1.
    pub cluster: Access,
    /// The subject that is published to. Since 0.1.
    pub subject: String,
    /// Whether a stream of JetStream must confirm that it stored the message; it takes a repetition within its
    /// duplicate window once. Without it, that the server has taken the message is enough (the user must be allowed to
    /// subscribe to its own inbox), and one that nobody listens for is gone. Default true. Since 0.1.
    #[serde(default = "yes")]
    pub jetstream: bool,
    /// How an event becomes a message. Default `binary`. Since 0.1.
    #[serde(default)]
    pub mode: Mode,
}

fn yes() -> bool {
    true
}

/// Publishes.
#[derive(Debug)]
pub struct NatsSink(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    line: Line,
    subject: Subject,
    jetstream: bool,
    mode: Mode,
}

impl NatsSink {
    /// A sink with these settings; it connects when it is first needed.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        let subject = Subject::from(config.subject.as_str());
        let wild = config.subject.contains(['*', '>']);
        if !subject.is_valid() || wild {
            return Err(invalid(
                "`subject` is words with `.` between them, without spaces and wildcards",
            ));
        }
        Ok(Self(Arc::new(Desk {
            line: Line::new(config.cluster)?,
            subject,
            jetstream: config.jetstream,
            mode: config.mode,
        })))
    }
}

impl Desk {
    async fn send(self: Arc<Self>, delivery: Delivery) -> Outcome {
        let client = match self.line.client().await {
            Ok(client) => client,
            Err(error) => return retry("connect", error.to_string()),
        };
        let (mut headers, body) =
            message::encode(self.mode.encode(&Binding::NATS, &delivery.event));
        if !self.jetstream {
            return self.plainly(&client, headers, body).await;
        }
        headers.insert("Nats-Msg-Id", delivery.identity());
        // Waits as long as the delivery may.
        let context = jetstream::ContextBuilder::new()
            .timeout(delivery.timeout)
            .ack_timeout(delivery.timeout)
            .build(client);
        let publish = PublishMessage::build().headers(headers).payload(body);
        let subject = self.subject.clone();
        let under_way = match context.send_publish(subject, publish).await {
            Ok(under_way) => under_way,
            Err(error) => return failure::publish(&error),
        };
        match under_way.await {
            Ok(stored) => Outcome::Accepted {
                receipt: Some(format!("{}/{}", stored.stream, stored.sequence)),
                reply: None,
            },
            Err(error) => failure::publish(&error),
        }
    }

    /// Without JetStream, that a server has taken the message is all that can be known.
    async fn plainly(
        &self,
        client: &Client,
        headers: async_nats::HeaderMap,
        body: bytes::Bytes,
    ) -> Outcome {
        use async_nats::client::PublishErrorKind::MaxPayloadExceeded;
        let refusals = self.line.refusals();
        let subject = self.subject.clone();
        let sent = client.publish_with_headers(subject, headers, body).await;
        match sent {
            Err(error) if error.kind() == MaxPayloadExceeded => {
                return reject("too-large", error.to_string());
            }
            Err(error) => return retry("nats", error.to_string()),
            Ok(()) => {}
        }
        match there_and_back(client).await {
            // What was refused meanwhile may have been this.
            Ok(()) if self.line.refusals() != refusals => failure::denied(),
            Ok(()) => Outcome::Accepted {
                receipt: None,
                reply: None,
            },
            Err(error) => retry("nats", error.to_string()),
        }
    }
}

#[async_trait]
impl Sink for NatsSink {
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
            "NATS subject {} at {}",
            self.0.subject,
            self.0.line.describe()
        )
    }

    async fn health(&self) -> Result<(), Error> {
        let client = self.0.line.health().await?;
        if !self.0.jetstream {
            return Ok(());
        }
        let context = jetstream::new(client);
        let found = context.stream_by_subject(self.0.subject.as_str()).await;
        found
            .map(drop)
            .map_err(|error| failure::stream("health", &error))
    }
}

impl SinkAdapter for NatsSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}
