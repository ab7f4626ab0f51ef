//! Streams that go from one store to another.

use crate::{Error, Settings, Stream, Streams};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Whether a stream is to be served where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is.
    #[default]
    Here,
    /// Not yet: it is being filled with what lies there, in words for people.
    Coming(String),
    /// No more: what it held was moved there.
    Gone(String),
}

impl Standing {
    /// Whether it is to be served where it lies.
    pub fn is_here(&self) -> bool {
        *self == Self::Here
    }

    /// Refuses a stream that is not to be served where it lies. For stores.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn check(&self, name: &str) -> Result<(), Error> {
        let name = name.split_once('/').map_or(name, |(_, stream)| stream);
        Err(Error::Invalid(match self {
            Self::Here => return Ok(()),
            Self::Coming(from) => format!(
                "stream `{name}` is not whole here: it is being moved from {from}; hint: end that with `tradewind streams \
                 move {name}`, or serve it there"
            ),
            Self::Gone(to) => format!(
                "stream `{name}` was moved to {to}; hint: `engine` of the configuration says where it lies, and \
                 `tradewind streams move {name}` moves it back"
            ),
        }))
    }
}

/// Streams that can be moved into and out of. Of one that is not [`Standing::Here`], [`Streams::open`] knows nothing
/// but that, and [`Streams::list`], [`Streams::settings`] and [`Streams::cut`] nothing at all.
#[async_trait]
pub trait Movable: Streams {
    /// How a stream stands; `None` where there is none.
    async fn standing(&self, name: &str) -> Result<Option<Standing>, Error>;
    /// Says how a stream stands from now on; durable when it returns. Who has it open goes on.
    ///
    /// # Errors
    /// `Invalid` where there is no such stream.
    async fn stand(&self, name: &str, standing: Standing) -> Result<(), Error>;
    /// Makes an empty stream that is [`Standing::Coming`] `from` somewhere, with the key that its identities were hashed
    /// with there.
    ///
    /// # Errors
    /// `Invalid` where there is a stream of that name, and as [`Streams::open`].
    async fn make(
        &self,
        name: &str,
        settings: &Settings,
        hash_key: [u8; 16],
        from: &str,
    ) -> Result<(), Error>;
    /// Opens a stream however it stands, as it was opened last; `None` where there is none. Whoever moves it owns its
    /// shards by [`Stream::recover`], whether or not several processes share it.
    async fn lift(&self, name: &str) -> Result<Option<Arc<dyn Stream>>, Error>;
    /// What those call themselves who have the stream open elsewhere, as far as anybody knows.
    async fn users(&self, _name: &str) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}

/// Refuses to make a stream that is there. For stores.
pub fn is_there(name: &str) -> Error {
    Error::Invalid(format!("there is a stream `{name}` already"))
}

/// Refuses to say something of a stream that is not there. For stores.
pub fn is_absent(name: &str) -> Error {
    Error::Invalid(format!("there is no stream `{name}`"))
}
