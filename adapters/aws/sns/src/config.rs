//! Settings of the sink.

use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_adapter::Payload;
use tradewind_aws::{Access, Arn, ClaimCheck};

/// Largest message, with its attributes, of a topic that is set to nothing else, and of any (SNS API reference,
/// `PublishBatch`).
pub(crate) const BYTES: (u32, u32) = (256 << 10, 1 << 20);

/// Settings of a sink of kind `aws-sns`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// ARN of the topic. The groups of a FIFO topic are the events' `partitionkey`, else `subject`, else `source`;
    /// repetitions of a delivery are dropped. Since 0.1.
    pub topic: Topic,
    /// What a message holds. Default: event. Since 0.1.
    #[serde(default)]
    pub payload: Payload,
    /// Largest message in bytes, as the topic's `MaximumMessageSize` says. 1024 to 1048576, default 262144. Since 0.1.
    #[serde(default = "bytes")]
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub max_bytes: u32,
    /// Where the data of larger events goes; without it they are dead letters. Since 0.1.
    #[serde(default)]
    pub claim_check: Option<ClaimCheck>,
    /// Credentials, region, endpoint. Since 0.1.
    #[serde(default)]
    pub aws: Access,
}

fn bytes() -> u32 {
    BYTES.0
}

/// A topic, by its ARN.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Topic(Arn);

impl TryFrom<String> for Topic {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let arn = Arn::read(&text, "sns").filter(|arn| {
            let name = arn.resource();
            let name = name.strip_suffix(".fifo").unwrap_or(name);
            let known = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
            !name.is_empty() && name.bytes().all(known)
        });
        arn.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not the ARN of a topic; hint: arn:aws:sns:eu-west-1:123456789012:orders"
            )
        })
    }
}

impl Topic {
    /// Its ARN.
    pub fn arn(&self) -> &Arn {
        &self.0
    }

    /// Whether it keeps order.
    pub fn is_fifo(&self) -> bool {
        self.0.resource().ends_with(".fifo")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read() {
        for (text, fifo) in [
            ("arn:aws:sns:eu-west-1:123456789012:orders", Some(false)),
            ("arn:aws:sns:eu-west-1:123456789012:orders.fifo", Some(true)),
            ("orders", None),
            ("arn:aws:sqs:eu-west-1:123456789012:orders", None),
            ("arn:aws:sns:eu-west-1:123456789012:.fifo", None),
            // A subscription.
            ("arn:aws:sns:eu-west-1:123456789012:orders:0-1", None),
        ] {
            let topic = Topic::try_from(text.to_owned());
            assert_eq!(topic.as_ref().map(Topic::is_fifo).ok(), fifo, "{text}");
        }
    }
}
