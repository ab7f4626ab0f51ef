//! Messages and records of queues, streams and brokers: one event each.

use crate::Clue::{Has, Is};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

const KAFKA: Spec<'static> = Spec {
    name: "aws-msk",
    after: "Lambda developer guide, \"Amazon MSK\"",
    clues: &[Is("eventSource", "aws:kafka")],
    each: Some("records.*"),
    id: &["{topic}-{partition}-{offset}"],
    source: &["{^eventSourceArn}"],
    ty: &["com.amazonaws.kafka.Record"],
    subject: &["{topic}"],
    time: &["{timestamp}"],
    extensions: &[("partitionkey", "{key}"), ("sequence", "{offset}")],
};

pub(super) const SPECS: &[Spec<'static>] = &[
    Spec {
        name: "aws-sqs",
        after: "Lambda developer guide, \"Amazon SQS\"",
        clues: &[Is("Records.0.eventSource", "aws:sqs")],
        each: Some("Records"),
        id: &["{messageId}"],
        source: &["{eventSourceARN}"],
        ty: &["com.amazonaws.sqs.Message"],
        subject: &["{attributes.MessageGroupId}"],
        time: &["{attributes.SentTimestamp}"],
        extensions: &[
            ("partitionkey", "{attributes.MessageGroupId}"),
            ("sequence", "{attributes.SequenceNumber}"),
        ],
    },
    Spec {
        name: "aws-kinesis",
        after: "Lambda developer guide, \"Amazon Kinesis\"",
        clues: &[Is("Records.0.eventSource", "aws:kinesis")],
        each: Some("Records"),
        id: &["{eventID}"],
        source: &["{eventSourceARN}"],
        ty: &["com.amazonaws.kinesis.Record"],
        subject: &["{kinesis.partitionKey}"],
        time: &["{kinesis.approximateArrivalTimestamp}"],
        extensions: &[
            ("partitionkey", "{kinesis.partitionKey}"),
            ("sequence", "{kinesis.sequenceNumber}"),
        ],
    },
    Spec {
        name: "aws-dynamodb",
        after: "DynamoDB API reference, \"Record\"",
        clues: &[Is("Records.0.eventSource", "aws:dynamodb")],
        each: Some("Records"),
        id: &["{eventID}"],
        source: &["{eventSourceARN}"],
        ty: &["com.amazonaws.dynamodb.{eventName}"],
        time: &["{dynamodb.ApproximateCreationDateTime}"],
        extensions: &[("sequence", "{dynamodb.SequenceNumber}")],
        ..NONE
    },
    Spec {
        name: "aws-firehose",
        after: "Firehose developer guide, \"Data transformation\"",
        clues: &[Has("deliveryStreamArn"), Has("records.0.recordId")],
        each: Some("records"),
        id: &["{^invocationId}.{recordId}"],
        source: &["{^deliveryStreamArn}"],
        ty: &["com.amazonaws.firehose.Record"],
        subject: &["{kinesisRecordMetadata.partitionKey}"],
        time: &["{approximateArrivalTimestamp}"],
        extensions: &[("awsregion", "{^region}")],
    },
    Spec {
        name: "aws-kinesis-analytics",
        after: "Kinesis Data Analytics developer guide, \"Lambda as output\"",
        clues: &[Has("applicationArn"), Has("records.0.recordId")],
        each: Some("records"),
        id: &["{^invocationId}.{recordId}"],
        source: &["{^applicationArn}"],
        ty: &["com.amazonaws.kinesisanalytics.Record"],
        ..NONE
    },
    KAFKA,
    Spec {
        name: "kafka-lambda",
        after: "Lambda developer guide, \"Self-managed Apache Kafka\"",
        clues: &[Is("eventSource", "SelfManagedKafka")],
        source: &["kafka://{^bootstrapServers~before,|^bootstrapServers}"],
        ..KAFKA
    },
    Spec {
        name: "aws-active-mq",
        after: "Lambda developer guide, \"Amazon MQ\"",
        clues: &[Is("eventSource", "aws:mq")],
        each: Some("messages"),
        id: &["{messageID}"],
        source: &["{^eventSourceArn}"],
        ty: &["com.amazonaws.mq.{messageType}"],
        subject: &["{destination.physicalName}"],
        time: &["{timestamp}"],
        ..NONE
    },
    Spec {
        name: "aws-rabbit-mq",
        after: "Lambda developer guide, \"Amazon MQ\"",
        clues: &[Is("eventSource", "aws:rmq")],
        each: Some("rmqMessagesByQueue.*"),
        id: &["{basicProperties.messageId}.{#}", "{#}"],
        source: &["{^eventSourceArn}"],
        ty: &["com.amazonaws.mq.rabbitmq"],
        subject: &["{basicProperties.type}"],
        ..NONE
    },
    Spec {
        name: "aws-s3-batch",
        after: "S3 user guide, \"Invoke AWS Lambda function\" (Batch Operations)",
        clues: &[Has("invocationSchemaVersion"), Has("tasks.0.taskId")],
        each: Some("tasks"),
        id: &["{^invocationId}.{taskId}"],
        source: &["aws:s3batch:{^job.id}"],
        ty: &["com.amazonaws.s3.BatchTask"],
        subject: &["{s3Key}"],
        ..NONE
    },
];
