//! Typed configuration with located errors.
//!
//! [`load`] reads a YAML or TOML file, resolves its references (`${env:NAME}`, `${file:PATH}`),
//! checks it whole and builds every source, filter and sink. All errors of a file are told at once,
//! each with its place, the line and a hint; what references stand for is never shown.

#![warn(clippy::expect_used)]

mod checked;
mod codes;
mod decode;
mod diagnostic;
mod diff;
mod document;
mod engine;
mod env;
mod group;
mod load;
mod model;
mod phrase;
mod policy;
mod reference;
mod sarif;
mod schema;
mod secret;
mod snapshot;

pub use checked::{
    Checked, Config, DEFAULT_SPACE, LoadedGroup, LoadedRoute, LoadedSchema, LoadedShadow,
    LoadedSource, LoadedSpace, LoadedStream, LoadedSubscription, Origin as SchemaOrigin,
};
pub use codes::{CODES, Code};
pub use diagnostic::{Allowed, Diagnostic, Diagnostics, Severity};
pub use diff::{Action, Change, KeyChange, Object, diff};
pub use engine::LoadedEngine;
pub use env::{Env, FILE_MAX, System};
pub use group::LoadedMember;
pub use load::filter::{filter, value};
pub use load::paths::Piece;
pub use load::routes::{WITHHELD, WITHHELD_PREFIX};
pub use load::transform::transform;
pub use load::{is_name, load, load_str};
pub use model::{
    Address, Admin, Audit, Backup, Common, Cors, Exchange, FieldName, FromRegistry, GroupMode,
    Limits, Log, LogFormat, LogLevel, MayClaim, Mode, Moment, Network, Origin, Period, RateLimit,
    RegistryAuth, SchemaRegistry, Size, SubjectVersion, SystemEvents, Tls, Unmatched, Verb,
};
pub use policy::{Breaker, Pauses, Policy, Retry};
pub use reference::{codes, reference};
pub use sarif::sarif;
pub use schema::schema;
