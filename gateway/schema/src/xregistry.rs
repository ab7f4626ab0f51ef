//! Schemas as an xRegistry (version 1.0-rc4) has them: documents (`*.xreg.json`) read and written, and the answers of
//! its HTTP interface.

mod entities;
mod import;
mod text;

pub use entities::{Entry, SPEC, View, capabilities, export, group, groups, meta, model, registry};
pub use entities::{schema, schemas, version, versions};
pub use import::{Imported, import};
pub use text::content_type;
