//! Messages and records of queues, streams and brokers: one event each.

use crate::Clue::{Begins, Contains, Has, Header, Is, Lacks};
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
    inner: Some("value"),
    extensions: &[("partitionkey", "{key}"), ("sequence", "{offset}")],
    ..NONE
};

const SQS: Spec<'static> = Spec {
    name: "aws-sqs",
    after: "Lambda developer guide, \"Amazon SQS\"",
    clues: &[Is("Records.0.eventSource", "aws:sqs")],
    each: Some("Records"),
    id: &["{messageId}"],
    source: &["{eventSourceARN}", "aws:sqs"],
    ty: &["com.amazonaws.sqs.Message"],
    subject: &["{attributes.MessageGroupId}"],
    time: &["{attributes.SentTimestamp}"],
    inner: Some("body"),
    extensions: &[
        ("partitionkey", "{attributes.MessageGroupId}"),
        ("sequence", "{attributes.SequenceNumber}"),
    ],
    ..NONE
};

const DYNAMODB: Spec<'static> = Spec {
    name: "aws-dynamodb",
    after: "DynamoDB API reference, \"Record\"",
    clues: &[Is("Records.0.eventSource", "aws:dynamodb")],
    each: Some("Records"),
    id: &["{eventID}"],
    source: &[
        "{eventSourceARN}",
        "aws:dynamodb:{awsRegion}:{tableName}",
        "aws:dynamodb",
    ],
    ty: &["com.amazonaws.dynamodb.{eventName}"],
    time: &["{dynamodb.ApproximateCreationDateTime}"],
    extensions: &[("sequence", "{dynamodb.SequenceNumber}")],
    ..NONE
};

/// Told by headers, whatever the body is.
pub(super) const BY_HEADER: &[Spec<'static>] = &[
    Spec {
        name: "aws-sns-raw",
        after: "SNS developer guide, \"Raw message delivery\", as an HTTP endpoint gets it",
        clues: &[Header("x-amz-sns-rawdelivery")],
        raw: true,
        inner: Some(""),
        id: &["{@x-amz-sns-message-id}"],
        source: &["{@x-amz-sns-subscription-arn|@x-amz-sns-topic-arn}"],
        ty: &["com.amazonaws.sns.{@x-amz-sns-message-type}"],
        ..NONE
    },
    Spec {
        name: "aws-firehose-http",
        after: "Firehose developer guide, \"HTTP endpoint delivery request\"; its records have no ids",
        clues: &[Header("x-amz-firehose-request-id")],
        id: &["{@x-amz-firehose-request-id}"],
        source: &["{@x-amz-firehose-source-arn}", "aws:firehose"],
        ty: &["com.amazonaws.firehose.Delivery"],
        time: &["{timestamp}"],
        ..NONE
    },
];

pub(super) const SPECS: &[Spec<'static>] = &[
    SQS,
    Spec {
        name: "aws-sqs-received",
        after: "SQS API reference, \"ReceiveMessage\"; the queue is not in the answer",
        clues: &[Has("Messages.0.MessageId"), Has("Messages.0.ReceiptHandle")],
        each: Some("Messages"),
        id: &["{MessageId}"],
        source: &["aws:sqs"],
        ty: &["com.amazonaws.sqs.Message"],
        subject: &["{Attributes.MessageGroupId}"],
        time: &["{Attributes.SentTimestamp}"],
        inner: Some("Body"),
        extensions: &[
            ("partitionkey", "{Attributes.MessageGroupId}"),
            ("sequence", "{Attributes.SequenceNumber}"),
        ],
        ..NONE
    },
    Spec {
        name: "aws-kinesis",
        after: "Lambda developer guide, \"Amazon Kinesis\"",
        clues: &[Is("Records.0.eventSource", "aws:kinesis")],
        each: Some("Records"),
        id: &["{eventID}"],
        source: &["{eventSourceARN}", "aws:kinesis"],
        ty: &["com.amazonaws.kinesis.Record"],
        subject: &["{kinesis.partitionKey}"],
        time: &["{kinesis.approximateArrivalTimestamp}"],
        inner: Some("kinesis.data"),
        extensions: &[
            ("partitionkey", "{kinesis.partitionKey}"),
            ("sequence", "{kinesis.sequenceNumber}"),
        ],
        ..NONE
    },
    DYNAMODB,
    Spec {
        name: "aws-firehose",
        after: "Firehose developer guide, \"Data transformation\"",
        clues: &[
            Has("invocationId"),
            Has("records.0.recordId"),
            Lacks("applicationArn"),
        ],
        each: Some("records"),
        id: &["{^invocationId}.{recordId}"],
        source: &[
            "{^deliveryStreamArn|^deliverySteamArn}",
            "aws:firehose:{^region}",
        ],
        ty: &["com.amazonaws.firehose.Record"],
        subject: &["{kinesisRecordMetadata.partitionKey}"],
        time: &["{approximateArrivalTimestamp}"],
        extensions: &[("awsregion", "{^region}")],
        ..NONE
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
    Spec {
        name: "aws-dynamodb-record",
        after: "DynamoDB API reference, \"Record\", alone or in a list as EventBridge Pipes and Kinesis carry it",
        clues: &[
            Is("eventSource|0.eventSource", "aws:dynamodb"),
            Has("eventID|0.eventID"),
        ],
        each: Some(""),
        ..DYNAMODB
    },
    Spec {
        name: "aws-pipes-sqs",
        after: "EventBridge Pipes user guide, \"Amazon SQS as a source\", one record or a list",
        clues: &[Is("0.eventSource|eventSource", "aws:sqs")],
        each: Some(""),
        ..SQS
    },
    Spec {
        name: "aws-pipes-kinesis",
        after: "EventBridge Pipes user guide, \"Kinesis stream as a source\", one record or a list",
        clues: &[Is("0.eventSource|eventSource", "aws:kinesis")],
        each: Some(""),
        id: &["{eventID}"],
        source: &["{eventSourceARN}", "aws:kinesis"],
        ty: &["com.amazonaws.kinesis.Record"],
        subject: &["{partitionKey}"],
        time: &["{approximateArrivalTimestamp}"],
        inner: Some("data"),
        extensions: &[
            ("partitionkey", "{partitionKey}"),
            ("sequence", "{sequenceNumber}"),
        ],
        ..NONE
    },
    Spec {
        name: "aws-pipes-kafka",
        after: "EventBridge Pipes user guide, \"Amazon MSK topic as a source\", one record or a list",
        clues: &[
            Contains("0.eventSource|eventSource", "afka"),
            Has("0.topic|topic"),
        ],
        each: Some(""),
        source: &[
            "{eventSourceArn}",
            "kafka://{bootstrapServers~before,|bootstrapServers}",
            "aws:kafka",
        ],
        ..KAFKA
    },
    Spec {
        name: "aws-document-db",
        after: "Lambda developer guide, \"Amazon DocumentDB\"",
        clues: &[Is("eventSource", "aws:docdb")],
        each: Some("events"),
        id: &["{event._id._data}"],
        source: &["{^eventSourceArn}"],
        ty: &["com.amazonaws.docdb.{event.operationType}"],
        subject: &["{event.ns.db}.{event.ns.coll}", "{event.ns.db}"],
        time: &["{event.clusterTime.$timestamp.t}"],
        ..NONE
    },
    KAFKA,
    Spec {
        name: "kafka-lambda",
        after: "Lambda developer guide, \"Self-managed Apache Kafka\"",
        clues: &[Contains("eventSource", "SelfManagedKafka")],
        source: &["kafka://{^bootstrapServers~before,|^bootstrapServers}"],
        ..KAFKA
    },
    Spec {
        name: "aws-active-mq",
        after: "Lambda developer guide, \"Amazon MQ\"",
        clues: &[Has("messages.0.messageID"), Begins("eventSource", "aws:")],
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
        // `redelivered` is another one at a repetition.
        id: &["{basicProperties.messageId}.{#data}", "{#data}", "{#}"],
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
