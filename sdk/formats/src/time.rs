//! Timestamps as providers write them.

use std::borrow::Cow;
use tradewind_event::Timestamp;

/// RFC 3339 as it stands, seconds since the Unix epoch written as RFC 3339; `None` for anything else:
/// `time` is optional, and no event is lost for want of it.
pub(crate) fn rfc3339(value: Cow<'_, str>) -> Option<Cow<'_, str>> {
    if let Ok(seconds) = value.parse::<u32>() {
        let timestamp = Timestamp {
            seconds: seconds.into(),
            nanos: 0,
        };
        return Some(timestamp.to_string().into());
    }
    Timestamp::parse(&value).is_ok().then_some(value)
}
