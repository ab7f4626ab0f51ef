//! The sink.

use crate::KIND;
use crate::config::{SinkConfig, Stream};
use async_trait::async_trait;
use aws_sdk_firehose::Client;
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, Outcome, Payload, Permission, Report, Sink, SinkAdapter,
};
use tradewind_aws::{Access, Batched, Claims, Entry, Failure, Limits, Unfit, deliver, line, retry};
use tradewind_event::DataKind;

const PUT: &str = "firehose:PutRecordBatch";
const LOOK: &str = "firehose:DescribeDeliveryStream";
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
/// Most entries of one call, and most bytes together (Firehose API reference, `PutRecordBatch`).
const BATCH: (usize, usize) = (500, 4 << 20);
/// Largest record.
const BYTES_MAX: usize = 1000 << 10;

/// Fills a stream.
#[derive(Debug)]
pub struct FirehoseSink {
    stream: Stream,
    payload: Payload,
    newline: bool,
    claims: Option<Claims>,
    access: Access,
    client: OnceCell<Client>,
}

impl FirehoseSink {
    /// A sink with these settings.
    ///
    /// # Errors
    /// Settings that Firehose refuses.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        let region = Some(config.stream.arn().region());
        let settings = config.claim_check.as_ref();
        Ok(Self {
            claims: Claims::new(settings, config.payload, &config.aws, region)?,
            payload: config.payload,
            newline: config.newline,
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

#[async_trait]
impl Batched for FirehoseSink {
    type Request = Record;
    const SERVICE: &'static str = "Firehose";

    fn limits(&self) -> Limits {
        Limits {
            count: BATCH.0,
            bytes: BATCH.1,
        }
    }

    fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    fn entry(&self, delivery: &Delivery) -> Result<Entry<Record>, Unfit> {
        let (data, is_json) = match (self.payload, delivery.event.data()) {
            // Records hold bytes, whatever they are.
            (Payload::Data, Some(data)) => (data.bytes.clone(), data.kind == DataKind::Json),
            (payload, _) => (payload.of(&delivery.event).unwrap_or_default().0, true),
        };
        let data = match (self.newline, is_json) {
            (true, true) => line(&data),
            (true, false) => [&data[..], b"\n"].concat(),
            (false, _) => data.to_vec(),
        };
        let bytes = data.len();
        if bytes > BYTES_MAX {
            let max = BYTES_MAX;
            return Err(Unfit::TooLarge { bytes, max });
        }
        let request = Record::builder().data(Blob::new(data)).build();
        let request = request.map_err(|error| Unfit::refused("refused", error.to_string()))?;
        Ok(Entry { request, bytes })
    }

    async fn call(&self, requests: Vec<Record>) -> Result<Vec<Option<Outcome>>, Outcome> {
        let permission = format!("{PUT} on {}", self.stream.arn());
        let client = self.client().await;
        let client = client.map_err(|error| retry("config", error.to_string()))?;
        let sent = client
            .put_record_batch()
            .delivery_stream_name(self.stream.name())
            .set_records(Some(requests))
            .send();
        let answer = sent.await;
        let answer = answer.map_err(|error| Failure::of(&error).outcome(&permission))?;
        let outcome = |record: &aws_sdk_firehose::types::PutRecordBatchResponseEntry| match (
            record.error_code(),
            record.record_id(),
        ) {
            (Some(code), _) => {
                let failure = Failure::of_entry(code, false, record.error_message());
                Some(failure.outcome(&permission))
            }
            (None, Some(id)) => Some(Outcome::Accepted {
                receipt: Some(id.to_owned()),
                reply: None,
            }),
            (None, None) => None,
        };
        Ok(answer.request_responses().iter().map(outcome).collect())
    }
}

#[async_trait]
impl Sink for FirehoseSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        deliver(self, &batch, &report, &cancel).await;
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(BATCH.0);
        if self.claims.is_none() {
            capability.deliver_bytes_max = Some(BYTES_MAX);
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
            "Firehose stream {} in {}",
            self.stream.name(),
            self.stream.arn().region()
        )
    }

    /// Asks what the stream is.
    async fn health(&self) -> Result<(), Error> {
        let client = self.client().await?;
        let asked = client
            .describe_delivery_stream()
            .delivery_stream_name(self.stream.name())
            .send();
        let permission = format!("{LOOK} on {}", self.stream.arn());
        match asked.await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::of(&error).error("look at the stream", &permission)),
        }
    }
}

impl SinkAdapter for FirehoseSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}
