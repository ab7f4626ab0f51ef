//! C: what reading a topic and posting each of its records costs by itself, as a plain program with rdkafka does it.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::routing::post;
use futures_util::StreamExt;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::io::Error;
use std::net::SocketAddr;
use std::time::Duration;

/// Requests under way at once: as many as a subscription of the gateway has.
const CONCURRENCY: usize = 32;
/// How long a record may wait for its place in the producer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to read, and where to post it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    brokers: SocketAddr,
    #[arg(long)]
    topic: String,
    #[arg(long)]
    group: String,
    #[arg(long)]
    to: SocketAddr,
    /// Takes requests, puts their bodies into the topic, and answers when the brokers have them.
    #[arg(long)]
    publish: bool,
}

#[allow(
    clippy::disallowed_types,
    reason = "the baseline is the usual client, and its target is on loopback"
)]
type Client = hyper_util::client::legacy::Client<HttpConnector, Body>;

pub(super) async fn run(args: &Args) -> std::io::Result<()> {
    let reading = consume(args);
    if !args.publish {
        return reading.await;
    }
    let producer: FutureProducer = client(args)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "2")
        .create()
        .map_err(Error::other)?;
    let router = Router::new()
        .route("/events", post(take))
        .with_state((producer, args.topic.clone()));
    tokio::select! {
        ended = reading => ended,
        ended = super::serve(router) => ended,
    }
}

fn client(args: &Args) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", args.brokers.to_string());
    config
}

async fn take(
    State((producer, topic)): State<(FutureProducer, String)>,
    body: Bytes,
) -> StatusCode {
    let record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&topic).payload(&body);
    match producer.send(record, PATIENCE).await {
        Ok(_) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// An offset is stored when everything before it is posted, and committed every second.
async fn consume(args: &Args) -> std::io::Result<()> {
    let consumer: StreamConsumer = client(args)
        .set("group.id", &args.group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "true")
        .set("auto.commit.interval.ms", "1000")
        .set("enable.auto.offset.store", "false")
        .create()
        .map_err(Error::other)?;
    consumer.subscribe(&[&args.topic]).map_err(Error::other)?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    #[allow(clippy::disallowed_types, reason = "as above")]
    let client: Client =
        hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
    let url = format!("http://{}/in", args.to);
    let posting = consumer
        .stream()
        .map(async |message| {
            let message = message.map_err(Error::other)?;
            hand_on(&client, &url, &message).await?;
            Ok(message)
        })
        .buffered(CONCURRENCY);
    let mut posting = std::pin::pin!(posting);
    while let Some(posted) = posting.next().await {
        let message: std::io::Result<BorrowedMessage<'_>> = posted;
        // A partition that went to another is posted again by that one.
        consumer.store_offset_from_message(&message?).ok();
    }
    Ok(())
}

async fn hand_on(client: &Client, url: &str, message: &BorrowedMessage<'_>) -> std::io::Result<()> {
    let body = Bytes::copy_from_slice(message.payload().unwrap_or_default());
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/cloudevents+json")
        .body(Body::from(body))
        .map_err(Error::other)?;
    let answer = client.request(request).await.map_err(Error::other)?;
    match answer.status().is_success() {
        true => Ok(()),
        false => Err(Error::other(format!("answered {}", answer.status()))),
    }
}
