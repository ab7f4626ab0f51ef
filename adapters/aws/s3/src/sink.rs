//! The sink: a batch is an object for each partition.

use crate::KIND;
use crate::config::{Compression, SinkConfig};
use crate::partition::{Part, place};
use async_trait::async_trait;
use bytes::Bytes;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, Outcome, Permission, Report, Sink, SinkAdapter,
};
use tradewind_aws::{Bucket, Object, digest, line, reject, retry};
use tradewind_event::{Timestamp, json};

/// Most events of a batch.
const BATCH: usize = 1000;
/// Bytes from which on an object takes no more events, before compression.
const OBJECT: usize = 32 << 20;
/// Largest object that one call puts (S3 user guide, "uploading objects").
const BYTES_MAX: usize = 5 << 30;

/// Keeps events as objects.
#[derive(Debug)]
pub struct S3Sink {
    bucket: Bucket,
    parts: Vec<Part>,
    compression: Compression,
}

impl S3Sink {
    /// A sink with these settings.
    pub fn new(config: SinkConfig) -> Self {
        Self {
            bucket: Bucket::new(&config.bucket, &config.prefix, config.aws, None),
            parts: config.partition_by,
            compression: config.compression,
        }
    }

    async fn put(&self, lines: Lines, time: Duration, report: &Report) {
        // The same events are the same object, also when they are put again.
        let name = format!("{}{}", lines.place, digest(&lines.ids));
        let outcome = match timeout(time, self.store(&name, lines.text)).await {
            Ok(outcome) => outcome,
            Err(_) => retry("timeout", "S3 did not answer in time"),
        };
        for index in lines.indexes {
            report.settle(index, outcome.clone());
        }
    }

    async fn store(&self, name: &str, text: Vec<u8>) -> Outcome {
        let (ending, encoding, body) = match self.compression {
            Compression::None => ("jsonl", None, Ok(text)),
            Compression::Gzip => ("jsonl.gz", Some("gzip"), compressed(text).await),
        };
        let body = match body {
            Ok(body) => Bytes::from(body),
            Err(why) => return retry("compression-failed", why.to_string()),
        };
        let key = format!("{name}.{ending}");
        let object = Object {
            key: &key,
            body,
            content_type: "application/x-ndjson",
            encoding,
        };
        match self.bucket.put(object).await {
            Ok(()) => Outcome::Accepted {
                receipt: Some(self.bucket.uri(&key)),
                reply: None,
            },
            Err(failure) => failure.outcome(&self.bucket.needs()),
        }
    }
}

/// An object in the making.
#[derive(Default)]
struct Lines {
    place: String,
    text: Vec<u8>,
    /// Identities of the deliveries in it, a line each.
    ids: String,
    indexes: Vec<usize>,
}

/// The events of a batch by where they belong; a place with much has several objects.
fn objects(batch: &[Delivery], parts: &[Part], now: Timestamp, report: &Report) -> Vec<Lines> {
    let mut full = Vec::new();
    let mut open: BTreeMap<String, Lines> = BTreeMap::new();
    for (index, delivery) in batch.iter().enumerate() {
        let line = line(&json::encode(&delivery.event));
        if line.len() >= BYTES_MAX {
            report.settle(
                index,
                reject(
                    "too-large",
                    format!("{} bytes, S3 takes {BYTES_MAX}", line.len()),
                ),
            );
            continue;
        }
        let place = place(&delivery.event, parts, now);
        let lines = open.entry(place.clone()).or_insert_with(|| Lines {
            place,
            ..Lines::default()
        });
        lines.text.extend_from_slice(&line);
        lines.ids.push_str(&delivery.identity());
        lines.ids.push('\n');
        lines.indexes.push(index);
        if lines.text.len() >= OBJECT {
            let place = lines.place.clone();
            full.extend(open.remove(&place));
        }
    }
    full.extend(open.into_values());
    full
}

/// Not on the runtime's threads: so much text takes long.
async fn compressed(text: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let compressing = spawn_blocking(move || {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&text)?;
        encoder.finish()
    });
    compressing.await?
}

/// What objects are filed under whose events have no time.
#[allow(
    clippy::disallowed_methods,
    reason = "a name of an object; no decision of the engine hangs on it"
)]
fn now() -> Timestamp {
    SystemTime::now().into()
}

#[async_trait]
impl Sink for S3Sink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        let time = batch.iter().map(|delivery| delivery.timeout).min();
        let putting = async {
            for lines in objects(&batch, &self.parts, now(), &report) {
                self.put(lines, time.unwrap_or_default(), &report).await;
            }
        };
        // What was not reported is tried again.
        tokio::select! {
            () = putting => {}
            () = cancel.cancelled() => {}
        }
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(BATCH);
        capability
    }

    fn permissions(&self) -> Vec<Permission> {
        vec![self.bucket.permission("events are kept as objects")]
    }

    fn describe(&self) -> String {
        self.bucket.describe()
    }
}

impl SinkAdapter for S3Sink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_event::Event;

    #[test]
    fn other_events_under_the_same_ids_are_another_object() {
        let ids = |event: &str, attempt| {
            let delivery = Delivery {
                id: "default-0-1-archive".into(),
                event: Event::builder(event, "/shop", "t").build().unwrap(),
                subscription: "archive".into(),
                stream: "default".into(),
                position: "0/1".into(),
                attempt,
                timeout: Duration::from_secs(1),
                replay: None,
                trace: None,
            };
            let (report, _outcomes) = Report::channel();
            objects(&[delivery], &[Part::Type], now(), &report)
                .remove(0)
                .ids
        };
        assert_eq!(ids("1", 2), ids("1", 1));
        assert_ne!(ids("2", 1), ids("1", 1));
    }
}
