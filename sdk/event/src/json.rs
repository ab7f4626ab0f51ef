//! The JSON format (`application/cloudevents+json`) and its batch form.
//!
//! [`decode`] reads in one pass, checks as it goes, and keeps the document: [`encode`] gives the same
//! bytes back while no attribute was set on the event since. Follows the JSON format of CloudEvents
//! 1.0.3-wip: §2.2 types, §3.1 data, §4 batch.

mod batch;
mod blocks;
mod compact;
mod decode;
mod encode;
mod ends;
mod payload;
mod planes;
mod reader;
mod scan;
mod text;
mod value;

pub use batch::{decode_batch, encode_batch};
pub use decode::decode;
pub use encode::encode;
pub use reader::{Next, Reader};
pub(crate) use scan::is_document;
pub use value::{is_tree, value};

/// Media type of a single event.
pub const MEDIA_TYPE: &str = "application/cloudevents+json";
/// Media type of a batch.
pub const BATCH_MEDIA_TYPE: &str = "application/cloudevents-batch+json";
/// How deep arrays and objects may nest, the envelope included.
pub const DEPTH_LIMIT: usize = 128;
