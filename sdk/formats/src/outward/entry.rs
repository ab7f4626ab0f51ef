//! An entry of EventBridge's `PutEvents`. It has no place but `Detail` for what it does not know, so the
//! member `cloudevents` is the last one of that.

use super::parts::{MEMBER, Parts, object, quoted, restored_of};
use super::{Unreadable, Unrenderable};
use crate::{Format, Message, pick, split};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::value::RawValue;
use std::borrow::Cow;
use tradewind_event::Event;

/// Longest `Source`, `DetailType` and resource, in bytes, as its API reference has them.
const SOURCE_MAX: usize = 256;
const TYPE_MAX: usize = 128;
const RESOURCE_MAX: usize = 2048;

/// An entry of a request `PutEvents`, for those who make the request themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutEvent {
    /// `Source`
    pub source: String,
    /// `DetailType`
    pub detail_type: String,
    /// `Detail`: the data, with a member `cloudevents` at its end that holds all attributes. Of an event without data
    /// there is nothing but that.
    pub detail: String,
    /// `Time`, in milliseconds since the Unix epoch.
    pub unix_ms: Option<i64>,
    /// `Resources`
    pub resource: Option<String>,
}

impl PutEvent {
    /// The entry that an event makes.
    ///
    /// # Errors
    /// Where there is no such entry.
    pub fn of(event: &Event) -> Result<Self, Unrenderable> {
        entry(event, &Parts::of(event)?)
    }
}

fn entry(event: &Event, parts: &Parts) -> Result<PutEvent, Unrenderable> {
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
        None if event.data().is_none() => "{}",
        None => parts.object()?,
    };
    let members = split::pairs::<&RawValue>(detail.as_bytes());
    let members = members.ok_or(Unrenderable::NotObject)?;
    let earlier = earlier(detail, &members);
    if earlier.is_none() && members.iter().any(|(name, _)| name == MEMBER) {
        return Err(Unrenderable::Taken);
    }
    let kept = parts.kept_around(own.as_ref().map(|own| own.around));
    let open = earlier.unwrap_or_else(|| detail.strip_suffix('}').unwrap_or_default());
    let link = if open.trim_end().ends_with('{') {
        ""
    } else {
        ","
    };
    Ok(PutEvent {
        source: event.source().to_owned(),
        detail_type: event.ty().to_owned(),
        detail: format!("{open}{link}{kept}}}"),
        unix_ms: event
            .time()
            .filter(|time| time.seconds >= 0)
            .map(|time| time.seconds * 1000 + i64::from(time.nanos / 1_000_000)),
        resource: event.subject().map(str::to_owned),
    })
}

/// What stands before the member of an earlier passage, where the last member is one: the event has come from a bus
/// that a gateway put it on, and goes on with what is known of it now.
fn earlier<'d>(detail: &'d str, members: &[(Cow<'_, str>, &RawValue)]) -> Option<&'d str> {
    #[derive(serde::Deserialize)]
    struct Kept {
        #[serde(rename = "data")]
        _data: String,
        #[serde(rename = "attributes")]
        _attributes: serde::de::IgnoredAny,
    }
    let (name, kept) = members.last()?;
    let once = members.iter().filter(|(name, _)| name == MEMBER).count() == 1;
    let ours = once && name == MEMBER && serde_json::from_str::<Kept>(kept.get()).is_ok();
    let at = kept
        .get()
        .as_ptr()
        .addr()
        .checked_sub(detail.as_ptr().addr())?;
    let (open, close) = (detail.get(..at)?, detail.get(at + kept.get().len()..)?);
    let open = open.trim_end().strip_suffix(':')?.trim_end();
    let open = open.strip_suffix(&quoted(MEMBER))?.trim_end();
    let open = open.strip_suffix(',').unwrap_or(open);
    (ours && close.trim() == "}").then_some(open)
}

pub(super) fn put_events(event: &Event, parts: &Parts, bus: &str) -> Result<Vec<u8>, Unrenderable> {
    let made = entry(event, parts)?;
    let mut entry = vec![
        ("Source", quoted(&made.source)),
        ("DetailType", quoted(&made.detail_type)),
        ("Detail", quoted(&made.detail)),
        ("EventBusName", quoted(bus)),
    ];
    // A timestamp of the AWS JSON protocol: seconds, and what is left of them.
    if let Some(unix_ms) = made.unix_ms {
        entry.push(("Time", format!("{}.{:03}", unix_ms / 1000, unix_ms % 1000)));
    }
    if let Some(resource) = &made.resource {
        entry.push(("Resources", format!("[{}]", quoted(resource))));
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
