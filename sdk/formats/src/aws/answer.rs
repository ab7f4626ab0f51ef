//! What functions answer: requests to a proxy of theirs, and what a destination keeps.

use super::INVOCATION;
use crate::Clue::{Has, Lacks};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

pub(super) const SPECS: &[Spec<'static>] = &[
    Spec {
        name: "aws-http-response",
        after: "API Gateway, Elastic Load Balancing and Lambda guides: the answer of a function behind HTTP",
        clues: &[Has("statusCode"), Lacks("requestContext.requestId")],
        id: INVOCATION,
        source: &["aws:lambda"],
        ty: &["com.amazonaws.lambda.HttpResponse"],
        ..NONE
    },
    Spec {
        name: "aws-authorizer-response",
        after: "API Gateway, AppSync and IoT developer guides: the answer of an authorizer",
        clues: &[Has("principalId"), Lacks("requestContext.requestId")],
        id: INVOCATION,
        source: &["aws:lambda"],
        ty: &["com.amazonaws.lambda.AuthorizerResponse"],
        subject: &["{principalId}"],
        ..NONE
    },
    Spec {
        name: "aws-app-sync-authorizer-response",
        after: "AppSync developer guide, \"AWS_LAMBDA authorization\"",
        clues: &[Has("isAuthorized")],
        id: INVOCATION,
        source: &["aws:lambda"],
        ty: &["com.amazonaws.lambda.AuthorizerResponse"],
        ..NONE
    },
    Spec {
        name: "aws-iot-preprovision-response",
        after: "AWS IoT developer guide, \"Pre-provisioning hooks\"",
        clues: &[Has("allowProvisioning")],
        id: INVOCATION,
        source: &["aws:lambda"],
        ty: &["com.amazonaws.lambda.PreprovisionResponse"],
        ..NONE
    },
    Spec {
        name: "aws-transformation-response",
        after: "Firehose and Kinesis Data Analytics developer guides: the answer of a transformation",
        clues: &[Has("records.0.recordId"), Has("records.0.result")],
        each: Some("records"),
        id: &["{recordId}.{#}"],
        source: &["aws:lambda"],
        ty: &["com.amazonaws.lambda.TransformationResponse"],
        subject: &["{recordId}"],
        ..NONE
    },
    Spec {
        name: "aws-s3-batch-response",
        after: "S3 user guide, \"Invoke AWS Lambda function\" (Batch Operations)",
        clues: &[Has("invocationSchemaVersion"), Has("results.0.taskId")],
        each: Some("results"),
        id: &["{^invocationId}.{taskId}"],
        source: &["aws:lambda"],
        ty: &["com.amazonaws.lambda.BatchTaskResponse"],
        subject: &["{taskId}"],
        ..NONE
    },
    Spec {
        name: "aws-lex-response",
        after: "Lex and Lex V2 developer guides, \"Response format\"",
        clues: &[Has("dialogAction.type|sessionState.dialogAction.type")],
        id: INVOCATION,
        source: &["aws:lambda"],
        ty: &["com.amazonaws.lambda.LexResponse"],
        ..NONE
    },
    Spec {
        name: "aws-batch-response",
        after: "Lambda developer guide, \"Reporting batch item failures\"",
        clues: &[Has("batchItemFailures.0.itemIdentifier")],
        id: INVOCATION,
        source: &["aws:lambda"],
        ty: &["com.amazonaws.lambda.BatchResponse"],
        ..NONE
    },
    Spec {
        name: "aws-cloud-formation-response",
        after: "CloudFormation user guide, \"Custom resource response objects\"",
        clues: &[Has("PhysicalResourceId"), Lacks("RequestType")],
        id: &["{RequestId}.{Status}", INVOCATION[0]],
        source: &["{StackId}", "aws:lambda"],
        ty: &[
            "com.amazonaws.cloudformation.{Status}",
            "com.amazonaws.cloudformation.Response",
        ],
        subject: &["{LogicalResourceId|PhysicalResourceId}"],
        ..NONE
    },
    Spec {
        name: "aws-step-functions-error",
        after: "Step Functions developer guide, \"Handling errors\": the error output of a state",
        clues: &[Has("Error"), Has("Cause")],
        id: INVOCATION,
        source: &["aws:states"],
        ty: &["com.amazonaws.states.Error"],
        subject: &["{Error}"],
        ..NONE
    },
];
