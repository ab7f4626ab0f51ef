//! Which platform the process runs on.

use std::fmt;

/// A platform that handlers run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// CloudEvents over HTTP: a container, OpenFaaS, a Tradewind gateway's sink.
    Http,
    /// AWS Lambda, by its Runtime API.
    Lambda,
    /// Azure Functions, as a custom handler.
    Azure,
    /// Google Cloud Functions, by the contract of the Functions Framework.
    Google,
    /// Knative and Cloud Run services.
    Knative,
    /// Fn Project, by `http-stream`.
    Fn,
    /// Apache OpenWhisk, as an action.
    OpenWhisk,
    /// Dapr, as the application beside a sidecar.
    Dapr,
    /// Standard input: an event a line.
    Stdin,
    /// A worker of this name, which fetches: see [`App::worker`](crate::App::worker).
    Worker(&'static str),
}

/// What gives a platform away, in the order in which it is looked for. The last one has no sign.
const SIGNS: [(&str, Host); 10] = [
    ("AWS_LAMBDA_RUNTIME_API", Host::Lambda),
    ("FUNCTIONS_CUSTOMHANDLER_PORT", Host::Azure),
    ("FUNCTIONS_HTTPWORKER_PORT", Host::Azure),
    ("FUNCTION_TARGET", Host::Google),
    ("K_SERVICE", Host::Knative),
    ("FN_LISTENER", Host::Fn),
    ("__OW_API_HOST", Host::OpenWhisk),
    ("__OW_PROXY_VERSION", Host::OpenWhisk),
    ("DAPR_HTTP_PORT", Host::Dapr),
    ("DAPR_GRPC_PORT", Host::Dapr),
];

/// Variables that say where a worker fetches from, and what the workers of this project are called.
#[cfg(feature = "hosts")]
pub(crate) const WORKERS: [(&str, &str); 4] = [
    ("TRADEWIND_GATEWAY_URL", "gateway"),
    ("TRADEWIND_SQS_QUEUE", "sqs"),
    ("TRADEWIND_KAFKA_BROKERS", "kafka"),
    ("TRADEWIND_NATS_SERVERS", "nats"),
];

impl Host {
    /// All of them but workers.
    pub const ALL: [Host; 9] = [
        Host::Http,
        Host::Lambda,
        Host::Azure,
        Host::Google,
        Host::Knative,
        Host::Fn,
        Host::OpenWhisk,
        Host::Dapr,
        Host::Stdin,
    ];

    /// The name that `TRADEWIND_HOST` and `--host` take.
    pub fn name(self) -> &'static str {
        match self {
            Host::Http => "http",
            Host::Lambda => "lambda",
            Host::Azure => "azure",
            Host::Google => "google",
            Host::Knative => "knative",
            Host::Fn => "fn",
            Host::OpenWhisk => "openwhisk",
            Host::Dapr => "dapr",
            Host::Stdin => "stdin",
            Host::Worker(name) => name,
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|host| host.name() == name)
    }

    /// The one whose variables are set; without any it is [`Host::Http`].
    pub fn of_environment(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).is_some_and(|value| !value.is_empty());
        let sign = SIGNS.into_iter().find(|(variable, _)| set(variable));
        sign.map_or(Host::Http, |(_, host)| host)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
