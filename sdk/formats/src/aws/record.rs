//! Notifications about something that happened.

use super::INVOCATION;
use crate::Clue::{Has, Is};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

pub(super) const SPECS: &[Spec<'static>] = &[
    Spec {
        name: "aws-event-bridge",
        after: "EventBridge user guide, \"AWS service event metadata\"",
        clues: &[Has("detail-type"), Has("source"), Has("id")],
        id: &["{id}"],
        source: &["{source}"],
        ty: &["{detail-type}"],
        subject: &["{resources.0}"],
        time: &["{time}"],
        extensions: &[("awsaccount", "{account}"), ("awsregion", "{region}")],
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
        source: &["{eventSource}.{awsRegion}.{s3.bucket.name}"],
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
        ..NONE
    },
    Spec {
        name: "aws-sns-lambda",
        after: "CloudEvents adapter document aws-sns, as a function gets it",
        clues: &[Is("Records.0.EventSource", "aws:sns")],
        each: Some("Records"),
        id: &["{Sns.MessageId}"],
        source: &["{EventSubscriptionArn}"],
        ty: &["com.amazonaws.sns.{Sns.Type}"],
        subject: &["{Sns.Subject}"],
        time: &["{Sns.Timestamp}"],
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
];
