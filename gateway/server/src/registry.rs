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
    let fetcher = tradewind_http::Fetcher::to(settings.ca.clone(), allow);
    fetcher.check().map_err(|error| {
        let message = error.message().replace("`tls.ca`", "`auth.jwt.ca`");
        Error::new(ErrorKind::ConfigInvalid, "auth", message)
    })?;
    Ok(Arc::new(fetcher))
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
    #[cfg(feature = "http")]
    registry.lend_reach(tradewind_http::reach());
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
    #[cfg(feature = "amqp")]
    registry
        .source::<tradewind_amqp::AmqpSource>()
        .sink::<tradewind_amqp::AmqpSink>();
    #[cfg(feature = "aws-dynamodb-streams")]
    registry.source::<tradewind_dynamodb_streams::DynamodbSource>();
    #[cfg(feature = "aws-event-bridge")]
    registry.sink::<tradewind_event_bridge::EventBridgeSink>();
    #[cfg(feature = "aws-firehose")]
    registry.sink::<tradewind_firehose::FirehoseSink>();
    #[cfg(feature = "aws-kinesis")]
    registry
        .source::<tradewind_kinesis::KinesisSource>()
        .sink::<tradewind_kinesis::KinesisSink>();
    #[cfg(feature = "aws-lambda")]
    registry.sink::<tradewind_lambda::LambdaSink>();
    #[cfg(feature = "aws-s3")]
    registry.sink::<tradewind_s3::S3Sink>();
    #[cfg(feature = "aws-sns")]
    registry.sink::<tradewind_sns::SnsSink>();
    #[cfg(feature = "aws-step-functions")]
    registry.sink::<tradewind_step_functions::StepFunctionsSink>();
    #[cfg(feature = "aws-sqs")]
    registry
        .source::<tradewind_sqs::SqsSource>()
        .sink::<tradewind_sqs::SqsSink>();
    #[cfg(feature = "kafka")]
    registry
        .source::<tradewind_kafka::KafkaSource>()
        .sink::<tradewind_kafka::KafkaSink>();
    crate::engines::register(&mut registry);
    #[cfg(feature = "mqtt")]
    registry
        .source::<tradewind_mqtt::MqttSource>()
        .sink::<tradewind_mqtt::MqttSink>();
    #[cfg(feature = "nats")]
    registry
        .source::<tradewind_nats::NatsSource>()
        .sink::<tradewind_nats::NatsSink>();
    #[cfg(feature = "pull")]
    registry.sink::<tradewind_pull::PullSink>();
    #[cfg(feature = "rabbitmq")]
    registry
        .source::<tradewind_rabbitmq::RabbitMqSource>()
        .sink::<tradewind_rabbitmq::RabbitMqSink>();
    #[cfg(feature = "redis")]
    registry
        .source::<tradewind_redis::RedisSource>()
        .sink::<tradewind_redis::RedisSink>();
    #[cfg(feature = "webhooks")]
    if let Some(fetch) = fetch {
        tradewind_webhooks::register(&mut registry, fetch);
    }
    #[cfg(not(feature = "webhooks"))]
    drop(fetch);

    for (kind, built) in [
        ("amqp", cfg!(feature = "amqp")),
        (
            "aws-dynamodb-streams",
            cfg!(feature = "aws-dynamodb-streams"),
        ),
        ("aws-event-bridge", cfg!(feature = "aws-event-bridge")),
        ("aws-firehose", cfg!(feature = "aws-firehose")),
        ("aws-kinesis", cfg!(feature = "aws-kinesis")),
        ("aws-lambda", cfg!(feature = "aws-lambda")),
        ("aws-s3", cfg!(feature = "aws-s3")),
        ("aws-sns", cfg!(feature = "aws-sns")),
        ("aws-sqs", cfg!(feature = "aws-sqs")),
        ("aws-step-functions", cfg!(feature = "aws-step-functions")),
        ("http", cfg!(feature = "http")),
        ("kafka", cfg!(feature = "kafka")),
        ("memory", cfg!(feature = "memory")),
        ("mqtt", cfg!(feature = "mqtt")),
        ("nats", cfg!(feature = "nats")),
        ("pull", cfg!(feature = "pull")),
        ("rabbitmq", cfg!(feature = "rabbitmq")),
        ("redis", cfg!(feature = "redis")),
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
