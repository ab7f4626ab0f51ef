//! What the two versions of the protocol have in common.

use crate::access::{Access, Version};
use crate::{v4, v5};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use tradewind_adapter::{Error, Outcome};
use tradewind_event::broker;

/// Largest message that is read. A broker keeps larger ones to itself.
pub(crate) const PACKET_MAX: u32 = 16 << 20;
/// Seconds after which a silent connection is looked at.
pub(crate) const KEEP_ALIVE: u16 = 30;
/// Requests that wait for a connection.
pub(crate) const REQUESTS: usize = 256;

/// Who we are to the broker.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) client_id: String,
    /// Whether the broker keeps what comes while we are away.
    pub(crate) kept: bool,
    /// Most messages under way to us.
    pub(crate) ahead: u16,
}

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) topic: String,
    pub(crate) user: Vec<(String, String)>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
    /// `None` where the broker wants no word.
    pub(crate) ack: Option<Ack>,
}

#[derive(Debug, Clone)]
pub(crate) enum Ack {
    V4(Box<rumqttc_v4::Publish>),
    V5(Box<rumqttc_v5::Publish>),
}

/// What happened on a connection.
#[derive(Debug)]
pub(crate) enum Happening {
    /// It is there, perhaps again. What was not acknowledged before comes again. Where the broker says so: the most
    /// bytes that it takes at once.
    Up(Option<u32>),
    Message(Incoming),
    Other,
}

/// Asks for things to be sent.
#[async_trait]
pub(crate) trait Client: Send + Sync + std::fmt::Debug {
    async fn subscribe(&self, filters: &[String]) -> Result<(), String>;
    async fn publish(&self, topic: &str, message: broker::Message, retain: bool) -> Outcome;
    async fn ack(&self, ack: Ack) -> Result<(), String>;
}

/// Drives a connection.
#[async_trait]
pub(crate) trait Driver: Send {
    /// # Errors
    /// It broke, and why; the next call makes another one.
    async fn next(&mut self) -> Result<Happening, String>;
}

pub(crate) type Wire = (Arc<dyn Client>, Box<dyn Driver>);

/// # Errors
/// Settings that cannot be right.
pub(crate) fn wire(access: &Access, session: &Session) -> Result<Wire, Error> {
    let tls = access.tls()?;
    match access.version {
        Version::V5 => v5::wire(access, tls, session),
        Version::V3 => v4::wire(access, tls, session),
    }
}
