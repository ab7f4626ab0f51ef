//! Settings of the sink.

use crate::Function;
use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_adapter::{Payload, Render, Replies};
use tradewind_aws::Access;

/// Settings of a sink of kind `aws-lambda`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The function: its ARN, or its name; a version or alias follows after a colon. Since 0.1.
    pub function: Function,
    /// How it is invoked. Default: sync. Since 0.1.
    #[serde(default)]
    pub invocation: Invocation,
    /// What the function is given. Default: event. Since 0.1.
    #[serde(default)]
    pub payload: Payload,
    /// Sends events as the native event of a trigger instead, for a function that expects one: a name of
    /// docs/reference/formats.md such as `aws-sqs`, or that and a `resource`. Default: no, the event is sent in its
    /// JSON format. Since 0.1.
    #[serde(default)]
    pub render: Option<Render>,
    /// What becomes of an answer that is a CloudEvent in JSON, with `sync`. Default: accept. Since 0.1.
    #[serde(default)]
    pub replies: Replies,
    /// Credentials, region, endpoint. Since 0.1.
    #[serde(default)]
    pub aws: Access,
}

/// How a function is invoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Invocation {
    /// The gateway waits for the answer. What fails is tried again by the subscription's policy.
    #[default]
    Sync,
    /// Lambda queues the event, and tries by its own policy: what fails there is not seen here.
    Async,
    /// Nothing runs: permissions and the payload's size are checked.
    DryRun,
}
