//! What a worker has to do itself.

use crate::describe::Kind;
use crate::{Delivery, Failure};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What the methods of [`Pull`] give.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What [`Worker::open`] gives.
pub type Opened = Result<Arc<dyn Pull>, Failure>;

/// A kind of worker.
pub trait Worker: Send + Sync + 'static {
    /// What `--host` and `TRADEWIND_HOST` call it.
    fn name(&self) -> &'static str;
    /// The variable that says where to fetch from. Where it is set and no platform is there, this worker runs.
    fn sign(&self) -> &'static str;
    /// What its messages come from.
    fn kind(&self) -> Kind;
    /// Reads its settings and connects; or says which setting is missing or cannot be right, or what is not there.
    fn open(&self, get: &dyn Fn(&str) -> Option<String>) -> Fut<'static, Opened>;
}

/// Where messages are fetched from.
///
/// # Contract
/// - A message is out from when `pull` gives it until `settle` was told of it or its lease ran out. What is not settled
///   comes again, some time, to somebody.
/// - While a message of a group is out, no other of that group is given, but for those that `pull` gave with it.
/// - Drivers do not retry: they say what failed. A call that takes too long is dropped: `pull` after 60 s, `settle` after
///   15 s, `extend` after a third of the lease. What was told by it may be told again.
pub trait Pull: Send + Sync + 'static {
    /// Up to `max` messages, one at least; waits for some seconds where there are none, and then gives none. May be
    /// dropped while it waits; what it had got by then comes again.
    fn pull(&self, max: usize) -> Fut<'_, Result<Vec<Pulled>, PullError>>;

    /// Says what is to become of messages. Told twice is told once; one that is not ours any more is nobody's mistake.
    fn settle(&self, settlements: Vec<Settlement>) -> Fut<'_, Result<(), PullError>>;

    /// What was told of these messages could not be settled: nothing more is said of them, and they come again. Of use
    /// where that is no matter of a lease.
    fn abandon(&self, tokens: Vec<Token>) {
        drop(tokens);
    }

    /// Keeps messages from coming again for another [`lease`](Pull::lease).
    fn extend(&self, tokens: Vec<Token>) -> Fut<'_, Result<(), PullError>> {
        drop(tokens);
        Box::pin(async { Ok(()) })
    }

    /// How long a message is out before it comes again; nothing where that is not a matter of time.
    fn lease(&self) -> Option<Duration> {
        None
    }

    /// The last call.
    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async {})
    }
}

/// A message, by its driver's name for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Token(pub String);

/// A message that was fetched.
#[derive(Debug)]
pub struct Pulled {
    /// What it is settled by.
    pub token: Token,
    /// What it carries; or why that cannot be read, which no attempt will change.
    pub deliveries: Result<Vec<Delivery>, String>,
    /// Whether it must wait for another.
    pub order: Order,
    /// When its source gives up on it, where that is a matter of a time which [`Pull::extend`] does not make longer.
    pub deadline: Option<Instant>,
}

/// Whether messages may overtake each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Order {
    /// Yes.
    Free,
    /// Not those of the same group: they are handled one after the other, and what follows one that failed comes again.
    Group(String),
}

/// What is to become of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It is done.
    Done,
    /// It comes again: after this pause, where the source can do that.
    Again {
        /// What the handler asked for.
        after: Option<Duration>,
    },
    /// It will never work: to where dead letters go, or again where there is no such place.
    Never {
        /// Why.
        reason: String,
    },
    /// Nobody looked at it: back at once.
    Untouched,
}

/// A message and what is to become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The message.
    pub token: Token,
    /// Its fate.
    pub settled: Settled,
}

/// Why a source did not do what it was asked for.
#[derive(Debug)]
pub struct PullError {
    pub(super) fatal: bool,
    pub(super) message: String,
}

impl PullError {
    /// It may work later.
    pub fn passing(message: impl Into<String>) -> Self {
        Self {
            fatal: false,
            message: message.into(),
        }
    }
    /// Somebody has to change something: it is told to whoever started the program, where it has not worked before.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self {
            fatal: true,
            message: message.into(),
        }
    }
}

impl fmt::Display for PullError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PullError {}
