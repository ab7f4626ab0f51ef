//! The adapters of this binary: one line each.

use std::sync::Arc;
#[cfg(feature = "http")]
use tradewind_adapter::Jwt;
use tradewind_adapter::{Error, ErrorKind, Fetch, Registry};
#[cfg(feature = "http")]
use tradewind_config::RegistryAuth;
use tradewind_config::SchemaRegistry;

/// What the crate of webhooks has; a test compares.
const WEBHOOKS: &[&str] = &[
    "aws-sns",
    "azure-event-grid",
    "bitbucket",
    "discord",
    "github",
    "gitlab",
    "google-pubsub-push",
    "paypal",
    "sendgrid",
    "shopify",
    "slack",
    "square",
    "standard-webhooks",
    "stripe",
    "twilio",
    "twitter",
    "webhook",
    "zoom",
];

/// What the crate of functions has; a test compares.
const FUNCTIONS: &[&str] = &[
    "azure-function",
    "cloudflare-worker",
    "fn",
    "gcp-cloud-run",
    "gcp-function",
    "knative",
    "openfaas",
];

/// What gets certificates and keys; `None` in a binary without sources that need them.
pub(crate) fn fetcher() -> Option<Arc<dyn Fetch>> {
    #[cfg(feature = "http")]
    return Some(Arc::new(tradewind_http::Fetcher::default()));
    #[cfg(not(feature = "http"))]
    None
}

/// What gets the keys of an issuer of tokens: behind the guard, and to private addresses only where the
/// configuration permits them.
#[cfg(feature = "http")]
fn reach(settings: &Jwt) -> Result<Arc<dyn Fetch>, Error> {
    let allow = settings.allow_private.iter().cloned();
    let allow: Result<Vec<_>, String> = allow.map(tradewind_http::Cidr::try_from).collect();
    let allow = allow.map_err(|message| {
        Error::new(ErrorKind::ConfigInvalid, "auth.jwt.allow-private", message)
    })?;
    Ok(Arc::new(tradewind_http::Fetcher::to(
        settings.ca.clone(),
        allow,
    )))
}

/// What asks a registry of schemas: behind the guard, with the proof that the configuration has for it.
#[cfg(feature = "http")]
pub(crate) fn of_schemas(settings: &SchemaRegistry) -> Result<Arc<dyn Fetch>, Error> {
    let allow = settings.allow_private.iter();
    let allow: Result<Vec<_>, String> = allow
        .map(|network| tradewind_http::Cidr::try_from(network.to_string()))
        .collect();
    let allow =
        allow.map_err(|message| Error::new(ErrorKind::ConfigInvalid, "allow-private", message))?;
    let mut fetcher = tradewind_http::Fetcher::to(settings.ca.clone(), allow)
        .within(settings.timeout.0)
        .plainly(settings.allow_http);
    fetcher = match &settings.auth {
        None => fetcher,
        Some(RegistryAuth::Basic { username, password }) => fetcher.basic(username, password)?,
        Some(RegistryAuth::Bearer(token)) => fetcher.bearer(token)?,
    };
    Ok(Arc::new(fetcher))
}

/// The same, in a binary that asks nobody.
#[cfg(not(feature = "http"))]
pub(crate) fn of_schemas(_: &SchemaRegistry) -> Result<Arc<dyn Fetch>, Error> {
    let reason = "this binary asks no registries: build it with the feature `http`";
    Err(Error::new(
        ErrorKind::ConfigInvalid,
        "schema-registries",
        reason,
    ))
}

/// All adapters that this binary was built with.
pub fn registry() -> Registry {
    registry_with(fetcher())
}

/// The same, with what gets certificates and keys for them.
pub fn registry_with(fetch: Option<Arc<dyn Fetch>>) -> Registry {
    let mut registry = adapters(fetch);
    // Theirs lends none: nobody authorizes an authorizer.
    registry.lend_sinks(Arc::new(adapters(None)));
    registry
}

fn adapters(fetch: Option<Arc<dyn Fetch>>) -> Registry {
    let mut registry = Registry::default();
    #[cfg(feature = "http")]
    registry.lend(Arc::new(tradewind_keys::Configured::new(reach)));
    #[cfg(feature = "sigv4")]
    registry.lend_signers(Arc::new(tradewind_aws::Signer));
    #[cfg(feature = "functions")]
    tradewind_functions::register(&mut registry);
    #[cfg(feature = "http")]
    registry.webhook::<tradewind_http::HttpSource>();
    #[cfg(feature = "http")]
    registry.sink::<tradewind_http::HttpSink>();
    #[cfg(feature = "memory")]
    registry.source::<tradewind_memory::MemorySource>();
    #[cfg(feature = "memory")]
    registry.sink::<tradewind_memory::MemorySink>();
    #[cfg(feature = "schedule")]
    registry.source::<tradewind_schedule::Schedule>();
    #[cfg(feature = "aws-lambda")]
    registry.sink::<tradewind_lambda::LambdaSink>();
    #[cfg(feature = "aws-sqs")]
    registry
        .source::<tradewind_sqs::SqsSource>()
        .sink::<tradewind_sqs::SqsSink>();
    #[cfg(feature = "kafka")]
    registry
        .source::<tradewind_kafka::KafkaSource>()
        .sink::<tradewind_kafka::KafkaSink>();
    #[cfg(feature = "webhooks")]
    if let Some(fetch) = fetch {
        tradewind_webhooks::register(&mut registry, fetch);
    }
    #[cfg(not(feature = "webhooks"))]
    drop(fetch);

    for (kind, built) in [
        ("aws-lambda", cfg!(feature = "aws-lambda")),
        ("aws-sqs", cfg!(feature = "aws-sqs")),
        ("http", cfg!(feature = "http")),
        ("kafka", cfg!(feature = "kafka")),
        ("memory", cfg!(feature = "memory")),
        ("schedule", cfg!(feature = "schedule")),
    ] {
        if !built {
            registry.absent(kind, kind);
        }
    }
    if !cfg!(feature = "functions") {
        for kind in FUNCTIONS {
            registry.absent(kind, "functions");
        }
    }
    if !cfg!(feature = "webhooks") {
        for kind in WEBHOOKS {
            registry.absent(kind, "webhooks");
        }
    }
    registry
}

#[cfg(all(test, feature = "webhooks", feature = "functions"))]
mod tests {
    use super::{FUNCTIONS, WEBHOOKS};

    #[test]
    fn every_kind_of_function_is_listed() {
        let mut registry = tradewind_adapter::Registry::default();
        tradewind_functions::register(&mut registry);
        let kinds: Vec<&str> = registry.sink_kinds().collect();
        assert_eq!(kinds, FUNCTIONS);
    }

    #[test]
    fn every_kind_of_webhook_is_listed() {
        let mut registry = tradewind_adapter::Registry::default();
        tradewind_webhooks::register(&mut registry, super::fetcher().unwrap());
        let kinds: Vec<&str> = registry.source_kinds().collect();
        assert_eq!(kinds, WEBHOOKS);
    }
}
