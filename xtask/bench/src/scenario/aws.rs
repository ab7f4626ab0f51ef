//! From a queue of SQS to an HTTP target and from HTTP into a queue, at a server of SQS that others wrote.

use super::account::{Begun, Sample, counted, exchange, until};
use crate::Options;
use crate::figures::{Spread, row, verdict};
use crate::gateway::{Durability, Gateway, delivered_to};
use crate::load::Measured;
use crate::process::{Process, this};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// Events of a run.
const EVENTS: u64 = 10_000;
/// Messages that a server has sent, given out and deleted before it is measured: a virtual machine compiles what it runs
/// often, and would be charged for that.
const WARM: u64 = 5_000;
/// Events per call of the sink.
const BATCHES: [u64; 2] = [1, 10];
const SETTINGS: &str = "aws: { region: us-east-1, keys: { id: x, secret: x } }";

pub(crate) fn aws(options: &Options) -> Result<(), String> {
    let Some(jars) = &options.jars else {
        return Err(
            "aws: no `--jars` (hint: `cargo xtask bench aws` brings it): falls short".into(),
        );
    };
    println!(
        "aws: 1 KiB events from a queue of ElasticMQ to an HTTP target, and from HTTP into a queue"
    );
    let events = options.events(EVENTS);
    let mut rows: Vec<(String, Vec<Sample>)> = vec![("SQS to HTTP, by 10".into(), Vec::new())];
    rows.extend(BATCHES.map(|batch| (format!("HTTP to SQS, by {batch}"), Vec::new())));
    for _ in 0..options.rounds() {
        for (at, (_, samples)) in rows.iter_mut().enumerate() {
            let server = Server::start(jars)?;
            samples.push(match at.checked_sub(1).and_then(|at| BATCHES.get(at)) {
                None => from_queue(options, &server, events)?,
                Some(batch) => to_queue(options, &server, events, *batch)?,
            });
        }
    }
    let headings = [
        "events/s",
        "cpu us/event",
        "server us/event",
        "cores",
        "server cores",
    ];
    row("", &headings.map(String::from));
    let mut found = Vec::new();
    for (label, samples) in &rows {
        let spread = |figure: fn(&Sample) -> f64| Spread::of(samples.iter().map(figure));
        let (gateway, server) = (spread(|s| s.cpu_us), spread(|s| s.server_us));
        let rate = spread(|s| s.per_second);
        row(
            label,
            &[
                rate.to_string(),
                gateway.to_string(),
                server.to_string(),
                spread(|s| s.busy).to_string(),
                spread(|s| s.server_busy).to_string(),
            ],
        );
        // Whoever works more for each event is the one that is waited for.
        let told = format!(
            "{label} {:.0} events/s, {gateway} us per event, the server {server}",
            rate.median
        );
        found.push((told, gateway.median < server.median));
    }
    verdict("aws", &found)
}

/// ElasticMQ, with the queue `orders`; it ends with the value.
struct Server {
    process: Process,
    queue: String,
}

impl Server {
    fn start(jars: &std::path::Path) -> Result<Self, String> {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr());
        let address: SocketAddr = free.map_err(|e| e.to_string())?;
        let mut command = Command::new("java");
        command
            .arg("-cp")
            .arg(jars.join("*"))
            .arg(format!("-Drest-sqs.bind-port={}", address.port()))
            .args([
                "-Drest-sqs.bind-hostname=127.0.0.1",
                "-Drest-stats.enabled=false",
            ])
            .arg(format!("-Dnode-address.port={}", address.port()))
            .arg("org.elasticmq.server.Main")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut process = Process::listening(&mut command, address)?;
        process.ready()?;
        for name in ["orders", "warm"] {
            let made = call(address, "CreateQueue", &json!({ "QueueName": name }));
            made.map_err(|e| format!("ElasticMQ: {e}"))?;
        }
        warm(address)?;
        let queue = format!("http://{address}/000000000000/orders");
        Ok(Self { process, queue })
    }

    /// Messages that wait.
    fn waiting(&self) -> Result<u64, String> {
        let input =
            json!({ "QueueUrl": self.queue, "AttributeNames": ["ApproximateNumberOfMessages"] });
        let answer = call(self.process.address, "GetQueueAttributes", &input)?;
        let count = answer["Attributes"]["ApproximateNumberOfMessages"].as_str();
        count
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| format!("no count of messages: {answer}"))
    }
}

/// Lets a server do what it will be asked for, in a queue of its own.
fn warm(address: SocketAddr) -> Result<(), String> {
    let queue = format!("http://{address}/000000000000/warm");
    for first in (0..WARM).step_by(10) {
        fill(address, &queue, first, 10)?;
        let asked = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 });
        let got = call(address, "ReceiveMessage", &asked)?;
        let messages = got["Messages"].as_array().cloned().unwrap_or_default();
        let entry = |(n, message): (usize, &Value)| json!({ "Id": n.to_string(), "ReceiptHandle": message["ReceiptHandle"] });
        let entries: Vec<Value> = messages.iter().enumerate().map(entry).collect();
        if !entries.is_empty() {
            let done = json!({ "QueueUrl": queue, "Entries": entries });
            call(address, "DeleteMessageBatch", &done)?;
        }
    }
    Ok(())
}

/// Puts events into a queue, ten at most.
fn fill(address: SocketAddr, queue: &str, first: u64, count: u64) -> Result<(), String> {
    let data = json!({ "text": "x".repeat(900) });
    let message = |n: u64| {
        json!({ "specversion": "1.0", "id": format!("e-{n}"), "source": "/shop",
            "type": "com.example.shop.order.placed.v1", "data": data })
        .to_string()
    };
    let entry = |n: u64| json!({ "Id": n.to_string(), "MessageBody": message(first + n) });
    let entries: Vec<Value> = (0..count).map(entry).collect();
    let input = json!({ "QueueUrl": queue, "Entries": entries });
    call(address, "SendMessageBatch", &input).map(drop)
}

/// A queue that is full when the gateway starts.
fn from_queue(options: &Options, server: &Server, events: u64) -> Result<Sample, String> {
    for first in (0..events).step_by(10) {
        fill(
            server.process.address,
            &server.queue,
            first,
            10.min(events - first),
        )?;
    }
    let upstream = Process::role(&["role", "upstream"])?;
    let source = format!(
        "  queue: {{ kind: aws-sqs, queue: \"{}\", {SETTINGS} }}\n",
        server.queue
    );
    let subscriptions = delivered_to(upstream.address, 0);
    let gateway = Gateway::reading(&options.gateway, Durability::Fsync, &source, &subscriptions)?;
    let gateway = gateway.ready()?;
    let begun = Begun::now(&[gateway.process.id()], server.process.id())?;
    until("the queue is not delivered", || {
        Ok(counted(upstream.address)? >= events)
    })?;
    begun.ended(events)
}

/// Publishers as fast as they are answered, until the last event lies in the queue.
fn to_queue(options: &Options, server: &Server, events: u64, batch: u64) -> Result<Sample, String> {
    let subscription = format!(
        "  queue: {{ batch: {{ max: {batch} }}, sink: {{ kind: aws-sqs, queue: \"{}\", {SETTINGS} }} }}\n",
        server.queue
    );
    let gateway = Gateway::start(&options.gateway, Durability::Fsync, &subscription)?.ready()?;
    let begun = Begun::now(&[gateway.process.id()], server.process.id())?;
    let output = this(&["role", "load"])?
        .arg(format!("--to={}", gateway.process.address))
        .arg(format!("--account={}", gateway.process.id()))
        .arg(format!("--events={events}"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| e.to_string())?;
    let sent: Measured = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
    until("the events are not in the queue", || {
        Ok(server.waiting()? >= sent.sent)
    })?;
    begun.ended(sent.sent)
}

/// One call of SQS.
fn call(address: SocketAddr, action: &str, input: &Value) -> Result<Value, String> {
    let body = input.to_string();
    let answer = exchange(
        address,
        &format!(
            "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-amz-json-1.0\r\n\
             x-amz-target: AmazonSQS.{action}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    )?;
    serde_json::from_str(&answer).map_err(|e| format!("{action}: {answer}: {e}"))
}
