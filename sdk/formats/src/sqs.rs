//! Messages of Amazon SQS that carry no other message: the body is the data, whoever reads the queue.

use bytes::Bytes;
use tradewind_event::{Event, InvalidEvent, json};

/// Message attribute that says what the body is.
pub const CONTENT_TYPE: &str = "content-type";

/// The event with the body of its message as data. Its media type is what the message `says`, where that is
/// one; else JSON where it is that, else text.
///
/// # Errors
/// Where the event is none.
pub fn with_body(event: &Event, says: Option<&str>, body: Bytes) -> Result<Event, InvalidEvent> {
    if let Some(says) = says
        && let Ok(event) = event.with_data(says, body.clone())
    {
        return Ok(event);
    }
    let looks = match json::is_tree(&body) {
        true => "application/json",
        false => "text/plain; charset=utf-8",
    };
    event.with_data(looks, body)
}
