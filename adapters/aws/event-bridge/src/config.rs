//! Settings of the sink.

use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_aws::{Access, Arn, ClaimCheck};

/// Settings of a sink of kind `aws-event-bridge`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// The bus: its ARN, or its name where it is one of the account and region of `aws`. Since 0.1.
    pub bus: Bus,
    /// `Source` of the entries. Default: the event's `source`. Since 0.1.
    #[serde(default)]
    pub source: Option<String>,
    /// `DetailType` of the entries. Default: the event's `type`. Since 0.1.
    #[serde(default)]
    pub detail_type: Option<String>,
    /// Where the data of events goes that are too large for an entry; without it they are dead letters. Since 0.1.
    #[serde(default)]
    pub claim_check: Option<ClaimCheck>,
    /// Credentials, region, endpoint. Since 0.1.
    #[serde(default)]
    pub aws: Access,
}

/// A bus, by its ARN or its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Bus {
    text: String,
    arn: Option<Arn>,
}

impl TryFrom<String> for Bus {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let named = |name: &str| {
            let known = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
            (1..=256).contains(&name.len()) && name.bytes().all(known)
        };
        let bus = |arn: &Arn| arn.resource().strip_prefix("event-bus/").is_some_and(named);
        let arn = Arn::read(&text, "events").filter(bus);
        match arn.is_some() || named(&text) {
            true => Ok(Self { text, arn }),
            false => Err(format!(
                "`{text}` is not a bus; hint: arn:aws:events:eu-west-1:123456789012:event-bus/orders, or orders"
            )),
        }
    }
}

impl Bus {
    /// Its ARN or its name, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its region, where the ARN tells it.
    pub fn region(&self) -> Option<&str> {
        self.arn.as_ref().map(Arn::region)
    }

    /// What a policy names; `region` where it is only a name, of an account that is not known here.
    pub fn resource(&self, region: &str) -> String {
        match &self.arn {
            Some(arn) => arn.to_string(),
            None => {
                let partition = tradewind_aws::partition(region);
                format!("arn:{partition}:events:{region}:*:event-bus/{}", self.text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buses_are_read() {
        let arn = "arn:aws:events:eu-west-1:123456789012:event-bus/orders";
        for (text, resource) in [
            (arn, Some(arn)),
            ("orders", Some("arn:aws:events:local:*:event-bus/orders")),
            (
                "aws.partner/example.com/1",
                Some("arn:aws:events:local:*:event-bus/aws.partner/example.com/1"),
            ),
            ("", None),
            ("a b", None),
            ("arn:aws:events:eu-west-1:123456789012:rule/orders", None),
            ("arn:aws:sns:eu-west-1:123456789012:orders", None),
        ] {
            let bus = Bus::try_from(text.to_owned()).ok();
            let bus = bus.map(|bus| bus.resource("local"));
            assert_eq!(bus.as_deref(), resource, "{text}");
        }
    }
}
