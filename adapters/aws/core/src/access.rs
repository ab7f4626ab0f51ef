//! Credentials, region and endpoint.

use crate::bounded;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;
use tradewind_adapter::{Error, ErrorKind, Secret};

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(3);

/// How to reach AWS. Without any of it the SDK's default chain decides: environment, profile, web
/// identity, container, instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Access {
    /// Region. Default: that of the queue's URL or ARN, else `AWS_REGION`, else the profile's. Since 0.1.
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
}

impl Access {
    /// What clients are made of; `region` is the one that the resource names.
    ///
    /// # Errors
    /// Where no region is known.
    pub async fn load(&self, region: Option<&str>) -> Result<SdkConfig, Error> {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(bounded::client())
            // The gateway retries, by the subscription's policy.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(region) = self.region.as_deref().or(region) {
            loader = loader.region(Region::new(region.to_owned()));
        }
        if let Some(endpoint) = &self.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(keys) = &self.keys {
            loader = loader.credentials_provider(keys.credentials());
        }
        let config = loader.load().await;
        if config.region().is_none() {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "aws",
                "no region is known; hint: set `aws.region` or AWS_REGION",
            ));
        }
        let Some(role) = &self.role else {
            return Ok(config);
        };
        let mut provider = AssumeRoleProvider::builder(&role.arn)
            .session_name(role.session.as_deref().unwrap_or("tradewind"))
            .configure(&config);
        if let Some(id) = &role.external_id {
            provider = provider.external_id(id);
        }
        let provider = SharedCredentialsProvider::new(provider.build().await);
        let assumed = config.into_builder().credentials_provider(provider);
        Ok(assumed.build())
    }
}

impl Keys {
    fn credentials(&self) -> Credentials {
        let token = self.token.as_ref().map(|token| token.expose().to_owned());
        Credentials::new(&self.id, self.secret.expose(), token, None, "configuration")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(json: &str) -> Result<Access, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn unknown_keys_are_refused_and_secrets_do_not_show() {
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

    #[tokio::test]
    async fn the_region_of_the_settings_stands_above_that_of_the_resource() {
        let keys = r#""keys":{"id":"a","secret":"b"}"#;
        for (text, named, expected) in [
            (format!("{{{keys}}}"), Some("eu-west-1"), "eu-west-1"),
            (
                format!(r#"{{"region":"eu-north-1",{keys}}}"#),
                Some("eu-west-1"),
                "eu-north-1",
            ),
        ] {
            let config = access(&text).unwrap().load(named).await.unwrap();
            assert_eq!(
                config.region().map(ToString::to_string).as_deref(),
                Some(expected)
            );
        }
    }
}
