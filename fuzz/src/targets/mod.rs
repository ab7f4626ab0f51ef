//! The targets.

mod event;

use crate::Target;

/// All targets. Each has a folder in `corpus/`, but those whose seeds are made by code.
pub const TARGETS: &[Target] = &[
    event::JSON,
    event::JSON_BATCH,
    event::PROTOBUF,
    event::PACKED,
];
