//! Data that producers framed with the number of the schema that they wrote it by.

use crate::Error;
use async_trait::async_trait;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

/// What data of a frame becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FramedData {
    /// JSON, by the encoding that its language publishes.
    #[default]
    Json,
    /// The data byte by byte, without the frame.
    Bytes,
}

/// What stood in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unframed {
    /// The data.
    pub data: Bytes,
    /// Its media type.
    pub content_type: &'static str,
    /// A URI of the schema, for `dataschema`.
    pub schema: String,
}

/// Why a frame was not opened.
#[derive(Debug)]
pub enum Unopened {
    /// It never will be: it is no frame, its schema is not there, or its data was not written by it. Shows nothing of
    /// the data.
    Never(String),
    /// The registry gives no schemas now. The same question may have an answer later.
    NotNow(Error),
}

/// Opens frames by the registries of schemas that are configured.
///
/// # Contract
/// - A frame says a number. Nothing that stands in one leads to another place than to the registry that was named.
/// - The same frame is always opened alike: schemas are kept, and never change under their number.
/// - Bounded: neither the frame nor its data is of more than `max` bytes, and one question takes a time of its own.
#[async_trait]
pub trait Frames: Send + Sync + std::fmt::Debug {
    /// Opens one by the registry of this name.
    async fn open(
        &self,
        registry: &str,
        framed: &Bytes,
        data: FramedData,
        max: usize,
    ) -> Result<Unframed, Unopened>;
}
