//! Which queue it is.

/// A queue, by its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) url: String,
    /// Where requests go that AWS's own endpoint cannot take: an emulator.
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    account: String,
    name: String,
}

impl Queue {
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{url}` is no URL of a queue, such as https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
            )
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let parts: Vec<_> = rest.split('/').collect();
        let [host, account, name] = parts[..] else {
            return Err(wrong());
        };
        let plain = |text: &str| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            !text.is_empty() && text.bytes().all(fits)
        };
        let region = region(host);
        // What shows credentials of AWS is encrypted on its way there.
        let reachable = match scheme {
            "https" => true,
            "http" => region.is_none(),
            _ => false,
        };
        if !reachable || host.is_empty() || host.contains('@') || !plain(account) || !plain(name) {
            return Err(wrong());
        }
        Ok(Self {
            endpoint: region.is_none().then(|| format!("{scheme}://{host}")),
            region,
            account: account.into(),
            name: name.into(),
            url: url.into(),
        })
    }

    /// Its ARN, in this region where the URL tells none.
    pub(crate) fn arn(&self, region: &str) -> String {
        let region = self.region.as_deref().unwrap_or(region);
        let partition = match region.split('-').next() {
            Some("cn") => "aws-cn",
            Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!(
            "arn:{partition}:sqs:{region}:{}:{}",
            self.account, self.name
        )
    }

    pub(crate) fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

/// `sqs.eu-west-1.amazonaws.com`, also of China and with FIPS.
fn region(host: &str) -> Option<String> {
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let host = host.strip_suffix(".amazonaws.com")?;
    let region = host
        .strip_prefix("sqs.")
        .or_else(|| host.strip_prefix("sqs-fips."))
        .or_else(|| host.strip_suffix(".queue"))?;
    (!region.contains('.')).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        for (url, arn, endpoint) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
                "arn:aws:sqs:eu-west-1:123456789012:orders",
                None,
            ),
            (
                "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/o.fifo",
                "arn:aws-cn:sqs:cn-north-1:123456789012:o.fifo",
                None,
            ),
            (
                "https://sqs-fips.us-gov-west-1.amazonaws.com/1/o",
                "arn:aws-us-gov:sqs:us-gov-west-1:1:o",
                None,
            ),
            (
                "http://127.0.0.1:9324/000000000000/orders",
                "arn:aws:sqs:here:000000000000:orders",
                Some("http://127.0.0.1:9324"),
            ),
        ] {
            let queue = Queue::parse(url).unwrap();
            assert_eq!(queue.arn("here"), arn);
            assert_eq!(queue.endpoint.as_deref(), endpoint);
            assert_eq!(queue.is_fifo(), url.ends_with(".fifo"));
        }
    }

    #[test]
    fn what_is_no_queue_is_refused() {
        for url in [
            "",
            "orders",
            "https://sqs.eu-west-1.amazonaws.com/orders",
            "https://sqs.eu-west-1.amazonaws.com/1/",
            "https://sqs.eu-west-1.amazonaws.com/1/a/b",
            "https://sqs.eu-west-1.amazonaws.com/1/a?b",
            "http://sqs.eu-west-1.amazonaws.com/1/orders",
            "https://user@host/1/orders",
            "ftp://host/1/orders",
        ] {
            assert!(Queue::parse(url).is_err(), "{url}");
        }
    }
}
