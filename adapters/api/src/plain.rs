//! Messages of brokers that are no CloudEvents.

use crate::{Error, ErrorKind};
use bytes::Bytes;
use tradewind_event::{Attribute, Event, Limits, broker, json};

/// A message of a broker that says of itself nothing of CloudEvents, and what it becomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plain<'a> {
    /// The same whenever the message comes again.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// Its type; one for each kind of broker.
    pub ty: &'static str,
    /// What it is about, where the broker says so.
    pub subject: Option<&'a str>,
    /// What orders it, where the broker has that.
    pub key: Option<&'a str>,
    /// When it was sent, RFC 3339.
    pub time: Option<String>,
    /// What the body is, where the message says so.
    pub content_type: Option<&'a str>,
    /// A URI of the schema of the body, where that is known.
    pub schema: Option<&'a str>,
    /// What it holds; `None` where there is nothing.
    pub body: Option<Bytes>,
}

impl Plain<'_> {
    /// The event that it is: one in structured mode without a word of that, else one of its type whose data is the
    /// body.
    ///
    /// # Errors
    /// A body that is larger than an event may be.
    pub fn event(self, limits: &Limits) -> Result<Event, Error> {
        let fits = |body: &&Bytes| body.len() <= limits.event_bytes && body.starts_with(b"{");
        if let (None, Some(body)) = (self.content_type, self.body.as_ref().filter(fits))
            && let Ok(event) = json::decode(body.clone())
        {
            return Ok(event);
        }
        self.kept(limits)
    }

    /// An event of its type whose data is the body, whatever that is.
    ///
    /// # Errors
    /// A body that is larger than an event may be.
    pub fn kept(self, limits: &Limits) -> Result<Event, Error> {
        let size = self.body.as_ref().map_or(0, Bytes::len);
        if size > limits.event_bytes {
            return Err(unread(format!(
                "{size} bytes, where an event has at most {}",
                limits.event_bytes
            )));
        }
        let mut event = Event::builder(self.id, self.source, self.ty);
        let carried = |text: &&str| !text.is_empty() && !text.chars().any(char::is_control);
        if let Some(subject) = self.subject.filter(carried) {
            event = event.subject(subject);
        }
        if let Some(key) = self.key.filter(carried) {
            event = event.extension("partitionkey", Attribute::String(key));
        }
        if let Some(time) = self.time {
            event = event.time(time);
        }
        if let Some(schema) = self.schema {
            event = event.data_schema(schema);
        }
        if let Some(body) = self.body {
            let content_type = self.content_type.unwrap_or_else(|| guess(&body));
            event = event.data(content_type, body.clone());
        }
        event.build().map_err(|error| unread(error.to_string()))
    }
}

/// The event that a message was read as; that of the plain one where it says nothing of CloudEvents.
///
/// # Errors
/// A message of CloudEvents that is wrong, and a body that is larger than an event may be.
pub fn event_or_plain<'a>(
    decoded: Result<Event, broker::Error>,
    plain: impl FnOnce() -> Plain<'a>,
    limits: &Limits,
) -> Result<Event, Error> {
    match decoded {
        Err(broker::Error::NotCloudEvent { .. }) => plain().event(limits),
        decoded => decoded.map_err(|error| unread(error.to_string())),
    }
}

/// What data is that nobody has named.
fn guess(body: &[u8]) -> &'static str {
    match json::is_tree(body) {
        true => "application/json",
        false => "application/octet-stream",
    }
}

fn unread(message: String) -> Error {
    Error::new(ErrorKind::Unexpected, "decode", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(content_type: Option<&'static str>, body: Option<&[u8]>) -> Plain<'static> {
        Plain {
            id: "1".into(),
            source: "/broker".into(),
            ty: "org.example.Message",
            content_type,
            body: body.map(Bytes::copy_from_slice),
            ..Plain::default()
        }
    }

    #[test]
    fn a_message_is_the_event_that_it_holds_or_holds_data() {
        let event = br#"{"specversion":"1.0","id":"e","source":"/s","type":"t"}"#;
        for (content_type, body, id, data) in [
            (None, Some(&event[..]), "e", None),
            (
                Some("application/json"),
                Some(event),
                "1",
                Some("application/json"),
            ),
            (None, Some(b"{\"a\":1}"), "1", Some("application/json")),
            (
                None,
                Some(b"{\"a\":"),
                "1",
                Some("application/octet-stream"),
            ),
            (None, Some(b"\xff"), "1", Some("application/octet-stream")),
            (None, Some(b""), "1", Some("application/octet-stream")),
            (Some("text/plain"), Some(b"x"), "1", Some("text/plain")),
            (None, None, "1", None),
        ] {
            let made = plain(content_type, body).event(&Limits::default()).unwrap();
            assert_eq!(made.id(), id, "{body:?}");
            assert_eq!(made.data_content_type(), data, "{body:?}");
        }
    }

    #[test]
    fn keys_that_no_attribute_can_hold_are_left_out() {
        for (key, there) in [("k", true), ("", false), ("a\nb", false)] {
            let mut message = plain(None, None);
            message.key = Some(key);
            let event = message.event(&Limits::default()).unwrap();
            assert_eq!(event.attribute("partitionkey").is_some(), there, "{key:?}");
        }
    }

    #[test]
    fn what_is_too_large_says_so() {
        let large = vec![b'x'; 2 << 20];
        let error = plain(None, Some(&large)).event(&Limits::default());
        let error = error.unwrap_err().to_string();
        assert!(error.contains("at most"), "{error}");
    }
}
