//! Names of resources.

use crate::variables::{Variables, is_open};

/// An ARN: `arn:partition:service:region:account:resource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arn<'a> {
    pub(super) partition: &'a str,
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) resource: &'a str,
}

impl<'a> Arn<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let arn = Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        };
        (!arn.service.is_empty() && !is_open(arn.service)).then_some(arn)
    }
}

/// The service that a target belongs to.
pub(super) fn service(text: &str, variables: &Variables) -> Option<String> {
    match Arn::read(text) {
        Some(arn) => Some(arn.service.to_owned()),
        None => variables.whole(text)?.service.map(str::to_owned),
    }
}

/// The name of a bus, by its name or ARN.
pub(super) fn bus(text: &str) -> &str {
    match Arn::read(text) {
        // A custom event bus has an id behind its name.
        Some(arn) => match arn.resource.strip_prefix("event-busv2/") {
            Some(named) => named.split('/').next().unwrap_or(named),
            None => arn.resource.trim_start_matches("event-bus/"),
        },
        None => text,
    }
}

/// The domain of a region's services.
pub(super) fn domain(region: &str) -> &'static str {
    match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    }
}
