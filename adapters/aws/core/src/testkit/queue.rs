//! Queues that tests look into.

use super::{config, fresh};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, QueueAttributeName};

/// A new queue.
#[derive(Debug)]
pub struct Queue {
    pub client: Client,
    pub url: String,
    pub arn: String,
}

impl Queue {
    /// At a server of SQS with the account that moto has.
    pub async fn new(endpoint: &str, fifo: bool) -> Self {
        let client = Client::new(&config(endpoint).await);
        let name = format!("{}{}", fresh("queue"), if fifo { ".fifo" } else { "" });
        let mut create = client.create_queue().queue_name(&name);
        if fifo {
            create = create.attributes(QueueAttributeName::FifoQueue, "true");
        }
        create.send().await.unwrap();
        Self {
            client,
            url: format!("{endpoint}/123456789012/{name}"),
            arn: format!("arn:aws:sqs:eu-west-1:123456789012:{name}"),
        }
    }

    /// What lies in it, taken out.
    pub async fn drain(&self) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            let taken = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(10)
                .message_attribute_names("All")
                .message_system_attribute_names("All".into())
                .send()
                .await;
            let taken = taken.unwrap().messages.unwrap_or_default();
            if taken.is_empty() {
                return all;
            }
            for message in &taken {
                let delete = self.client.delete_message().queue_url(&self.url);
                let handle = message.receipt_handle().unwrap();
                delete.receipt_handle(handle).send().await.unwrap();
            }
            all.extend(taken);
        }
    }

    /// The bodies in it.
    pub async fn bodies(&self) -> Vec<String> {
        let bodies = self.drain().await.into_iter();
        bodies.map(|message| message.body.unwrap()).collect()
    }
}
