//! Names of functions.

use schemars::JsonSchema;
use serde::Deserialize;

/// A function, by its ARN or its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Function {
    /// As the call names it: without the qualifier.
    name: String,
    qualifier: Option<String>,
    /// Where the ARN tells it.
    region: Option<String>,
}

impl TryFrom<String> for Function {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no function; hint: arn:aws:lambda:eu-west-1:123456789012:function:charge, or charge, each with `:ALIAS` where there is one"
            )
        };
        let plain = |text: &str, more: &[u8], max: usize| {
            let known =
                |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b) || more.contains(&b);
            (1..=max).contains(&text.len()) && text.bytes().all(known)
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (arn, rest) = match parts.as_slice() {
            [
                "arn",
                partition,
                "lambda",
                region,
                account,
                "function",
                rest @ ..,
            ] => {
                let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
                if !digits || !plain(partition, b"", 20) || !plain(region, b"", 30) {
                    return Err(wrong());
                }
                (
                    Some((*region, parts.get(..6).unwrap_or_default().join(":"))),
                    rest,
                )
            }
            rest => (None, rest),
        };
        let (name, qualifier) = match rest {
            [name] => (*name, None),
            [name, qualifier] => (*name, Some(*qualifier)),
            _ => return Err(wrong()),
        };
        if !plain(name, b"", 64) || !qualifier.is_none_or(|text| plain(text, b"$", 128)) {
            return Err(wrong());
        }
        Ok(Self {
            name: match &arn {
                Some((_, prefix)) => format!("{prefix}:{name}"),
                None => name.to_owned(),
            },
            qualifier: qualifier.map(str::to_owned),
            region: arn.map(|(region, _)| region.to_owned()),
        })
    }
}

impl Function {
    /// Name or ARN, without version or alias.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Version or alias.
    pub fn qualifier(&self) -> Option<&str> {
        self.qualifier.as_deref()
    }

    /// Region, where the ARN tells it.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// What a policy names; `region` where it is only a name, of an account that is not known here.
    pub fn arn(&self, region: &str) -> String {
        let qualifier = self.qualifier.as_deref().map(|text| format!(":{text}"));
        let qualifier = qualifier.unwrap_or_default();
        match self.region {
            Some(_) => format!("{}{qualifier}", self.name),
            None => format!(
                "arn:aws:lambda:{region}:*:function:{}{qualifier}",
                self.name
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_read() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:charge";
        for (text, name, qualifier, shown) in [
            (
                "charge",
                "charge",
                None,
                "arn:aws:lambda:local:*:function:charge",
            ),
            (
                "charge:live",
                "charge",
                Some("live"),
                "arn:aws:lambda:local:*:function:charge:live",
            ),
            (arn, arn, None, arn),
            (
                "arn:aws-cn:lambda:cn-north-1:123456789012:function:a_b:$LATEST",
                "arn:aws-cn:lambda:cn-north-1:123456789012:function:a_b",
                Some("$LATEST"),
                "arn:aws-cn:lambda:cn-north-1:123456789012:function:a_b:$LATEST",
            ),
        ] {
            let function = Function::try_from(text.to_owned()).unwrap();
            assert_eq!(function.name(), name);
            assert_eq!(function.qualifier(), qualifier, "{text}");
            assert_eq!(function.arn("local"), shown);
        }
        let function = Function::try_from(arn.to_owned()).unwrap();
        assert_eq!(function.region(), Some("eu-west-1"));
    }

    #[test]
    fn what_is_no_function_is_refused() {
        for text in [
            "",
            "a b",
            "a/b",
            ":live",
            "charge:",
            "charge:live:more",
            "https://abc.lambda-url.eu-west-1.on.aws",
            "arn:aws:lambda:eu-west-1:1234:function:charge",
            "arn:aws:lambda:eu-west-1:123456789012:layer:charge",
            "arn:aws:lambda:eu-west-1:123456789012:function:",
            "arn:aws:sqs:eu-west-1:123456789012:charge",
            &"x".repeat(65),
        ] {
            let refused = Function::try_from(text.to_owned()).unwrap_err();
            assert!(refused.contains("hint: arn:aws:lambda:"), "{text}");
        }
    }
}
