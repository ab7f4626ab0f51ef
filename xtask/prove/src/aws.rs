//! From a queue of SQS, a stream of Kinesis and the changes of a table of DynamoDB to another queue, through the gateway, which
//! is killed meanwhile: what was sent arrives, byte by byte, and nothing stays behind; and functions of Lambda, which are
//! really run.

mod lambda;
mod restart;
mod streams;

use crate::gateway::Gateway;
use crate::moto::{Calls, Moto};
use crate::{Options, Proved};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// Messages sent in each round to each, also in short; moto takes its time.
const ROUND: (usize, usize) = (100, 20);
/// Looks at the queue without anything new after which the rest is given up.
const PATIENCE: u32 = 100;

#[derive(Default)]
struct Figures {
    rounds: u32,
    sent: usize,
    arrived: BTreeMap<String, u32>,
    again: u32,
}

/// Runs the loop.
pub(crate) async fn run(options: &Options) -> Proved {
    let rounds = options.rounds.unwrap_or(if options.short { 3 } else { 30 });
    let mut figures = Figures::default();
    let outcome = async {
        loops(options, rounds, &mut figures).await?;
        let restarts = restart::run(options).await?;
        let functions = lambda::run(options).await?;
        Ok::<_, String>(format!("{restarts}; {functions}"))
    };
    let outcome = outcome.await;
    let told = format!(
        "{} kills between a queue of SQS, a stream of Kinesis, the changes of a table and another queue, {} sent, {} arrived, \
         {} of them again",
        figures.rounds,
        figures.sent,
        figures.arrived.len(),
        figures.again,
    );
    match outcome {
        Ok(further) => Ok(format!("{told}; {further}")),
        Err(what) => Err((told, what)),
    }
}

async fn loops(options: &Options, rounds: u32, figures: &mut Figures) -> Result<(), String> {
    let each = if options.short { ROUND.1 } else { ROUND.0 };
    let moto = Moto::start(&options.gateway).await?;
    let changes = streams::make(&moto).await?;
    let [from, to] =
        ["from", "to"].map(|name| format!("http://{}/123456789012/{name}", moto.address));
    for name in ["from", "to"] {
        moto.sqs("CreateQueue", &json!({ "QueueName": name }))
            .await?;
    }
    let aws = "aws: { region: us-east-1, keys: { id: test, secret: test } }";
    let subscription = format!("  move: {{ sink: {{ kind: aws-sqs, queue: \"{to}\", {aws} }} }}\n");
    let mut gateway = Gateway::new(&options.gateway, &subscription)?;
    let at = format!(
        "aws: {{ region: us-east-1, endpoint: \"http://{}\", keys: {{ id: test, secret: test }} }}",
        moto.address
    );
    gateway.sources = [
        format!("  queue: {{ kind: aws-sqs, queue: \"{from}\", visibility-timeout: 2, {aws} }}\n"),
        format!(
            "  records: {{ kind: aws-kinesis, arn: \"{}\", {at} }}\n",
            streams::STREAM
        ),
        format!("  changes: {{ kind: aws-dynamodb-streams, arn: \"{changes}\", {at} }}\n"),
    ]
    .concat();
    gateway.configure(&subscription)?;
    for round in 0..rounds {
        gateway.start().await?;
        // A backlog would keep moto busy for longer than messages are invisible. What is still on its way is part of it.
        catch_up(&moto, &to, figures, each).await?;
        if round > 0 && round % 10 == 0 {
            println!(
                "round {round}: {} of {} arrived",
                figures.arrived.len(),
                figures.sent
            );
        }
        let end = Duration::from_millis(fastrand::u64(50..1500));
        let numbers = figures.sent / 3..figures.sent / 3 + each;
        let sending = async {
            send(&moto, &from, numbers.clone()).await?;
            streams::send(&moto, numbers).await
        };
        let killing = async {
            tokio::time::sleep(end).await;
            gateway.signal(Signal::KILL)?;
            gateway.ended().await
        };
        let (sent, killed) = tokio::join!(sending, killing);
        sent?;
        killed?;
        figures.rounds += 1;
        figures.sent += 3 * each;
    }
    gateway.start().await?;
    catch_up(&moto, &to, figures, 0).await?;
    // Repetitions that are still on their way.
    while collect(&moto, &to, figures).await? > 0 {}
    let expected =
        (0..figures.sent / 3).flat_map(|n| [text(n), streams::record(n), streams::change(n)]);
    let missing: Vec<String> = expected
        .filter(|text| !figures.arrived.contains_key(text))
        .collect();
    if !missing.is_empty() {
        return Err(format!(
            "{} are missing, first `{}`",
            missing.len(),
            missing[0]
        ));
    }
    if figures.arrived.len() > figures.sent {
        return Err("something arrived that nobody sent".into());
    }
    nothing_is_left(&moto, &from).await?;
    gateway.said_no_panic()
}

/// Every second one is an event, the others are text.
fn body(number: usize) -> String {
    let text = text(number);
    match number % 2 {
        0 => text,
        _ => json!({
            "specversion": "1.0", "id": format!("event-{number}"), "source": "/prove",
            "type": "prove.moved", "datacontenttype": "text/plain", "data": text,
        })
        .to_string(),
    }
}

fn text(number: usize) -> String {
    format!("message {number}: \"é\\ \t€ 😀\"")
}

async fn send(server: &impl Calls, queue: &str, numbers: Range<usize>) -> Result<(), String> {
    for first in numbers.step_by(10) {
        let entry = |n: usize| json!({ "Id": n.to_string(), "MessageBody": body(first + n) });
        let entries: Vec<Value> = (0..10).map(entry).collect();
        let input = json!({ "QueueUrl": queue, "Entries": entries });
        server.sqs("SendMessageBatch", &input).await?;
    }
    Ok(())
}

/// Takes what arrives until at most this much is missing, or nothing has come for long.
async fn catch_up(
    server: &impl Calls,
    queue: &str,
    figures: &mut Figures,
    missing: usize,
) -> Result<(), String> {
    let mut idle = 0;
    while idle < PATIENCE && figures.arrived.len() + missing < figures.sent {
        idle = match collect(server, queue, figures).await? {
            0 => idle + 1,
            _ => 0,
        };
    }
    Ok(())
}

/// Takes what has arrived; how many messages.
async fn collect(server: &impl Calls, queue: &str, figures: &mut Figures) -> Result<usize, String> {
    let input = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1 });
    let answer = server.sqs("ReceiveMessage", &input).await?;
    let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
    for message in &messages {
        let event = message["Body"].as_str().unwrap_or_default();
        let event: Value = serde_json::from_str(event).map_err(|e| format!("no event: {e}"))?;
        let data = event["data"]
            .as_str()
            .or_else(|| streams::changed(&event["data"]))
            .ok_or("an event without text")?;
        let times = figures.arrived.entry(data.to_owned()).or_default();
        figures.again += u32::from(*times > 0);
        *times += 1;
    }
    if !messages.is_empty() {
        let entry = |(n, message): (usize, &Value)| json!({ "Id": n.to_string(), "ReceiptHandle": message["ReceiptHandle"] });
        let entries: Vec<Value> = messages.iter().enumerate().map(entry).collect();
        let input = json!({ "QueueUrl": queue, "Entries": entries });
        server.sqs("DeleteMessageBatch", &input).await?;
    }
    Ok(messages.len())
}

async fn nothing_is_left(server: &impl Calls, queue: &str) -> Result<(), String> {
    let input = json!({ "QueueUrl": queue, "AttributeNames": ["All"] });
    let mut left = 0;
    for _ in 0..PATIENCE {
        let answer = server.sqs("GetQueueAttributes", &input).await?;
        let count = |name: &str| -> u64 {
            let text = answer["Attributes"][name].as_str();
            text.and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        left =
            count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesNotVisible");
        if left == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!(
        "{left} messages were not deleted from the first queue"
    ))
}
