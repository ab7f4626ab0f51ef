//! The source.

use crate::queue::{Message, Queue};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{
    Build, Capability, Error, ErrorKind, Received, Settlement, Source, SourceAdapter, Token,
};

/// Settings of a source of kind `memory`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// Name of the queue, shared by everything in this process that names it. Default: the name of
    /// the source. Since 0.1.
    #[serde(default)]
    pub queue: Option<String>,
}

/// Reads a [`Queue`].
#[derive(Debug, Clone)]
pub struct MemorySource {
    queue: Arc<Queue>,
}

impl MemorySource {
    /// A source over a queue.
    pub fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }
}

impl SourceAdapter for MemorySource {
    const KIND: &'static str = crate::KIND;
    type Config = SourceConfig;

    fn build(config: SourceConfig, build: &Build) -> Result<Arc<dyn Source>, Error> {
        let name = config.queue.as_ref().unwrap_or(&build.name);
        Ok(Arc::new(Self::new(Queue::named(name))))
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let received = |(lease, message): (u64, Message)| Received {
            token: Token(lease.to_string()),
            events: match message {
                Message::Event(event) => Ok(vec![event]),
                Message::Garbage => Err(Error::new(
                    ErrorKind::Unexpected,
                    "decode",
                    "the message is no event",
                )),
            },
            original: None,
        };
        let leased = self.queue.lease(max, wait).await;
        Ok(leased.into_iter().map(received).collect())
    }

    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        for (token, settlement) in settlements {
            // A token that this source never gave names nothing.
            let Ok(lease) = token.0.parse() else { continue };
            match settlement {
                Settlement::Ack => self.queue.ack(lease),
                Settlement::Nack { delay } => self.queue.nack(lease, delay),
            }
        }
        Ok(())
    }

    async fn extend(&self, tokens: Vec<Token>) -> Result<(), Error> {
        for lease in tokens.iter().filter_map(|t| t.0.parse().ok()) {
            self.queue.extend(lease);
        }
        Ok(())
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.receive_nack = true;
        capability.receive_lease = Some(self.queue.lease_time());
        capability.receive_ordered = true;
        capability
    }
}
