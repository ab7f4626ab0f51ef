//! The source: a link that receives.

use crate::access::Access;
use crate::line::{Attach, Line, Open};
use crate::message::Taken;
use crate::{KIND, failure};
use async_trait::async_trait;
use fe2o3_amqp::Delivery;
use fe2o3_amqp::link::delivery::DeliveryInfo;
use fe2o3_amqp::link::receiver::{CreditMode, ReceiverDisposer};
use fe2o3_amqp::link::{Receiver, RecvError};
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp_types::messaging::Body;
use fe2o3_amqp_types::primitives::Value;
use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tradewind_adapter::{
    Build, Capability, Error, Received, Settlement, Source, SourceAdapter, Token,
};
use tradewind_brokers::invalid;
use tradewind_event::Limits;

/// Bytes from which on no more messages are given at once.
const BYTES: usize = 8 << 20;

/// Settings of a source of kind `amqp`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// The peer, and how to get in. Since 0.1.
    pub peer: Access,
    /// Address of the node that is read, as the peer names it. Since 0.1.
    pub address: String,
    /// Most messages that the peer sends ahead (link credit). They are held in memory. 1 to 65535, default 200.
    /// Since 0.1.
    #[serde(default = "ahead")]
    #[schemars(range(min = 1))]
    pub credit: u16,
}

fn ahead() -> u16 {
    200
}

#[derive(Debug)]
struct Receiving {
    address: String,
    credit: u16,
}

/// What comes, and what is not settled.
#[derive(Debug)]
struct Coming {
    receiver: Mutex<Receiver>,
    disposer: ReceiverDisposer,
    unsettled: std::sync::Mutex<HashMap<u32, DeliveryInfo>>,
}

impl Coming {
    fn unsettled(&self) -> MutexGuard<'_, HashMap<u32, DeliveryInfo>> {
        self.unsettled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Attach for Receiving {
    type Link = Arc<Coming>;

    async fn attach(&self, session: &mut SessionHandle<()>) -> Result<Self::Link, Error> {
        let attached = Receiver::builder()
            .name("tradewind")
            .source(self.address.as_str())
            .credit_mode(CreditMode::Auto(self.credit.into()))
            .attach(session)
            .await;
        let receiver = attached.map_err(|error| failure::error("attach", &error))?;
        Ok(Arc::new(Coming {
            disposer: receiver.disposer(),
            receiver: Mutex::new(receiver),
            unsettled: std::sync::Mutex::default(),
        }))
    }
}

/// Reads a node.
#[derive(Debug)]
pub struct AmqpSource {
    source: String,
    line: Line<Receiving>,
    limits: Limits,
}

impl AmqpSource {
    /// A source of this name with these settings; it connects when it is first asked.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(name: &str, config: SourceConfig) -> Result<Self, Error> {
        if config.address.is_empty() {
            return Err(invalid("`address` is empty"));
        }
        if config.credit == 0 {
            return Err(invalid("`credit` is 1 to 65535"));
        }
        let address = config.address.trim_start_matches('/');
        let source = format!("/amqp/{name}/{address}");
        let receiving = Receiving {
            credit: config.credit,
            address: config.address,
        };
        Ok(Self {
            source,
            line: Line::new(config.peer, receiving)?,
            limits: Limits::default(),
        })
    }

    fn read(&self, token: Token, taken: &Taken) -> Received {
        let event = taken.event(&self.source, &self.limits);
        Received::one(token, event, || {
            taken.plain(&self.source).kept(&self.limits)
        })
    }
}

/// The number of a delivery, if it came over this link: those of others come again, or have.
fn delivery(token: &Token, number: u64) -> Option<u32> {
    let (link, delivery) = token.0.split_once('/')?;
    (link.parse() == Ok(number)).then(|| delivery.parse().ok())?
}

type Next = Result<Delivery<Body<Value>>, RecvError>;

#[async_trait]
impl Source for AmqpSource {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let Open { link, number } = self.line.open().await?;
        let mut receiver = link.receiver.lock().await;
        let (mut taken, mut bytes) = (Vec::new(), 0);
        let mut next: Option<Next> = timeout(wait, receiver.recv()).await.ok();
        while let Some(came) = next {
            let (info, message) = match came {
                Ok(delivery) => delivery.into_parts(),
                Err(error) => {
                    self.line.drop(number).await;
                    if taken.is_empty() {
                        return Err(failure::error("receive", &error));
                    }
                    break;
                }
            };
            let message = Taken::of(message);
            bytes += message.body.as_ref().map_or(0, bytes::Bytes::len);
            let token = Token(format!("{number}/{}", info.delivery_id()));
            taken.push(self.read(token, &message));
            link.unsettled().insert(info.delivery_id(), info);
            let more = taken.len() < max && bytes < BYTES;
            next = more.then(|| receiver.recv().now_or_never()).flatten();
        }
        Ok(taken)
    }

    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        let Open { link, number } = self.line.open().await?;
        for (token, settlement) in settlements {
            let delivery = delivery(&token, number);
            let info = delivery.and_then(|delivery| link.unsettled().remove(&delivery));
            let Some(info) = info else {
                continue;
            };
            let settled = match settlement {
                Settlement::Ack => link.disposer.accept(info).await,
                Settlement::Nack { delay: None } => link.disposer.release(info).await,
                // The peer gives it again at once, so it is given back late.
                Settlement::Nack { delay: Some(delay) } => {
                    let disposer = link.disposer.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        disposer.release(info).await.ok();
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

impl SourceAdapter for AmqpSource {
    const KIND: &'static str = KIND;
    type Config = SourceConfig;

    fn build(config: SourceConfig, build: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Self::new(&build.name, config)?))
    }
}
