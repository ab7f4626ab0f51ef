//! Messages to events and back.

use bytes::Bytes;
use fe2o3_amqp_types::messaging::{
    ApplicationProperties, Batch, Body, Data, Header, Message, MessageId, Properties,
};
use fe2o3_amqp_types::primitives::{OrderedMap, SimpleValue, Value};
use tradewind_adapter::{Error, Plain, event_or_plain};
use tradewind_brokers::unique;
use tradewind_event::broker::{self, Binding, Received};
use tradewind_event::{Event, Limits};

/// Type of the events that plain messages become.
pub(crate) const PLAIN: &str = "org.amqp.Message";

/// A message as it came, of which only this matters.
#[derive(Debug)]
pub(crate) struct Taken {
    headers: Vec<(String, Vec<u8>)>,
    content_type: Option<String>,
    subject: Option<String>,
    group: Option<String>,
    id: String,
    time: Option<String>,
    pub(crate) body: Option<Bytes>,
}

impl Taken {
    pub(crate) fn of(message: Message<Body<Value>>) -> Self {
        let properties = message.properties.unwrap_or_default();
        let id = properties.message_id.map(name);
        let own = message.application_properties;
        let own = own.into_iter().flat_map(|own| own.0);
        Self {
            headers: own
                .filter_map(|(name, value)| Some((name, text(&value)?)))
                .collect(),
            content_type: properties.content_type.map(|symbol| symbol.0),
            subject: properties.subject,
            group: properties.group_id,
            id: id.filter(|id| !id.is_empty()).unwrap_or_else(unique),
            time: properties
                .creation_time
                .and_then(|time| rfc3339(time.into_inner())),
            body: body(message.body).filter(|body| !body.is_empty()),
        }
    }

    /// The event that it is, or that it becomes.
    pub(crate) fn event(&self, source: &str, limits: &Limits) -> Result<Event, Error> {
        let received = Received {
            headers: self
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), Some(value.as_slice()))),
            content_type: self.content_type.as_deref(),
            body: self.body.clone(),
        };
        let decoded = broker::decode(&Binding::AMQP, received, limits);
        event_or_plain(decoded, || self.plain(source), limits)
    }

    /// A message that has no id is another event when it comes again: nothing else tells two equal ones apart.
    pub(crate) fn plain(&self, source: &str) -> Plain<'_> {
        Plain {
            id: self.id.clone(),
            source: source.to_owned(),
            ty: PLAIN,
            subject: self.subject.as_deref(),
            key: self.group.as_deref(),
            time: self.time.clone(),
            content_type: self.content_type.as_deref(),
            body: self.body.clone(),
            ..Plain::default()
        }
    }
}

/// Bytes as they are, a text as its bytes; other values are no bodies that senders of events make.
fn body(body: Body<Value>) -> Option<Bytes> {
    match body {
        Body::Data(sections) => {
            let mut sections = sections.into_iter();
            let first = sections.next()?.0.into_vec();
            let all = sections.fold(first, |mut all, section| {
                all.extend_from_slice(&section.0);
                all
            });
            Some(all.into())
        }
        Body::Value(value) => match value.0 {
            Value::Binary(bytes) => Some(bytes.into_vec().into()),
            Value::String(text) => Some(text.into()),
            other => Some(format!("{other:?}").into()),
        },
        Body::Sequence(_) | Body::Empty => None,
    }
}

fn name(id: MessageId) -> String {
    match id {
        MessageId::Ulong(number) => number.to_string(),
        MessageId::String(text) => text,
        MessageId::Uuid(id) => hex(&id.into_inner()),
        MessageId::Binary(bytes) => hex(&bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The canonical text of a value (AMQP binding §3.1.3.2: senders may use types of AMQP or texts).
fn text(value: &SimpleValue) -> Option<Vec<u8>> {
    let text = match value {
        SimpleValue::String(text) => text.clone(),
        SimpleValue::Symbol(symbol) => symbol.0.clone(),
        SimpleValue::Binary(bytes) => return Some(bytes.to_vec()),
        SimpleValue::Bool(value) => value.to_string(),
        SimpleValue::Ubyte(n) => n.to_string(),
        SimpleValue::Ushort(n) => n.to_string(),
        SimpleValue::Uint(n) => n.to_string(),
        SimpleValue::Ulong(n) => n.to_string(),
        SimpleValue::Byte(n) => n.to_string(),
        SimpleValue::Short(n) => n.to_string(),
        SimpleValue::Int(n) => n.to_string(),
        SimpleValue::Long(n) => n.to_string(),
        SimpleValue::Timestamp(ms) => rfc3339(ms.clone().into_inner())?,
        _ => return None,
    };
    Some(text.into_bytes())
}

fn rfc3339(ms: i64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(ms).ok()?;
    Some(format!("{time:.3}"))
}

/// What is sent.
pub(crate) fn encode(message: broker::Message, id: &str) -> Message<Batch<Data>> {
    let own: OrderedMap<String, SimpleValue> = message
        .headers
        .into_iter()
        .map(|(name, value)| (name, SimpleValue::String(value)))
        .collect();
    let properties = Properties {
        message_id: Some(MessageId::String(id.to_owned())),
        content_type: message.content_type.map(Into::into),
        ..Properties::default()
    };
    let body = message.body.unwrap_or_default();
    Message::builder()
        .header(Header {
            durable: true,
            ..Header::default()
        })
        .properties(properties)
        .application_properties(ApplicationProperties(own))
        .body(Batch::new(vec![Data(body.to_vec().into())]))
        .build()
}
