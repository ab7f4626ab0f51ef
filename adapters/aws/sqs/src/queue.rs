//! Names of queues.

use schemars::JsonSchema;
use serde::Deserialize;

/// A queue, by its URL.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Queue {
    url: String,
    origin: String,
    /// `None` where the host is not one of AWS's: an emulator.
    region: Option<String>,
    account: String,
    name: String,
}

impl TryFrom<String> for Queue {
    type Error = String;

    fn try_from(url: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{url}` is not the URL of a queue; hint: \
                 https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
            )
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let mut parts = rest.split('/');
        let (Some(host), Some(account), Some(name), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let named = (1..=80).contains(&name.len()) && name.bytes().all(plain);
        let region = region(host);
        let reachable = match scheme {
            "https" => true,
            "http" => region.is_none(),
            _ => false,
        };
        if !digits || !named || !reachable || host.is_empty() || host.contains('@') {
            return Err(wrong());
        }
        Ok(Self {
            origin: format!("{scheme}://{host}"),
            region,
            account: account.into(),
            name: name.into(),
            url,
        })
    }
}

/// `sqs.eu-west-1.amazonaws.com`, also with FIPS, of China, and as it was called before.
fn region(host: &str) -> Option<String> {
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let host = host.strip_suffix(".amazonaws.com")?;
    let region = host
        .strip_prefix("sqs.")
        .or_else(|| host.strip_prefix("sqs-fips."))
        .or_else(|| host.strip_suffix(".queue"))?;
    (!region.contains('.')).then(|| region.to_owned())
}

impl Queue {
    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Region, where the URL tells.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Where requests go that AWS's own endpoint cannot take.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.region.is_none().then_some(self.origin.as_str())
    }

    /// Whether it keeps order.
    pub fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }

    /// Its ARN; `region` where the URL tells none.
    pub fn arn(&self, region: &str) -> String {
        let region = self.region().unwrap_or(region);
        let partition = tradewind_aws::partition(region);
        format!(
            "arn:{partition}:sqs:{region}:{}:{}",
            self.account, self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        for (url, arn) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
                "arn:aws:sqs:eu-west-1:123456789012:orders",
            ),
            (
                "https://sqs-fips.us-gov-west-1.amazonaws.com/123456789012/a.fifo",
                "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:a.fifo",
            ),
            (
                "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/a_b",
                "arn:aws-cn:sqs:cn-north-1:123456789012:a_b",
            ),
            (
                "https://us-east-2.queue.amazonaws.com/123456789012/q",
                "arn:aws:sqs:us-east-2:123456789012:q",
            ),
            (
                "http://127.0.0.1:9324/000000000000/q",
                "arn:aws:sqs:local:000000000000:q",
            ),
        ] {
            assert_eq!(Queue::try_from(url.to_owned()).unwrap().arn("local"), arn);
        }
    }

    #[test]
    fn what_is_no_queue_is_refused() {
        for url in [
            "",
            "orders",
            "arn:aws:sqs:eu-west-1:123456789012:orders",
            "ftp://sqs.eu-west-1.amazonaws.com/123456789012/orders",
            // Credentials of AWS would go over the wire in the clear.
            "http://sqs.eu-west-1.amazonaws.com/123456789012/orders",
            "https://sqs.eu-west-1.amazonaws.com/orders",
            "https://sqs.eu-west-1.amazonaws.com/1234/orders",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/a/b",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/a?b",
            "https://user@host/123456789012/orders",
        ] {
            let refused = Queue::try_from(url.to_owned()).unwrap_err();
            assert!(refused.contains("hint: https://sqs."), "{url}");
        }
    }
}
