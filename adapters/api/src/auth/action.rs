//! What a principal may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// To send events to a source, or requests to a route.
    Publish,
    /// To see that events come and go: `tail`, without what is in them.
    Subscribe,
    /// To read what is in events and dead letters.
    ReadPayload,
    /// To replay events.
    Replay,
    /// To redrive or purge dead letters.
    Redrive,
    /// To pause, move, delete, reload, back up.
    Configure,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Publish,
        Self::Subscribe,
        Self::ReadPayload,
        Self::Replay,
        Self::Redrive,
        Self::Configure,
    ];

    /// Its name, kebab case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::ReadPayload => "read-payload",
            Self::Replay => "replay",
            Self::Redrive => "redrive",
            Self::Configure => "configure",
        }
    }
}
