//! What only the gateway may say.

use crate::PublishError;
use tradewind_event::Event;

/// The stream that only the gateway appends to.
pub const SYSTEM: &str = "system";
/// How the types of the gateway's own events begin.
pub const OWN_TYPES: &str = "tradewind.";
/// How the sources of its system events begin.
pub const OWN_SOURCES: &str = "/tradewind/gateway";

/// Whether an event claims to be the gateway's own, in any case of its letters.
pub fn is_own(event: &Event) -> bool {
    begins(event.ty(), OWN_TYPES) || begins(event.source(), OWN_SOURCES)
}

/// Refuses events of others that look like the gateway's own, and all in its stream.
pub(crate) fn refuse(stream: &str, events: &[Event]) -> Result<(), PublishError> {
    let reason = |event: &Event| {
        if stream == SYSTEM {
            Some(format!(
                "the stream `{SYSTEM}` takes the gateway's own events only"
            ))
        } else if begins(event.ty(), OWN_TYPES) {
            Some(format!(
                "type `{}` is the gateway's own: types of others do not start with `{OWN_TYPES}`",
                event.ty()
            ))
        } else if begins(event.source(), OWN_SOURCES) {
            Some(format!(
                "source `{}` is the gateway's own: sources of others do not start with `{OWN_SOURCES}`",
                event.source()
            ))
        } else {
            None
        }
    };
    let mut refused = Vec::new();
    for (index, event) in events.iter().enumerate() {
        refused.extend(reason(event).map(|reason| (index, reason)));
    }
    match refused.is_empty() {
        true => Ok(()),
        false => Err(PublishError::Invalid(refused)),
    }
}

fn begins(text: &str, prefix: &str) -> bool {
    let head = text.as_bytes().get(..prefix.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}
