//! What keeps a stream in place of the data directory.

use std::any::Any;
use std::fmt::Debug;

/// Where a stream lies, as its configuration says it: to everybody but the gateway, who opens it, a piece of data.
pub trait StreamEngine: Any + Debug + Send + Sync {
    /// Where that is, for people; no secrets.
    fn describe(&self) -> String;
    /// What is otherwise there than in the data directory.
    fn capability(&self) -> EngineCapability;
}

/// What an engine of streams promises, and what it does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EngineCapability {
    /// What an answer of 2xx means, in a word.
    pub durability: &'static str,
    /// What may cost events that were accepted; `None` where the loss of a machine does not.
    pub weak: Option<&'static str>,
    /// The log can be held below a number of bytes.
    pub retention_bytes: bool,
    /// Most identities that are remembered of a stream.
    pub dedupe_max: u64,
    /// Several gateways serve it, each a part.
    pub shared: bool,
    /// Events for later are kept as safely as those of the log.
    pub delays: bool,
}
