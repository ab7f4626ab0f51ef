//! Amazon SQS, by moto.

use super::{Queue, count};
use crate::Options;
use crate::hosts::scenarios::Expected;
use crate::moto::{Calls, Moto};
use serde_json::{Value, json};
use tradewind::Event;
use tradewind::event::json as event_json;

pub(super) struct Sqs {
    moto: Moto,
    queue: String,
    dead: String,
}

impl Sqs {
    async fn messages(&self, queue: &str) -> Result<usize, String> {
        let names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ];
        let input = json!({ "QueueUrl": queue, "AttributeNames": names });
        let found = self.moto.sqs("GetQueueAttributes", &input).await?;
        let number = |name: &str| found["Attributes"][name].as_str()?.parse::<usize>().ok();
        let all: Option<usize> = names.iter().map(|name| number(name)).sum();
        all.ok_or_else(|| format!("no numbers: {found}"))
    }
}

async fn create(moto: &Moto, name: &str, attributes: Value) -> Result<String, String> {
    let input = json!({ "QueueName": name, "Attributes": attributes });
    let made = moto.sqs("CreateQueue", &input).await?;
    let url = made["QueueUrl"].as_str().ok_or("no URL of a queue")?;
    // moto names itself as it likes.
    let path = url.splitn(4, '/').nth(3).ok_or("no URL of a queue")?;
    Ok(format!("http://{}/{path}", moto.address))
}

impl Queue for Sqs {
    async fn start(options: &Options) -> Result<Result<Self, String>, String> {
        let moto = Moto::start(&options.gateway).await?;
        let dead = create(&moto, "dead", json!({})).await?;
        let redrive = json!({
            "deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead",
            "maxReceiveCount": 2,
        });
        let attributes = json!({ "RedrivePolicy": redrive.to_string() });
        let queue = create(&moto, "orders", attributes).await?;
        Ok(Ok(Self { moto, queue, dead }))
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TRADEWIND_SQS_QUEUE", self.queue.clone()),
            ("TRADEWIND_SQS_VISIBILITY", "3".into()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
            ("AWS_REGION", "us-east-1".into()),
        ]
    }

    async fn put(&self, orders: &[(Event, Expected)]) -> Result<(), String> {
        for (event, _) in orders {
            let body = event_json::encode(event);
            let body = String::from_utf8_lossy(&body);
            let input = json!({ "QueueUrl": self.queue, "MessageBody": body });
            self.moto.sqs("SendMessage", &input).await?;
        }
        Ok(())
    }

    /// What failed twice is set aside by the queue, a rejection too; the busy bank's order still waits for the time that
    /// the handler asked for.
    async fn settled(&self, orders: &[(Event, Expected)]) -> Result<(), String> {
        let failed = count(orders, Expected::Never) + count(orders, Expected::Again);
        let found = (
            self.messages(&self.queue).await?,
            self.messages(&self.dead).await?,
        );
        match found == (1, failed - 1) {
            true => Ok(()),
            false => Err(format!("{} wait, {} set aside", found.0, found.1)),
        }
    }
}
