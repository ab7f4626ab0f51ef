//! How AWS is reached: settings that several adapters have, with and without the SDK.

use crate::{Caller, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

/// How to reach AWS. Without any of it the SDK's default chain decides: environment, profile, web
/// identity, container, instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Access {
    /// Region. Default: that of the target, where it tells one, else `AWS_REGION`, else the profile's. Since 0.1.
    pub region: Option<String>,
    /// Another endpoint than AWS's own: an emulator, or a VPC endpoint. Since 0.1.
    pub endpoint: Option<String>,
    /// Profile of the shared configuration and credentials files. Since 0.1.
    pub profile: Option<String>,
    /// Static keys; better is an identity of the machine, which the default chain finds. Since 0.1.
    pub keys: Option<Keys>,
    /// A role to assume with those credentials. Since 0.1.
    pub role: Option<Role>,
}

impl Access {
    /// Who calls.
    pub fn caller(&self) -> Caller {
        let credentials = match (&self.keys, &self.profile) {
            (Some(keys), _) => format!("the key {}", keys.id),
            (None, Some(profile)) => format!("the profile {profile}"),
            (None, None) => "the machine".into(),
        };
        Caller {
            credentials,
            role: self.role.as_ref().map(|role| role.arn.clone()),
            external_id: self
                .role
                .as_ref()
                .is_some_and(|role| role.external_id.is_some()),
        }
    }
}

/// Static keys.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Keys {
    /// Access key id. Since 0.1.
    pub id: String,
    /// Secret access key; write a reference. Since 0.1.
    pub secret: Secret,
    /// Session token of temporary credentials. Since 0.1.
    #[serde(default)]
    pub token: Option<Secret>,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Role {
    /// ARN of the role. Since 0.1.
    pub arn: String,
    /// External id that the role's trust policy asks for. Since 0.1.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Name of the session, shown in CloudTrail. Default `tradewind`. Since 0.1.
    #[serde(default)]
    pub session: Option<String>,
    /// Where STS is asked, for a VPC endpoint or an emulator. Default: STS of the region. Since 0.1.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// Signatures of AWS (SigV4): function URLs, API Gateway and other services that take requests by IAM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Sigv4 {
    /// The service that is called, as AWS names it for signatures. Default: `lambda` for function URLs,
    /// `execute-api` for API Gateway. Since 0.1.
    pub service: Option<String>,
    /// Credentials and region. Since 0.1.
    pub aws: Access,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused_and_secrets_do_not_show() {
        let access = |json: &str| serde_json::from_str::<Access>(json);
        let text = r#"{"keys":{"id":"AKIA","secret":"hunter2","token":"hunter3"}}"#;
        let shown = format!("{:?}", access(text).unwrap());
        assert!(
            shown.contains("AKIA") && !shown.contains("hunter"),
            "{shown}"
        );
        for wrong in [
            r#"{"regoin":"x"}"#,
            r#"{"keys":{"id":"x"}}"#,
            r#"{"role":{}}"#,
        ] {
            assert!(access(wrong).is_err(), "{wrong}");
        }
    }
}
