//! What became of a comparison.

use serde::{Deserialize, Serialize};
use tradewind_event::Event;

/// How a shadow and its target compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonView {
    /// The shadow.
    pub shadow: String,
    /// The subscription whose target it is compared with.
    pub of: String,
    /// Counted since then, milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Events that both took with the same reply, or refused with the same status.
    pub same: u64,
    /// Events that one took and the other did not, or that they refused with different statuses.
    pub status: u64,
    /// Events that both took, with different replies.
    pub reply: u64,
    /// Events of which only the target in charge had settled when the other's time was over.
    pub only_old: u64,
    /// Events of which only the shadow had.
    pub only_new: u64,
    /// Events that one side has settled and the other has time for.
    pub waiting: u64,
    /// Differences that are kept, latest first.
    pub examples: Vec<Differing>,
}

impl ComparisonView {
    /// Events of which both sides had settled.
    pub fn compared(&self) -> u64 {
        self.same + self.status + self.reply
    }
    /// Whether nothing differs among what was compared.
    pub fn agrees(&self) -> bool {
        self.status + self.reply + self.only_old + self.only_new == 0
    }
}

/// One event on which they differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Differing {
    /// Stream of the event.
    pub stream: String,
    /// Its position.
    pub position: String,
    /// The event's identity, as long as the stream keeps it.
    pub id: Option<String>,
    /// The event's type.
    #[serde(rename = "type")]
    pub ty: Option<String>,
    /// When it was found, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// `status` or `reply`.
    pub differs: String,
    /// What the target in charge made of it.
    pub old: Answered,
    /// What the shadow made of it.
    pub new: Answered,
    /// The event, for telling who may see this.
    #[serde(skip)]
    pub event: Option<Event>,
}

/// What one side made of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// `accepted` or `failed`.
    pub outcome: String,
    /// Protocol status of a failure.
    pub status: Option<u16>,
    /// Why it failed.
    pub reason: Option<String>,
    /// Attempts that were made.
    pub attempts: u32,
    /// How long the last one took.
    pub took_ms: u64,
    /// Whether it replied.
    pub replied: bool,
    /// The reply, unless it is too large to keep.
    #[serde(skip)]
    pub reply: Option<Event>,
}
