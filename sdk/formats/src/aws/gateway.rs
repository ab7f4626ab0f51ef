//! HTTP requests and WebSocket messages that a front door hands to a function, and authorizers.

use super::INVOCATION;
use crate::Clue::{Begins, Contains, Has, Is};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

pub(super) const SPECS: &[Spec<'static>] = &[
    Spec {
        name: "aws-alb",
        after: "Elastic Load Balancing user guide, \"Lambda functions as targets\"",
        clues: &[Has("requestContext.elb.targetGroupArn")],
        id: &["{headers.x-amzn-trace-id|multiValueHeaders.x-amzn-trace-id.0|#}"],
        source: &["{requestContext.elb.targetGroupArn}"],
        ty: &["com.amazonaws.elasticloadbalancing.Request"],
        subject: &["{httpMethod} {path}"],
        ..NONE
    },
    Spec {
        name: "aws-api-gateway-authorizer",
        after: "API Gateway developer guide, \"Lambda authorizers\"",
        clues: &[Has("methodArn"), Has("type")],
        id: &["{requestContext.requestId}", INVOCATION[0]],
        source: &["{methodArn}"],
        ty: &["com.amazonaws.apigateway.Authorizer.{type}"],
        subject: &["{path}"],
        ..NONE
    },
    Spec {
        name: "aws-api-gateway-authorizer-v2",
        after: "API Gateway developer guide, \"Lambda authorizers for HTTP APIs\"",
        clues: &[Has("routeArn"), Has("type")],
        id: &["{requestContext.requestId}", INVOCATION[0]],
        source: &["{routeArn}"],
        ty: &["com.amazonaws.apigateway.Authorizer.{type}"],
        subject: &["{rawPath}"],
        time: &["{requestContext.timeEpoch}"],
        ..NONE
    },
    Spec {
        name: "aws-api-gateway-websocket",
        after: "API Gateway developer guide, \"WebSocket APIs\"",
        clues: &[
            Has("requestContext.connectionId"),
            Has("requestContext.eventType"),
        ],
        id: &["{requestContext.extendedRequestId|requestContext.requestId}"],
        source: &["aws:execute-api:{requestContext.apiId}/{requestContext.stage}"],
        ty: &["com.amazonaws.apigateway.WebSocket.{requestContext.eventType}"],
        subject: &["{requestContext.connectionId}"],
        time: &["{requestContext.requestTimeEpoch}"],
        ..NONE
    },
    Spec {
        name: "aws-lambda-url",
        after: "Lambda developer guide, \"Function URLs\"",
        clues: &[
            Is("version", "2.0"),
            Contains("requestContext.domainName", ".lambda-url."),
        ],
        id: &["{requestContext.requestId}"],
        source: &["https://{requestContext.domainName}"],
        ty: &["com.amazonaws.lambda.Request"],
        subject: &["{requestContext.http.method} {rawPath}"],
        time: &["{requestContext.timeEpoch}"],
        ..NONE
    },
    Spec {
        name: "aws-api-gateway-v2",
        after: "API Gateway developer guide, \"Lambda proxy integrations for HTTP APIs\", format 2.0",
        clues: &[Is("version", "2.0"), Has("requestContext.http.method")],
        id: &["{requestContext.requestId}"],
        source: &["aws:execute-api:{requestContext.apiId}/{requestContext.stage}"],
        ty: &["com.amazonaws.apigateway.Request"],
        subject: &["{requestContext.http.method} {rawPath}"],
        time: &["{requestContext.timeEpoch}"],
        ..NONE
    },
    Spec {
        name: "aws-api-gateway",
        after: "API Gateway developer guide, \"Lambda proxy integrations\", format 1.0",
        clues: &[Has("httpMethod"), Has("requestContext.apiId")],
        id: &["{requestContext.requestId}"],
        source: &[
            "aws:execute-api:{requestContext.apiId}/{requestContext.stage}",
            "aws:execute-api:{requestContext.apiId}",
        ],
        ty: &["com.amazonaws.apigateway.Request"],
        subject: &["{httpMethod} {path}"],
        time: &["{requestContext.requestTimeEpoch}"],
        ..NONE
    },
    Spec {
        name: "aws-vpc-lattice-v2",
        after: "VPC Lattice user guide, \"Lambda functions as targets\", format 2.0",
        clues: &[
            Has("requestContext.serviceArn"),
            Has("requestContext.targetGroupArn"),
        ],
        id: INVOCATION,
        source: &["{requestContext.serviceArn}"],
        ty: &["com.amazonaws.vpclattice.Request"],
        subject: &["{method} {path}"],
        ..NONE
    },
    Spec {
        name: "aws-vpc-lattice",
        after: "VPC Lattice user guide, \"Lambda functions as targets\", format 1.0",
        clues: &[Has("raw_path"), Has("method")],
        id: INVOCATION,
        source: &["https://{headers.host}", "aws:vpc-lattice"],
        ty: &["com.amazonaws.vpclattice.Request"],
        subject: &["{method} {raw_path}"],
        ..NONE
    },
    Spec {
        name: "aws-app-sync-authorizer",
        after: "AppSync developer guide, \"AWS_LAMBDA authorization\"",
        clues: &[Has("authorizationToken"), Has("requestContext.apiId")],
        id: &["{requestContext.requestId}"],
        source: &["aws:appsync:{requestContext.apiId}"],
        ty: &["com.amazonaws.appsync.Authorizer"],
        subject: &["{requestContext.operationName}"],
        ..NONE
    },
    Spec {
        name: "aws-app-sync",
        after: "AppSync developer guide, \"Resolver context\"",
        clues: &[Has("info.fieldName"), Has("info.parentTypeName")],
        id: &[
            "{request.headers.x-amzn-requestid|request.headers.x-amzn-trace-id}.{#}",
            INVOCATION[0],
        ],
        source: &["{request.headers.host}", "aws:appsync"],
        ty: &["com.amazonaws.appsync.{info.parentTypeName}"],
        subject: &["{info.fieldName}"],
        ..NONE
    },
    Spec {
        name: "aws-app-sync-events",
        after: "AppSync developer guide, \"Event API, channel namespace handlers\", a batch as a function gets it",
        clues: &[Has("info.channel.path"), Has("info.operation")],
        id: INVOCATION,
        source: &["{request.headers.host}", "aws:appsync"],
        ty: &["com.amazonaws.appsync.{info.operation}"],
        subject: &["{info.channel.path}"],
        ..NONE
    },
    Spec {
        name: "aws-app-sync-identity-cognito",
        after: "AppSync developer guide, \"Identity\"",
        clues: &[Has("issuer"), Has("sub"), Has("defaultAuthStrategy")],
        id: INVOCATION,
        source: &["{issuer}"],
        ty: &["com.amazonaws.appsync.Identity"],
        subject: &["{username}"],
        ..NONE
    },
    Spec {
        name: "aws-app-sync-identity-iam",
        after: "AppSync developer guide, \"Identity\"",
        clues: &[Has("userArn"), Has("cognitoIdentityAuthType")],
        id: INVOCATION,
        source: &["{userArn}"],
        ty: &["com.amazonaws.appsync.Identity"],
        subject: &["{username}"],
        ..NONE
    },
    Spec {
        name: "aws-iot-authorizer",
        after: "AWS IoT developer guide, \"Custom authentication\"",
        clues: &[Has("signatureVerified"), Has("protocols.0")],
        id: INVOCATION,
        source: &["aws:iot:{connectionMetadata.id}", "aws:iot"],
        ty: &["com.amazonaws.iot.Authorizer"],
        subject: &["{protocolData.mqtt.clientId}"],
        ..NONE
    },
    Spec {
        name: "aws-s3-object-lambda",
        after: "S3 user guide, \"Event context format and usage\" (Object Lambda)",
        clues: &[Has("xAmzRequestId"), Has("configuration.accessPointArn")],
        id: &["{xAmzRequestId}"],
        source: &["{configuration.accessPointArn}"],
        ty: &["com.amazonaws.s3objectlambda.Request"],
        subject: &["{userRequest.url}"],
        ..NONE
    },
    Spec {
        name: "aws-client-vpn",
        after: "Client VPN administrator guide, \"Connection authorization\"",
        clues: &[Has("connection-id"), Begins("endpoint-id", "cvpn-")],
        id: &["{connection-id}"],
        source: &["aws:clientvpn:{endpoint-id}"],
        ty: &["com.amazonaws.clientvpn.Connection"],
        subject: &["{username|common-name}"],
        ..NONE
    },
    Spec {
        name: "aws-cloud-front",
        after: "CloudFront developer guide, \"Lambda@Edge event structure\"",
        clues: &[Has("Records.0.cf.config.distributionId")],
        each: Some("Records"),
        id: &["{cf.config.requestId}.{cf.config.eventType}", "{#}"],
        source: &["aws:cloudfront:{cf.config.distributionId}"],
        ty: &[
            "com.amazonaws.cloudfront.{cf.config.eventType}",
            "com.amazonaws.cloudfront.request",
        ],
        subject: &["{cf.request.method} {cf.request.uri}", "{cf.request.uri}"],
        ..NONE
    },
    Spec {
        name: "aws-app-sync-batch",
        after: "AppSync developer guide, \"Lambda batching\"; equal elements are one event",
        clues: &[Has("0.info.fieldName"), Has("0.info.parentTypeName")],
        each: Some(""),
        source: &["{request.headers.host}", "aws:appsync"],
        ty: &["com.amazonaws.appsync.{info.parentTypeName}"],
        subject: &["{info.fieldName}"],
        ..NONE
    },
    Spec {
        name: "aws-app-sync-resolver",
        after: "Amplify documentation, \"Lambda resolvers\"",
        clues: &[Has("typeName"), Has("fieldName")],
        id: INVOCATION,
        source: &["{request.headers.host}", "aws:appsync"],
        ty: &["com.amazonaws.appsync.{typeName}"],
        subject: &["{fieldName}"],
        ..NONE
    },
    Spec {
        name: "aws-app-sync-invoke",
        after: "AppSync developer guide, \"Resolver mapping template reference for Lambda\"",
        clues: &[Begins("version", "201"), Contains("operation", "Invoke")],
        id: INVOCATION,
        source: &["aws:appsync"],
        ty: &["com.amazonaws.appsync.{operation}"],
        subject: &["{payload.field}"],
        ..NONE
    },
    Spec {
        name: "aws-api-gateway-minimal",
        after: "API Gateway developer guide, format 1.0, without the API's id",
        clues: &[
            Has("httpMethod"),
            Has("requestContext.requestId"),
            Has("path"),
        ],
        id: &["{requestContext.requestId}"],
        source: &["aws:execute-api"],
        ty: &["com.amazonaws.apigateway.Request"],
        subject: &["{httpMethod} {path}"],
        time: &["{requestContext.requestTimeEpoch}"],
        ..NONE
    },
];
