//! What is at the other end of an invocation, by the format of its payload.

use super::records::Service;
use crate::hosts::proxy::Shape;

/// How an invocation is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// A queue or stream that takes failures message by message: the path of a message's identifier.
    Batch(&'static str),
    /// An HTTP request, with an answer of this shape.
    Http(Shape),
    /// Somebody waits for what the handler replies.
    Call,
    /// The same, and the payload itself is the answer where the handler says nothing.
    Echo,
    /// A service that wants to be told of each record.
    Records(Service),
    /// Nobody waits.
    OneWay,
}

/// Formats whose trigger waits for an answer; those that are not listed are notifications.
const TRIGGERS: &[(&str, Trigger)] = &[
    ("aws-sqs", Trigger::Batch("messageId")),
    ("aws-kinesis", Trigger::Batch("kinesis.sequenceNumber")),
    ("aws-dynamodb", Trigger::Batch("dynamodb.SequenceNumber")),
    ("aws-api-gateway", Trigger::Http(Shape::One)),
    ("aws-api-gateway-minimal", Trigger::Http(Shape::One)),
    ("aws-api-gateway-websocket", Trigger::Http(Shape::One)),
    ("aws-api-gateway-v2", Trigger::Http(Shape::Two)),
    ("aws-lambda-url", Trigger::Http(Shape::Two)),
    ("aws-alb", Trigger::Http(Shape::Balancer)),
    ("aws-vpc-lattice", Trigger::Http(Shape::One)),
    ("aws-vpc-lattice-v2", Trigger::Http(Shape::One)),
    ("aws-firehose", Trigger::Records(Service::Transformation)),
    ("aws-kinesis-analytics", Trigger::Records(Service::Output)),
    ("aws-s3-batch", Trigger::Records(Service::Tasks)),
    ("cloud-events", Trigger::Call),
    ("aws-api-gateway-authorizer", Trigger::Call),
    ("aws-api-gateway-authorizer-v2", Trigger::Call),
    ("aws-alexa-skill", Trigger::Call),
    ("aws-alexa-smart-home", Trigger::Call),
    ("aws-app-sync", Trigger::Call),
    ("aws-app-sync-authorizer", Trigger::Call),
    ("aws-app-sync-events", Trigger::Call),
    ("aws-app-sync-invoke", Trigger::Call),
    ("aws-app-sync-resolver", Trigger::Call),
    ("aws-bedrock-agent", Trigger::Call),
    ("aws-client-vpn", Trigger::Call),
    ("aws-cloud-front", Trigger::Call),
    ("aws-cloudwatch-widget", Trigger::Call),
    ("aws-connect", Trigger::Call),
    ("aws-connect-campaign", Trigger::Call),
    ("aws-iot-authorizer", Trigger::Call),
    ("aws-iot-preprovision", Trigger::Call),
    ("aws-lex", Trigger::Call),
    ("aws-lex-v2", Trigger::Call),
    ("aws-s3-object-lambda", Trigger::Call),
    ("aws-sagemaker-labeling", Trigger::Call),
    ("aws-transfer-authorizer", Trigger::Call),
    ("aws-work-mail", Trigger::Call),
    ("aws-cognito", Trigger::Echo),
    ("aws-cognito-sync", Trigger::Echo),
];

impl Trigger {
    /// The trigger of a payload of this format.
    pub(crate) fn of(format: &str) -> Self {
        let row = TRIGGERS.iter().find(|(name, _)| *name == format);
        row.map_or(Trigger::OneWay, |(_, trigger)| *trigger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_formats::Format;

    #[test]
    fn every_row_is_a_format() {
        for (name, _) in TRIGGERS {
            assert!(Format::named(name).is_some(), "{name}");
        }
    }
}
