//! Events as text, as queues and topics take them.

use tradewind_adapter::Payload;
use tradewind_event::Event;

/// Attribute that says what a message's body is.
pub const CONTENT_TYPE: &str = "content-type";
/// The JSON format of CloudEvents.
pub const STRUCTURED: &str = "application/cloudevents+json";

/// What a message holds of an event; `None` where it has no form as text, or an empty one, which no message takes.
pub fn text(event: &Event, payload: Payload) -> Option<String> {
    let (body, _) = payload.of(event)?;
    let body = String::from_utf8(body.into()).ok()?;
    (!body.is_empty()).then_some(body)
}

/// A document of JSON, for services that take nothing else; a text is one in quotes.
pub fn json(event: &Event, payload: Payload) -> Option<String> {
    let (body, is_text) = payload.of(event)?;
    let body = String::from_utf8(body.into()).ok()?;
    Some(match is_text {
        true => serde_json::Value::from(body).to_string(),
        false => body,
    })
}

/// A document of JSON as a line. Line breaks in it stand between its values only, where they mean as little as spaces.
pub fn line(document: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| match byte {
        b'\n' | b'\r' => b' ',
        byte => *byte,
    };
    document.iter().map(plain).chain([b'\n']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_same_document() {
        let text = "{\r\n \"a\\n\": [1,\n2] }";
        let line = String::from_utf8(line(text.as_bytes())).unwrap();
        assert_eq!(line.find('\n'), Some(line.len() - 1));
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&line), value(text));
    }
}
