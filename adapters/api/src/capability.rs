//! What an adapter can do, as data: it selects the conformance tests and fills the support matrix.

use std::time::Duration;

/// Flags and limits of one adapter. Absent limits are `None`.
///
/// Naming: `receive_*` for sources, `deliver_*` for sinks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Capability {
    /// The source redelivers what is settled with [`crate::Settlement::Nack`].
    pub receive_nack: bool,
    /// The source lends messages for this long at a time, and lends them longer when asked in time.
    pub receive_lease: Option<Duration>,
    /// The source keeps order within a key.
    pub receive_ordered: bool,
    /// The source gives each event an id that it never gives to another, and may give it again after
    /// any time: the gateway looks into the stream before it appends, besides deduplicating.
    pub receive_own_ids: bool,
    /// The sink takes several events in one call.
    pub deliver_batch_max: Option<usize>,
    /// Largest event the sink takes, in bytes of data.
    pub deliver_bytes_max: Option<usize>,
    /// Longest time that the platform behind the sink lets a function run.
    pub deliver_time_max: Option<Duration>,
    /// The sink can return an event as a reply.
    pub deliver_reply: bool,
}
