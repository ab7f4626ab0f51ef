//! The sink.

use crate::KIND;
use crate::config::{BYTES, SinkConfig, Stream};
use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, ErrorKind, Outcome, Payload, Permission, Report, Sink,
    SinkAdapter,
};
use tradewind_aws::{
    Access, Batched, Claims, Entry, Failure, Limits, Unfit, deliver, digest, key, retry,
};
use tradewind_event::Event;

const PUT: &str = "kinesis:PutRecords";
const LOOK: &str = "kinesis:DescribeStreamSummary";
const WITHHELD: &[(&str, &str)] = &[
    (
        LOOK,
        "only a check of the stream asks for it, never `serve`",
    ),
    (
        "kms:GenerateDataKey",
        "needed, on its key, where the stream has a key of its own (SSE-KMS)",
    ),
];
/// Most entries of one call, and most bytes together (Kinesis API reference, `PutRecords`, and what it was before).
const BATCH: (usize, usize) = (500, 5 << 20);
/// Longest partition key, in characters.
const KEY_MAX: usize = 256;

/// Fills a stream.
#[derive(Debug)]
pub struct KinesisSink {
    stream: Stream,
    payload: Payload,
    max_bytes: usize,
    claims: Option<Claims>,
    access: Access,
    client: OnceCell<Client>,
}

impl KinesisSink {
    /// A sink with these settings.
    ///
    /// # Errors
    /// Settings that Kinesis refuses.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        if !(1024..=BYTES.1).contains(&config.max_bytes) {
            let message = format!("`max-bytes` must be 1024 to {}", BYTES.1);
            return Err(Error::new(ErrorKind::ConfigInvalid, "config", message));
        }
        let region = Some(config.stream.arn().region());
        let settings = config.claim_check.as_ref();
        Ok(Self {
            claims: Claims::new(settings, config.payload, &config.aws, region)?,
            payload: config.payload,
            max_bytes: config.max_bytes as usize,
            access: config.aws,
            stream: config.stream,
            client: OnceCell::new(),
        })
    }

    async fn client(&self) -> Result<&Client, Error> {
        let make = async || {
            let region = self.stream.arn().region();
            let config = tradewind_aws::load(&self.access, Some(region)).await?;
            Ok(Client::new(&config))
        };
        self.client.get_or_try_init(make).await
    }
}

/// What a shard is found by.
fn partition_key(event: &Event) -> String {
    let key = key(event).unwrap_or_else(|| event.id().to_owned());
    match key.chars().count() <= KEY_MAX {
        true => key,
        false => digest(&key),
    }
}

#[async_trait]
impl Batched for KinesisSink {
    type Request = PutRecordsRequestEntry;
    const SERVICE: &'static str = "Kinesis";

    fn limits(&self) -> Limits {
        Limits {
            count: BATCH.0,
            bytes: BATCH.1.max(self.max_bytes),
        }
    }

    fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    fn entry(&self, delivery: &Delivery) -> Result<Entry<PutRecordsRequestEntry>, Unfit> {
        let data = match (self.payload, delivery.event.data()) {
            // Records hold bytes, whatever they are.
            (Payload::Data, Some(data)) => data.bytes.clone(),
            (payload, _) => payload.of(&delivery.event).unwrap_or_default().0,
        };
        let key = partition_key(&delivery.event);
        let bytes = data.len() + key.len();
        if bytes > self.max_bytes {
            let max = self.max_bytes;
            return Err(Unfit::TooLarge { bytes, max });
        }
        let request = PutRecordsRequestEntry::builder()
            .data(Blob::new(data))
            .partition_key(key)
            .build();
        let request = request.map_err(|error| Unfit::refused("refused", error.to_string()))?;
        Ok(Entry { request, bytes })
    }

    async fn call(
        &self,
        requests: Vec<PutRecordsRequestEntry>,
    ) -> Result<Vec<Option<Outcome>>, Outcome> {
        let permission = format!("{PUT} on {}", self.stream.arn());
        let client = self.client().await;
        let client = client.map_err(|error| retry("config", error.to_string()))?;
        let sent = client
            .put_records()
            .stream_arn(self.stream.arn().as_str())
            .set_records(Some(requests))
            .send();
        let answer = sent.await;
        let answer = answer.map_err(|error| Failure::of(&error).outcome(&permission))?;
        let outcome = |record: &aws_sdk_kinesis::types::PutRecordsResultEntry| match (
            record.error_code(),
            record.shard_id(),
        ) {
            // Of a shard that is full, or of Kinesis itself: never the sender's.
            (Some(code), _) => {
                let failure = Failure::of_entry(code, false, record.error_message());
                Some(failure.outcome(&permission))
            }
            (None, Some(shard)) => Some(Outcome::Accepted {
                receipt: Some(format!(
                    "{shard}/{}",
                    record.sequence_number().unwrap_or_default()
                )),
                reply: None,
            }),
            (None, None) => None,
        };
        Ok(answer.records().iter().map(outcome).collect())
    }
}

#[async_trait]
impl Sink for KinesisSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        deliver(self, &batch, &report, &cancel).await;
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(BATCH.0);
        if self.claims.is_none() {
            capability.deliver_bytes_max = Some(self.max_bytes);
        }
        capability
    }

    fn permissions(&self) -> Vec<Permission> {
        let put = Permission {
            cloud: "aws",
            actions: vec![PUT],
            resource: self.stream.arn().to_string(),
            why: "each event is a record",
            caller: self.access.caller(),
            withheld: WITHHELD,
        };
        let claims = self.claims.as_ref().map(Claims::permission);
        std::iter::once(put).chain(claims).collect()
    }

    fn describe(&self) -> String {
        format!(
            "Kinesis stream {} in {}",
            self.stream.name(),
            self.stream.arn().region()
        )
    }

    /// Asks for a summary of the stream.
    async fn health(&self) -> Result<(), Error> {
        let client = self.client().await?;
        let asked = client
            .describe_stream_summary()
            .stream_arn(self.stream.arn().as_str())
            .send();
        let permission = format!("{LOOK} on {}", self.stream.arn());
        match asked.await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::of(&error).error("look at the stream", &permission)),
        }
    }
}

impl SinkAdapter for KinesisSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}
