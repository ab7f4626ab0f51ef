//! Settings of the sink.

use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_adapter::Payload;
use tradewind_aws::{Access, Arn, ClaimCheck};

/// Settings of a sink of kind `aws-firehose`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// ARN of the delivery stream. Since 0.1.
    pub stream: Stream,
    /// What a record holds. Default: event. Since 0.1.
    #[serde(default)]
    pub payload: Payload,
    /// Whether a line break ends each record: Firehose puts records together as they are. Default true. Since 0.1.
    #[serde(default = "yes")]
    pub newline: bool,
    /// Where the data of events goes that are larger than a record (1,024,000 bytes); without it they are dead letters.
    /// Since 0.1.
    #[serde(default)]
    pub claim_check: Option<ClaimCheck>,
    /// Credentials, region, endpoint. Since 0.1.
    #[serde(default)]
    pub aws: Access,
}

fn yes() -> bool {
    true
}

/// A delivery stream, by its ARN.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Stream(Arn);

impl TryFrom<String> for Stream {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let arn = Arn::read(&text, "firehose").filter(|arn| {
            let known = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            let name = arn.resource().strip_prefix("deliverystream/");
            name.is_some_and(|name| (1..=64).contains(&name.len()) && name.bytes().all(known))
        });
        arn.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not the ARN of a delivery stream; hint: arn:aws:firehose:eu-west-1:123456789012:deliverystream/orders"
            )
        })
    }
}

impl Stream {
    /// Its ARN.
    pub fn arn(&self) -> &Arn {
        &self.0
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.resource().trim_start_matches("deliverystream/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_read() {
        for (text, name) in [
            (
                "arn:aws:firehose:eu-west-1:123456789012:deliverystream/orders",
                Some("orders"),
            ),
            (
                "arn:aws:firehose:eu-west-1:123456789012:deliverystream/",
                None,
            ),
            ("arn:aws:kinesis:eu-west-1:123456789012:stream/orders", None),
            ("orders", None),
        ] {
            let stream = Stream::try_from(text.to_owned()).ok();
            assert_eq!(stream.as_ref().map(Stream::name), name, "{text}");
        }
    }
}
