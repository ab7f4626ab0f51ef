//! The sink: one invocation per delivery.

use crate::answer::outcome;
use crate::config::{Config, Invocation};
use crate::{Function, KIND};
use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::RequestId;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, ErrorKind, Outcome, Payload, Permission, Reason, Replies,
    Report, Sink, SinkAdapter,
};
use tradewind_aws::{Access, Failure};
use tradewind_event::Event;
use tradewind_formats::outward::Target;

const INVOKE: &str = "lambda:InvokeFunction";
/// Largest payload (Lambda developer guide, "quotas"): of an invocation that is waited for, and of one that is
/// queued.
const BYTES_MAX: (usize, usize) = (6 << 20, 1 << 20);
/// Longest time of a function.
const TIME_MAX: Duration = Duration::from_secs(900);
/// Triggers that give functions a batch, and look into their answer.
const BATCHES: [&str; 2] = ["aws-sqs", "aws-kinesis"];

/// Invokes a function.
pub struct LambdaSink {
    function: Function,
    invocation: Invocation,
    sends: Payload,
    rendering: Option<(&'static Target, Option<String>)>,
    replies: bool,
    access: Access,
    client: OnceCell<Ready>,
}

struct Ready {
    client: Client,
    /// What the calls need.
    permission: String,
}

impl LambdaSink {
    /// A sink with these settings.
    ///
    /// # Errors
    /// Where there is no such event to render, or the data is to be sent instead.
    pub fn new(config: Config) -> Result<Self, Error> {
        if config.render.is_some() && config.payload == Payload::Data {
            let why = "`render` and `payload: data` cannot both be: one of them says what is sent";
            return Err(Error::new(ErrorKind::ConfigInvalid, "config", why));
        }
        Ok(Self {
            sends: config.payload,
            rendering: config.render.map(|render| render.target()).transpose()?,
            replies: config.invocation == Invocation::Sync && config.replies == Replies::Accept,
            function: config.function,
            invocation: config.invocation,
            access: config.aws,
            client: OnceCell::new(),
        })
    }

    async fn ready(&self) -> Result<&Ready, Error> {
        let make = async || {
            let config = tradewind_aws::load(&self.access, self.function.region()).await?;
            let region = config.region().map(ToString::to_string).unwrap_or_default();
            Ok(Ready {
                client: Client::new(&config),
                permission: format!("{INVOKE} on {}", self.function.arn(&region)),
            })
        };
        self.client.get_or_try_init(make).await
    }

    fn payload(&self, event: &Event) -> Result<Bytes, Outcome> {
        let refused = |code, detail: String| Outcome::Reject {
            disable: false,
            reason: Reason::new(code, detail),
        };
        let payload = match &self.rendering {
            None => match self.sends.of(event) {
                Some((text, true)) => text_as_json(&text),
                Some((json, false)) => json,
                None => {
                    let detail = "the data is neither JSON nor text, which functions take";
                    return Err(refused("not-json", detail.into()));
                }
            },
            Some((target, resource)) => target
                .render(event, resource.as_deref())
                .map_err(|why| refused("render-failed", format!("{}: {why}", target.name)))?,
        };
        let max = self.bytes_max();
        if payload.len() > max {
            let detail = format!("{} bytes as a payload, Lambda takes {max}", payload.len());
            return Err(refused("too-large", detail));
        }
        Ok(payload)
    }

    fn bytes_max(&self) -> usize {
        match self.invocation {
            Invocation::Async => BYTES_MAX.1,
            Invocation::Sync | Invocation::DryRun => BYTES_MAX.0,
        }
    }

    async fn attempt(&self, delivery: &Delivery) -> Outcome {
        let payload = match self.payload(&delivery.event) {
            Ok(payload) => payload,
            Err(outcome) => return outcome,
        };
        let retry = |code: &str, detail: String| Outcome::Retry {
            after: None,
            patience: None,
            throttled: false,
            reason: Reason::new(code, detail),
        };
        let Ready { client, permission } = match self.ready().await {
            Ok(ready) => ready,
            Err(error) => return retry("config", error.to_string()),
        };
        let kind = match self.invocation {
            Invocation::Sync => InvocationType::RequestResponse,
            Invocation::Async => InvocationType::Event,
            Invocation::DryRun => InvocationType::DryRun,
        };
        let called = client
            .invoke()
            .function_name(self.function.name())
            .set_qualifier(self.function.qualifier().map(str::to_owned))
            .invocation_type(kind)
            .payload(Blob::new(payload))
            .send();
        let answer = match timeout(delivery.timeout, called).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Failure::of(&error).outcome(permission),
            Err(_) => return retry("timeout", "the function did not answer in time".into()),
        };
        let payload = answer.payload().map(AsRef::as_ref).unwrap_or_default();
        let receipt = answer.request_id().map(str::to_owned);
        let name = self.rendering.as_ref().map(|(target, _)| target.name);
        let batch = name.is_some_and(|name| BATCHES.contains(&name));
        outcome(
            payload,
            answer.function_error(),
            batch,
            self.replies,
            receipt,
        )
    }
}

/// Functions are given JSON: a text is one in quotes.
fn text_as_json(text: &[u8]) -> Bytes {
    serde_json::Value::from(String::from_utf8_lossy(text))
        .to_string()
        .into()
}

#[async_trait]
impl Sink for LambdaSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        let all = async {
            for (index, delivery) in batch.iter().enumerate() {
                report.settle(index, self.attempt(delivery).await);
            }
        };
        // What was not reported is tried again.
        tokio::select! {
            () = all => {}
            () = cancel.cancelled() => {}
        }
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_bytes_max = Some(self.bytes_max());
        capability.deliver_time_max = Some(TIME_MAX);
        capability.deliver_reply = self.replies;
        capability
    }

    fn permissions(&self) -> Vec<Permission> {
        let region = self.access.region.as_deref().unwrap_or("*");
        vec![Permission {
            cloud: "aws",
            actions: vec![INVOKE],
            resource: self.function.arn(region),
            why: "each event is an invocation",
            caller: self.access.caller(),
            withheld: &[],
        }]
    }

    fn describe(&self) -> String {
        let qualifier = self.function.qualifier();
        let qualifier = qualifier.map_or(String::new(), |text| format!(":{text}"));
        format!("Lambda function {}{qualifier}", self.function.name())
    }

    /// Asks whether the function may be invoked; nothing runs.
    async fn health(&self) -> Result<(), Error> {
        let Ready { client, permission } = self.ready().await?;
        let asked = client
            .invoke()
            .function_name(self.function.name())
            .set_qualifier(self.function.qualifier().map(str::to_owned))
            .invocation_type(InvocationType::DryRun)
            .send();
        match asked.await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::of(&error).error("look at the function", permission)),
        }
    }
}

impl SinkAdapter for LambdaSink {
    const KIND: &'static str = KIND;
    type Config = Config;

    fn build(config: Config, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}

impl std::fmt::Debug for LambdaSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LambdaSink")
            .field("function", &self.describe())
            .finish_non_exhaustive()
    }
}
