//! Calls by which a service asks a function to take part, and what functions answer.

use super::INVOCATION;
use crate::Clue::{Begins, Has};
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
        clues: &[
            Has("userPoolId"),
            Has("triggerSource|callerContext.clientId"),
        ],
        id: INVOCATION,
        source: &["aws:cognito-idp:{region}:{userPoolId}"],
        ty: &[
            "com.amazonaws.cognito.{triggerSource}",
            "com.amazonaws.cognito.Trigger",
        ],
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
        name: "aws-connect-campaign",
        after: "Connect administrator guide, \"Outbound campaigns, AWS Lambda function block\"",
        clues: &[
            Has("InvocationMetadata.CampaignContext.CampaignId"),
            Has("InvocationMetadata.CampaignContext.RunId"),
        ],
        id: &[
            "{@lambda-runtime-aws-request-id}",
            "{InvocationMetadata.CampaignContext.RunId}.{#}",
        ],
        source: &["aws:connect-campaigns:{InvocationMetadata.CampaignContext.CampaignId}"],
        ty: &["com.amazonaws.connectcampaigns.Batch"],
        subject: &["{InvocationMetadata.CampaignContext.ActionId}"],
        ..NONE
    },
    Spec {
        name: "aws-transfer-authorizer",
        after: "Transfer Family user guide, \"Using AWS Lambda to integrate your identity provider\"",
        clues: &[Begins("serverId", "s-"), Has("username"), Has("protocol")],
        id: INVOCATION,
        source: &["aws:transfer:{serverId}"],
        ty: &["com.amazonaws.transfer.Authorizer"],
        subject: &["{username}"],
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
        name: "aws-code-deploy-hook",
        after: "CodeDeploy user guide, \"AppSpec hooks section\" for a Lambda deployment",
        clues: &[Has("DeploymentId"), Has("LifecycleEventHookExecutionId")],
        id: &["{LifecycleEventHookExecutionId}"],
        source: &["aws:codedeploy:{DeploymentId}"],
        ty: &["com.amazonaws.codedeploy.LifecycleHook"],
        subject: &["{DeploymentId}"],
        ..NONE
    },
    Spec {
        name: "aws-bedrock-agent",
        after: "Bedrock user guide, \"Lambda input event\" of an action group",
        clues: &[Has("actionGroup"), Has("agent.id"), Has("sessionId")],
        id: INVOCATION,
        source: &["aws:bedrock:{agent.id}"],
        ty: &["com.amazonaws.bedrock.Action"],
        subject: &["{sessionId}"],
        ..NONE
    },
    Spec {
        name: "aws-cloudwatch-widget",
        after: "CloudWatch user guide, \"Custom widgets\"",
        clues: &[
            Has("widgetContext.dashboardName"),
            Has("widgetContext.widgetId"),
        ],
        id: INVOCATION,
        source: &["aws:cloudwatch:{widgetContext.dashboardName}"],
        ty: &["com.amazonaws.cloudwatch.Widget"],
        subject: &["{widgetContext.widgetId}"],
        ..NONE
    },
    Spec {
        name: "aws-sagemaker-labeling",
        after: "SageMaker developer guide, \"Processing data in a custom labeling workflow\"",
        clues: &[Has("labelingJobArn"), Has("version")],
        id: INVOCATION,
        source: &["{labelingJobArn}"],
        ty: &["com.amazonaws.sagemaker.LabelingTask"],
        subject: &["{labelAttributeName|dataObject.source-ref}"],
        ..NONE
    },
    Spec {
        name: "aws-work-mail",
        after: "WorkMail administrator guide, \"Lambda event data\"",
        clues: &[
            Has("summaryVersion"),
            Has("messageId"),
            Has("flowDirection"),
        ],
        id: &["{messageId}.{invocationId}", "{messageId}"],
        source: &["aws:workmail"],
        ty: &["com.amazonaws.workmail.{flowDirection}"],
        subject: &["{subject}"],
        ..NONE
    },
    Spec {
        name: "aws-alexa-skill",
        after: "Alexa skills kit, \"Request and response JSON reference\"",
        clues: &[
            Has("request.requestId"),
            Has("session.application.applicationId|context.System.application.applicationId"),
        ],
        id: &["{request.requestId}"],
        source: &["{session.application.applicationId|context.System.application.applicationId}"],
        ty: &["com.amazon.alexa.{request.type}"],
        subject: &["{session.sessionId}"],
        time: &["{request.timestamp}"],
        ..NONE
    },
    Spec {
        name: "aws-alexa-smart-home",
        after: "Alexa smart home skills, \"Directive\", also of versions 1 and 2",
        clues: &[
            Has("directive.header.payloadVersion|header.payloadVersion"),
            Has("directive.header.namespace|header.namespace"),
            Has("directive.header.name|header.name"),
        ],
        id: &[
            "{directive.header.messageId|header.messageId}",
            INVOCATION[0],
        ],
        source: &["aws:alexa"],
        ty: &[
            "com.amazon.{directive.header.namespace|header.namespace}.{directive.header.name|header.name}",
        ],
        subject: &["{directive.endpoint.endpointId|payload.appliance.applianceId}"],
        ..NONE
    },
];
