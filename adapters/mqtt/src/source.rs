//! The source: a subscription that the broker keeps while the gateway is away.

use crate::KIND;
use crate::access::Access;
use crate::desk::Desk;
use crate::inbox::Arrived;
use crate::line::Line;
use crate::message;
use crate::wire::Session;
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tradewind_adapter::{
    Build, Capability, Error, Received, Settlement, Source, SourceAdapter, Token,
};
use tradewind_brokers::{invalid, unavailable};
use tradewind_event::Limits;

/// How long the first connection may take.
const CONNECTING: Duration = Duration::from_secs(5);

/// Settings of a source of kind `mqtt`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// The broker, and how to get in. Since 0.1.
    pub broker: Access,
    /// Topic filters, wildcards included; `$share/GROUP/FILTER` shares the messages among a group. Since 0.1.
    pub topics: Vec<String>,
    /// Who we are to the broker: it keeps what comes for this name while we are away, and lets in one of a name only.
    /// Default: `tradewind-` and the name of the source. Since 0.1.
    pub client_id: Option<String>,
    /// Most messages that the broker sends ahead (MQTT 5). They are held in memory. 1 to 65535, default 200. Since 0.1.
    #[serde(default = "ahead")]
    #[schemars(range(min = 1))]
    pub receive_maximum: u16,
}

fn ahead() -> u16 {
    200
}

/// Subscribes.
#[derive(Debug)]
pub struct MqttSource {
    source: String,
    config: SourceConfig,
    session: Session,
    post: OnceCell<Post>,
    limits: Limits,
}

#[derive(Debug)]
struct Post {
    line: Line,
    desk: Desk,
}

impl MqttSource {
    /// A source of this name with these settings; it connects when it is first asked.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(name: &str, config: SourceConfig) -> Result<Self, Error> {
        let legal = |filter: &String| (1..=65_535).contains(&filter.len());
        if config.topics.is_empty() || !config.topics.iter().all(legal) {
            return Err(invalid("`topics` names at least one filter"));
        }
        if config.receive_maximum == 0 {
            return Err(invalid("`receive-maximum` is 1 to 65535"));
        }
        if config.client_id.as_deref() == Some("") {
            return Err(invalid("`client-id` is empty"));
        }
        config.broker.tls()?;
        let client_id = config.client_id.clone();
        Ok(Self {
            source: format!("/mqtt/{name}"),
            session: Session {
                client_id: client_id.unwrap_or_else(|| format!("tradewind-{name}")),
                kept: true,
                ahead: config.receive_maximum,
            },
            config,
            post: OnceCell::new(),
            limits: Limits::default(),
        })
    }

    async fn post(&self) -> Result<&Post, Error> {
        let open = async || {
            let filters = self.config.topics.clone();
            let desk = Desk::default();
            let (access, session) = (&self.config.broker, &self.session);
            let line = Line::open(access, session, filters, Arc::clone(&desk.inbox))?;
            Ok(Post { line, desk })
        };
        self.post.get_or_try_init(open).await
    }

    fn read(&self, number: u64, arrived: &Arrived) -> Received {
        let message = &arrived.message;
        let event = message::event(message, &self.source, &self.limits);
        let token = Token(number.to_string());
        Received::one(token, event, || {
            message::plain(message, &self.source).kept(&self.limits)
        })
    }
}

#[async_trait]
impl Source for MqttSource {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let Post { line, desk } = self.post().await?;
        line.up(CONNECTING).await?;
        let give = |number, arrived: &Arrived| self.read(number, arrived);
        Ok(desk.take(max, wait, give).await)
    }

    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        let Post { line, desk } = self.post().await?;
        let current = line.up(CONNECTING).await?.number;
        for (Token(token), settlement) in settlements {
            let held = token.parse().ok();
            let Some(arrived) = held.and_then(|number| desk.release(number)) else {
                continue;
            };
            match settlement {
                Settlement::Nack { delay } => {
                    let at = Instant::now() + delay.unwrap_or_default();
                    desk.put_back(at, arrived);
                }
                // Of another connection, it comes again.
                Settlement::Ack if arrived.number != current => {}
                Settlement::Ack => {
                    if let Some(ack) = arrived.message.ack {
                        let sent = line.client.ack(ack).await;
                        sent.map_err(|error| unavailable("settle", error))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.receive_nack = true;
        capability
    }

    async fn health(&self) -> Result<(), Error> {
        self.post().await?.line.up(CONNECTING).await.map(drop)
    }
}

impl SourceAdapter for MqttSource {
    const KIND: &'static str = KIND;
    type Config = SourceConfig;

    fn build(config: SourceConfig, build: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Self::new(&build.name, config)?))
    }
}
