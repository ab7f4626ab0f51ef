//! A connection that is kept up by a task of its own.

use crate::access::Access;
use crate::wire::{Client, Driver, Happening, Incoming, Session, wire};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tradewind_adapter::{Error, ErrorKind};

/// Pause before a broken connection is made again.
const PAUSE: Duration = Duration::from_millis(500);
/// Messages that nobody waits for (quality of service 0) beyond this are dropped.
const CARELESS_MAX: usize = 10_000;

/// How a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Connecting,
    /// Which one since the start it is.
    Up(u64),
    Down(String),
}

/// What came over a connection, and over which.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) number: u64,
    pub(crate) message: Incoming,
    /// Of those that are not acknowledged, only so many wait.
    _place: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) client: Arc<dyn Client>,
    state: watch::Receiver<State>,
    task: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Line {
    /// Connects; what comes goes to the receiver.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub(crate) fn open(
        access: &Access,
        session: &Session,
        filters: Vec<String>,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Arrived>), Error> {
        let (client, driver) = wire(access, session)?;
        let (told, state) = watch::channel(State::Connecting);
        let (give, arrived) = mpsc::unbounded_channel();
        let task = Task {
            client: Arc::clone(&client),
            driver,
            filters,
            told: Arc::new(told),
            give,
            places: Arc::new(Semaphore::new(CARELESS_MAX)),
            number: 0,
        };
        let line = Self {
            client,
            state,
            task: tokio::spawn(task.run()),
        };
        Ok((line, arrived))
    }

    /// Waits for the connection, and says which it is.
    ///
    /// # Errors
    /// Why there is none, as far as the last try told.
    pub(crate) async fn up(&self, wait: Duration) -> Result<u64, Error> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| *state != State::Connecting);
        let settled = tokio::time::timeout(wait, settled).await;
        match settled.map(|settled| settled.map(|state| state.clone())) {
            Ok(Ok(State::Up(number))) => Ok(number),
            Ok(Ok(State::Down(why))) => Err(broken(&why)),
            _ => Err(broken("no answer")),
        }
    }
}

fn broken(why: &str) -> Error {
    let refused = ["NotAuthorized", "BadUserNamePassword", "Bad user"];
    let (kind, hint) = match refused.iter().any(|part| why.contains(part)) {
        true => (
            ErrorKind::PermissionDenied,
            "hint: check `username` and `password`",
        ),
        false => (
            ErrorKind::Unavailable,
            "hint: check `server`, `version`, and whether it speaks TLS",
        ),
    };
    Error::new(kind, "connect", format!("{why}; {hint}"))
}

struct Task {
    client: Arc<dyn Client>,
    driver: Box<dyn Driver>,
    filters: Vec<String>,
    told: Arc<watch::Sender<State>>,
    give: mpsc::UnboundedSender<Arrived>,
    places: Arc<Semaphore>,
    number: u64,
}

impl Task {
    async fn run(mut self) {
        loop {
            match self.driver.next().await {
                Ok(Happening::Up) => self.up(),
                Ok(Happening::Message(message)) => self.take(message),
                Ok(Happening::Other) => {}
                Err(error) => {
                    tracing::debug!(%error, "the connection to the broker broke");
                    self.told.send_replace(State::Down(error));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn up(&mut self) {
        self.number += 1;
        let up = State::Up(self.number);
        if self.filters.is_empty() {
            self.told.send_replace(up);
            return;
        }
        self.told.send_replace(State::Connecting);
        // The answer comes by this task.
        let (client, filters) = (Arc::clone(&self.client), self.filters.clone());
        let told = Arc::clone(&self.told);
        tokio::spawn(async move {
            told.send_replace(match client.subscribe(&filters).await {
                Ok(()) => up,
                Err(error) => State::Down(format!("could not subscribe: {error}")),
            });
        });
    }

    fn take(&self, message: Incoming) {
        // The others are bounded by what the broker sends ahead.
        let place = match message.ack {
            Some(_) => None,
            None => match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => Some(place),
                Err(_) => {
                    tracing::debug!(topic = message.topic, "dropped: too many wait");
                    return;
                }
            },
        };
        let arrived = Arrived {
            number: self.number,
            message,
            _place: place,
        };
        self.give.send(arrived).ok();
    }
}
