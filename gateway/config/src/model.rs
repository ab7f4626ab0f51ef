//! The configuration file as types: every key with its default and unit.

mod authority;
mod backup;
mod check;
mod contract;
mod gateway;
mod group;
mod network;
mod registry;
mod route;
mod scalar;
mod shadow;
mod source;
mod space;
mod stream;
mod subscription;

pub(crate) use authority::{May, PolicyText, RoleKeys};
pub use backup::Backup;
pub(crate) use check::{Allow, Check};
pub(crate) use contract::{Bound, Compatibility, Contract, OnFailure, Version};
pub use gateway::{
    Address, Admin, Audit, Limits, Log, LogFormat, LogLevel, Mode, SystemEvents, Tls,
};
pub(crate) use gateway::{ApiKey, File};
pub use group::Mode as GroupMode;
pub(crate) use group::{GROUP, GroupKeys};
pub use network::Network;
pub use registry::{FromRegistry, RegistryAuth, SchemaRegistry, SubjectVersion};
pub(crate) use route::Route;
pub use route::{Cors, Exchange, FieldName, Origin, Verb};
pub(crate) use scalar::Time;
pub use scalar::{Moment, Period, Size};
pub(crate) use shadow::ShadowKeys;
pub(crate) use source::KEYS as SOURCE_KEYS;
pub use source::{Common, MayClaim, RateLimit, Unmatched};
pub(crate) use space::Space;
pub(crate) use stream::{EMBEDDED, KEYS as STREAM_KEYS, Stream};
pub(crate) use subscription::{Exhaustion, Jitter, Preset, RetryKeys, Subscription};
