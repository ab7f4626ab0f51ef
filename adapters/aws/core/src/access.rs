//! Credentials, region and endpoint.

use crate::bounded;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use std::time::Duration;
use tradewind_adapter::aws::{Access, Keys};
use tradewind_adapter::{Error, ErrorKind};

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(3);

/// What clients are made of; `region` is the one that the resource names.
///
/// # Errors
/// Where no region is known.
pub async fn load(access: &Access, region: Option<&str>) -> Result<SdkConfig, Error> {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(bounded::client())
        // The gateway retries, by the subscription's policy.
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    if let Some(region) = access.region.as_deref().or(region) {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(endpoint) = &access.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(keys) = &access.keys {
        loader = loader.credentials_provider(credentials(keys));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(Error::new(
            ErrorKind::ConfigInvalid,
            "aws",
            "no region is known; hint: set `aws.region` or AWS_REGION",
        ));
    }
    let Some(role) = &access.role else {
        return Ok(config);
    };
    // `aws.endpoint` is that of the service, which credentials of others must not be sent to.
    let mut sts = config.clone().into_builder();
    sts.set_endpoint_url(role.endpoint.clone());
    let mut provider = AssumeRoleProvider::builder(&role.arn)
        .session_name(role.session.as_deref().unwrap_or("tradewind"))
        .configure(&sts.build());
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    let provider = SharedCredentialsProvider::new(provider.build().await);
    let assumed = config.into_builder().credentials_provider(provider);
    Ok(assumed.build())
}

fn credentials(keys: &Keys) -> Credentials {
    let token = keys.token.as_ref().map(|token| token.expose().to_owned());
    Credentials::new(&keys.id, keys.secret.expose(), token, None, "configuration")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(json: &str) -> Result<Access, serde_json::Error> {
        serde_json::from_str(json)
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
            let config = load(&access(&text).unwrap(), named).await.unwrap();
            assert_eq!(
                config.region().map(ToString::to_string).as_deref(),
                Some(expected)
            );
        }
    }
}
