//! What names a stream, and the settings of the sink.

use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_adapter::Payload;
use tradewind_aws::{Access, Arn, ClaimCheck};

/// Largest record, with its key, of a stream that is set to nothing else, and of any (Kinesis API reference, `PutRecord`).
pub(crate) const BYTES: (u32, u32) = (1 << 20, 10 << 20);

/// Settings of a sink of kind `aws-kinesis`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// ARN of the stream. The partition key is the events' `partitionkey`, else `subject`, else `id`. Since 0.1.
    pub stream: Stream,
    /// What a record holds. Default: event. Since 0.1.
    #[serde(default)]
    pub payload: Payload,
    /// Largest record in bytes, with its key, as the stream's `MaxRecordSizeInKiB` says. 1024 to 10485760, default
    /// 1048576. Since 0.1.
    #[serde(default = "bytes")]
    #[schemars(range(min = 1024, max = 10_485_760))]
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

/// A stream, by its ARN.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Stream(Arn);

impl TryFrom<String> for Stream {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let arn = Arn::read(&text, "kinesis").filter(|arn| {
            let known = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            let name = arn.resource().strip_prefix("stream/");
            name.is_some_and(|name| (1..=128).contains(&name.len()) && name.bytes().all(known))
        });
        arn.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not the ARN of a stream; hint: arn:aws:kinesis:eu-west-1:123456789012:stream/orders"
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
        self.0.resource().trim_start_matches("stream/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_read() {
        for (text, name) in [
            (
                "arn:aws:kinesis:eu-west-1:123456789012:stream/orders",
                Some("orders"),
            ),
            ("arn:aws:kinesis:eu-west-1:123456789012:stream/", None),
            (
                "arn:aws:kinesis:eu-west-1:123456789012:stream/a/consumer/b:1",
                None,
            ),
            (
                "arn:aws:firehose:eu-west-1:123456789012:deliverystream/orders",
                None,
            ),
            ("orders", None),
        ] {
            let stream = Stream::try_from(text.to_owned()).ok();
            assert_eq!(stream.as_ref().map(Stream::name), name, "{text}");
        }
    }
}
