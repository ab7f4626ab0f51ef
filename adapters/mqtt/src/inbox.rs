//! What has come and was not asked for yet.

use crate::wire::Incoming;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Bytes of messages that nobody waits for (quality of service 0); what comes beyond is dropped. The others are bounded by
/// what the broker sends ahead.
const CARELESS_BYTES: usize = 32 << 20;
/// What a message takes besides its body.
const OVERHEAD: usize = 512;

/// What came over a connection, and over which.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) number: u64,
    pub(crate) message: Incoming,
}

impl Arrived {
    /// Whether it counts while this is the connection: what was to be acknowledged over another one comes again.
    pub(crate) fn stays(&self, connection: u64) -> bool {
        self.number == connection || self.message.ack.is_none()
    }

    fn careless_bytes(&self) -> usize {
        match self.message.ack {
            Some(_) => 0,
            None => self.message.body.len() + OVERHEAD,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    pub(crate) came: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Arrived>,
    /// The connection that they come over.
    connection: u64,
    careless: usize,
}

impl Inbox {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take(&self, arrived: Arrived) {
        let mut waiting = self.waiting();
        let bytes = arrived.careless_bytes();
        if bytes > 0 && waiting.careless + bytes > CARELESS_BYTES {
            tracing::debug!(topic = arrived.message.topic, "dropped: too many wait");
            return;
        }
        waiting.careless += bytes;
        waiting.messages.push_back(arrived);
        drop(waiting);
        self.came.notify_one();
    }

    pub(crate) fn next(&self) -> Option<Arrived> {
        let mut waiting = self.waiting();
        let next = waiting.messages.pop_front();
        waiting.careless -= next.as_ref().map_or(0, Arrived::careless_bytes);
        next
    }

    /// A new connection.
    pub(crate) fn begin(&self, connection: u64) {
        let mut waiting = self.waiting();
        waiting.connection = connection;
        let stays = |arrived: &Arrived| arrived.stays(connection);
        waiting.messages.retain(stays);
    }

    /// The connection that is there, or was last.
    pub(crate) fn connection(&self) -> u64 {
        self.waiting().connection
    }
}
