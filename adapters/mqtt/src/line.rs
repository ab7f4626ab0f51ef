//! A connection that is kept up by a task of its own.

use crate::access::Access;
use crate::inbox::{Arrived, Inbox};
use crate::wire::{Client, Driver, Happening, Session, wire};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tradewind_adapter::{Error, ErrorKind};

/// Pause before a broken connection is made again.
const PAUSE: Duration = Duration::from_millis(500);
/// Pause before a subscription that was refused is asked for again.
const REFUSED: Duration = Duration::from_secs(5);

/// How a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Connecting,
    Up(Up),
    Down(String),
}

/// A connection that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Up {
    /// Which one since the start it is.
    pub(crate) number: u64,
    /// Most bytes that the broker takes at once, where it says so.
    pub(crate) packet_max: Option<u32>,
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
    /// Connects; what comes goes to the inbox.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub(crate) fn open(
        access: &Access,
        session: &Session,
        filters: Vec<String>,
        inbox: Arc<Inbox>,
    ) -> Result<Self, Error> {
        let (client, driver) = wire(access, session)?;
        let (told, state) = watch::channel(State::Connecting);
        let task = Task {
            client: Arc::clone(&client),
            driver,
            filters,
            told: Arc::new(told),
            inbox,
            number: 0,
            subscribing: None,
        };
        Ok(Self {
            client,
            state,
            task: tokio::spawn(task.run()),
        })
    }

    /// Waits for the connection, and says which it is.
    ///
    /// # Errors
    /// Why there is none, as far as the last try told.
    pub(crate) async fn up(&self, wait: Duration) -> Result<Up, Error> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| *state != State::Connecting);
        let settled = tokio::time::timeout(wait, settled).await;
        match settled.map(|settled| settled.map(|state| state.clone())) {
            Ok(Ok(State::Up(up))) => Ok(up),
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
            "hint: check `username` and `password`, and what this user may do",
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
    inbox: Arc<Inbox>,
    number: u64,
    subscribing: Option<JoinHandle<()>>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.stop_subscribing();
    }
}

impl Task {
    async fn run(mut self) {
        loop {
            match self.driver.next().await {
                Ok(Happening::Up(packet_max)) => self.up(packet_max),
                Ok(Happening::Message(message)) => self.inbox.take(Arrived {
                    number: self.number,
                    message,
                }),
                Ok(Happening::Other) => {}
                Err(error) => {
                    tracing::debug!(%error, "the connection to the broker broke");
                    self.stop_subscribing();
                    self.told.send_replace(State::Down(error));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn up(&mut self, packet_max: Option<u32>) {
        self.number += 1;
        self.inbox.begin(self.number);
        let up = State::Up(Up {
            number: self.number,
            packet_max,
        });
        if self.filters.is_empty() {
            self.told.send_replace(up);
            return;
        }
        self.told.send_replace(State::Connecting);
        self.stop_subscribing();
        // The answer comes by this task.
        let (client, filters) = (Arc::clone(&self.client), self.filters.clone());
        let told = Arc::clone(&self.told);
        self.subscribing = Some(tokio::spawn(async move {
            while let Err(error) = client.subscribe(&filters).await {
                let why = format!("could not subscribe: {error}");
                told.send_replace(State::Down(why));
                tokio::time::sleep(REFUSED).await;
            }
            told.send_replace(up);
        }));
    }

    /// What is asked for over a connection that is gone says nothing any more.
    fn stop_subscribing(&mut self) {
        if let Some(subscribing) = self.subscribing.take() {
            subscribing.abort();
        }
    }
}
