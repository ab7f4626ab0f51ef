//! Content modes.

use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_event::Event;
use tradewind_event::broker::{Binding, Message, encode_binary, encode_structured};

/// How an event becomes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Attributes beside the body, data as the body.
    #[default]
    Binary,
    /// All of it as JSON in the body.
    Structured,
}

impl Mode {
    /// The message that an event becomes.
    pub fn encode(self, binding: &Binding, event: &Event) -> Message {
        match self {
            Self::Binary => encode_binary(binding, event),
            Self::Structured => encode_structured(event),
        }
    }
}
