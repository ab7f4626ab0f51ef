//! A moto server for all tests of this program, and what tests do with queues beside the adapter.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{Credentials, Region};
use aws_sdk_sqs::types::QueueAttributeName;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// Ends with the test that started it.
pub(crate) struct Moto {
    _server: Child,
    endpoint: String,
    client: Client,
}

static NAMES: AtomicU32 = AtomicU32::new(0);

impl Moto {
    pub(crate) async fn start() -> Self {
        let program = std::env::var("TRADEWIND_MOTO").unwrap_or_else(|_| "moto_server".into());
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let server = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|e| {
                panic!("{program}: {e}; hint: `cargo xtask test` installs it, or pip install moto[server]")
            });
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let endpoint = format!("http://127.0.0.1:{port}");
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version_latest()
            .region(Region::new("eu-west-1"))
            .endpoint_url(&endpoint)
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .build();
        Self {
            _server: server,
            endpoint,
            client: Client::from_conf(config),
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// URL of a new queue.
    pub(crate) async fn queue(&self, fifo: bool) -> String {
        let number = NAMES.fetch_add(1, Ordering::Relaxed);
        let suffix = if fifo { ".fifo" } else { "" };
        let name = format!("queue-{number}{suffix}");
        let mut create = self.client.create_queue().queue_name(&name);
        if fifo {
            create = create.attributes(QueueAttributeName::FifoQueue, "true");
        }
        create.send().await.unwrap();
        format!("{}/123456789012/{name}", self.endpoint)
    }

    /// What lies in a queue, taken out of it.
    pub(crate) async fn drain(&self, queue: &str) -> Vec<aws_sdk_sqs::types::Message> {
        let mut all = Vec::new();
        loop {
            let taken = self
                .client
                .receive_message()
                .queue_url(queue)
                .max_number_of_messages(10)
                .message_attribute_names("All")
                .message_system_attribute_names("All".into())
                .send()
                .await
                .unwrap()
                .messages
                .unwrap_or_default();
            if taken.is_empty() {
                return all;
            }
            for message in &taken {
                let handle = message.receipt_handle().unwrap();
                let delete = self.client.delete_message().queue_url(queue);
                delete.receipt_handle(handle).send().await.unwrap();
            }
            all.extend(taken);
        }
    }
}
