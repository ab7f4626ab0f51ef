//! CloudEvents model, formats and bindings: one buffer per event, data byte-exact.

mod event;

pub use event::{Attribute, Builder, Data, DataKind, Event, InvalidEvent, Timestamp};
