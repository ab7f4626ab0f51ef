//! Settings of the sink.

use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_adapter::{Payload, Replies};
use tradewind_aws::{Access, Arn, ClaimCheck};

/// Settings of a sink of kind `aws-step-functions`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// ARN of the state machine; a version or alias follows after a colon. Since 0.1.
    pub state_machine: StateMachine,
    /// How it is run. Default: start. Since 0.1.
    #[serde(default)]
    pub execution: Execution,
    /// What the execution is given. Default: event. Since 0.1.
    #[serde(default)]
    pub payload: Payload,
    /// What becomes of an output that is a CloudEvent in JSON, with `sync`. Default: accept. Since 0.1.
    #[serde(default)]
    pub replies: Replies,
    /// Where the data of events goes that are larger than an input (262,144 bytes); without it they are dead letters.
    /// Since 0.1.
    #[serde(default)]
    pub claim_check: Option<ClaimCheck>,
    /// Credentials, region, endpoint. Since 0.1.
    #[serde(default)]
    pub aws: Access,
}

/// How a state machine is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Execution {
    /// It is started, and what fails later is not seen here. A standard workflow does not run twice for one delivery.
    #[default]
    Start,
    /// The gateway waits for the end, of an express workflow.
    Sync,
}

/// A state machine, by its ARN.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct StateMachine(Arn);

impl TryFrom<String> for StateMachine {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let arn = Arn::read(&text, "states").filter(|arn| {
            let name = arn.resource().strip_prefix("stateMachine:");
            let mut parts = name.unwrap_or_default().split(':');
            let named = |part: &str| !part.is_empty() && part.len() <= 80;
            parts.next().is_some_and(named)
                && parts.next().is_none_or(named)
                && parts.next().is_none()
        });
        arn.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not the ARN of a state machine; hint: arn:aws:states:eu-west-1:123456789012:stateMachine:orders"
            )
        })
    }
}

impl StateMachine {
    /// Its ARN.
    pub fn arn(&self) -> &Arn {
        &self.0
    }

    /// What a policy names: an alias or version is allowed by the machine's own name.
    pub fn resource(&self) -> String {
        let machine: Vec<&str> = self.0.as_str().split(':').take(7).collect();
        machine.join(":")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_machines_are_read() {
        let arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders";
        for (text, resource) in [
            (arn.to_owned(), Some(arn)),
            (format!("{arn}:live"), Some(arn)),
            (format!("{arn}:live:x"), None),
            (format!("{arn}:"), None),
            (
                "arn:aws:states:eu-west-1:123456789012:activity:a".to_owned(),
                None,
            ),
            ("orders".to_owned(), None),
        ] {
            let machine = StateMachine::try_from(text.clone()).ok();
            let machine = machine.map(|machine| machine.resource());
            assert_eq!(machine.as_deref(), resource, "{text}");
        }
    }
}
