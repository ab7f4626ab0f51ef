//! What tests of the AWS adapters share: a server of AWS that others wrote, servers that always give the same answer, and
//! the failures that every adapter must tell.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod canned;
mod failures;
mod moto;
mod queue;
mod service;
mod world;

pub use canned::{Answer, Heard, Wire, canned, heard, nobody};
pub use failures::{Told, refusals, sources};
pub use moto::Moto;
pub use queue::Queue;
pub use service::{Service, conformance};
pub use world::World;

use crate::SdkConfig;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, ErrorKind, Outcome, Report, Sink};
use tradewind_event::{DataKind, Event};

/// A secret that must show nowhere.
pub const SECRET: &str = "hunter2hunter2";

/// Settings `aws` of an adapter that talks to this server.
pub fn access(endpoint: &str) -> Value {
    json!({ "region": "eu-west-1", "endpoint": endpoint, "keys": { "id": "test", "secret": SECRET } })
}

/// Settings of which some are others.
pub fn settings<C: DeserializeOwned>(mut settings: Value, others: &Value) -> C {
    for (key, value) in others.as_object().unwrap() {
        settings[key] = value.clone();
    }
    serde_json::from_value(settings).unwrap()
}

static NAMES: AtomicU32 = AtomicU32::new(0);

/// A name that nothing has yet.
pub fn fresh(what: &str) -> String {
    format!("{what}-{}", NAMES.fetch_add(1, Ordering::Relaxed))
}

/// What is well says so, and what is not there does not.
pub async fn health(there: &dyn Sink, gone: &dyn Sink) {
    there.health().await.unwrap();
    let error = gone.health().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// Whether an event comes back from a line: line breaks between the values of a document end none.
pub fn is_a_line(event: &Event) -> bool {
    let data = event.data();
    data.is_none_or(|data| data.kind != DataKind::Json || !data.bytes.contains(&b'\n'))
}

/// What a client of the tests' own is made of.
pub async fn config(endpoint: &str) -> SdkConfig {
    let access = serde_json::from_value(access(endpoint)).unwrap();
    crate::load(&access, None).await.unwrap()
}

/// A delivery with this id, of this event.
pub fn delivery(id: &str, event: Event) -> Delivery {
    Delivery {
        id: id.into(),
        event,
        subscription: "orders".into(),
        stream: "default".into(),
        position: "0/1".into(),
        attempt: 1,
        timeout: Duration::from_secs(20),
        replay: None,
        trace: None,
    }
}

/// The name of the object that holds the data of a delivery.
pub fn claim(delivery: &Delivery) -> String {
    format!("{}-{}", delivery.id, delivery.identity())
}

/// An event with this much data in JSON.
pub fn event(id: &str, bytes: usize) -> Event {
    let event = Event::builder(id, "/shop", "order.placed").subject(format!("orders/{id}"));
    let data = json!({ "text": "x".repeat(bytes) }).to_string();
    event.data("application/json", data).build().unwrap()
}

/// Delivers a batch; `None` for what was not reported.
pub async fn attempt(sink: &dyn Sink, batch: Vec<Delivery>) -> Vec<Option<Outcome>> {
    let mut all: Vec<Option<Outcome>> = vec![None; batch.len()];
    let (report, mut outcomes) = Report::channel();
    sink.deliver(batch, report, CancellationToken::new()).await;
    while let Some((index, outcome)) = outcomes.try_recv() {
        assert_eq!(
            all[index].replace(outcome),
            None,
            "two outcomes for {index}"
        );
    }
    all
}

/// Delivers one event, which has an outcome.
pub async fn one(sink: &dyn Sink, event: Event) -> Outcome {
    let outcome = attempt(sink, vec![delivery(event.id(), event.clone())]).await;
    outcome.into_iter().next().flatten().unwrap()
}

/// What a bucket at this server holds, by name.
pub async fn object(endpoint: &str, bucket: &str, key: &str) -> Option<Vec<u8>> {
    let (head, body) = plain(endpoint, "GET", &format!("/{bucket}/{key}")).await;
    head.starts_with("HTTP/1.1 200").then_some(body)
}

/// The names of the objects in a bucket.
pub async fn objects(endpoint: &str, bucket: &str) -> Vec<String> {
    let (_, body) = plain(endpoint, "GET", &format!("/{bucket}?list-type=2")).await;
    let body = String::from_utf8(body).unwrap();
    let keys = body.split("<Key>").skip(1);
    keys.map(|rest| rest.split_once("</Key>").unwrap().0.to_owned())
        .collect()
}

/// A new bucket at a server that looks at no signature.
pub async fn bucket(endpoint: &str, name: &str) {
    let (head, _) = plain(endpoint, "PUT", &format!("/{name}")).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

/// A call of a service that speaks JSON.
pub async fn call(endpoint: &str, service: &str, target: &str, input: &Value) -> Value {
    let head = format!("content-type: application/x-amz-json-1.0\r\nx-amz-target: {target}\r\n");
    let (head, body) = request(endpoint, ("POST", "/"), service, &head, &input.to_string()).await;
    assert!(
        head.starts_with("HTTP/1.1 200"),
        "{head}{}",
        String::from_utf8_lossy(&body)
    );
    serde_json::from_slice(&body).unwrap()
}

/// A request without a body, and its answer.
pub async fn plain(endpoint: &str, method: &str, path: &str) -> (String, Vec<u8>) {
    request(endpoint, (method, path), "s3", "", "").await
}

async fn request(
    endpoint: &str,
    (method, path): (&str, &str),
    service: &str,
    headers: &str,
    body: &str,
) -> (String, Vec<u8>) {
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    // Buckets of the first region need no more than a name.
    let region = if service == "s3" {
        "us-east-1"
    } else {
        "eu-west-1"
    };
    let credential = format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: {credential}\r\ncontent-length: {}\r\n{headers}connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let body = all.split_off(end + 4);
    (String::from_utf8(all).unwrap(), body)
}

/// Accepted, or why not, in short.
pub fn told(outcome: &Option<Outcome>) -> String {
    match outcome {
        None => "-".into(),
        Some(Outcome::Accepted { .. }) => "accepted".into(),
        Some(Outcome::Retry { reason, .. }) => format!("again {}", reason.code),
        Some(Outcome::Reject { reason, .. }) => format!("never {}", reason.code),
        Some(other) => panic!("{other:?}"),
    }
}
