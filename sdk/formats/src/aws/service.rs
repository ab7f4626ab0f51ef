//! Calls by which a service asks a function to take part, and what functions answer.

use super::INVOCATION;
use crate::Clue::{Has, Lacks};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

pub(super) const SPECS: &[Spec<'static>] = &[
    Spec {
        name: "aws-lambda-destination",
        after: "Lambda developer guide, \"Invocation record\"",
        clues: &[
            Has("requestContext.functionArn"),
            Has("requestContext.condition"),
        ],
        id: &["{requestContext.requestId}"],
        source: &["{requestContext.functionArn}"],
        ty: &["com.amazonaws.lambda.Destination.{requestContext.condition}"],
        time: &["{timestamp}"],
        ..NONE
    },
    Spec {
        name: "aws-code-pipeline",
        after: "CodePipeline user guide, \"JSON event example\"",
        clues: &[Has(r"CodePipeline\.job.id")],
        id: &[r"{CodePipeline\.job.id}"],
        source: &[r"aws:codepipeline:{CodePipeline\.job.accountId}"],
        ty: &["com.amazonaws.codepipeline.Job"],
        subject: &[r"{CodePipeline\.job.data.actionConfiguration.configuration.FunctionName}"],
        ..NONE
    },
    Spec {
        name: "aws-cognito",
        after: "Cognito developer guide, \"User pool Lambda triggers\"",
        clues: &[Has("triggerSource"), Has("userPoolId")],
        id: INVOCATION,
        source: &["aws:cognito-idp:{region}:{userPoolId}"],
        ty: &["com.amazonaws.cognito.{triggerSource}"],
        subject: &["{userName}"],
        ..NONE
    },
    Spec {
        name: "aws-cognito-sync",
        after: "Cognito developer guide, \"Cognito Events\"",
        clues: &[Has("datasetName"), Has("identityPoolId")],
        id: INVOCATION,
        source: &["aws:cognito-sync:{region}:{identityPoolId}"],
        ty: &["com.amazonaws.cognito.{eventType}"],
        subject: &["{identityId}/{datasetName}"],
        ..NONE
    },
    Spec {
        name: "aws-connect",
        after: "Connect administrator guide, \"Invoke Lambda functions\"",
        clues: &[Has("Name"), Has("Details.ContactData.ContactId")],
        id: &[
            "{@lambda-runtime-aws-request-id}",
            "{Details.ContactData.ContactId}.{#}",
        ],
        source: &["{Details.ContactData.InstanceARN}", "aws:connect"],
        ty: &["com.amazonaws.connect.{Name}"],
        subject: &["{Details.ContactData.ContactId}"],
        ..NONE
    },
    Spec {
        name: "aws-iot-preprovision",
        after: "AWS IoT developer guide, \"Pre-provisioning hooks\"",
        clues: &[Has("claimCertificateId"), Has("templateArn")],
        id: INVOCATION,
        source: &["{templateArn}"],
        ty: &["com.amazonaws.iot.Preprovision"],
        subject: &["{clientId}"],
        ..NONE
    },
    Spec {
        name: "aws-lex",
        after: "Lex developer guide, \"Lambda function input event\" (V1)",
        clues: &[Has("currentIntent.name"), Has("bot.name")],
        id: INVOCATION,
        source: &["aws:lex:{bot.name}"],
        ty: &["com.amazonaws.lex.{invocationSource}"],
        subject: &["{userId}"],
        ..NONE
    },
    Spec {
        name: "aws-lex-v2",
        after: "Lex V2 developer guide, \"Lambda input event\"",
        clues: &[Has("sessionId"), Has("bot.aliasId")],
        id: INVOCATION,
        source: &["aws:lex:{bot.id}"],
        ty: &["com.amazonaws.lex.{invocationSource}"],
        subject: &["{sessionId}"],
        ..NONE
    },
    Spec {
        name: "aws-secrets-manager",
        after: "Secrets Manager user guide, \"Lambda rotation functions\"",
        clues: &[Has("Step"), Has("SecretId"), Has("ClientRequestToken")],
        id: &["{ClientRequestToken}.{Step}"],
        source: &["{SecretId}"],
        ty: &["com.amazonaws.secretsmanager.{Step}"],
        ..NONE
    },
    Spec {
        name: "aws-cloud-formation",
        after: "CloudFormation user guide, \"Custom resource request objects\"",
        clues: &[Has("RequestType"), Has("StackId"), Has("RequestId")],
        id: &["{RequestId}"],
        source: &["{StackId}"],
        ty: &["com.amazonaws.cloudformation.{RequestType}"],
        subject: &["{LogicalResourceId}"],
        ..NONE
    },
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
        after: "Lex developer guide, \"Response format\" (V1)",
        clues: &[Has("dialogAction.type")],
        id: INVOCATION,
        source: &["aws:lambda"],
        ty: &["com.amazonaws.lambda.LexResponse"],
        ..NONE
    },
];
