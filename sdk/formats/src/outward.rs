//! Events in the envelopes that providers use, for functions that expect one.
//!
//! An event whose data is a message of the target's own is given back as it came. Of any other event
//! the envelope's fields are filled from its attributes, and all of them stand once more in a member
//! `cloudevents` beside, which providers' own messages do not have: [`Target::read`] makes the same
//! event of it again. White space around JSON data is not kept.

mod entry;
mod envelope;
mod parts;

pub use entry::PutEvent;

use crate::{Format, Message};
use bytes::Bytes;
use http::HeaderMap;
use parts::Parts;
use tradewind_event::{Event, json};

/// An envelope that events are rendered in.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name in configuration and on the command line.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Name of the resource that an event is said to come from, where nothing else is configured.
    pub resource: &'static str,
    /// Media type of a rendered document.
    pub content_type: &'static str,
    /// The formats whose messages it takes as they are, and what stands around one.
    native: &'static [(&'static str, [&'static str; 2])],
    /// Makes a message of an event that is none; `None`: it cannot.
    envelope: Option<envelope::Envelope>,
    /// Path of what a function takes for the payload, in a message.
    payload: &'static str,
    /// What stands around the messages of a document.
    around: [&'static str; 2],
    /// The event that a message was made of, as JSON.
    read: fn(&Target, &[u8]) -> Result<Vec<u8>, Unreadable>,
}

const BESIDE: fn(&Target, &[u8]) -> Result<Vec<u8>, Unreadable> =
    |target, message| parts::restored(message, target.payload);

const RECORDS: [&str; 2] = ["{\"Records\":[", "]}"];
const ALONE: [&str; 2] = ["", ""];
const JSON: &str = "application/json";

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "aws-event-bridge",
        about: "An event of EventBridge, as a function or an API destination gets it. The data must be a JSON object.",
        resource: "arn:aws:events:us-east-1:000000000000:event-bus/default",
        content_type: JSON,
        native: &[("aws-event-bridge", ALONE)],
        envelope: Some(envelope::event_bridge),
        payload: "detail",
        around: ALONE,
        read: BESIDE,
    },
    Target {
        name: "aws-kinesis",
        about: "An event of a function at a Kinesis stream, one record. Any data.",
        resource: "arn:aws:kinesis:us-east-1:000000000000:stream/tradewind",
        content_type: JSON,
        native: &[("aws-kinesis", ALONE)],
        envelope: Some(envelope::kinesis),
        payload: "kinesis.data",
        around: RECORDS,
        read: BESIDE,
    },
    Target {
        name: "aws-put-events",
        about: "A request `PutEvents` of EventBridge with one entry. The data must be a JSON object, an event of EventBridge, or none; of an event of EventBridge the `detail` is the entry's; the member `cloudevents` stands in `Detail`, in place of that of an earlier passage. Sources that begin with `aws.` are refused there.",
        resource: "default",
        content_type: "application/x-amz-json-1.1",
        native: &[],
        envelope: Some(entry::put_events),
        payload: "Detail",
        around: ["{\"Entries\":[", "]}"],
        read: |_, entry| entry::read(entry),
    },
    Target {
        name: "aws-s3",
        about: "A notification of S3, one record. Of its own events only: others have no object.",
        resource: "",
        content_type: JSON,
        native: &[("aws-s3", ALONE)],
        envelope: None,
        payload: "",
        around: RECORDS,
        read: BESIDE,
    },
    Target {
        name: "aws-sns",
        about: "An event of a function at an SNS topic, one record. The data must be JSON or text.",
        resource: "arn:aws:sns:us-east-1:000000000000:tradewind",
        content_type: JSON,
        native: &[
            ("aws-sns-lambda", ALONE),
            (
                "aws-sns",
                [
                    "{\"EventVersion\":\"1.0\",\"EventSource\":\"aws:sns\",\"EventSubscriptionArn\":%,\"Sns\":",
                    "}",
                ],
            ),
        ],
        envelope: Some(envelope::sns),
        payload: "Sns.Message",
        around: RECORDS,
        read: BESIDE,
    },
    Target {
        name: "aws-sqs",
        about: "An event of a function at an SQS queue, one record. The data must be JSON or text.",
        resource: "arn:aws:sqs:us-east-1:000000000000:tradewind",
        content_type: JSON,
        native: &[("aws-sqs", ALONE)],
        envelope: Some(envelope::sqs),
        payload: "body",
        around: RECORDS,
        read: BESIDE,
    },
    Target {
        name: "azure-event-grid",
        about: "A list of one event in the schema of Event Grid. The data must be JSON or text.",
        resource: "",
        content_type: "application/json; charset=utf-8",
        native: &[("azure-event-grid", ALONE)],
        envelope: Some(envelope::event_grid),
        payload: "data",
        around: ["[", "]"],
        read: BESIDE,
    },
    Target {
        name: "google-pubsub-push",
        about: "A push request of Pub/Sub, wrapped. Any data.",
        resource: "projects/tradewind/subscriptions/tradewind",
        content_type: JSON,
        native: &[("google-pubsub-push", ALONE)],
        envelope: Some(envelope::pubsub),
        payload: "message.data",
        around: ALONE,
        read: BESIDE,
    },
];

/// Why an event cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unrenderable {
    /// The target takes its own events only.
    #[error("`{0}` can only be made of an event that came from there, and this one is `{1}`")]
    NotNative(&'static str, String),
    /// The envelope must have a time.
    #[error("the event has no `time`, which the envelope must have; hint: set one in a transform")]
    NoTime,
    /// The envelope must have data.
    #[error("the event has no data, which the envelope must have")]
    NoData,
    /// The data must be a JSON object.
    #[error("the data is no JSON object, which `detail` must be")]
    NotObject,
    /// The member that attributes are kept in is there already.
    #[error("the data has a member `cloudevents`, which the envelope needs for itself")]
    Taken,
    /// The service takes no such source from anybody.
    #[error(
        "the source `{0}` is one that AWS keeps for itself; hint: set another one in a transform"
    )]
    Reserved(String),
    /// An attribute is longer than the service takes.
    #[error("`{0}` is longer than {1} bytes, which the envelope cannot hold")]
    TooLong(&'static str, usize),
    /// The data must be JSON or text.
    #[error("the data is neither JSON nor text, and the envelope has no place for bytes")]
    NotText,
}

/// What a document must be to be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no event was rendered in this: {0}")]
pub struct Unreadable(pub(crate) &'static str);

impl Target {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Target> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// The event in this envelope. `resource` is what it is said to come from: an ARN, or the name of a
    /// subscription; Event Grid takes the event's source.
    ///
    /// # Errors
    /// Where the envelope cannot hold the event.
    pub fn render(&self, event: &Event, resource: Option<&str>) -> Result<Bytes, Unrenderable> {
        let message = match self.own(event) {
            Some(message) => message,
            None => {
                let make = self
                    .envelope
                    .ok_or_else(|| Unrenderable::NotNative(self.name, event.ty().to_owned()))?;
                let parts = Parts::of(event)?;
                make(event, &parts, resource.unwrap_or(self.resource))?
            }
        };
        Ok(self.document(&message))
    }

    fn document(&self, message: &[u8]) -> Bytes {
        let [before, after] = self.around.map(str::as_bytes);
        [before, message, after].concat().into()
    }

    /// The message that the data is, where it is one of the target's own: read again it gives the same
    /// event.
    fn own(&self, event: &Event) -> Option<Vec<u8>> {
        let data = &event.data()?.bytes;
        self.native.iter().find_map(|(name, [before, after])| {
            let format = Format::named(name)?;
            let alone = format.spec.each.is_none();
            let body = match alone {
                true => data.clone(),
                false => self.document(data),
            };
            let headers = HeaderMap::new();
            let message = Message {
                headers: &headers,
                body: &body,
            };
            let events = format.decode(&message).ok()?;
            let [one] = &events[..] else { return None };
            let same = one.id() == event.id()
                && one.ty() == event.ty()
                && (one.source() == event.source() || !before.is_empty());
            same.then(|| {
                let source = serde_json::Value::from(event.source()).to_string();
                let before = before.replace('%', &source);
                [before.as_bytes(), data, after.as_bytes()].concat()
            })
        })
    }

    /// The event that a document was rendered of, where it was none of the target's own.
    ///
    /// # Errors
    /// Where it was rendered of none.
    pub fn read(&self, document: &Bytes) -> Result<Event, Unreadable> {
        let [before, after] = self.around.map(str::as_bytes);
        let message = document
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .ok_or(Unreadable("what stands around the message is missing"))?;
        let document = (self.read)(self, message)?;
        json::decode(document.into()).map_err(|_| Unreadable("what was kept makes no event"))
    }
}
