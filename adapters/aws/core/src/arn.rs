//! Names of resources.

/// A resource of AWS, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn {
    text: String,
    partition: String,
    region: String,
    account: String,
    resource: String,
}

impl Arn {
    /// Reads the name of a resource that a service has in a region and an account; `None` where it is none.
    pub fn read(text: &str, service: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, of, region, account, resource] = parts.as_slice() else {
            return None;
        };
        let plain = |text: &str| {
            let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            (1..=30).contains(&text.len()) && text.bytes().all(known)
        };
        let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let named = (1..=256).contains(&resource.len())
            && resource
                .bytes()
                .all(|b| b.is_ascii_graphic() && b != b'*' && b != b'?');
        let right = *of == service && plain(partition) && plain(region) && digits && named;
        right.then(|| Self {
            text: text.into(),
            partition: (*partition).into(),
            region: (*region).into(),
            account: (*account).into(),
            resource: (*resource).into(),
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `aws`, `aws-cn` and so on.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// Its region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Its account.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// What stands behind region and account.
    pub fn resource(&self) -> &str {
        &self.resource
    }
}

impl std::fmt::Display for Arn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The partition that a region is in.
pub fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_read() {
        let arn = Arn::read(
            "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:a:1",
            "states",
        );
        let arn = arn.unwrap();
        assert_eq!(
            (arn.partition(), arn.region(), arn.account(), arn.resource()),
            ("aws-cn", "cn-north-1", "123456789012", "stateMachine:a:1")
        );
        for text in [
            "",
            "orders",
            "arn:aws:sns:eu-west-1:123456789012:orders",
            "arn:aws:states:eu-west-1:1234:a",
            "arn:aws:states:*:123456789012:a",
            "arn:aws:states:eu-west-1:123456789012:",
            "arn:aws:states:eu-west-1:123456789012:a*",
            "arn:aws:states:eu-west-1:123456789012:a b",
            "arn:aws:states::123456789012:a",
        ] {
            assert_eq!(Arn::read(text, "states"), None, "{text}");
        }
    }
}
