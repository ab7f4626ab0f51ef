//! Messages to events and back.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use tradewind_adapter::{Error, Plain, event_or_plain};
use tradewind_brokers::unique;
use tradewind_event::broker::{self, Binding, Received};
use tradewind_event::{Event, Limits};

/// Type of the events that plain messages become.
pub(crate) const PLAIN: &str = "com.rabbitmq.Message";
/// Longest text of AMQP's short strings, in bytes.
pub(crate) const SHORT: usize = 255;
/// Delivery mode of messages that outlive the broker's process.
const PERSISTENT: u8 = 2;

/// A message as it came.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) properties: BasicProperties,
    pub(crate) routing_key: String,
    pub(crate) body: Bytes,
    /// Where it has none of its own.
    id: String,
}

impl Taken {
    pub(crate) fn new(properties: BasicProperties, routing_key: String, body: Vec<u8>) -> Self {
        Self {
            properties,
            routing_key,
            body: body.into(),
            id: unique(),
        }
    }

    /// The event that it is, or that it becomes.
    pub(crate) fn event(&self, source: &str, limits: &Limits) -> Result<Event, Error> {
        let headers = self.headers();
        let received = Received {
            headers: headers
                .iter()
                .map(|(name, value)| (name.as_str(), Some(value.as_slice()))),
            content_type: self.content_type(),
            body: self.body(),
        };
        let decoded = broker::decode(&Binding::RABBITMQ, received, limits);
        event_or_plain(decoded, || self.plain(source), limits)
    }

    /// A message that has no id is another event when it comes again: nothing else tells two equal ones apart.
    pub(crate) fn plain(&self, source: &str) -> Plain<'_> {
        let id = self.properties.message_id().as_ref();
        let id = id.map(|id| id.as_str().to_owned());
        let time = self.properties.timestamp().as_ref();
        Plain {
            id: id
                .filter(|id| !id.is_empty())
                .unwrap_or_else(|| self.id.clone()),
            source: source.to_owned(),
            ty: PLAIN,
            subject: Some(&self.routing_key),
            time: time.and_then(|seconds| rfc3339(*seconds)),
            content_type: self.content_type(),
            body: self.body(),
            ..Plain::default()
        }
    }

    fn body(&self) -> Option<Bytes> {
        (!self.body.is_empty()).then(|| self.body.clone())
    }

    fn content_type(&self) -> Option<&str> {
        let found = self.properties.content_type().as_ref();
        found.map(lapin::types::ShortString::as_str)
    }

    fn headers(&self) -> Vec<(String, Vec<u8>)> {
        let table = self.properties.headers().as_ref();
        let all = table.into_iter().flat_map(|table| table.inner());
        all.filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
            .collect()
    }
}

/// The canonical text of a value; tables and lists are no attributes.
fn text(value: &AMQPValue) -> Option<Vec<u8>> {
    let text = match value {
        AMQPValue::LongString(text) => return Some(text.as_bytes().to_vec()),
        AMQPValue::ShortString(text) => return Some(text.as_str().as_bytes().to_vec()),
        AMQPValue::ByteArray(bytes) => return Some(bytes.as_slice().to_vec()),
        AMQPValue::Boolean(value) => value.to_string(),
        AMQPValue::ShortShortInt(n) => n.to_string(),
        AMQPValue::ShortShortUInt(n) => n.to_string(),
        AMQPValue::ShortInt(n) => n.to_string(),
        AMQPValue::ShortUInt(n) => n.to_string(),
        AMQPValue::LongInt(n) => n.to_string(),
        AMQPValue::LongUInt(n) => n.to_string(),
        AMQPValue::LongLongInt(n) => n.to_string(),
        AMQPValue::Timestamp(seconds) => rfc3339(*seconds)?,
        _ => return None,
    };
    Some(text.into_bytes())
}

fn rfc3339(seconds: u64) -> Option<String> {
    let time = jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    Some(time.to_string())
}

/// Whether what has to be a short string is one; the client panics at others.
pub(crate) fn is_carried(message: &broker::Message) -> bool {
    let names = message.headers.iter().map(|(name, _)| name);
    let mut short = names.chain(&message.content_type);
    short.all(|text| text.len() <= SHORT)
}

/// Properties and body to send, of a message that is carried; `id` fits into a short string.
pub(crate) fn encode(message: broker::Message, id: &str) -> (BasicProperties, Bytes) {
    let mut table = FieldTable::default();
    for (name, value) in message.headers {
        table.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(id.into())
        .with_headers(table);
    if let Some(content_type) = message.content_type {
        properties = properties.with_content_type(content_type.into());
    }
    (properties, message.body.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_carried_can_be_encoded() {
        for (name, content_type, carried) in [
            (SHORT, SHORT, true),
            (SHORT + 1, SHORT, false),
            (SHORT, SHORT + 1, false),
        ] {
            let message = broker::Message {
                headers: vec![("n".repeat(name), "v".repeat(1000))],
                content_type: Some("c".repeat(content_type)),
                body: None,
            };
            assert_eq!(is_carried(&message), carried, "{name}, {content_type}");
            if carried {
                encode(message, "1");
            }
        }
    }
}
