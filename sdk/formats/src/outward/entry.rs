//! An entry of EventBridge's `PutEvents`. It has no place but `Detail` for what it does not know, so the
//! member `cloudevents` is the last one of that.

use super::parts::{MEMBER, Parts, object, quoted, restored_of};
use super::{Unreadable, Unrenderable};
use crate::{Format, Message, pick, split};
use bytes::Bytes;
use http::HeaderMap;
use tradewind_event::Event;

/// Longest `Source`, `DetailType` and resource, in bytes, as its API reference has them.
const SOURCE_MAX: usize = 256;
const TYPE_MAX: usize = 128;
const RESOURCE_MAX: usize = 2048;

pub(super) fn put_events(event: &Event, parts: &Parts, bus: &str) -> Result<Vec<u8>, Unrenderable> {
    if event.source().starts_with("aws.") {
        return Err(Unrenderable::Reserved(event.source().to_owned()));
    }
    for (name, value, max) in [
        ("source", event.source(), SOURCE_MAX),
        ("type", event.ty(), TYPE_MAX),
        ("subject", event.subject().unwrap_or_default(), RESOURCE_MAX),
    ] {
        if value.len() > max {
            return Err(Unrenderable::TooLong(name, max));
        }
    }
    let own = own(event);
    let detail = match &own {
        Some(own) => own.detail,
        None => parts.object()?,
    };
    let members = split::pairs::<serde::de::IgnoredAny>(detail.as_bytes());
    let members = members.ok_or(Unrenderable::NotObject)?;
    if members.iter().any(|(name, _)| name == MEMBER) {
        return Err(Unrenderable::Taken);
    }
    let kept = parts.kept_around(own.as_ref().map(|own| own.around));
    let open = detail.strip_suffix('}').unwrap_or_default();
    let link = if members.is_empty() { "" } else { "," };
    let detail = format!("{open}{link}{kept}}}");
    let mut entry = vec![
        ("Source", quoted(event.source())),
        ("DetailType", quoted(event.ty())),
        ("Detail", quoted(&detail)),
        ("EventBusName", quoted(bus)),
    ];
    // A timestamp of the AWS JSON protocol: seconds, and what is left of them.
    if let Some(time) = event.time().filter(|time| time.seconds >= 0) {
        let millis = time.nanos / 1_000_000;
        entry.push(("Time", format!("{}.{millis:03}", time.seconds)));
    }
    if let Some(subject) = event.subject() {
        entry.push(("Resources", format!("[{}]", quoted(subject))));
    }
    Ok(object(&entry, ""))
}

/// The event that an entry was made of.
pub(super) fn read(entry: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let detail = pick::text(entry, "Detail").ok_or(Unreadable("`Detail` is missing"))?;
    let kept = split::value(detail.as_bytes(), MEMBER)
        .and_then(|kept| std::str::from_utf8(kept).ok())
        .ok_or(Unreadable("the member `cloudevents` is missing"))?;
    let open = detail
        .strip_suffix(&format!("\"{MEMBER}\":{kept}}}"))
        .ok_or(Unreadable("`cloudevents` is not the last member"))?;
    let data = format!("{}}}", open.strip_suffix(',').unwrap_or(open));
    restored_of(kept.as_bytes(), data)
}

/// A message of EventBridge's own.
struct Own<'d> {
    detail: &'d str,
    /// What stands before and behind the detail.
    around: [&'d str; 2],
}

fn own(event: &Event) -> Option<Own<'_>> {
    let data: &Bytes = &event.data()?.bytes;
    let headers = HeaderMap::new();
    let message = Message {
        headers: &headers,
        body: data,
    };
    let decoded = Format::named("aws-event-bridge")?.decode(&message).ok()?;
    let [one] = &decoded[..] else { return None };
    let same = (one.id(), one.ty(), one.source()) == (event.id(), event.ty(), event.source());
    let text = std::str::from_utf8(data).ok().filter(|_| same)?;
    let detail = std::str::from_utf8(split::value(data, "detail")?).ok()?;
    let at = detail.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let around = [text.get(..at)?, text.get(at + detail.len()..)?];
    detail.starts_with('{').then_some(Own { detail, around })
}
