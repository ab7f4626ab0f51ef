//! The ways in which platforms bring an event, and how they understand what they are told.

use super::hosted::Told;
use crate::Host;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;
use tradewind_event::http::{Format, Message, decode, encode_binary, encode_structured};
use tradewind_event::{Event, json as event_json};

mod lambda;
mod others;

/// One trigger of one platform.
#[derive(Debug)]
#[non_exhaustive]
pub struct Way {
    /// The platform.
    pub host: Host,
    /// What the trigger is called there.
    pub trigger: &'static str,
    /// Whether a reply has to go elsewhere.
    pub one_way: bool,
    /// What the platform does with an event that failed and is to come again.
    pub again: &'static str,
    /// What it does with an event that was rejected.
    pub never: &'static str,
    pub(super) bring: fn(&Event) -> Request<Bytes>,
    pub(super) hear: fn(&Response<Bytes>) -> Told,
}

impl Way {
    /// The request that brings this event; for [`Host::Lambda`] its body is the payload of an invocation.
    pub fn bring(&self, event: &Event) -> Request<Bytes> {
        (self.bring)(event)
    }

    /// What the platform makes of an answer.
    pub fn hear(&self, answer: &Response<Bytes>) -> Told {
        (self.hear)(answer)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.host, self.trigger)
    }
}

const CALLER: &str = "the caller decides";
const GATEWAY_AGAIN: &str =
    "a Tradewind gateway tries again, after the pause where one was asked for";
const GATEWAY_NEVER: &str = "a Tradewind gateway sets it aside as a dead letter at once";

/// All of them.
pub static WAYS: &[Way] = &[
    Way {
        host: Host::Http,
        trigger: "CloudEvent in binary mode",
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: binary,
        hear: http_answer,
    },
    Way {
        host: Host::Http,
        trigger: "CloudEvent in structured mode",
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: structured,
        hear: http_answer,
    },
    Way {
        host: Host::Lambda,
        trigger: "invocation with a CloudEvent",
        one_way: false,
        again: "a waiting caller is told; an asynchronous invocation comes again twice, then goes to the function's failure destination or dead-letter queue",
        never: "as a failure: Lambda knows no other",
        bring: lambda::invocation,
        hear: lambda::called,
    },
    Way {
        host: Host::Lambda,
        trigger: "function URL",
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: lambda::function_url,
        hear: lambda::proxied,
    },
    Way {
        host: Host::Lambda,
        trigger: "API Gateway, payload format 1.0",
        one_way: false,
        again: CALLER,
        never: CALLER,
        bring: lambda::api_gateway,
        hear: lambda::proxied,
    },
    Way {
        host: Host::Lambda,
        trigger: "load balancer",
        one_way: false,
        again: CALLER,
        never: CALLER,
        bring: lambda::balancer,
        hear: lambda::proxied,
    },
    Way {
        host: Host::Lambda,
        trigger: "SQS",
        one_way: true,
        again: "the message is visible again after the queue's visibility timeout; after `maxReceiveCount` it goes to the queue's dead-letter queue",
        never: "as a failure: the redrive policy of the queue sets it aside",
        bring: lambda::sqs,
        hear: lambda::batch,
    },
    Way {
        host: Host::Lambda,
        trigger: "Kinesis",
        one_way: true,
        again: "the shard waits: the record and what follows it come again, until the mapping's retries or age end and its failure destination is told",
        never: "as a failure",
        bring: lambda::kinesis,
        hear: lambda::batch,
    },
    Way {
        host: Host::Lambda,
        trigger: "SNS",
        one_way: true,
        again: "the invocation comes again twice, then goes to the function's failure destination or dead-letter queue",
        never: "as a failure",
        bring: lambda::sns,
        hear: lambda::called,
    },
    Way {
        host: Host::Azure,
        trigger: "HTTP",
        one_way: false,
        again: CALLER,
        never: CALLER,
        bring: others::azure_http,
        hear: others::azure_answer,
    },
    Way {
        host: Host::Azure,
        trigger: "HTTP, passed on as it came",
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: others::azure_forwarded,
        hear: http_answer,
    },
    Way {
        host: Host::Azure,
        trigger: "queue",
        one_way: true,
        again: "the message is visible again after `visibilityTimeout`; after `maxDequeueCount` it goes to the poison queue",
        never: "as a failure",
        bring: others::azure_queue,
        hear: others::azure_invocation,
    },
    Way {
        host: Host::Azure,
        trigger: "Event Grid",
        one_way: true,
        again: "Event Grid tries again by the subscription's retry policy, then dead-letters",
        never: "as a failure",
        bring: others::azure_event_grid,
        hear: others::azure_invocation,
    },
    Way {
        host: Host::Google,
        trigger: "CloudEvent to an HTTP function",
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: binary,
        hear: http_answer,
    },
    Way {
        host: Host::Google,
        trigger: "Pub/Sub push",
        one_way: true,
        again: "Pub/Sub pushes it again, until the subscription's dead-letter topic or retention ends that",
        never: "as a failure",
        bring: others::pubsub_push,
        hear: others::status_only,
    },
    Way {
        host: Host::Knative,
        trigger: "CloudEvent",
        one_way: false,
        again: "a broker tries again by its delivery spec, then uses its dead-letter sink",
        never: "as a failure that is not tried again: 422",
        bring: binary,
        hear: http_answer,
    },
    Way {
        host: Host::Knative,
        trigger: "Pub/Sub push to Cloud Run",
        one_way: true,
        again: "Pub/Sub pushes it again, until the subscription's dead-letter topic or retention ends that",
        never: "as a failure",
        bring: others::pubsub_push,
        hear: others::status_only,
    },
    Way {
        host: Host::Fn,
        trigger: "call with a CloudEvent",
        one_way: false,
        again: CALLER,
        never: CALLER,
        bring: others::fn_call,
        hear: others::fn_answer,
    },
    Way {
        host: Host::Fn,
        trigger: "HTTP",
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: others::fn_http,
        hear: others::fn_answer,
    },
    Way {
        host: Host::OpenWhisk,
        trigger: "activation with a CloudEvent",
        one_way: false,
        again: "the activation is an error; a blocking caller is told, and nobody tries again",
        never: "as a failure",
        bring: others::whisk_activation,
        hear: others::whisk_answer,
    },
    Way {
        host: Host::OpenWhisk,
        trigger: "web action",
        one_way: false,
        again: CALLER,
        never: CALLER,
        bring: others::whisk_web,
        hear: others::whisk_answer,
    },
];

fn binary(event: &Event) -> Request<Bytes> {
    let (headers, body) = encode_binary(event);
    post("/", headers, body)
}

fn structured(event: &Event) -> Request<Bytes> {
    let (headers, body) = encode_structured(event, Format::Json);
    post("/", headers, body)
}

pub(super) fn post(path: &str, headers: HeaderMap, body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = Request::new(body.into());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = path.parse().unwrap_or_default();
    *request.headers_mut() = headers;
    request
}

pub(super) fn header(name: &'static str, value: &str) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::try_from(value);
    (
        HeaderName::from_static(name),
        value.unwrap_or_else(|_| HeaderValue::from_static("")),
    )
}

/// The event as a document.
pub(super) fn text(event: &Event) -> String {
    String::from_utf8_lossy(&event_json::encode(event)).into_owned()
}

/// As a sender of CloudEvents reads an answer.
pub(super) fn http_answer(answer: &Response<Bytes>) -> Told {
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let reason = body["detail"].as_str().unwrap_or_default().to_owned();
    let after = answer.headers().get(http::header::RETRY_AFTER);
    let after = after.and_then(|value| value.to_str().ok()?.parse().ok());
    match status {
        200..300 => match decode(answer.headers(), answer.body().clone(), &Default::default()) {
            Ok(Message::Binary(event) | Message::Structured(event)) => {
                Told::Replied(Box::new(event))
            }
            _ => Told::Taken,
        },
        429 | 500..600 => Told::Again {
            after: after.map(Duration::from_secs),
            reason,
        },
        _ => Told::Never { reason },
    }
}
