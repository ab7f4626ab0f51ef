//! The SDK's client, made when it is first needed.

use crate::Queue;
use aws_sdk_sqs::Client;
use tokio::sync::OnceCell;
use tradewind_adapter::{Error, ErrorKind};
use tradewind_aws::Access;

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
            Err(error) => Err(tradewind_aws::Failure::of(&error).error(
                "look at the queue",
                &format!("sqs:GetQueueAttributes on {arn}"),
            )),
        }
    }
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "config", message)
}
