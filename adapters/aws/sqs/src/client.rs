//! The SDK's client, made when it is first needed.

use crate::Queue;
use aws_sdk_sqs::Client;
use tokio::sync::OnceCell;
use tradewind_adapter::{Error, ErrorKind, Permission};
use tradewind_aws::Access;

pub(crate) const RECEIVE: &str = "sqs:ReceiveMessage";
pub(crate) const DELETE: &str = "sqs:DeleteMessage";
pub(crate) const HIDE: &str = "sqs:ChangeMessageVisibility";
pub(crate) const SEND: &str = "sqs:SendMessage";
pub(crate) const LOOK: &str = "sqs:GetQueueAttributes";

const WITHHELD: &[(&str, &str)] = &[
    (LOOK, "only a check of the queue asks for it, never `serve`"),
    (
        "kms:Decrypt",
        "needed, on its key, where the queue has a key of its own (SSE-KMS)",
    ),
    (
        "kms:GenerateDataKey",
        "needed too, to send, where the queue has a key of its own (SSE-KMS)",
    ),
];

/// A client and the queue that it talks to.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) queue: Queue,
    access: Access,
    client: OnceCell<Ready>,
}

#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) client: Client,
    /// ARN of the queue.
    pub(crate) arn: String,
}

impl Desk {
    pub(crate) fn new(queue: Queue, mut access: Access) -> Self {
        let endpoint = queue.endpoint().map(str::to_owned);
        access.endpoint = access.endpoint.or(endpoint);
        Self {
            queue,
            access,
            client: OnceCell::new(),
        }
    }

    /// # Errors
    /// Where no region is known.
    pub(crate) async fn ready(&self) -> Result<&Ready, Error> {
        let make = async || {
            let config = tradewind_aws::load(&self.access, self.queue.region()).await?;
            let region = config.region().map(ToString::to_string).unwrap_or_default();
            Ok(Ready {
                client: Client::new(&config),
                arn: self.queue.arn(&region),
            })
        };
        self.client.get_or_try_init(make).await
    }

    /// These actions on the queue.
    pub(crate) fn permission(&self, actions: &[&'static str], why: &'static str) -> Permission {
        Permission {
            cloud: "aws",
            actions: actions.to_vec(),
            resource: self.queue.arn(self.access.region.as_deref().unwrap_or("*")),
            why,
            caller: self.access.caller(),
            withheld: WITHHELD,
        }
    }

    pub(crate) fn describe(&self) -> String {
        match self.queue.region() {
            Some(region) => format!("SQS queue {} in {region}", self.queue.name()),
            None => format!("SQS queue {}", self.queue.url()),
        }
    }

    /// Asks for an attribute of the queue.
    pub(crate) async fn health(&self) -> Result<(), Error> {
        let Ready { client, arn } = self.ready().await?;
        let asked = client
            .get_queue_attributes()
            .queue_url(self.queue.url())
            .attribute_names(aws_sdk_sqs::types::QueueAttributeName::QueueArn)
            .send();
        match asked.await {
            Ok(_) => Ok(()),
            Err(error) => Err(tradewind_aws::Failure::of(&error)
                .error("look at the queue", &format!("{LOOK} on {arn}"))),
        }
    }
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "config", message)
}
