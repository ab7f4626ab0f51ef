//! The sink: sends, and waits for the peer to accept.

use crate::access::Access;
use crate::line::{Attach, Line, Open};
use crate::progress::Progress;
use crate::{KIND, failure, message};
use async_trait::async_trait;
use fe2o3_amqp::link::{SendError, Sender};
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp_types::definitions::Error as Failure;
use fe2o3_amqp_types::messaging::{Batch, Data, Message, Outcome as Settled};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Build, Capability, Delivery, Error, Outcome, Report, Sink, SinkAdapter};
use tradewind_brokers::{Mode, deliver_each, invalid, patient, reject, retry};
use tradewind_event::broker::Binding;

/// Most events of one call.
const BATCH: usize = 100;

/// Settings of a sink of kind `amqp`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// The peer, and how to get in. Since 0.1.
    pub peer: Access,
    /// Address of the node that is sent to, as the peer names it. Since 0.1.
    pub address: String,
    /// How an event becomes a message. Default `binary`. Since 0.1.
    #[serde(default)]
    pub mode: Mode,
}

#[derive(Debug)]
struct Sending(String);

#[derive(Debug, Clone)]
struct Link {
    sender: Arc<Mutex<Sender>>,
    progress: Arc<Progress>,
}

#[async_trait]
impl Attach for Sending {
    type Link = Link;

    async fn attach(&self, session: &mut SessionHandle<()>) -> Result<Self::Link, Error> {
        let attached = Sender::attach(session, "tradewind", self.0.as_str()).await;
        let sender = attached.map_err(|error| failure::error("attach", &error))?;
        Ok(Link {
            sender: Arc::new(Mutex::new(sender)),
            progress: Arc::default(),
        })
    }
}

/// Sends.
#[derive(Debug)]
pub struct AmqpSink(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    line: Line<Sending>,
    address: String,
    mode: Mode,
}

impl AmqpSink {
    /// A sink with these settings; it connects when it is first needed.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        if config.address.is_empty() {
            return Err(invalid("`address` is empty"));
        }
        Ok(Self(Arc::new(Desk {
            line: Line::new(config.peer, Sending(config.address.clone()))?,
            address: config.address,
            mode: config.mode,
        })))
    }
}

impl Desk {
    /// What the peer makes of a message; nothing where it says nothing in time. What may be sent later goes with the line;
    /// left to it, it would wait in memory, and be sent when nobody counts on it.
    async fn settled(
        &self,
        Open { link, number }: Open<Link>,
        message: Message<Batch<Data>>,
        until: Instant,
    ) -> Option<Result<Settled, SendError>> {
        let Link { sender, progress } = link;
        // Whoever holds a link keeps what waits for an answer over it.
        let mut sender = timeout_at(until, sender.lock_owned()).await.ok()?;
        if Instant::now() >= until {
            return None;
        }
        let sent = timeout_at(until, sender.send_batchable(message)).await;
        let place = progress.sent();
        drop(sender);
        let (settled, kept) = match sent {
            Ok(Ok(under_way)) => match timeout_at(until, under_way).await {
                Ok(Ok(settled)) => {
                    progress.settled(place);
                    (Some(Ok(settled)), true)
                }
                Ok(Err(error)) => (Some(Err(error)), false),
                // One that is slow is no reason to cut off the others.
                Err(_) => (None, progress.give_up(place)),
            },
            Ok(Err(error)) => {
                let kept = matches!(error, SendError::MessageSizeExceeded(_));
                (Some(Err(error)), kept)
            }
            Err(_) => (None, false),
        };
        if !kept {
            self.line.drop(number).await;
        }
        settled
    }

    async fn send(self: Arc<Self>, delivery: Delivery) -> Outcome {
        // Before the delivery itself is over, so that the line is let go of.
        let until = Instant::now() + delivery.timeout.mul_f32(0.9);
        let open = match self.line.open().await {
            Ok(open) => open,
            Err(error) => return failure::outcome(&error),
        };
        let encoded = self.mode.encode(&Binding::AMQP, &delivery.event);
        let message = message::encode(encoded, &delivery.identity());
        let desk = Arc::clone(&self);
        // Even where nobody waits for it any more: a message of which only a part is sent spoils the link.
        let sending = tokio::spawn(async move { desk.settled(open, message, until).await });
        let settled = match sending.await {
            Ok(Some(settled)) => settled,
            Ok(None) => return retry("timeout", "the peer has not accepted it in time"),
            Err(_) => return retry("amqp", "the connection ended"),
        };
        match settled {
            Ok(Settled::Accepted(_)) => Outcome::Accepted {
                receipt: None,
                reply: None,
            },
            Ok(Settled::Rejected(rejected)) => rejection(rejected.error.as_ref()),
            Ok(Settled::Released(_)) => failure::outcome(&failure::error(
                "send",
                &"released: NotFound, nobody takes it",
            )),
            Ok(_) => retry("amqp", "the peer gives the message back"),
            Err(SendError::MessageSizeExceeded(error)) => reject("too-large", error.to_string()),
            Err(error) => retry("amqp", error.to_string()),
        }
    }
}

/// What the peer will never take, by the condition that it gives (AMQP 1.0 §2.8.15 to §2.8.18); in doubt it may later.
fn rejection(error: Option<&Failure>) -> Outcome {
    let detail = format!("the peer rejects it: {error:?}");
    let never = [
        "DecodeError",
        "InvalidField",
        "NotAllowed",
        "NotImplemented",
        "MessageSizeExceeded",
    ];
    let condition = error.map(|error| format!("{:?}", error.condition));
    match condition.is_some_and(|condition| never.iter().any(|name| condition.contains(name))) {
        true => reject("rejected", detail),
        false => patient("rejected", detail),
    }
}

#[async_trait]
impl Sink for AmqpSink {
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
        format!("AMQP node {} at {}", self.0.address, self.0.line.describe())
    }

    async fn health(&self) -> Result<(), Error> {
        self.0.line.open().await.map(drop)
    }
}

impl SinkAdapter for AmqpSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}
