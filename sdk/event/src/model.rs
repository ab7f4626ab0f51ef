//! The event itself: attributes, data, and the rules they obey (CloudEvents 1.0, core).

mod attribute;
mod builder;
mod data;
mod draft;
mod event;
mod media_type;
mod table;
mod timestamp;
mod uri;
pub(crate) mod validate;

pub use attribute::Attribute;
pub(crate) use attribute::{Core, TextType};
pub use builder::Builder;
pub use data::{Data, DataKind};
pub(crate) use draft::Draft;
pub use event::Event;
pub(crate) use media_type::is_json;
pub(crate) use table::{Base, Extension, Slot, Span};
pub use timestamp::{InvalidTimestamp, Timestamp};
