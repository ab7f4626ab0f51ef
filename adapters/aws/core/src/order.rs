//! What keeps its order at a service.

use sha2::{Digest, Sha256};
use tradewind_event::Event;

/// Longest group of FIFO queues and topics, in characters.
const GROUP_MAX: usize = 128;

/// What order is kept by: `partitionkey`, else `subject`.
pub fn key(event: &Event) -> Option<String> {
    let key = event.attribute("partitionkey");
    let key = key.map(|key| key.to_canonical().into_owned());
    key.or_else(|| event.subject().map(str::to_owned))
        .filter(|key| !key.is_empty())
}

/// The group of a message in a FIFO queue or topic: the key, else the source.
pub fn group(event: &Event) -> String {
    as_group(&key(event).unwrap_or_else(|| event.source().to_owned()))
}

/// As FIFO queues and topics take it: printable ASCII without space; others become their hash.
fn as_group(id: &str) -> String {
    match id.len() <= GROUP_MAX && !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()) {
        true => id.to_owned(),
        false => digest(id),
    }
}

/// SHA-256 in hexadecimal.
pub fn digest(text: &str) -> String {
    let hash = Sha256::digest(text);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_a_fifo_queue_refuses_are_hashed() {
        for (id, kept) in [
            ("orders/1", true),
            ("a b", false),
            ("é", false),
            ("", false),
            (&"x".repeat(128), true),
            (&"x".repeat(129), false),
        ] {
            let made = as_group(id);
            assert_eq!(made == id, kept, "{id}");
            assert!(!made.is_empty() && made.len() <= GROUP_MAX);
        }
    }

    #[test]
    fn keys_are_what_the_event_says() {
        let event = |subject: &str, partition: &str| {
            let mut event = Event::builder("1", "/s", "t");
            if !subject.is_empty() {
                event = event.subject(subject);
            }
            if !partition.is_empty() {
                event = event.extension(
                    "partitionkey",
                    tradewind_event::Attribute::String(partition),
                );
            }
            event.build().unwrap()
        };
        assert_eq!(key(&event("a", "b")).as_deref(), Some("b"));
        assert_eq!(key(&event("a", "")).as_deref(), Some("a"));
        assert_eq!(key(&event("", "")), None);
        assert_eq!(group(&event("", "")), "/s");
    }
}
