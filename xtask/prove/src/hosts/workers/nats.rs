//! NATS with JetStream.

use super::{Queue, count};
use crate::Options;
use crate::hosts::platform::{free, listens, spawn};
use crate::hosts::scenarios::Expected;
use async_nats::HeaderMap;
use async_nats::jetstream::{self, consumer::PullConsumer, stream};
use std::fmt::Display;
use std::path::PathBuf;
use tokio::process::{Child, Command};
use tradewind::Event;
use tradewind::event::json as event_json;

const STREAM: &str = "ORDERS";
const DEAD: &str = "DEAD";
const CONSUMER: &str = "charging";

pub(super) struct Nats {
    server: String,
    jetstream: jetstream::Context,
    _process: Child,
    _folder: tempfile::TempDir,
}

fn said(error: impl Display) -> String {
    error.to_string()
}

impl Queue for Nats {
    async fn start(_: &Options) -> Result<Result<Self, String>, String> {
        let Some(program) = std::env::var_os("TRADEWIND_NATS").map(PathBuf::from) else {
            return Ok(Err("no nats-server here".into()));
        };
        let folder = tempfile::tempdir().map_err(said)?;
        let address = free()?;
        let mut server = Command::new(program);
        server
            .args(["--jetstream", "--addr", "127.0.0.1", "--port"])
            .arg(address.port().to_string())
            .arg("--store_dir")
            .arg(folder.path());
        let process = spawn(&mut server)?;
        listens(address).await?;
        let server = format!("nats://{address}");
        let jetstream = jetstream::new(async_nats::connect(&server).await.map_err(said)?);
        for (name, subject) in [(STREAM, "orders.>"), (DEAD, "dead.>")] {
            let config = stream::Config {
                name: name.into(),
                subjects: vec![subject.into()],
                ..stream::Config::default()
            };
            jetstream.create_stream(config).await.map_err(said)?;
        }
        Ok(Ok(Self {
            server,
            jetstream,
            _process: process,
            _folder: folder,
        }))
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TRADEWIND_NATS_SERVERS", self.server.clone()),
            ("TRADEWIND_NATS_STREAM", STREAM.into()),
            ("TRADEWIND_NATS_CONSUMER", CONSUMER.into()),
            ("TRADEWIND_NATS_DEAD_LETTER", "dead.orders".into()),
            ("TRADEWIND_NATS_ACK_WAIT", "3".into()),
        ]
    }

    async fn put(&self, orders: &[(Event, Expected)]) -> Result<(), String> {
        for (event, _) in orders {
            let mut headers = HeaderMap::new();
            headers.insert("Content-Type", "application/cloudevents+json");
            let payload = event_json::encode(event);
            let sent = self
                .jetstream
                .publish_with_headers("orders.placed", headers, payload);
            sent.await.map_err(said)?.await.map_err(said)?;
        }
        Ok(())
    }

    async fn settled(&self, orders: &[(Event, Expected)]) -> Result<(), String> {
        let stream = self.jetstream.get_stream(STREAM).await.map_err(said)?;
        let consumer: PullConsumer = stream.get_consumer(CONSUMER).await.map_err(said)?;
        let info = consumer.cached_info();
        let dead = self.jetstream.get_stream(DEAD).await.map_err(said)?;
        let dead = dead.cached_info().state.messages;
        let found = (info.num_pending, info.num_ack_pending, dead);
        let again = count(orders, Expected::Again);
        let expected = (0, again, count(orders, Expected::Never) as u64);
        // The busy bank's order waits for half a minute, those of the others have come again.
        match found == expected && info.num_redelivered >= again - 1 {
            true => Ok(()),
            false => Err(format!(
                "{} not looked at, {} not acknowledged, {} set aside, {} came again",
                found.0, found.1, found.2, info.num_redelivered
            )),
        }
    }
}
