//! The sink: one execution per delivery.

use crate::KIND;
use crate::config::{Execution, SinkConfig, StateMachine};
use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::start_sync_execution::StartSyncExecutionOutput;
use aws_sdk_sfn::types::SyncExecutionStatus;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, Outcome, Payload, Permission, Replies, Report, Sink,
    SinkAdapter,
};
use tradewind_aws::{
    Access, Batched, Claims, Entry, Failure, Limits, Unfit, deliver, reject, retry,
};
use tradewind_event::json;

const START: &str = "states:StartExecution";
const SYNC: &str = "states:StartSyncExecution";
const LOOK: &str = "states:DescribeStateMachine";
const WITHHELD: &[(&str, &str)] = &[
    (
        LOOK,
        "only a check of the state machine asks for it, never `serve`",
    ),
    ("states:StopExecution", "nothing is stopped"),
];
/// Largest input (Step Functions developer guide, "quotas").
const BYTES_MAX: usize = 256 << 10;
/// Longest name of an execution.
const NAME_MAX: usize = 80;
/// Longest time of an express workflow.
const TIME_MAX: Duration = Duration::from_secs(300);

/// Starts executions.
#[derive(Debug)]
pub struct StepFunctionsSink {
    machine: StateMachine,
    execution: Execution,
    payload: Payload,
    replies: bool,
    claims: Option<Claims>,
    access: Access,
    client: OnceCell<Client>,
}

/// One execution to be.
#[derive(Debug)]
pub struct Start {
    name: String,
    input: String,
}

impl StepFunctionsSink {
    /// A sink with these settings.
    ///
    /// # Errors
    /// Settings that contradict each other.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        let region = Some(config.state_machine.arn().region());
        let settings = config.claim_check.as_ref();
        Ok(Self {
            claims: Claims::new(settings, config.payload, &config.aws, region)?,
            replies: config.execution == Execution::Sync && config.replies == Replies::Accept,
            execution: config.execution,
            payload: config.payload,
            access: config.aws,
            machine: config.state_machine,
            client: OnceCell::new(),
        })
    }

    async fn client(&self) -> Result<&Client, Error> {
        let make = async || {
            let region = self.machine.arn().region();
            let config = tradewind_aws::load(&self.access, Some(region)).await?;
            Ok(Client::new(&config))
        };
        self.client.get_or_try_init(make).await
    }

    fn action(&self) -> &'static str {
        match self.execution {
            Execution::Start => START,
            Execution::Sync => SYNC,
        }
    }

    fn needs(&self) -> String {
        format!("{} on {}", self.action(), self.machine.resource())
    }

    async fn start(&self, client: &Client, start: Start) -> Outcome {
        let arn = self.machine.arn().as_str();
        let request = client
            .start_execution()
            .state_machine_arn(arn)
            .name(&start.name)
            .input(start.input);
        let receipt = match request.send().await {
            Ok(answer) => answer.execution_arn().to_owned(),
            Err(error) => {
                let failure = Failure::of(&error);
                // An earlier attempt started it, and it has ended since.
                match failure.is("ExecutionAlreadyExists") {
                    true => start.name,
                    false => return failure.outcome(&self.needs()),
                }
            }
        };
        Outcome::Accepted {
            receipt: Some(receipt),
            reply: None,
        }
    }

    async fn sync(&self, client: &Client, start: Start) -> Outcome {
        let request = client
            .start_sync_execution()
            .state_machine_arn(self.machine.arn().as_str())
            .name(&start.name)
            .input(start.input);
        let sent = match &self.access.endpoint {
            None => request.send().await,
            // Whoever configures an endpoint means that one, without what the SDK puts before it.
            Some(endpoint) => {
                let endpoint = endpoint.trim_end_matches('/').to_owned();
                let own = request.customize().mutate_request(move |request| {
                    let path = request.uri().parse::<http::Uri>();
                    let path = path.ok().and_then(|uri| uri.path_and_query().cloned());
                    let path = path.map_or_else(|| "/".to_owned(), |path| path.to_string());
                    request.set_uri(format!("{endpoint}{path}")).ok();
                });
                own.send().await
            }
        };
        match sent {
            Ok(answer) => self.ended(&answer),
            Err(error) => Failure::of(&error).outcome(&self.needs()),
        }
    }

    /// What the end of an execution means.
    fn ended(&self, answer: &StartSyncExecutionOutput) -> Outcome {
        if answer.status() != &SyncExecutionStatus::Succeeded {
            let what = answer.error().unwrap_or_else(|| answer.status().as_str());
            let cause = answer.cause().unwrap_or_default();
            let link = if cause.is_empty() { "" } else { ": " };
            return retry("execution-failed", format!("{what}{link}{cause}"));
        }
        let output = answer.output().unwrap_or_default();
        let is_event = || {
            let value: serde_json::Value = serde_json::from_str(output).unwrap_or_default();
            value.get("specversion").is_some()
        };
        let reply = match self.replies && is_event() {
            false => None,
            true => match json::decode(output.to_owned().into()) {
                Ok(event) => Some(event),
                Err(why) => return reject("invalid-reply", why.to_string()),
            },
        };
        Outcome::Accepted {
            receipt: Some(answer.execution_arn().to_owned()),
            reply,
        }
    }
}

/// The name of an execution: as much of the delivery's id as there is room for, for people, and its identity. The
/// service's logs take letters, digits, `-` and `_`.
fn name(delivery: &Delivery) -> String {
    let identity = delivery.identity();
    let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let letters = delivery.id.chars().map(|c| if known(c) { c } else { '-' });
    let id: String = letters.take(NAME_MAX - 1 - identity.len()).collect();
    format!("{id}-{identity}")
}

#[async_trait]
impl Batched for StepFunctionsSink {
    type Request = Start;
    const SERVICE: &'static str = "Step Functions";

    fn limits(&self) -> Limits {
        Limits {
            count: 1,
            bytes: BYTES_MAX,
        }
    }

    fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    fn entry(&self, delivery: &Delivery) -> Result<Entry<Start>, Unfit> {
        let input = tradewind_aws::json(&delivery.event, self.payload).ok_or_else(|| {
            let detail = "the data is neither JSON nor text, which executions take";
            Unfit::refused("not-json", detail)
        })?;
        let bytes = input.len();
        if bytes > BYTES_MAX {
            let max = BYTES_MAX;
            return Err(Unfit::TooLarge { bytes, max });
        }
        let name = name(delivery);
        let request = Start { name, input };
        Ok(Entry { request, bytes })
    }

    async fn call(&self, requests: Vec<Start>) -> Result<Vec<Option<Outcome>>, Outcome> {
        let client = self.client().await;
        let client = client.map_err(|error| retry("config", error.to_string()))?;
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            let outcome = match self.execution {
                Execution::Start => self.start(client, request).await,
                Execution::Sync => self.sync(client, request).await,
            };
            outcomes.push(Some(outcome));
        }
        Ok(outcomes)
    }
}

#[async_trait]
impl Sink for StepFunctionsSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        deliver(self, &batch, &report, &cancel).await;
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        if self.claims.is_none() {
            capability.deliver_bytes_max = Some(BYTES_MAX);
        }
        if self.execution == Execution::Sync {
            capability.deliver_time_max = Some(TIME_MAX);
        }
        capability.deliver_reply = self.replies;
        capability
    }

    fn permissions(&self) -> Vec<Permission> {
        let start = Permission {
            cloud: "aws",
            actions: vec![self.action()],
            resource: self.machine.resource(),
            why: "each event is an execution",
            caller: self.access.caller(),
            withheld: WITHHELD,
        };
        let claims = self.claims.as_ref().map(Claims::permission);
        std::iter::once(start).chain(claims).collect()
    }

    fn describe(&self) -> String {
        let arn = self.machine.arn();
        let name = arn.resource().trim_start_matches("stateMachine:");
        format!("Step Functions state machine {name} in {}", arn.region())
    }

    /// Asks what the state machine is.
    async fn health(&self) -> Result<(), Error> {
        let client = self.client().await?;
        let asked = client
            .describe_state_machine()
            .state_machine_arn(self.machine.resource())
            .send();
        let permission = format!("{LOOK} on {}", self.machine.resource());
        match asked.await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::of(&error).error("look at the state machine", &permission)),
        }
    }
}

impl SinkAdapter for StepFunctionsSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_event::Event;

    fn delivery(id: &str, event: &str) -> Delivery {
        Delivery {
            id: id.into(),
            event: Event::builder(event, "/shop", "t").build().unwrap(),
            subscription: "orders".into(),
            stream: "default".into(),
            position: "0/1".into(),
            attempt: 1,
            timeout: Duration::from_secs(1),
            replay: None,
            trace: None,
        }
    }

    #[test]
    fn names_are_taken_and_tell_events_apart() {
        for id in ["default-0-1-orders", "0/7 é", "", &"x".repeat(200)] {
            let one = name(&delivery(id, "1"));
            assert!(one.len() <= NAME_MAX, "{one}");
            let known = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
            assert!(one.bytes().all(known), "{one}");
            let again = Delivery {
                attempt: 2,
                ..delivery(id, "1")
            };
            assert_eq!(name(&again), one);
            assert_ne!(name(&delivery(id, "2")), one);
        }
        assert!(name(&delivery("default-0-1-orders", "1")).starts_with("default-0-1-orders-"));
    }
}
