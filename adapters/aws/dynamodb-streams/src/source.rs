//! The source.

use crate::{KIND, record};
use async_trait::async_trait;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tradewind_adapter::{Build, Error, ErrorKind, Permission, Source, SourceAdapter};
use tradewind_aws::{Access, Arn, Ask, Begin, Failure, Page, Reader, Shard, Shards};

const LIST: &str = "dynamodb:DescribeStream";
const ITERATOR: &str = "dynamodb:GetShardIterator";
const READ: &str = "dynamodb:GetRecords";
const WITHHELD: &[(&str, &str)] = &[
    ("dynamodb:ListStreams", "the stream is named"),
    ("dynamodb:GetItem", "the table itself is not read"),
];
/// Most records of one call.
const MAX: i32 = 1000;

/// Settings of a source of kind `aws-dynamodb-streams`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// ARN of the stream, as the table's `LatestStreamArn` says. The first start begins with the oldest change that is
    /// there, of the last 24 hours; later ones go on where the last one was. Since 0.1.
    pub arn: Stream,
    /// Credentials, region, endpoint. Since 0.1.
    #[serde(default)]
    pub aws: Access,
}

/// A stream, by its ARN.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Stream(Arn);

impl TryFrom<String> for Stream {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let arn = Arn::read(&text, "dynamodb").filter(|arn| {
            let parts: Vec<&str> = arn.resource().split('/').collect();
            matches!(parts[..], ["table", table, "stream", label] if !table.is_empty() && !label.is_empty())
        });
        arn.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not the ARN of a stream; hint: arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-31T00:00:00.000"
            )
        })
    }
}

impl Stream {
    /// What a policy names: any stream of the table, of which there is one after another.
    fn resource(&self) -> String {
        let (table, _) = self.0.as_str().rsplit_once('/').unwrap_or_default();
        format!("{table}/*")
    }
}

/// Reads the changes of a table.
#[derive(Debug)]
pub struct DynamodbSource {
    stream: Stream,
    access: Access,
    client: OnceCell<Client>,
}

impl DynamodbSource {
    /// A source with these settings.
    pub fn new(config: SourceConfig) -> Reader<Self> {
        let service = Self {
            stream: config.arn,
            access: config.aws,
            client: OnceCell::new(),
        };
        Reader::new(service, false)
    }

    fn arn(&self) -> &str {
        self.stream.0.as_str()
    }

    async fn client(&self) -> Result<&Client, Failure> {
        let make = async || {
            let region = self.stream.0.region();
            let config = tradewind_aws::load(&self.access, Some(region)).await?;
            Ok::<_, Error>(Client::new(&config))
        };
        let client = self.client.get_or_try_init(make).await;
        client.map_err(|error| Failure::unreachable(error.to_string()))
    }
}

#[async_trait]
impl Shards for DynamodbSource {
    fn stream(&self) -> &str {
        self.arn()
    }

    fn permission(&self) -> Permission {
        Permission {
            cloud: "aws",
            actions: vec![LIST, ITERATOR, READ],
            resource: self.stream.resource(),
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
        format!("{action} on {}", self.stream.resource())
    }

    async fn list(&self) -> Result<Vec<Shard>, Failure> {
        let client = self.client().await?;
        let (mut all, mut last) = (Vec::new(), None::<String>);
        loop {
            let answer = client
                .describe_stream()
                .stream_arn(self.arn())
                .set_exclusive_start_shard_id(last)
                .send()
                .await;
            let answer = answer.map_err(|error| Failure::of(&error))?;
            let Some(stream) = answer.stream_description else {
                return Ok(all);
            };
            for shard in stream.shards() {
                let range = shard.sequence_number_range();
                all.push(Shard {
                    id: shard.shard_id().unwrap_or_default().to_owned(),
                    parents: shard
                        .parent_shard_id()
                        .map(str::to_owned)
                        .into_iter()
                        .collect(),
                    closed: range
                        .and_then(|range| range.ending_sequence_number())
                        .is_some(),
                });
            }
            last = stream.last_evaluated_shard_id;
            if last.is_none() {
                return Ok(all);
            }
        }
    }

    async fn iterator(&self, shard: &str, begin: &Begin) -> Result<String, Failure> {
        let call = self.client().await?.get_shard_iterator();
        let call = call.stream_arn(self.arn()).shard_id(shard);
        let call = match begin {
            Begin::After(number) => call
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .sequence_number(number),
            // By time there are none.
            Begin::Oldest | Begin::Since(_) => {
                call.shard_iterator_type(ShardIteratorType::TrimHorizon)
            }
        };
        let answer = call.send().await;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        let none = || Failure::unreachable("DynamoDB gave no iterator");
        answer.shard_iterator.ok_or_else(none)
    }

    async fn read(&self, _: &str, iterator: &str, max: usize) -> Result<Page, Failure> {
        let call = self.client().await?.get_records();
        let answer = call
            .shard_iterator(iterator)
            .limit(i32::try_from(max).unwrap_or(MAX).min(MAX))
            .send()
            .await;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        let records = answer.records().iter().map(|record| {
            let events = record::decode(record, self.arn());
            let events =
                events.map_err(|why| Error::new(ErrorKind::Unexpected, "decode", why.to_string()));
            let number = record
                .dynamodb()
                .and_then(|change| change.sequence_number());
            (number.unwrap_or_default().to_owned(), events)
        });
        Ok(Page {
            records: records.collect(),
            next: answer.next_shard_iterator.clone(),
            caught_up: false,
        })
    }
}

impl SourceAdapter for DynamodbSource {
    const KIND: &'static str = KIND;
    type Config = SourceConfig;

    fn build(config: SourceConfig, _: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Self::new(config)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_read() {
        let table = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders";
        for (text, resource) in [
            (
                format!("{table}/stream/2026-01-31T00:00:00.000"),
                Some(format!("{table}/stream/*")),
            ),
            (table.to_owned(), None),
            (format!("{table}/stream/"), None),
            (format!("{table}/index/a"), None),
            ("orders".to_owned(), None),
        ] {
            let stream = Stream::try_from(text.clone()).ok();
            assert_eq!(stream.map(|stream| stream.resource()), resource, "{text}");
        }
    }
}
