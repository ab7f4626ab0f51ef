//! The ways in which platforms bring an event, and how they understand what they are told.

use super::hosted::Told;
use crate::{Host, Kind};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;
use tradewind_event::http::{Format, Message, decode, encode_binary, encode_structured};
use tradewind_event::{Event, json as event_json};

mod dapr;
mod lambda;
mod others;
mod stdin;
mod timers;

/// One trigger of one platform.
#[derive(Debug)]
#[non_exhaustive]
pub struct Way {
    /// The platform.
    pub host: Host,
    /// What the trigger is called there.
    pub trigger: &'static str,
    /// What it is on any platform.
    pub kind: Kind,
    /// Whether the platform takes failures of a part of what it brings at once.
    pub each: bool,
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

pub use timers::{TIMERS, due};

/// All of them, but for clocks.
pub static WAYS: &[Way] = &[
    Way {
        host: Host::Http,
        trigger: "CloudEvent in binary mode",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: binary,
        hear: http_answer,
    },
    Way {
        host: Host::Http,
        trigger: "CloudEvent in structured mode",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: structured,
        hear: http_answer,
    },
    Way {
        host: Host::Lambda,
        trigger: "invocation with a CloudEvent",
        kind: Kind::Call,
        each: false,
        one_way: false,
        again: "a waiting caller is told; an asynchronous invocation comes again twice, then goes to the function's failure destination or dead-letter queue",
        never: "as a failure: Lambda knows no other",
        bring: lambda::invocation,
        hear: lambda::called,
    },
    Way {
        host: Host::Lambda,
        trigger: "function URL",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: lambda::function_url,
        hear: lambda::proxied,
    },
    Way {
        host: Host::Lambda,
        trigger: "API Gateway, payload format 1.0",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: CALLER,
        never: CALLER,
        bring: lambda::api_gateway,
        hear: lambda::proxied,
    },
    Way {
        host: Host::Lambda,
        trigger: "load balancer",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: CALLER,
        never: CALLER,
        bring: lambda::balancer,
        hear: lambda::proxied,
    },
    Way {
        host: Host::Lambda,
        trigger: "SQS",
        kind: Kind::Queue,
        each: true,
        one_way: true,
        again: "the message is visible again after the queue's visibility timeout; after `maxReceiveCount` it goes to the queue's dead-letter queue",
        never: "as a failure: the redrive policy of the queue sets it aside",
        bring: lambda::sqs,
        hear: lambda::batch,
    },
    Way {
        host: Host::Lambda,
        trigger: "Kinesis",
        kind: Kind::Stream,
        each: true,
        one_way: true,
        again: "the shard waits: the record and what follows it come again, until the mapping's retries or age end and its failure destination is told",
        never: "as a failure",
        bring: lambda::kinesis,
        hear: lambda::batch,
    },
    Way {
        host: Host::Lambda,
        trigger: "SNS",
        kind: Kind::Topic,
        each: false,
        one_way: true,
        again: "the invocation comes again twice, then goes to the function's failure destination or dead-letter queue",
        never: "as a failure",
        bring: lambda::sns,
        hear: lambda::called,
    },
    Way {
        host: Host::Azure,
        trigger: "HTTP",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: CALLER,
        never: CALLER,
        bring: others::azure_http,
        hear: others::azure_answer,
    },
    Way {
        host: Host::Azure,
        trigger: "HTTP, passed on as it came",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: others::azure_forwarded,
        hear: http_answer,
    },
    Way {
        host: Host::Azure,
        trigger: "queue",
        kind: Kind::Queue,
        each: false,
        one_way: true,
        again: "the message is visible again after `visibilityTimeout`; after `maxDequeueCount` it goes to the poison queue",
        never: "as a failure",
        bring: others::azure_queue,
        hear: others::azure_invocation,
    },
    Way {
        host: Host::Azure,
        trigger: "Event Grid",
        kind: Kind::Topic,
        each: false,
        one_way: true,
        again: "Event Grid tries again by the subscription's retry policy, then dead-letters",
        never: "as a failure",
        bring: others::azure_event_grid,
        hear: others::azure_invocation,
    },
    Way {
        host: Host::Azure,
        trigger: "Service Bus",
        kind: Kind::Queue,
        each: false,
        one_way: true,
        again: "the message is given back at once; after `maxDeliveryCount` it goes to the dead-letter queue",
        never: "as a failure",
        bring: others::azure_service_bus,
        hear: others::azure_invocation,
    },
    Way {
        host: Host::Azure,
        trigger: "Event Hubs",
        kind: Kind::Stream,
        each: false,
        one_way: true,
        again: "by the retry policy in `function.json`, while its partition waits; without one the event is passed over",
        never: "as a failure",
        bring: others::azure_event_hub,
        hear: others::azure_invocation,
    },
    Way {
        host: Host::Google,
        trigger: "CloudEvent to an HTTP function",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: binary,
        hear: http_answer,
    },
    Way {
        host: Host::Google,
        trigger: "Pub/Sub push",
        kind: Kind::Topic,
        each: false,
        one_way: true,
        again: "Pub/Sub pushes it again, until the subscription's dead-letter topic or retention ends that",
        never: "as a failure",
        bring: others::pubsub_push,
        hear: others::status_only,
    },
    Way {
        host: Host::Knative,
        trigger: "CloudEvent",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: "a broker tries again by its delivery spec, then uses its dead-letter sink",
        never: "as a failure that is not tried again: 422",
        bring: binary,
        hear: http_answer,
    },
    Way {
        host: Host::Knative,
        trigger: "Pub/Sub push to Cloud Run",
        kind: Kind::Topic,
        each: false,
        one_way: true,
        again: "Pub/Sub pushes it again, until the subscription's dead-letter topic or retention ends that",
        never: "as a failure",
        bring: others::pubsub_push,
        hear: others::status_only,
    },
    Way {
        host: Host::Fn,
        trigger: "call with a CloudEvent",
        kind: Kind::Call,
        each: false,
        one_way: false,
        again: CALLER,
        never: CALLER,
        bring: others::fn_call,
        hear: others::fn_answer,
    },
    Way {
        host: Host::Fn,
        trigger: "HTTP",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: GATEWAY_AGAIN,
        never: GATEWAY_NEVER,
        bring: others::fn_http,
        hear: others::fn_answer,
    },
    Way {
        host: Host::OpenWhisk,
        trigger: "activation with a CloudEvent",
        kind: Kind::Call,
        each: false,
        one_way: false,
        again: "the activation is an error; a blocking caller is told, and nobody tries again",
        never: "as a failure",
        bring: others::whisk_activation,
        hear: others::whisk_answer,
    },
    Way {
        host: Host::OpenWhisk,
        trigger: "web action",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: CALLER,
        never: CALLER,
        bring: others::whisk_web,
        hear: others::whisk_answer,
    },
    Way {
        host: Host::Dapr,
        trigger: "pub/sub",
        kind: Kind::Topic,
        each: false,
        one_way: true,
        again: "Dapr tries again by the resiliency policy of the component, then the broker by its own, then the dead-letter topic",
        never: "Dapr drops it with a warning, or sends it to the subscription's dead-letter topic",
        bring: dapr::published,
        hear: dapr::status,
    },
    Way {
        host: Host::Dapr,
        trigger: "pub/sub, several at once",
        kind: Kind::Topic,
        each: true,
        one_way: true,
        again: "as one by one; an event that is not told of comes again",
        never: "as one by one",
        bring: dapr::bulk,
        hear: dapr::statuses,
    },
    Way {
        host: Host::Dapr,
        trigger: "invocation with a CloudEvent",
        kind: Kind::Http,
        each: false,
        one_way: false,
        again: CALLER,
        never: CALLER,
        bring: binary,
        hear: http_answer,
    },
    Way {
        host: Host::Stdin,
        trigger: "line with a CloudEvent",
        kind: Kind::Call,
        each: true,
        one_way: false,
        again: "whoever reads the output decides; the program does not end with success",
        never: "the same",
        bring: stdin::line,
        hear: stdin::told,
    },
];

/// A sample of every trigger: what the platform sends to bring an event `sample-1` of type `shop.order.placed`.
pub fn samples() -> impl Iterator<Item = (&'static Way, Request<Bytes>)> {
    let event = Event::builder("sample-1", "/shop", "shop.order.placed")
        .subject("orders/17")
        .data("application/json", r#"{"id":"17","total":12}"#)
        .build();
    let event = event.ok();
    WAYS.iter()
        .filter_map(move |way| Some((way, way.bring(event.as_ref()?))))
}

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
