//! The source.

use crate::KIND;
use crate::config::Stream;
use crate::record;
use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::ShardIteratorType;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tradewind_adapter::{Build, Error, ErrorKind, Permission, Source, SourceAdapter};
use tradewind_aws::{Access, Ask, Begin, Failure, Page, Reader, Shard, Shards};

const LIST: &str = "kinesis:ListShards";
const ITERATOR: &str = "kinesis:GetShardIterator";
const READ: &str = "kinesis:GetRecords";
const WITHHELD: &[(&str, &str)] = &[
    (
        "kinesis:SubscribeToShard",
        "shards are asked; enhanced fan-out is not used",
    ),
    (
        "kms:Decrypt",
        "needed, on its key, where the stream has a key of its own (SSE-KMS)",
    ),
];

/// Settings of a source of kind `aws-kinesis`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// ARN of the stream that is read. Since 0.1.
    pub arn: Stream,
    /// Where the first start begins; later ones go on where the last one was. Default: earliest. Since 0.1.
    #[serde(default)]
    pub start: Start,
    /// Credentials, region, endpoint. Since 0.1.
    #[serde(default)]
    pub aws: Access,
}

/// Where the first start begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// With the oldest record that is there.
    #[default]
    Earliest,
    /// With the first that comes from then on.
    Latest,
}

/// Reads a stream.
#[derive(Debug)]
pub struct KinesisSource {
    stream: Stream,
    access: Access,
    client: OnceCell<Client>,
}

impl KinesisSource {
    /// A source with these settings.
    pub fn new(config: SourceConfig) -> Reader<Self> {
        let latest = config.start == Start::Latest;
        let service = Self {
            stream: config.arn,
            access: config.aws,
            client: OnceCell::new(),
        };
        Reader::new(service, latest)
    }

    fn arn(&self) -> &str {
        self.stream.arn().as_str()
    }

    async fn client(&self) -> Result<&Client, Failure> {
        let make = async || {
            let region = self.stream.arn().region();
            let config = tradewind_aws::load(&self.access, Some(region)).await?;
            Ok::<_, Error>(Client::new(&config))
        };
        let client = self.client.get_or_try_init(make).await;
        client.map_err(|error| Failure::unreachable(error.to_string()))
    }
}

#[async_trait]
impl Shards for KinesisSource {
    fn stream(&self) -> &str {
        self.arn()
    }

    fn permission(&self) -> Permission {
        Permission {
            cloud: "aws",
            actions: vec![LIST, ITERATOR, READ],
            resource: self.arn().to_owned(),
            why: "shards are found and read",
            caller: self.access.caller(),
            withheld: WITHHELD,
        }
    }

    fn needs(&self, call: Ask) -> String {
        let action = match call {
            Ask::List => LIST,
            Ask::Iterator => ITERATOR,
            Ask::Read => READ,
        };
        format!("{action} on {}", self.arn())
    }

    async fn list(&self) -> Result<Vec<Shard>, Failure> {
        let client = self.client().await?;
        let (mut all, mut next) = (Vec::new(), None::<String>);
        loop {
            let call = client.list_shards();
            // Either where to go on, or of which stream.
            let call = match next {
                Some(next) => call.next_token(next),
                None => call.stream_arn(self.arn()),
            };
            let answer = call.send().await;
            let answer = answer.map_err(|error| Failure::of(&error))?;
            for shard in answer.shards() {
                let range = shard.sequence_number_range();
                let parents = [shard.parent_shard_id(), shard.adjacent_parent_shard_id()];
                all.push(Shard {
                    id: shard.shard_id().to_owned(),
                    parents: parents.into_iter().flatten().map(str::to_owned).collect(),
                    closed: range
                        .and_then(|range| range.ending_sequence_number())
                        .is_some(),
                });
            }
            next = answer.next_token;
            if next.is_none() {
                return Ok(all);
            }
        }
    }

    async fn iterator(&self, shard: &str, begin: &Begin) -> Result<String, Failure> {
        let call = self.client().await?.get_shard_iterator();
        let call = call.stream_arn(self.arn()).shard_id(shard);
        let call = match begin {
            Begin::Oldest => call.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Begin::Since(unix_ms) => call
                .shard_iterator_type(ShardIteratorType::AtTimestamp)
                .timestamp(DateTime::from_millis(
                    i64::try_from(*unix_ms).unwrap_or_default(),
                )),
            Begin::After(number) => call
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(number),
        };
        let answer = call.send().await;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        let none = || Failure::unreachable("Kinesis gave no iterator");
        answer.shard_iterator.ok_or_else(none)
    }

    async fn read(&self, shard: &str, iterator: &str, max: usize) -> Result<Page, Failure> {
        let call = self.client().await?.get_records();
        let answer = call
            .stream_arn(self.arn())
            .shard_iterator(iterator)
            .limit(i32::try_from(max).unwrap_or(i32::MAX))
            .send()
            .await;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        let records = answer.records().iter().map(|record| {
            let events = record::decode(record, shard, self.arn());
            let events =
                events.map_err(|why| Error::new(ErrorKind::Unexpected, "decode", why.to_string()));
            (record.sequence_number().to_owned(), events)
        });
        Ok(Page {
            records: records.collect(),
            next: answer.next_shard_iterator.clone(),
            caught_up: answer.millis_behind_latest() == Some(0),
        })
    }
}

impl SourceAdapter for KinesisSource {
    const KIND: &'static str = KIND;
    type Config = SourceConfig;

    fn build(config: SourceConfig, _: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Self::new(config)))
    }
}
