//! What an adapter implements: sources, webhooks, sinks, and the suite that proves them.
//!
//! An adapter is a crate with a `KIND`, a typed `Config` and a constructor, entered in a
//! [`Registry`] by one line. It classifies what happened; it never retries, batches or logs secrets:
//! the gateway does that once, above every driver.

#![warn(clippy::expect_used)]

mod auth;
pub mod aws;
mod capability;
mod engine;
mod error;
mod exchange;
mod fetch;
mod foreign;
mod frames;
mod ground;
mod identity;
mod invoke;
mod outcome;
mod permission;
mod plain;
mod registry;
mod report;
mod secret;
mod settings;
mod sink;
mod source;
mod status;
#[cfg(feature = "testkit")]
pub mod testkit;
mod trace;
mod webhook;

pub use auth::{
    AUTHORIZE, Action, ApiKey, Auth, Authorizer, Callers, Issuers, Jwt, KeySecret, Proofs, Sinks,
    Texts, Tokens, api_key,
};
pub use capability::Capability;
pub use engine::{EngineCapability, StreamEngine};
pub use error::{Error, ErrorKind};
pub use exchange::{Exchange, Reach};
pub use fetch::{Fetch, Fetched};
pub use foreign::{Foreign, Mapping};
pub use frames::{FramedData, Frames, Unframed, Unopened};
pub use ground::{Calendar, Clock, Due, Ground, Memory};
pub use identity::{Credential, Identity, Signers, Unproved};
pub use invoke::{Body, BoxError, Invoke};
pub use outcome::{Outcome, Reason};
pub use permission::{Caller, Permission};
pub use plain::{Plain, event_or_plain};
pub use registry::{
    Build, BuiltSource, Failure, Registry, SinkAdapter, SourceAdapter, WebhookAdapter,
};
pub use report::{Outcomes, Report};
pub use secret::Secret;
pub use settings::{Payload, Render, RenderWith, Replies};
pub use sink::{Delivery, Sink};
pub use source::{Received, Settlement, Source, Token};
pub use status::retry_after;
pub use trace::{TRACEPARENT, TRACESTATE, TraceContext};
pub use webhook::{Answer, Cause, Parts, Peer, Pending, Refusal, Verified, Webhook};
