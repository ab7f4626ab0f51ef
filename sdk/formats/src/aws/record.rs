//! Notifications about something that happened.

use super::INVOCATION;
use crate::Clue::{Has, Is, Lacks};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

pub(super) const SPECS: &[Spec<'static>] = &[
    Spec {
        name: "aws-event-bridge",
        after: "EventBridge user guide, \"AWS service event metadata\"",
        // An input transformer may leave out the id.
        clues: &[Has("detail-type"), Has("source")],
        id: &["{id}", "{#}"],
        source: &["{source}"],
        ty: &["{detail-type}"],
        subject: &["{resources.0}"],
        time: &["{time}"],
        extensions: &[
            ("awsaccount", "{account}"),
            ("awsregion", "{region}"),
            // What a gateway that put it on the bus knew of the way so far, and where its data is.
            (
                "tradewindhops",
                "{detail.cloudevents.attributes.tradewindhops}",
            ),
            ("traceparent", "{detail.cloudevents.attributes.traceparent}"),
            ("tracestate", "{detail.cloudevents.attributes.tracestate}"),
            ("dataref", "{detail.cloudevents.attributes.dataref}"),
        ],
        ..NONE
    },
    Spec {
        name: "aws-s3",
        after: "CloudEvents adapter document aws-s3; S3 may report several objects under one request id, hence the digest",
        clues: &[Is("Records.0.eventSource", "aws:s3")],
        each: Some("Records"),
        id: &[
            "{responseElements.x-amz-request-id}.{responseElements.x-amz-id-2}.{#}",
            "{#}",
        ],
        source: &[
            "{eventSource}.{awsRegion}.{s3.bucket.name}",
            "{eventSource}.{s3.bucket.name}",
        ],
        ty: &["com.amazonaws.s3.{eventName}"],
        subject: &["{s3.object.key}"],
        time: &["{eventTime}"],
        ..NONE
    },
    Spec {
        name: "aws-sns",
        after: "CloudEvents adapter document aws-sns, as an HTTP endpoint gets it",
        clues: &[Has("TopicArn"), Has("MessageId"), Has("Type")],
        id: &["{@x-amz-sns-message-id|MessageId}"],
        source: &["{@x-amz-sns-subscription-arn|@x-amz-sns-topic-arn|TopicArn}"],
        ty: &["com.amazonaws.sns.{@x-amz-sns-message-type|Type}"],
        subject: &["{Subject}"],
        time: &["{Timestamp}"],
        inner: Some("Message"),
        ..NONE
    },
    Spec {
        name: "aws-sns-lambda",
        after: "CloudEvents adapter document aws-sns, as a function gets it",
        clues: &[Is("Records.0.EventSource", "aws:sns")],
        each: Some("Records"),
        id: &["{Sns.MessageId}"],
        source: &["{EventSubscriptionArn|Sns.TopicArn}"],
        ty: &["com.amazonaws.sns.{Sns.Type}"],
        subject: &["{Sns.Subject}"],
        time: &["{Sns.Timestamp}"],
        inner: Some("Sns.Message"),
        ..NONE
    },
    Spec {
        name: "aws-code-commit",
        after: "Lambda developer guide, \"AWS CodeCommit\"",
        clues: &[Is("Records.0.eventSource", "aws:codecommit")],
        each: Some("Records"),
        id: &["{eventId}.{eventPartNumber}", "{eventId}"],
        source: &["{eventSourceARN}"],
        ty: &["com.amazonaws.codecommit.{eventName}"],
        subject: &["{codecommit.references.0.ref}"],
        time: &["{eventTime}"],
        ..NONE
    },
    Spec {
        name: "aws-ses",
        after: "SES developer guide, \"Notification contents for email receiving\"",
        clues: &[Is("Records.0.eventSource", "aws:ses")],
        each: Some("Records"),
        id: &["{ses.mail.messageId}.{#}"],
        source: &["{ses.receipt.action.functionArn|ses.receipt.action.topicArn|eventSource}"],
        ty: &["com.amazonaws.ses.Received"],
        subject: &["{ses.mail.commonHeaders.subject}"],
        time: &["{ses.mail.timestamp}"],
        ..NONE
    },
    Spec {
        name: "aws-cloudwatch-logs",
        after: "CloudWatch Logs user guide, \"Subscription filters with AWS Lambda\"",
        clues: &[Has("awslogs.data")],
        source: &["aws:logs"],
        ty: &["com.amazonaws.logs.Batch"],
        ..NONE
    },
    Spec {
        name: "aws-cloudwatch-alarm",
        after: "CloudWatch user guide, \"Invoke a Lambda function from an alarm\"",
        clues: &[Has("alarmArn"), Has("alarmData.alarmName")],
        id: &["{alarmArn}.{time}"],
        source: &["{alarmArn}"],
        ty: &["com.amazonaws.cloudwatch.alarm.{alarmData.state.value}"],
        subject: &["{alarmData.alarmName}"],
        time: &["{time}"],
        extensions: &[("awsaccount", "{accountId}"), ("awsregion", "{region}")],
        ..NONE
    },
    Spec {
        name: "aws-cloudwatch-alarm-notification",
        after: "CloudWatch user guide, \"Notifying users on alarm changes\", what an alarm publishes to a topic",
        clues: &[
            Has("AlarmName"),
            Has("NewStateValue"),
            Has("StateChangeTime"),
        ],
        id: &["{AlarmArn|AlarmName}.{StateChangeTime}.{NewStateValue}"],
        source: &["{AlarmArn}", "aws:cloudwatch:{AWSAccountId}"],
        ty: &["com.amazonaws.cloudwatch.alarm.{NewStateValue}"],
        subject: &["{AlarmName}"],
        time: &["{StateChangeTime}"],
        extensions: &[("awsaccount", "{AWSAccountId}")],
        ..NONE
    },
    Spec {
        name: "aws-config",
        after: "AWS Config developer guide, \"Example events\"",
        clues: &[Has("configRuleArn"), Has("resultToken")],
        source: &["{configRuleArn}"],
        ty: &["com.amazonaws.config.Evaluation"],
        subject: &["{configRuleName}"],
        ..NONE
    },
    Spec {
        name: "aws-iot-1-click",
        after: "AWS IoT 1-Click developer guide, \"Callback events\"",
        clues: &[Has("deviceInfo.deviceId"), Has("deviceInfo.type")],
        id: INVOCATION,
        source: &["aws:iot1click:{deviceInfo.deviceId}"],
        ty: &[
            "com.amazonaws.iot1click.{deviceInfo.type}.{deviceEvent.buttonClicked.clickType|deviceEvent.healthStatus}",
            "com.amazonaws.iot1click.{deviceInfo.type}",
        ],
        subject: &["{deviceInfo.deviceId}"],
        time: &["{deviceEvent.buttonClicked.reportedTime}"],
        ..NONE
    },
    Spec {
        name: "aws-iot-button",
        after: "Lambda developer guide, \"AWS IoT Button\"",
        clues: &[Has("serialNumber"), Has("clickType")],
        id: INVOCATION,
        source: &["aws:iotbutton:{serialNumber}"],
        ty: &["com.amazonaws.iotbutton.{clickType}"],
        subject: &["{serialNumber}"],
        ..NONE
    },
    Spec {
        name: "aws-s3-test",
        after: "S3 user guide, \"Notification content structure\": what S3 sends when notifications are set up",
        clues: &[Is("Service", "Amazon S3"), Is("Event", "s3:TestEvent")],
        id: &["{RequestId}.{HostId}", "{#}"],
        source: &["aws:s3.{Bucket}"],
        ty: &["com.amazonaws.s3.{Event}"],
        time: &["{Time}"],
        ..NONE
    },
    Spec {
        name: "aws-cloud-trail",
        after: "CloudTrail user guide, \"Record contents\", a file of records",
        clues: &[
            Has("Records.0.eventVersion"),
            Has("Records.0.eventID"),
            Has("Records.0.eventName"),
            Has("Records.0.userIdentity.type|Records.0.recipientAccountId"),
            Lacks("Records.0.eventSourceARN"),
        ],
        each: Some("Records"),
        ..TRAIL
    },
    Spec {
        name: "aws-cloud-trail-record",
        clues: &[
            Has("eventVersion"),
            Has("eventID"),
            Has("eventName"),
            Has("eventSource"),
            Has("userIdentity.type|recipientAccountId"),
        ],
        ..TRAIL
    },
    Spec {
        name: "aws-cloudwatch-logs-data",
        after: "CloudWatch Logs user guide, \"Log group-level subscription filters\", decompressed",
        clues: &[Has("messageType"), Has("logGroup"), Has("logStream")],
        source: &["aws:logs:{owner}:{logGroup}"],
        ty: &["com.amazonaws.logs.{messageType}"],
        subject: &["{logStream}"],
        time: &["{logEvents.0.timestamp}"],
        ..NONE
    },
    Spec {
        name: "aws-ses-notification",
        after: "SES developer guide, \"Contents of event data\"",
        clues: &[Has("mail.messageId"), Has("eventType|notificationType")],
        id: &["{mail.messageId}.{#}"],
        source: &["{mail.sourceArn}", "aws:ses"],
        ty: &["com.amazonaws.ses.{eventType|notificationType}"],
        subject: &["{mail.commonHeaders.subject}"],
        time: &[
            "{bounce.timestamp|complaint.timestamp|delivery.timestamp|open.timestamp|click.timestamp|mail.timestamp}",
        ],
        ..NONE
    },
    Spec {
        name: "aws-iot-lifecycle",
        after: "AWS IoT developer guide, \"Lifecycle events\"",
        clues: &[Has("clientId"), Has("eventType"), Has("sessionIdentifier")],
        source: &["aws:iot:{clientId}"],
        ty: &["com.amazonaws.iot.{eventType}"],
        subject: &["{clientId}"],
        time: &["{timestamp}"],
        ..NONE
    },
];

const TRAIL: Spec<'static> = Spec {
    after: "CloudTrail user guide, \"Record contents\"",
    id: &["{eventID}"],
    source: &["{eventSource}"],
    ty: &["com.amazonaws.cloudtrail.{eventName}"],
    subject: &["{resources.0.ARN|requestID}"],
    time: &["{eventTime}"],
    extensions: &[
        ("awsaccount", "{recipientAccountId|userIdentity.accountId}"),
        ("awsregion", "{awsRegion}"),
    ],
    ..NONE
};
