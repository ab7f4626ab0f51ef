//! The source: a subscription that the broker keeps while the gateway is away.

use crate::KIND;
use crate::access::Access;
use crate::inbox::{Arrived, Inbox};
use crate::line::Line;
use crate::message;
use crate::wire::Session;
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use tradewind_adapter::{
    Build, Capability, Error, Received, Settlement, Source, SourceAdapter, Token,
};
use tradewind_brokers::{invalid, unavailable};
use tradewind_event::Limits;

/// Bytes from which on no more messages are given at once.
const BYTES: usize = 8 << 20;
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
    desk: OnceCell<Desk>,
    limits: Limits,
}

#[derive(Debug)]
struct Desk {
    line: Line,
    inbox: Arc<Inbox>,
    book: std::sync::Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Not settled yet, by the number of their token.
    held: BTreeMap<u64, Arrived>,
    /// Given back: when each is to come again. MQTT repeats nothing while a connection holds.
    again: Vec<(Instant, Arrived)>,
    last: u64,
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
            desk: OnceCell::new(),
            limits: Limits::default(),
        })
    }

    async fn desk(&self) -> Result<&Desk, Error> {
        let open = async || {
            let filters = self.config.topics.clone();
            let inbox = Arc::<Inbox>::default();
            let (access, session) = (&self.config.broker, &self.session);
            Ok(Desk {
                line: Line::open(access, session, filters, Arc::clone(&inbox))?,
                inbox,
                book: std::sync::Mutex::default(),
            })
        };
        self.desk.get_or_try_init(open).await
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

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to come again now, else what came.
    fn next(&self) -> Option<Arrived> {
        self.book().due().or_else(|| self.inbox.next())
    }

    /// Waits until something may have come.
    async fn wait(&self, until: Instant) {
        let soonest = self.book().soonest();
        let until = until.min(soonest.unwrap_or(until));
        timeout_at(until, self.inbox.came.notified()).await.ok();
    }
}

impl Book {
    /// One that is to come again now.
    fn due(&mut self) -> Option<Arrived> {
        let now = Instant::now();
        let place = self.again.iter().position(|(at, _)| *at <= now)?;
        Some(self.again.remove(place).1)
    }

    /// When there is one.
    fn soonest(&self) -> Option<Instant> {
        self.again.iter().map(|(at, _)| *at).min()
    }

    /// What came over a connection that is gone comes again over the one that is there.
    fn forget(&mut self, current: u64) {
        self.held.retain(|_, arrived| arrived.number == current);
        self.again.retain(|(_, arrived)| arrived.number == current);
    }

    fn hold(&mut self, number: u64, arrived: Arrived) {
        self.held.insert(number, arrived);
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

#[async_trait]
impl Source for MqttSource {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let desk = self.desk().await?;
        let current = desk.line.up(CONNECTING).await?.number;
        desk.book().forget(current);
        let until = Instant::now() + wait;
        let mut next = desk.next();
        // What wakes may be what was taken before.
        while next.is_none() && Instant::now() < until {
            desk.wait(until).await;
            next = desk.next();
        }
        // From here on nothing is waited for: what is taken is given.
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(arrived) = next {
            if arrived.number == current || arrived.message.ack.is_none() {
                bytes += arrived.message.body.len();
                let number = desk.book().number();
                taken.push(self.read(number, &arrived));
                desk.book().hold(number, arrived);
            }
            let more = taken.len() < max && bytes < BYTES;
            next = more.then(|| desk.next()).flatten();
        }
        Ok(taken)
    }

    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        let desk = self.desk().await?;
        let current = desk.line.up(CONNECTING).await?.number;
        for (Token(token), settlement) in settlements {
            let held = token.parse().ok();
            let held = held.and_then(|number| desk.book().held.remove(&number));
            let Some(arrived) = held else {
                continue;
            };
            match settlement {
                Settlement::Nack { delay } => {
                    let at = Instant::now() + delay.unwrap_or_default();
                    desk.book().again.push((at, arrived));
                }
                // Of another connection, it comes again.
                Settlement::Ack if arrived.number != current => {}
                Settlement::Ack => {
                    if let Some(ack) = arrived.message.ack {
                        let sent = desk.line.client.ack(ack).await;
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
        self.desk().await?.line.up(CONNECTING).await.map(drop)
    }
}

impl SourceAdapter for MqttSource {
    const KIND: &'static str = KIND;
    type Config = SourceConfig;

    fn build(config: SourceConfig, build: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Self::new(&build.name, config)?))
    }
}
