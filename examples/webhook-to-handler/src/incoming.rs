//! What the handler takes: an argument of its own.

use serde::Deserialize;
use std::fmt;
use tradewind::{Data, Delivery, Error, Event, FromEvent};

/// An event, read by its type.
#[derive(Debug)]
pub(crate) enum Incoming {
    Push(Push),
    Other(Event),
}

/// The part of a GitHub push that is of interest here; the rest of the payload is ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct Push {
    pub(crate) r#ref: String,
    pub(crate) repository: Repository,
    pub(crate) pusher: Pusher,
    pub(crate) commits: Vec<Commit>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Repository {
    pub(crate) full_name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Pusher {
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Commit {
    pub(crate) id: String,
    pub(crate) message: String,
}

impl<S> FromEvent<S> for Incoming {
    fn from_event(delivery: &Delivery, state: &S) -> Result<Self, Error> {
        match delivery.event.ty() {
            "com.github.push" => {
                let Data(push) = Data::from_event(delivery, state)?;
                Ok(Incoming::Push(push))
            }
            _ => Ok(Incoming::Other(delivery.event.clone())),
        }
    }
}

impl fmt::Display for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Incoming::Push(push) => {
                write!(
                    f,
                    "{} pushed {} commit(s) to {} of {}",
                    push.pusher.name,
                    push.commits.len(),
                    push.r#ref,
                    push.repository.full_name
                )?;
                for commit in &push.commits {
                    let short: String = commit.id.chars().take(7).collect();
                    let first = commit.message.lines().next().unwrap_or_default();
                    write!(f, "\n  {short} {first}")?;
                }
                Ok(())
            }
            Incoming::Other(event) => {
                write!(f, "{} {} from {}", event.ty(), event.id(), event.source())?;
                match event.data() {
                    Some(data) => write!(f, "\n  {}", String::from_utf8_lossy(&data.bytes)),
                    None => write!(f, "\n  without data"),
                }
            }
        }
    }
}
